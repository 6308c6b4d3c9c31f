"""Where a configuration may name a user's file, and each such name with the digest of what it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grokflow.user_code import find, is_code, is_identified, is_user_file

PLACES = {
    "datasets": "operation",
    "models": "code",
    "optimizers": "name",
    "paths": "kind",
    "figures": "kind",
    "claims": "claim",
}
"""Of each section the key that may name a user's file."""


def with_user_files(raw: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The raw configuration with every user's file as the working directory reaches it, and identified.

    Parameters
    ----------
    folder : of the configuration file; its names of files are relative to it.

    Raises
    ------
    ConfigError : when a file is missing, is not Python, or lacks the name.
    """
    result = dict(raw)
    for section, key in PLACES.items():
        result[section] = _of_section(raw.get(section), section, key, folder)
    sweeps = raw.get("sweeps")
    if isinstance(sweeps, Mapping):
        result["sweeps"] = {name: _varied(sweep, f"sweeps.{name}", folder) for name, sweep in sweeps.items()}
    return {section: value for section, value in result.items() if section in raw}


def _of_section(entries: Any, section: str, key: str, folder: Path) -> Any:
    if not isinstance(entries, Mapping):
        return entries  # the schema says what is wrong with it
    return {
        name: {**entry, key: _found(entry[key], f"{section}.{name}.{key}", folder)}
        if isinstance(entry, Mapping) and key in entry
        else entry
        for name, entry in entries.items()
    }


def _varied(sweep: Any, where: str, folder: Path) -> Any:
    """A sweep may vary the operation."""
    vary = sweep.get("vary") if isinstance(sweep, Mapping) else None
    if not isinstance(vary, Mapping) or not isinstance(vary.get("dataset.operation"), list):
        return sweep
    key = f"{where}.vary.dataset.operation"
    found = [_found(value, key, folder) for value in vary["dataset.operation"]]
    return {**sweep, "vary": {**vary, "dataset.operation": found}}


def _found(value: Any, where: str, folder: Path) -> Any:
    if is_identified(value):
        return value
    named = is_user_file(value) if "operation" in where.rpartition(".")[2] else is_code(value)
    return str(find(value, folder, where)) if named else value
