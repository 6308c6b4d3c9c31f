"""How what made two runs of the workflow differs, and which claims of both are about the same setup."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from grokflow.comparison.reference import Description, Judgement

NOT_COMPARED = ("device", "threads", "checkpoint_every", "members_at_once", "pairs")
"""Keys of a configuration that change how results are made, and not what they are."""

MOST_NAMED = 3
"""Versions of one kind that are named: results may have been made by many commits."""


def other_settings(mine: Description, reference: Description) -> dict[str, list[str]]:
    """For each run, path and sweep that both have and configure differently, what differs."""
    found: dict[str, list[str]] = {}
    for kind in ("runs", "paths", "sweeps"):
        for name in mine[kind].keys() & reference[kind].keys():
            here, there = (each[kind][name]["config"] for each in (mine, reference))
            keys = sorted((here.keys() | there.keys()) - set(NOT_COMPARED))
            differing = [
                f"{key} {_value(here.get(key))}, reference {_value(there.get(key))}"
                for key in keys
                if here.get(key) != there.get(key)
            ]
            if differing:
                found[f"{kind.removesuffix('s')} {name}"] = differing
    return dict(sorted(found.items()))


def other_makers(mine: Description, reference: Description) -> dict[str, str]:
    """For each version, device and number of threads that is not the same, both."""
    here, there = mine["made_with"], reference["made_with"]
    return {
        key: f"{_few(here.get(key))}, reference {_few(there.get(key))}"
        for key in dict.fromkeys([*here, *there])
        if here.get(key) != there.get(key)
    }


def of_the_same_setup(mine: Judgement, reference: Judgement) -> Judgement:
    """What `mine` says of the claims that are about the reference's own setup, which may be none.

    Both judge them by one criterion, on runs, paths and sweeps of the same names that are configured alike.
    """
    alike = _alike(mine, reference)
    tables = {
        name: table[table.index.get_level_values("claim").isin(alike)]
        for name in ("claims", "numbers", "outcomes", "measurements")
        for table in [getattr(mine, name)]
    }
    return replace(mine, **tables)


def _alike(mine: Judgement, reference: Judgement) -> list[str]:
    about = "about" in mine.claims and "about" in reference.claims
    if mine.description is None or reference.description is None or not about:
        return []
    other = {name.partition(" ")[2] for name in other_settings(mine.description, reference.description)}
    runs_of_path = {
        name: {str(path["config"].get(end, "")).partition("@")[0] for end in ("from", "to")}
        for name, path in mine.description["paths"].items()
    }
    alike = []
    for claim in mine.claims.index.intersection(reference.claims.index):
        here, there = (each.claims.loc[claim] for each in (mine, reference))
        names = str(here["about"]).split(" against ")
        behind = {run for name in names for run in runs_of_path.get(name, ())}
        same = all(here[key] == there[key] for key in ("about", "criterion"))
        if same and not other.intersection({*names, *behind}):
            alike.append(claim)
    return alike


def _few(values: list[Any] | None) -> str:
    return f"{len(values)} different ones" if values and len(values) > MOST_NAMED else _value(values)


def _value(value: Any) -> str:
    return " and ".join(map(str, value)) if isinstance(value, list) else str(value)
