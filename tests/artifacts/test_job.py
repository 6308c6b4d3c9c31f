"""The frame of a job: what it puts on record, what ends in one message, and what keeps its traceback."""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from grokflow.artifacts.files import refuse_links_out
from grokflow.artifacts.gpus import VISIBLE
from grokflow.artifacts.job import LOGS_ARE_SHOWN, Ended, as_given, gpus_of, job, logged
from grokflow.artifacts.provenance import check_files, read_provenance
from grokflow.artifacts.resumable import Termination
from grokflow.errors import ArtifactError


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ArtifactError("a.csv", expected="a table", found="none"), "a.csv: expected a table"),
        (OSError(errno.ENOSPC, "No space left on device", "b.csv"), "b.csv: No space left on device."),
        (MemoryError(), "out of memory"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), "out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to"), "out of memory"),
    ],
    ids=["ours", "disk", "memory", "memory of a GPU", "memory in PyTorch"],
)
def test_what_a_user_can_mend_ends_in_one_line(
    error: Exception, said: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, logged(tmp_path / "job.log"):
        raise error
    assert ended.value.code == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert said in line
    assert line in (tmp_path / "job.log").read_text()


def test_a_fault_of_ours_keeps_its_traceback_in_the_log_too(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ours"), logged(tmp_path / "job.log"):
        raise RuntimeError("ours")
    log = (tmp_path / "job.log").read_text()
    assert log.startswith("Traceback")
    assert "RuntimeError: ours" in log


@pytest.mark.parametrize(
    "error", [ArtifactError("a.csv", expected="a table", found="none"), RuntimeError("ours")]
)
def test_where_logs_are_shown_the_message_is_in_the_log_alone(
    error: Exception, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LOGS_ARE_SHOWN, "1")
    with pytest.raises(SystemExit) as ended, logged(tmp_path / "job.log"):
        raise error
    assert ended.value.code == 1
    assert capfd.readouterr().err == ""
    assert str(error) in (tmp_path / "job.log").read_text().splitlines()[-1]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no file here that is always full")
def test_what_a_full_disk_cannot_take_is_said_on_the_terminal(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LOGS_ARE_SHOWN, "1")
    with pytest.raises(SystemExit), logged("/dev/full"):
        raise ArtifactError("a.csv", expected="a table", found="none")
    assert "a.csv: expected a table" in capfd.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_long_work_notes_a_signal(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with Termination() as termination:
        os.kill(os.getpid(), number)
    assert termination.asked == number
    assert signal.getsignal(number) is before


def test_outside_the_main_thread_signals_stay_as_they_are() -> None:
    def work() -> Any:
        with Termination():
            return signal.getsignal(signal.SIGINT)

    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(work).result() is signal.getsignal(signal.SIGINT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_log_of_a_job_that_a_signal_ended_says_so_last(
    number: signal.Signals, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, logged(tmp_path / "job.log"):
        raise Ended(number)
    assert ended.value.code == 128 + number
    said = f"Ended by {number.name}, all saved; the same command goes on from here.\n"
    assert (tmp_path / "job.log").read_text() == said
    assert capfd.readouterr() == ("", "")


def test_sigint_ends_a_job_without_a_traceback(tmp_path: Path) -> None:
    program = f"""
import os, signal, types
from grokflow.artifacts.job import job
with job(types.SimpleNamespace(log=[{str(tmp_path / "job.log")!r}], input=[])):
    os.kill(os.getpid(), signal.SIGINT)
    raise RuntimeError("it goes on")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert ended.returncode == -signal.SIGINT
    assert ended.stderr == ""
    (line,) = (tmp_path / "job.log").read_text().splitlines()
    assert line.startswith("Begun ")


def test_pytorch_says_that_memory_is_out_in_the_words_that_are_recognised(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit), logged(tmp_path / "job.log"):
        torch.empty(2**60, dtype=torch.uint8)
    assert "out of memory" in capfd.readouterr().err


def test_a_link_out_is_named_and_a_link_to_itself_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "runs").symlink_to(tmp_path / "runs")
    refuse_links_out(tmp_path)  # it leads nowhere, so not out
    (tmp_path / "paths").symlink_to(tmp_path.parent)
    with pytest.raises(ArtifactError, match="paths"):
        refuse_links_out(tmp_path)


@pytest.fixture
def put_back() -> Iterator[None]:
    """A job has a process to itself, with its own output, collection of garbage and answer to Ctrl-C."""
    threshold, stdout, interrupted = gc.get_threshold(), sys.stdout, signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, interrupted)
    gc.set_threshold(*threshold)
    gc.unfreeze()
    sys.stdout = stdout


class Files(list[str]):
    """Files as Snakemake tells a script of them: all in a list, those of a name in an attribute too."""

    def __init__(self, **named: str | list[str]) -> None:
        super().__init__()
        for name, files in named.items():
            self.extend([files] if isinstance(files, str) else files)
            setattr(self, name, files)


def given(folder: Path, output: Files, params: dict[str, Any], *inputs: str) -> SimpleNamespace:
    """What the workflow tells the script of a job."""
    return SimpleNamespace(log=[str(folder / "logs/job.log")], input=inputs, output=output, params=params)


def seed_files(folder: Path, seed: int) -> tuple[str, str]:
    return f"{folder}/r/seed_{seed}/history.csv", f"{folder}/r/seed_{seed}/checkpoints"


def write_seed(folder: Path, seed: int) -> None:
    history, checkpoints = map(Path, seed_files(folder, seed))
    checkpoints.mkdir(parents=True)
    history.write_text(f"history of {seed}")
    for epoch in range(seed + 1):
        (checkpoints / f"epoch_{epoch}").write_text(f"weights of {seed} at {epoch}")


@pytest.mark.usefixtures("put_back")
def test_each_folder_has_a_record_of_its_own_with_its_part_of_the_parameters(tmp_path: Path) -> None:
    """Two seeds trained together: their folders, and beside these the group's record, which has no files."""
    seeds = (0, 1)
    records = [f"{tmp_path}/r/group_0_to_1.provenance.json"]
    records += [f"{tmp_path}/r/seed_{seed}/provenance.json" for seed in seeds]
    of_seeds = [seed_files(tmp_path, seed) for seed in seeds]
    output = Files(
        history=[history for history, _ in of_seeds],
        checkpoints=[checkpoints for _, checkpoints in of_seeds],
        provenance=records,
    )
    own = [{"group": [{"seed": 0}, {"seed": 1}]}, {"run": {"seed": 0}}, {"run": {"seed": 1}}]
    told = given(tmp_path, output, {"each": own, "resume": "results/.resume"})
    with job(told):
        for seed in seeds:
            write_seed(tmp_path, seed)
    group, first, second = map(read_provenance, records)
    assert [record["config"] for record in (group, first, second)] == [
        {"resume": "results/.resume", **part} for part in own
    ]
    assert group["files"] == {}
    assert set(first["files"]) == {"history.csv", "checkpoints/epoch_0"}
    assert set(second["files"]) == {"history.csv", "checkpoints/epoch_0", "checkpoints/epoch_1"}
    assert len({first["files"]["history.csv"], second["files"]["history.csv"]}) == 2
    assert told.params["each"] == own  # the workflow's, not the job's to change
    check_files(output)
    (tmp_path / "r/seed_1/checkpoints/epoch_0").write_text("other weights")
    check_files([file for file in output if "seed_1" not in file])
    with pytest.raises(ArtifactError, match="seed_1/checkpoints/epoch_0"):
        check_files(output)


@pytest.mark.usefixtures("put_back")
@pytest.mark.parametrize("altered", [False, True])
def test_an_input_is_checked_by_a_record_that_came_alone_with_it(
    altered: bool, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """As in a storage: of the files on record only those that the job reads are there."""
    made = Files(table=f"{tmp_path}/table.csv", provenance=f"{tmp_path}/table.provenance.json")
    made.append(f"{tmp_path}/other.csv")
    with job(given(tmp_path, made, {})):
        (tmp_path / "table.csv").write_text("a,b")
        (tmp_path / "other.csv").write_text("c,d")
    (tmp_path / "other.csv").unlink()
    if altered:
        (tmp_path / "table.csv").write_text("a,c")
    inputs = f"{tmp_path}/table.csv", f"{tmp_path}/table.provenance.json"
    reads = given(tmp_path, Files(provenance=f"{tmp_path}/next.provenance.json"), {}, *inputs)
    with pytest.raises(SystemExit) if altered else contextlib.nullcontext(), job(reads):
        pass
    assert ("table.csv: expected content with the checksum" in capfd.readouterr().err) is altered


@pytest.mark.usefixtures("put_back")
def test_a_single_record_has_all_parameters(tmp_path: Path) -> None:
    output = Files(table=f"{tmp_path}/table.csv", provenance=f"{tmp_path}/table.provenance.json")
    with job(given(tmp_path, output, {"dataset": {"modulus": 7}, "number": 3})):
        (tmp_path / "table.csv").write_text("a,b")
    record = read_provenance(output.provenance)
    assert record["config"] == {"dataset": {"modulus": 7}, "number": 3}
    assert set(record["files"]) == {"table.csv"}


@pytest.mark.usefixtures("put_back")
def test_records_without_parts_of_their_own_have_the_same_parameters(tmp_path: Path) -> None:
    records = [f"{tmp_path}/{name}/provenance.json" for name in "ab"]
    output = Files(table=[f"{tmp_path}/{name}/table.csv" for name in "ab"], provenance=records)
    with job(given(tmp_path, output, {"number": 3})):
        for name in "ab":
            (tmp_path / name).mkdir()
            (tmp_path / name / "table.csv").write_text(name)
    assert [read_provenance(record)["config"] for record in records] == [{"number": 3}] * 2
    assert [set(read_provenance(record)["files"]) for record in records] == [{"table.csv"}] * 2


@pytest.mark.usefixtures("put_back")
def test_parts_for_other_records_than_there_are_is_a_fault_of_ours(tmp_path: Path) -> None:
    records = [f"{tmp_path}/{name}/provenance.json" for name in "ab"]
    told = given(tmp_path, Files(provenance=records), {"each": [{"run": 1}]})
    with pytest.raises(ValueError, match="shorter"), job(told):
        pass


@pytest.mark.usefixtures("put_back")
def test_a_job_that_fails_or_whose_input_was_altered_puts_nothing_on_record(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    table = Files(table=f"{tmp_path}/table.csv", provenance=f"{tmp_path}/table.provenance.json")
    with job(given(tmp_path, table, {})):
        print("making the table")
        (tmp_path / "table.csv").write_text("a,b")
    begun, said, done = (tmp_path / "logs/job.log").read_text().splitlines()
    assert (begun[:5], said, done[:4]) == ("Begun", "making the table", "Done")

    output = Files(figure=f"{tmp_path}/out/figure.png", provenance=f"{tmp_path}/out/provenance.json")
    told = given(tmp_path, output, {}, *table)
    with pytest.raises(SystemExit), job(told):
        raise ArtifactError("figure", expected="a figure", found="none")
    assert not Path(output.provenance).exists()

    (tmp_path / "table.csv").write_text("a,c")
    began = []
    with pytest.raises(SystemExit), job(told):
        began.append(True)
    assert not began
    assert not Path(output.provenance).exists()
    assert "table.csv: expected content with the checksum" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("resources", "seen"),
    [({"gpu": 1}, "GPU-1a"), ({"gpu": 0}, None), ({"gpu": 0, "gres": "gpu:1"}, "GPU-1a")],
)
def test_a_job_that_was_given_a_gpu_sees_one_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, resources: dict[str, Any], seen: str | None
) -> None:
    monkeypatch.setenv(VISIBLE, "")  # so that it is unset again after the test, in which one_gpu sets it
    monkeypatch.delenv(VISIBLE)
    monkeypatch.setattr("grokflow.artifacts.gpus.usable_gpus", lambda environment: ["GPU-1a", "GPU-2b"])
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    output = Files(provenance=str(tmp_path / "provenance.json"))
    told = given(tmp_path, output, {})
    told.resources = SimpleNamespace(jobs_per_gpu=1, **resources)
    assert gpus_of(told) == (seen is not None)
    with job(told):
        assert os.environ.get(VISIBLE) == seen


@pytest.mark.parametrize("before", ["", ".snakemake/storage/s3/bucket/run/"])
def test_names_are_those_of_the_files_that_a_job_was_given(before: str) -> None:
    names = {"runs": {"r": {"0": "results/runs/r/seed_0"}}, "sweeps": {"s": {"s": "results/sweeps/s.csv"}}}
    files = [f"{before}results/datasets/d.csv", f"{before}results/runs/r/seed_0/history.csv"]
    assert as_given(names, files) == {
        "runs": {"r": {"0": f"{before}results/runs/r/seed_0"}},
        "sweeps": {"s": {"s": f"{before}results/sweeps/s.csv"}},
    }
    assert as_given({}, files) == {}
