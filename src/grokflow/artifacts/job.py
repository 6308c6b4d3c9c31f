"""The frame of a job: its log, its inputs checked, its outputs on record, and how it ends."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

from grokflow.artifacts.gpus import one_gpu
from grokflow.artifacts.provenance import SUFFIX, check_files, write_provenance
from grokflow.errors import GrokflowError, fault_in

LOGS_ARE_SHOWN = "GROKFLOW_LOGS_ARE_SHOWN"
"""Environment variable, set by a console that shows the end of a failed job's log: the job need not say on
the terminal what it has written there."""

COLLECTION_THRESHOLD = 200_000
"""New objects between two runs of Python's garbage collector. Imports make many objects and no garbage: with
Python's own 700, collecting is a tenth of the time of a job's imports."""


class Ended(SystemExit):
    """Long work that a signal ended between two steps, all saved; the exit status is what a shell reports."""

    def __init__(self, by: signal.Signals) -> None:
        super().__init__(128 + by)
        self.by = by


@contextlib.contextmanager
def job(given: Any) -> Iterator[None]:
    """Run a workflow's job: refuse altered inputs, do what is inside, put the outputs on record.

    Parameters
    ----------
    given : what the workflow tells its script: `log`, `input`, `output` (one of them `provenance`) and
        `params`. A job that fills several folders has several records, one in each, and a parameter
        `each`: for each record, in the same order, the parameters that are its folder's alone.
    """
    gc.set_threshold(COLLECTION_THRESHOLD)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends a job without Python's traceback
    began = time.monotonic()
    try:
        with logged(given.log[0], _files_of_user(given)):
            print(_first_line(), flush=True)
            # A record that is an input was brought for the others, perhaps without all that it is about.
            code = _files_of_user(given)
            check_files(file for file in given.input if not file.endswith(SUFFIX) and file not in code)
            with _gpu_of(given):
                yield
            _record(given.output, dict(given.params.items()))
            print(f"Done in {time.monotonic() - began:.1f} s.", flush=True)
    finally:
        gc.freeze()  # else Python, as it ends, searches all modules for garbage: a quarter of a short job


def _files_of_user(given: Any) -> list[str]:
    """The inputs that are a user's own files, which have no record: code, or the table of an operation."""
    files = getattr(given.input, "code", [])
    return [files] if isinstance(files, str) else list(files)


def _first_line() -> str:
    """When, and by which process of which machine, a log was begun: so that a watcher can see if it lives."""
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"Begun {now} UTC by process {os.getpid()} on {socket.gethostname()}."


def gpus_of(given: Any) -> int:
    """GPUs that a job was given, by the resource `gpu` or, as some clusters want it, by `gres`."""
    resources: Any = getattr(given, "resources", None)
    return int(getattr(resources, "gpu", 0) or "gpu" in str(getattr(resources, "gres", "")))


def _gpu_of(given: Any) -> contextlib.AbstractContextManager[object]:
    """Hold a GPU of its own for a job that was given one."""
    return one_gpu(given.resources.jobs_per_gpu) if gpus_of(given) else contextlib.nullcontext()


def _record(output: Any, params: dict[str, Any]) -> None:
    """Write each record: of the outputs that lie beside it, and with its own part of the parameters."""
    records = [output.provenance] if isinstance(output.provenance, str) else list(output.provenance)
    each = params.pop("each", [{}] * len(records))
    for path, own in zip(records, each, strict=True):
        beside = [made for made in output if Path(made).parent == Path(path).parent and made != path]
        write_provenance(path, beside, {**params, **own})


def as_given(names: Any, files: Iterable[str]) -> Any:
    """The given names of folders and files, each with the prefix under which this job finds its inputs.

    Where results lie in a storage, a job has copies of its inputs in a folder of Snakemake's, of which its
    parameters know nothing. Elsewhere the names are returned as they are.
    """
    leaf = next(_leaves(names), "")
    before = next((file.partition(leaf)[0] for file in files if leaf and leaf in file), "")
    return _put_before(before, names)


def _leaves(names: Any) -> Iterator[str]:
    if isinstance(names, str):
        yield names
    else:
        for inner in names.values():
            yield from _leaves(inner)


def _put_before(before: str, names: Any) -> Any:
    if isinstance(names, str):
        return before + names
    return {key: _put_before(before, inner) for key, inner in names.items()}


@contextlib.contextmanager
def logged(path: str | Path, code: Sequence[str] = ()) -> Iterator[None]:
    """Send all output to the log at `path`, line by line, and end what the user can mend in one message.

    The message goes to the terminal and to the log; the exit status is 1. That a signal ended the job is said
    in the log. Any other exception is a fault of grokflow and keeps its traceback, in both. Where the console
    shows logs (`LOGS_ARE_SHOWN`), the terminal gets only what the log could not take.

    Parameters
    ----------
    code : the user's own files: an error that arises in one of them is said with its file and line.
    """
    terminal = sys.stderr
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        log = Path(path).open("w", buffering=1, encoding="utf-8")  # noqa: SIM115 - its closing may fail
    except OSError as error:
        print(f"Error: {_message(error, path)}", file=terminal, flush=True)
        sys.exit(1)
    sys.stdout = sys.stderr = log
    try:
        yield
    except Ended as ended:
        _written(log, f"Ended by {ended.by.name}, all saved; the same command goes on from here.\n")
        raise
    except Exception as raised:
        problem = raised if isinstance(raised, GrokflowError) else fault_in(raised, code) or raised
        message = f"Error: {_message(problem, path)}\n" if _can_be_mended(problem) else ""
        # What was raised from an error of a user's file shows where in it.
        trace = "" if isinstance(raised, GrokflowError) and raised.__cause__ is None else _trace()
        if not (_written(log, trace + message) and os.environ.get(LOGS_ARE_SHOWN)):
            if not message:
                raise
            print(message, end="", file=terminal, flush=True)
        sys.exit(1)
    finally:
        sys.stdout, sys.stderr = sys.__stdout__, terminal
        with contextlib.suppress(OSError):
            log.close()


def _can_be_mended(error: Exception) -> bool:
    return isinstance(error, (GrokflowError, OSError)) or _out_of_memory(error)


def _trace() -> str:
    try:
        return traceback.format_exc()
    except MemoryError:  # which may be what it should tell of
        return ""


def _written(log: TextIO, text: str) -> bool:
    """Whether the log took the text; a full disk is no reason to say less elsewhere."""
    try:
        log.write(text)
        log.flush()
    except OSError:
        return False
    return True


def _message(error: Exception, log: str | Path) -> str:
    if isinstance(error, OSError):
        return f"{error.filename or log}: {error.strerror or error}."
    if _out_of_memory(error):
        return f"{log}: out of memory. The same command goes on where the job stood."
    return str(error)


def _out_of_memory(error: Exception) -> bool:
    """Python's own, or PyTorch's: on a GPU `torch.OutOfMemoryError`, on a CPU a RuntimeError."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))
    )
