"""What made the results: versions, commits, devices, seeds and dates, in the words of the first page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from grokflow.artifacts.provenance import read_provenance
from grokflow.config import Config, seeds_of_path

COMMIT = 10
"""Digits of a commit that are shown."""

MOST_NAMED = 3
"""Devices, or versions, that are named; more are counted."""


@dataclass(frozen=True)
class Origin:
    """What the records of the results say, in words; empty where there is no record."""

    version: str
    """Such as `0.1.0 (commit 0123456789, with changes)`."""
    device: str
    seeds: str
    """Of the runs, such as `16 to 48 seeds a run`; empty without a run."""
    dates: str
    """Of the files of the records."""


def origin_of(results: Path, config: Config) -> Origin:
    """What the records of everything that the configuration names have in common, and where they differ.

    Raises
    ------
    ArtifactError : when a record is damaged.
    """
    files = [file for file in _records(results, config) if file.is_file()]
    records = [read_provenance(file) for file in files]
    days = sorted({datetime.fromtimestamp(file.stat().st_mtime, UTC).date() for file in files})
    return Origin(
        version=_version(records),
        device=_named([_device(record) for record in records], "devices"),
        seeds=_seeds(config),
        dates=_dates(days),
    )


def _records(results: Path, config: Config) -> Iterator[Path]:
    """Where the record of every job lies that the configuration asks for."""
    for name, run in config.runs.items():
        yield from (results / "runs" / name / f"seed_{seed}" / "provenance.json" for seed in run.seeds)
    for name in config.paths:
        folders = (results / "paths" / name / f"seed_{seeds}" for seeds in seeds_of_path(config, name))
        yield from (folder / "provenance.json" for folder in folders)
    for name in config.sweeps:
        yield from sorted((results / "sweeps" / name).glob("*.provenance.json"))
    yield from (results / "figures" / f"{name}.provenance.json" for name in config.figures)
    if config.claims:
        yield results / "claims.provenance.json"


def _version(records: Sequence[Mapping[str, Any]]) -> str:
    versions = _named([str(record.get("grokflow", "")) for record in records], "versions")
    commits = {str(record["git"]) for record in records if record.get("git")}
    if not commits:
        return versions
    if len(commits) > 1:
        return f"{versions} (several commits)"
    commit, _, changed = commits.pop().partition("-")
    return f"{versions} (commit {commit[:COMMIT]}{', with changes' if changed else ''})"


def _device(record: Mapping[str, Any]) -> str:
    device = str(record.get("device", ""))
    return "CPU" if device == "cpu" else device


def _named(values: Sequence[str], what: str) -> str:
    different = sorted({value for value in values if value})
    if len(different) > MOST_NAMED:
        return f"{len(different)} {what}"
    return " and ".join(different)


def _seeds(config: Config) -> str:
    counts = [len(run.seeds) for run in config.runs.values()]
    if not counts:
        return ""
    least, most = min(counts), max(counts)
    many = f"{least}" if least == most else f"{least} to {most}"
    return f"{many} {'seed' if most == 1 else 'seeds'} a run"


def _dates(days: list[date]) -> str:
    if not days:
        return ""
    first, last = days[0].isoformat(), days[-1].isoformat()
    return first if first == last else f"{first} to {last}"
