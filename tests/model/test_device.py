"""Where jobs calculate, and how much memory is left, as Linux says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from grokflow.errors import ConfigError
from grokflow.model import device as compute

GIB = 2**30


@pytest.mark.skipif(not Path("/proc/self/cgroup").exists(), reason="no Linux")
@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, 8 * GIB),
        ({"slurm/job": "max\n"}, 8 * GIB),
        ({"slurm/job": f"{3 * GIB}\n"}, 2 * GIB),
        ({"slurm/job": "max\n", "slurm": f"{2 * GIB}\n"}, GIB),
        ({"slurm/job": f"{GIB // 2}\n"}, 0),
        ({"another": f"{2 * GIB}\n"}, 8 * GIB),
    ],
)
def test_memory_is_what_the_machine_has_within_the_jobs_limit(
    limits: dict[str, str], expected: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """8 GiB are available; this process is in the group slurm/job, and each group takes 1 GiB."""
    for name, limit in limits.items():
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / name / "memory.max").write_text(limit)
        (tmp_path / name / "memory.current").write_text(str(GIB))
    texts = {
        "/proc/meminfo": f"MemTotal: 1 kB\nMemAvailable:   {8 * 2**20} kB\n",
        "/proc/self/cgroup": "4:memory:/old\n0::/slurm/job\n",
    }
    original = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda self, *a, **k: texts.get(str(self)) or original(self, *a, **k)
    )
    monkeypatch.setattr(compute, "CGROUPS", tmp_path)
    assert compute.free_memory("cpu") == expected


@pytest.mark.parametrize("there", [False, True])
def test_a_gpu_that_pytorch_cannot_use_is_said(
    there: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}" if there else None)
    assert compute.prepare("auto", 1) == "cpu"
    assert capsys.readouterr().out.count("PyTorch cannot use it") == there


def test_a_job_without_a_gpu_computes_on_the_cpu_also_where_there_is_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    assert compute.prepare("auto", 1, gpus=0) == "cpu"


def test_a_configuration_that_demands_a_gpu_gets_no_cpu_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    with pytest.raises(ConfigError, match=r"device: expected a GPU for each job.*found --resources gpu=0"):
        compute.prepare("cuda", 1, gpus=0)
