"""How the mistakes are mended that users make most often in a configuration, a sentence for each."""

from __future__ import annotations

from typing import Any

from grokflow.config.read import blank_missing
from grokflow.config.sections import SECTIONS, keys_of
from grokflow.errors import nearest


def of_unknown_key(location: list[Any], valid: list[str]) -> str | None:
    """Of a key that its entry does not have.

    Parameters
    ----------
    location : where it stands, with the tag of the entry's class.
    valid : the keys that may stand there.
    """
    key, section = str(location[-1]), SECTIONS.get(str(location[0]))
    name, colon, _ = key.partition(":")
    if colon and name in valid:
        return blank_missing(key)
    if isinstance(section, dict) and len(location) == 4:
        if meant := nearest(key, valid, least=0.8):
            return meant
        if "settings" in valid:
            return f"Put it under 'settings:', which your code is given: 'settings: {{{key}: …}}'."
        others = [tag for tag, entry in section.items() if key in keys_of(entry)]
        if others and location[0] == "models":
            return f"'{key}' belongs to a model of your own, which has the key 'code'."
        if others:
            *first, last = others
            having = f"{', '.join(first)} and {last}" if first else last
            return f"'{key}' is a key of {having}, not of {location[2]}."
    return nearest(key, valid)


def of_entry_without_keys(key: str, found: object) -> str | None:
    """Of what stands where keys with values should."""
    if key == "figures.style":
        return "The style of all figures is 'figure_style', at the top level."
    return blank_missing(found)


def of_file_without_name(found: object) -> str | None:
    """Of a file of code without what is meant in it."""
    if isinstance(found, str) and found.endswith(".py"):
        return f"Name what is meant in the file, too: {found}:name."
    return None


def of_seeds(found: object) -> str | None:
    """Of a number of seeds in the place of the seeds."""
    if type(found) is not int or found < 1:
        return None
    several = "" if found == 1 else f" For {found} seeds write {{from: 0, to: {found - 1}}}."
    return f"The seed {found} alone is [{found}].{several}"


def of_value(key: str, found: object) -> str | None:
    """Of a value out of the bounds of its key."""
    if key == "train_fraction" and isinstance(found, int | float) and 1 < found < 100:
        return f"Write {found / 100:g} for {found:g} %."
    return None
