"""Which jobs made a results folder: read off the records that they left, with inputs and outputs.

A record says what a job made, with which part of the configuration, by which versions, on what; that of a
figure or of the claims names the folders it read. What the other jobs read follows from the rules.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grokflow.artifacts.files import digest
from grokflow.artifacts.provenance import SUFFIX, read_provenance
from grokflow.artifacts.results import CLAIM_FILES, TABLES
from grokflow.claims import CRITERIA
from grokflow.config import Figure
from grokflow.errors import ArtifactError, ConfigError
from grokflow.figures import kind_of
from grokflow.user_code import UserFile, as_written, is_identified, is_user_file, parse

Record = dict[str, Any]

RULES = {
    "make_dataset": r"datasets/([^/]+)\.provenance\.json",
    "train": r"runs/([^/]+)/(?:group_([^/]+)\.|seed_([^/]+)/)provenance\.json",
    "find_periods": r"runs/([^/]+)/seed_([^/]+)/periods\.provenance\.json",
    "audit_invariance": r"runs/([^/]+)/seed_([^/]+)/invariance\.provenance\.json",
    "fit_paths": r"paths/([^/]+)/fit_([^/]+)\.provenance\.json",
    "measure_paths": r"paths/([^/]+)/seed_([^/]+)/provenance\.json",
    "train_members": r"sweeps/([^/]+)/group_([^/]+)\.provenance\.json",
    "gather_sweep": r"sweeps/([^/]+)\.provenance\.json",
    "draw_figure": r"figures/([^/]+)\.provenance\.json",
    "judge_claims": r"claims\.provenance\.json",
    "tabulate_seeds": r"points\.provenance\.json",
    "write_pages": r"report/pages\.provenance\.json",
    "write_explorer": r"explore\.provenance\.json",
}
"""The rule of a record, by its place below the results folder."""

ROWS = ("group", "paths", "members")
"""The key under which a configuration has the rows of one batch of models."""

NO_SETTING = ("resume", "shown", "places", "folders", "config")
"""Keys of a job's part that name folders, or that are the whole configuration."""

NO_MAKER = ("record", "files", "config", "config_digest", "checksum")
"""Keys of a record that do not say by what its files were made."""


@dataclass(frozen=True)
class Job:
    """One job, or one of the folders that a job filled. All files are relative to the results folder."""

    record: str
    rule: str
    about: str
    """What it was done for: `mode_connectivity, seed 3`."""
    inputs: tuple[str, ...]
    """Files and folders."""
    outputs: Mapping[str, str]
    """Files with the SHA-256 on record; the job's own records are not among them."""
    config: Mapping[str, Any]
    """The job's part of the configuration, as on record."""
    made_by: Mapping[str, str | int | None]
    """Versions, device, threads, platform, source and commit."""

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration with dotted keys, without inputs; of several rows each value that any has."""
        key = next((key for key in ROWS if key in self.config), None)
        rows = self.config[key] if key else [{k: v for k, v in self.config.items() if k not in NO_SETTING}]
        values: dict[str, list[Any]] = {}
        for row in rows:
            for name, value in _flat({"run": row} if key == "group" else row):
                said = as_written(value) if isinstance(value, str) else value
                if said not in values.setdefault(name, []):
                    values[name].append(said)
        return {name: found[0] if len(found) == 1 else found for name, found in values.items()}

    @property
    def user_files(self) -> list[UserFile]:
        """The user's own files that it read or ran, without those that these import."""
        named = dict.fromkeys(
            value for _, value in _flat(self.config) if is_user_file(value) and is_identified(value)
        )
        return [parse(name) for name in named]

    @property
    def trainings(self) -> list[Record]:
        """The runs, each with its seed, that the job trained for a run of the configuration."""
        if self.rule != "train":
            return []
        return list(self.config.get("group") or [self.config["run"]])


def is_as_read(file: UserFile) -> bool:
    """Whether a user's file is still there as the job read or ran it."""
    try:
        file.check()
    except ConfigError:
        return False
    return True


def read_jobs(root: str | Path) -> tuple[list[Job], list[str]]:
    """The jobs that made a results folder, in the order of the rules; and what is wrong with records.

    Raises
    ------
    ArtifactError : when there is no record at all.
    """
    root, problems = Path(root), list[str]()
    records: dict[str, Record] = {}
    for path in sorted(root.rglob(f"*{SUFFIX}")):
        name = path.relative_to(root).as_posix()
        if any(re.fullmatch(pattern, name) for pattern in RULES.values()):
            try:
                records[name] = read_provenance(path)
            except ArtifactError as error:
                problems.append(str(error))
    if not records and not problems:
        raise ArtifactError(root, expected="a results folder", found="no record of any job")
    reader = _Reader(root, records)
    jobs = []
    for rule, pattern in RULES.items():
        for name in sorted(records):
            if (match := re.fullmatch(pattern, name)) and name not in reader.of_groups:
                jobs.append(reader.job(rule, name, [group for group in match.groups() if group]))
    return jobs, problems


class _Reader:
    """Follows from the records of one folder to what each job read."""

    def __init__(self, root: Path, records: Mapping[str, Record]) -> None:
        self.root = root
        self.records = records
        self.datasets = {
            digest(record["config"]["dataset"]): name.removesuffix(f".{SUFFIX}") + ".csv"
            for name, record in records.items()
            if name.startswith("datasets/")
        }
        self.of_groups = {
            seed: name
            for name, record in records.items()
            if re.fullmatch(RULES["train"], name)
            for run in record["config"].get("group", ())
            if self._run_of(seed := f"{Path(name).parent}/seed_{run['seed']}/{SUFFIX}") == run
        }
        """The records of seeds that were trained together, each with that of its group."""

    def _run_of(self, record: str) -> object:
        return self.records.get(record, {}).get("config", {}).get("run")

    def job(self, rule: str, name: str, parts: list[str]) -> Job:
        record = self.records[name]
        names = [name, *(seed for seed, group in self.of_groups.items() if group == name)]
        outputs = {
            (Path(each).parent / file).as_posix(): str(sha)
            for each in names
            for file, sha in self.records[each]["files"].items()
        }
        outputs |= dict.fromkeys(names[1:], "")
        read: Callable[[str, Record], Iterator[str]] = getattr(self, f"_{rule}")
        return Job(
            record=name,
            rule=rule,
            about=_about(rule, parts),
            inputs=tuple(dict.fromkeys(read(name, record["config"]))),
            outputs=outputs,
            config=record["config"],
            made_by={key: value for key, value in record.items() if key not in NO_MAKER},
        )

    # What each rule's jobs read.

    def _make_dataset(self, name: str, config: Record) -> Iterator[str]:
        return iter(())

    _train_members = _make_dataset  # which make their tables themselves

    def _train(self, name: str, config: Record) -> Iterator[str]:
        for run in config.get("group") or [config["run"]]:
            yield from self._dataset(run)

    def _find_periods(self, name: str, config: Record) -> Iterator[str]:
        yield from (f"{Path(name).parent}/{table}" for table in ("history.csv", "epochs.csv"))

    def _audit_invariance(self, name: str, config: Record) -> Iterator[str]:
        yield from self._dataset(config["run"])
        yield from (f"{Path(name).parent}/{part}" for part in ("points.json", "checkpoints"))

    def _fit_paths(self, name: str, config: Record) -> Iterator[str]:
        for path in config["paths"]:
            yield from self._ends(path)

    def _measure_paths(self, name: str, config: Record) -> Iterator[str]:
        yield from self._ends(config["path"])
        seeds = _seeds(config["path"])
        folder = Path(name).parents[1].as_posix()
        for fit, record in self.records.items():
            if fit.startswith(f"{folder}/fit_") and seeds in map(_seeds, record["config"]["paths"]):
                yield f"{fit.removesuffix(f'.{SUFFIX}')}.safetensors"

    def _gather_sweep(self, name: str, config: Record) -> Iterator[str]:
        groups = f"{name.removesuffix(f'.{SUFFIX}')}/group_"
        yield from (f"{r.removesuffix(f'.{SUFFIX}')}.csv" for r in self.records if r.startswith(groups))

    def _draw_figure(self, name: str, config: Record) -> Iterator[str]:
        kind = kind_of(Figure.model_validate(config["figure"]))
        tables = [name for name in kind.files if name != SUFFIX]  # a record is told by what it is about
        for place in map(_inside, config["shown"].values()):
            if place.endswith(".csv"):
                yield place
            else:
                yield from (f"{place}/{table}" for table in tables)
                if kind.shows_dataset:
                    yield from self._dataset(self._run_of(f"{place}/{SUFFIX}"))

    def _judge_claims(self, name: str, config: Record) -> Iterator[str]:
        places = config["places"]
        for seeds in places["runs"].values():
            for place in map(_inside, seeds.values()):
                yield from (f"{place}/{table}" for table in TABLES["run"])
        for seeds in places["paths"].values():
            for place in map(_inside, seeds.values()):
                yield from (f"{place}/{table}" for table in TABLES["path"])
        for claim_id, claim in config["claims"].items():
            criterion = CRITERIA.get(claim["claim"] or claim_id)
            for run in (claim["run"], claim["against"]):
                for place in map(_inside, places["runs"].get(run, {}).values()):
                    yield from (
                        f"{place}/{table}"
                        for table in (criterion.files if criterion else claim.get("reads", ()))
                    )
        for files in places["sweeps"].values():
            yield from map(_inside, files.values())

    def _tabulate_seeds(self, name: str, config: Record) -> Iterator[str]:
        for seeds in config["folders"].values():
            for place in map(_inside, seeds.values()):
                yield from (f"{place}/{table}" for table in TABLES["run"])

    def _write_pages(self, name: str, config: Record) -> Iterator[str]:
        yield from (f"figures/{figure}.png" for figure in config["config"]["figures"])
        if config["config"]["claims"]:
            yield from CLAIM_FILES

    def _write_explorer(self, name: str, config: Record) -> Iterator[str]:
        asked = config["config"]
        yield from (f"figures/{figure}.png" for figure in asked["figures"])
        for run, entry in asked["runs"].items():
            for seed in entry["seeds"]:
                yield from (f"runs/{run}/seed_{seed}/{table}" for table in TABLES["run"])
        for path in asked["paths"]:
            measured = re.compile(rf"(paths/{re.escape(path)}/seed_[^/]+)/provenance\.json")
            for folder in (match[1] for match in map(measured.fullmatch, self.records) if match):
                yield from (f"{folder}/{table}" for table in ("metrics.csv", "path.json"))
        yield from (f"sweeps/{sweep}.csv" for sweep in asked["sweeps"])

    def _dataset(self, run: Any) -> Iterator[str]:
        found = self.datasets.get(digest(run["dataset"])) if run else None
        if found:
            yield found

    def _ends(self, path: Record) -> Iterator[str]:
        yield from self._dataset(path["from_run"])
        for end in ("from", "to"):
            name = path["path"][end].partition("@")[0]
            seed = f"runs/{name}/seed_{path[f'{end}_run']['seed']}"
            yield from (f"{seed}/points.json", f"{seed}/checkpoints")


def _seeds(path: Record) -> tuple[int, int]:
    return path["from_run"]["seed"], path["to_run"]["seed"]


def _inside(place: str) -> str:
    """A place that a record names with the results folder before it, relative to that folder."""
    found = re.search(r"(?:^|/)((?:runs|paths)/[^/]+/seed_[^/]+|sweeps/[^/]+\.csv|[^/]+)$", place)
    assert found is not None, place
    return found[1]


def _about(rule: str, parts: list[str]) -> str:
    """For people: `mode_connectivity, seeds 0 to 7`."""
    name, *of = parts or [""]
    if not of or rule == "train_members":
        return ", group ".join([name, *of])
    return f"{name}, seed{'s' if '_to_' in of[0] else ''} {of[0].replace('_to_', ' to ')}"


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for inner, each in value.items():
            yield from _flat(each, f"{key}.{inner}".strip("."))
    elif isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        for each in value:
            yield from _flat(each, key)
    elif value not in (None, [], {}):
        yield key, value


def times_of(root: str | Path, snakemake: str | Path = ".snakemake") -> dict[str, tuple[datetime, datetime]]:
    """When Snakemake started and ended the job that made each file, where it still knows.

    Its notes are about the last job in this working directory that made the file; those about a file that
    was written at another time are about another file.
    """
    root, found = Path(root).resolve(), dict[str, tuple[datetime, datetime]]()
    for note in sorted(Path(snakemake).glob("metadata/*")):
        try:
            file = Path(base64.b64decode(note.name, validate=True).decode())
            name = (Path(snakemake).resolve().parent / file).resolve().relative_to(root).as_posix()
            content = json.loads(note.read_text(encoding="utf-8"))
            start, end = float(content["starttime"]), float(content["endtime"])
            written = (root / name).stat().st_mtime
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if start - 1 <= written <= end + 1:
            found[name] = (datetime.fromtimestamp(start, UTC), datetime.fromtimestamp(end, UTC))
    return found
