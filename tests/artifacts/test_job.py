"""The frame of a job: what ends in one message, and what keeps its traceback."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch

from grokflow.artifacts.files import refuse_links_out
from grokflow.artifacts.job import logged
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
