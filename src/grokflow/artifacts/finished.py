"""Which groups of rows are finished: those on record whose configuration is still the one that is asked for.

Groups are made anew whenever the workflow starts. One that is finished must stay as it is, or a new seed
would have the seeds beside it trained again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def finished_groups(
    records: Iterable[Path],
    key: str,
    member_of: Callable[[Mapping[str, Any]], T],
    asked_for: Callable[[T], Mapping[str, Any]],
) -> list[list[T]]:
    """The groups of `records` of which every row is what is asked for now.

    Parameters
    ----------
    records : files of what made each group; one that is damaged counts for nothing.
    key : under which the record's configuration has the rows, or the only one.
    member_of : the name of a row, such as its seed, from its configuration.
    asked_for : the configuration that a row has now.
    """
    found = []
    for record in sorted(records):
        try:
            rows = json.loads(record.read_text(encoding="utf-8"))["config"][key]
            rows = rows if isinstance(rows, list) else [rows]
            members = [member_of(row) for row in rows]
            same = [row == asked_for(member) for row, member in zip(rows, members, strict=True)]
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
        if members and all(same):
            found.append(members)
    return found
