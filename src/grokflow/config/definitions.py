"""What a configuration that takes its definitions from another one keeps of it: only what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

MADE = ("runs", "paths", "sweeps", "figures", "claims")
"""The sections whose entries are made; the others only define what these use."""


def laid_over(base: Mapping[str, Any], own: Mapping[str, Any], merged: Mapping[str, Any]) -> dict[str, Any]:
    """`merged` without the entries of `base` that nothing in `own` names, directly or through another."""
    needed = {section: _names(own, section) for section in MADE}
    waiting = [(section, name) for section, names in needed.items() for name in names]
    while waiting:
        section, name = waiting.pop()
        entry = _entries(merged, section).get(name)
        for found in _references(section, entry) if isinstance(entry, Mapping) else ():
            if isinstance(found[1], str) and found[1] not in needed[found[0]]:
                needed[found[0]].append(found[1])
                waiting.append(found)
    kept = dict(merged)
    for section in MADE:
        if isinstance(base.get(section), Mapping) and isinstance(merged.get(section), Mapping):
            kept[section] = {n: entry for n, entry in merged[section].items() if n in needed[section]}
    return kept


def _entries(raw: Mapping[str, Any], section: str) -> Mapping[Any, Any]:
    entries = raw.get(section)
    return entries if isinstance(entries, Mapping) else {}


def _names(raw: Mapping[str, Any], section: str) -> list[Any]:
    return list(_entries(raw, section))


def _references(section: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What an entry of a section names: the section and the name of each."""
    if section == "paths":
        for key in ("from", "to"):
            yield "runs", str(entry.get(key)).partition("@")[0]
    if section in ("figures", "claims"):
        for key in ("run", "path", "sweep"):
            yield f"{key}s", entry.get(key)
        for key in ("runs", "paths"):
            names = entry.get(key)
            for name in names if isinstance(names, list) else ():
                yield key, name
    if section == "claims":
        yield "figures", entry.get("figure")
        for key in ("runs", "paths"):  # what it is compared with is one of these
            yield key, entry.get("against")
