"""What a run of the workflow came to, and what made it: read for a comparison, or kept as a reference.

A folder holds the tables of the claims. What made them stands in the records of a results folder; a
reference, which keeps none of the trainings, has it in one file, runs.json.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from grokflow.artifacts.files import write_bytes, write_json
from grokflow.artifacts.provenance import AGAIN, check_files, read_provenance
from grokflow.artifacts.results import CLAIM_FILES, RECORD_OF_CLAIMS
from grokflow.artifacts.source import ROOT
from grokflow.artifacts.tables import read_record, read_table
from grokflow.errors import ArtifactError

REFERENCE = Path(os.path.relpath(ROOT.parents[1] / "docs/reference"))
"""The reference run of the checkout."""

CLAIMS_FILE, NUMBERS_FILE, SEEDS_FILE, VALUES_FILE = CLAIM_FILES

KEPT = (*CLAIM_FILES, "points.csv", "times.csv", "claims.md")
"""The files of a results folder that a reference keeps."""

RUNS = "runs.json"

COUNTS = ["holding", "judged", "seeds"]
SPREAD = ["median", "spread_low", "spread_high"]
OUTCOMES = ("holds", "does not hold", "not judged")
NO_VERSION = ("record", "config_digest", "checksum")
"""Texts of a record that say neither a version nor a device."""

Description = dict[str, Any]
"""{"runs" | "paths" | "sweeps": {name: {"seeds": […], "config": {key: value, or a list of several}}},
"made_with": {"torch" | "device" | …: […]}}."""


@dataclass(frozen=True, eq=False)
class Judgement:
    """What the claims came to in one run of the workflow. In all tables `seed` is a text: `3`, or `3-4`."""

    folder: Path
    claims: pd.DataFrame
    """claims.csv, by claim."""
    numbers: pd.DataFrame
    """claims_numbers.csv, by claim and number."""
    outcomes: pd.DataFrame
    """claims_seeds.csv, by claim and seed."""
    measurements: pd.DataFrame
    """claims_values.csv, by claim, number and seed."""
    description: Description | None
    """What made it; None when nothing on record says so."""


def read_judgement(folder: str | Path, mend: str) -> Judgement:
    """What is in a results folder or a reference; `mend` says what to do when it is not.

    Raises
    ------
    ArtifactError : when a table is missing or damaged, or a record is.
    """
    folder = Path(folder)
    claims = _read(folder / CLAIMS_FILE, ["claim"], ["criterion"], COUNTS, mend)
    numbers = _read(folder / NUMBERS_FILE, ["claim", "number"], ["unit"], SPREAD, mend)
    outcomes = _read(folder / SEEDS_FILE, ["claim", "seed"], ["outcome"], [], mend)
    measurements = _read(folder / VALUES_FILE, ["claim", "number", "seed"], [], ["value"], mend)
    holding, judged, seeds = (claims[column] for column in COUNTS)
    if not ((holding >= 0) & (holding <= judged) & (judged <= seeds)).all():  # nor for a blank
        expected = "0 ≤ holding ≤ judged ≤ seeds for each claim"
        raise ArtifactError(folder / CLAIMS_FILE, expected=expected, found="other counts", mend=mend)
    if unknown := sorted(set(outcomes["outcome"].astype(str)) - set(OUTCOMES)):
        raise ArtifactError(
            folder / SEEDS_FILE, expected=f"outcomes among {OUTCOMES}", found=unknown, mend=mend
        )
    return Judgement(folder, claims, numbers, outcomes, measurements, _describe(folder))


def describe_runs(results: str | Path) -> Description:
    """How the runs, paths and sweeps were configured from which the claims were judged, and what made them.

    Keys are dotted, as those of a sweep: `optimizer.weight_decay`. The seed is left out.

    Raises
    ------
    ArtifactError : when the record of the claims, or of anything that they were judged from, is missing
        or damaged, or of another version.
    """
    try:
        return _describe_results(Path(results))
    except (KeyError, TypeError, AttributeError) as error:
        expected, found = "the records of this version of grokflow", f"{type(error).__name__}: {error}"
        raise ArtifactError(
            Path(results) / RECORD_OF_CLAIMS, expected=expected, found=found, mend=AGAIN
        ) from None


def _describe_results(results: Path) -> Description:
    record = read_provenance(results / RECORD_OF_CLAIMS)
    places = record["config"].get("places", {})
    made = [record]
    description: Description = {"runs": {}, "paths": {}, "sweeps": {}}
    for kind, configuration in (("runs", _of_run), ("paths", _of_path)):
        for name, folders in places.get(kind, {}).items():
            records = [
                read_provenance(results / kind / name / f"seed_{seed}" / "provenance.json")
                for seed in folders
            ]
            made += records
            description[kind][name] = _described(folders, (configuration(each["config"]) for each in records))
    for name in places.get("sweeps", {}):
        records = [
            read_provenance(path) for path in sorted((results / "sweeps" / name).glob("*.provenance.json"))
        ]
        made += records
        runs = [member["run"] for each in records for member in each["config"]["members"]]
        seeds = {str(run["seed"]): None for run in runs}
        description["sweeps"][name] = _described(seeds, (_of_run({"run": run}) for run in runs))
    return description | {"made_with": _gathered(_versions(each) for each in made)}


def write_reference(results: str | Path, folder: str | Path) -> list[Path]:
    """Keep the tables of a results folder as a reference, with `describe_runs` in runs.json.

    Raises
    ------
    ArtifactError : when a file is missing or is not what a job of the workflow made.
    """
    sources = [Path(results) / name for name in KEPT]
    check_files(sources)
    described = describe_runs(results)
    for source in sources:
        write_bytes(Path(folder) / source.name, source.read_bytes())
    write_json(Path(folder) / RUNS, described)
    return [Path(folder) / name for name in (*KEPT, RUNS)]


def _read(path: Path, index: list[str], texts: list[str], numbers: list[str], mend: str) -> pd.DataFrame:
    if not path.is_file():
        raise ArtifactError(path, expected="a table of claims", found="no such file", mend=mend)
    table = read_table(path, [*index, *texts, *numbers], numbers=numbers, mend=mend)
    table = table.astype(dict.fromkeys(index, str) | dict.fromkeys(numbers, float))
    if (twice := table.duplicated(index)).any():
        found = " ".join(table.loc[twice, index].iloc[0]) + " twice"
        raise ArtifactError(path, expected=f"one row for each {' and '.join(index)}", found=found, mend=mend)
    return table.set_index(index)


def _describe(folder: Path) -> Description | None:
    if (folder / RUNS).is_file():
        return read_record(folder / RUNS, {"runs", "paths", "sweeps", "made_with"})
    return describe_runs(folder) if (folder / RECORD_OF_CLAIMS).is_file() else None


def _of_run(config: Mapping[str, Any]) -> dict[str, Any]:
    return _flat({key: value for key, value in config["run"].items() if key != "seed"})


def _of_path(config: Mapping[str, Any]) -> dict[str, Any]:
    path, run = config["path"]["path"], config["path"]["from_run"]
    every = {"checkpoint_every": run["checkpoint_every"]} if path["kind"] == "chain" else {}
    return _flat(path | every)


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Of nested keys those of the leaves, dotted; a list is a leaf and becomes a text."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = str(value) if isinstance(value, list) else value
    return found


def _described(seeds: Iterable[str], configs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    values = _gathered(configs)
    config = {key: found[0] if len(found) == 1 else found for key, found in values.items()}
    return {"seeds": list(seeds), "config": config}


def _gathered(mappings: Iterable[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """For each key the different values, in an order that does not depend on that of the mappings."""
    found: dict[str, dict[str, Any]] = {}
    for each in mappings:
        for key, value in each.items():
            found.setdefault(key, {})[str(value)] = value
    return {key: [values[text] for text in sorted(values)] for key, values in found.items()}


def _versions(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: value
        for key, value in record.items()
        if key not in NO_VERSION and not isinstance(value, (dict, list))
    }
