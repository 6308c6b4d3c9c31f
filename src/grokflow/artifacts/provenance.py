"""What made a file: a record beside the outputs of every job, checked by whoever reads them.

A record is `provenance.json` or `{name}.provenance.json` in the folder of the files it is about. It
holds the SHA-256 of each file, the job's part of the configuration, versions, device, threads, the
digest of grokflow's source and the state of its git repository; and a checksum of all that.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import grokflow
from grokflow.artifacts.files import checksum, digest, write_json
from grokflow.artifacts.source import ROOT, source_digest
from grokflow.errors import ArtifactError

SUFFIX = "provenance.json"
AGAIN = "Delete it; the same command makes it again."


def write_provenance(path: str | Path, made: Iterable[str | Path], config: Mapping[str, Any]) -> None:
    """Write the record of a job that `made` these files and folders with its part of the configuration."""
    folder = Path(path).parent
    torch = sys.modules.get("torch")  # a job that did not need it does not load it for this
    content = {
        "record": Path(path).name,
        "files": {str(file.relative_to(folder)): checksum(file.read_bytes()) for file in _files(made)},
        "grokflow": grokflow.__version__,
        "source": source_digest(),
        "git": git_state(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("torch", "numba", "numpy", "pandas")},
        "platform": platform.platform(),
        "device": torch.cuda.get_device_name() if torch and torch.cuda.is_initialized() else "cpu",
        "threads": torch.get_num_threads() if torch else 1,
        "config_digest": digest(config),
        "config": config,
    }
    write_json(path, {**content, "checksum": digest(content)})


def read_provenance(path: str | Path) -> dict[str, Any]:
    """A record.

    Raises
    ------
    ArtifactError : when it is missing, damaged or altered.
    """
    try:
        content = dict(json.loads(Path(path).read_text(encoding="utf-8")))
        written = content.pop("checksum", None)
        if written != digest(content):
            raise ValueError("other content than was written")
        if content["record"] != Path(path).name:
            raise ValueError(f"the record {content['record']} in its place")
        if not isinstance(content["files"], dict) or content["config_digest"] != digest(content["config"]):
            raise ValueError("no record of files and configuration")
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise ArtifactError(path, expected="the record of what a job made", found=error, mend=AGAIN) from None
    return content


def check_files(files: Iterable[str | Path]) -> None:
    """Compare files and folders with the records of the jobs that made them.

    Raises
    ------
    ArtifactError : with the first one that is altered, lacks a file, or has no record.
    """
    records: dict[Path, dict[Path, str]] = {}
    for path in map(Path, files):
        if path.parent not in records:
            records[path.parent] = recorded_files(path.parent)
        recorded = {f: s for f, s in records[path.parent].items() if f == path or path in f.parents}
        found = set(_files([path]))
        for file in sorted(found | recorded.keys()):
            if file not in found:
                mend = how_to_remake(file, path.parent)
                raise ArtifactError(file, expected="the file that a job made", found="none", mend=mend)
            check_file(file, recorded.get(file), path.parent)
        if path.name.endswith(SUFFIX):
            check_record(path)


def check_record(path: Path) -> None:
    """Refuse a record of which a file is gone, or of which half have other content: it may be another's.

    Raises
    ------
    ArtifactError : with the record.
    """
    files = read_provenance(path)["files"]
    for name in files:
        if not (path.parent / name).is_file():
            raise ArtifactError(path, expected=f"the record of files that are there, as {name}", found="none")
    beside = [name for name in files if "/" not in name]  # not the many of a folder
    altered = [name for name in beside if checksum((path.parent / name).read_bytes()) != files[name]]
    if len(altered) >= 2 and 2 * len(altered) >= len(beside):  # one alone is what was altered itself
        expected = f"the record of the files beside it, as {altered[0]}"
        raise ArtifactError(path, expected=expected, found="that of others", mend=AGAIN)


def how_to_remake(file: Path, folder: Path) -> str:
    """How to have a file made again that a job made in `folder`; one of a folder of files cannot be alone."""
    return f"Delete {folder / file.relative_to(folder).parts[0]}; the same command makes it again."


def check_file(file: Path, expected: str | None, folder: Path) -> None:
    """Refuse a file that has not the SHA-256 of its record, which lies in `folder`.

    Raises
    ------
    ArtifactError : when it has another, or cannot be read, or None is expected.
    """
    mend = how_to_remake(file, folder)
    if expected is None:
        raise ArtifactError(file, expected="a record of what made it", found="none", mend=mend)
    try:
        found = checksum(file.read_bytes())
    except OSError as error:
        raise ArtifactError(file, expected="a readable file", found=error.strerror, mend=mend) from None
    if found != expected:
        raise ArtifactError(
            file,
            expected=f"content with the checksum {expected[:16]}…, as its record says",
            found=f"{found[:16]}…: the file was altered",
            mend=mend,
        )


def recorded_files(folder: Path) -> dict[Path, str]:
    """The checksums on record in `folder`, those of the records themselves included.

    Raises
    ------
    ArtifactError : when a record is damaged.
    """
    found = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        files = read_provenance(path)["files"]
        found.update({folder / file: str(expected) for file, expected in files.items()})
        found[path] = checksum(path.read_bytes())
    return found


def _files(paths: Iterable[str | Path]) -> list[Path]:
    """The paths themselves; of a folder the files below, without hidden ones, such as Snakemake's own."""
    found: list[Path] = []
    for path in map(Path, paths):
        inside = (p for p in path.rglob("[!.]*") if p.is_file())
        found += sorted(inside) if path.is_dir() else [path]
    return found


def git_state() -> str | None:
    """The commit of grokflow's repository, with `-dirty` when it was changed; None outside of one."""
    git = shutil.which("git")
    if git is None:
        return None
    command = [git, "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    found = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no input
    return found.stdout.strip() or None
