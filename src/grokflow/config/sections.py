"""The sections of a configuration, and which classes the entries of each may have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from grokflow.config import schema
from grokflow.config.entry import OWN


def _by_tag(union: Any) -> dict[str, type[schema.Entry]]:
    """The classes of a union by their tags."""
    tagged = [get_args(each) for each in get_args(get_args(union)[0])]
    return {tag.tag: each for each, tag in tagged}


SECTIONS: dict[str, type[schema.Entry] | dict[str, type[schema.Entry]]] = {
    "datasets": schema.Dataset,
    "models": _by_tag(schema.AnyModel),
    "optimizers": _by_tag(schema.Optimizer),
    "runs": schema.Run,
    "sweeps": schema.Sweep,
    "paths": _by_tag(schema.AnyPath),
    "figures": schema.Figure,
    "claims": schema.Claim,
}


def named(classes: Mapping[str, type[schema.Entry]]) -> list[str]:
    """The kinds of entries of a section that have a name."""
    return [tag for tag in classes if tag != OWN]


def tag_of_entry(section: str, entry: schema.Entry) -> str | None:
    """The tag of an entry's class, which stands in the place of a problem; None in a section of one class."""
    classes = SECTIONS.get(section)
    if not isinstance(classes, dict):
        return None
    return next(tag for tag, each in classes.items() if isinstance(entry, each))


TOLD_APART_BY = {"optimizers": "name", "paths": "kind"}
"""The key that says which class an entry of a section is."""


def keys_of(entry: type[schema.Entry] | None) -> list[str]:
    """The keys that an entry of a class may have, as they are written."""
    return [field.alias or name for name, field in entry.model_fields.items()] if entry else []
