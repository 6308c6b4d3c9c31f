"""Which groups of rows count as finished."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from grokflow.artifacts.finished import finished_groups

ASKED_FOR = {seed: {"seed": seed, "epochs": 9, "model": {"layers": 2}} for seed in range(6)}
"""The configuration that each seed has now; no other seed has one."""


def recorded(folder: Path, name: str, config: object) -> Path:
    path = folder / f"{name}.provenance.json"
    path.write_text(json.dumps({"files": {}, "config": config}))
    return path


def group(*seeds: int, **changes: Any) -> dict[str, Any]:
    """The configuration on record of a group, the last seed's with changes."""
    rows = [dict(ASKED_FOR[seed]) for seed in seeds]
    rows[-1] |= changes
    return {"group": rows, "resume": "results/.resume"}


def found(folder: Path, key: str = "group") -> list[list[int]]:
    def seed_of(row: Mapping[str, Any]) -> int:
        return int(row["seed"])

    return finished_groups(folder.glob("*.json"), key, seed_of, ASKED_FOR.__getitem__)


def test_groups_are_those_on_record_in_the_order_of_their_names(tmp_path: Path) -> None:
    assert found(tmp_path) == []
    for name, seeds in (("b", (4,)), ("a", (3, 1)), ("c", (0, 2))):
        recorded(tmp_path, name, group(*seeds))
    assert found(tmp_path) == [[3, 1], [4], [0, 2]]


@pytest.mark.parametrize(
    "changes",
    [{"epochs": 10}, {"epochs": None}, {"model": {"layers": 3}}, {"model": {}}, {"new": 1}],
)
def test_a_group_of_which_one_row_is_asked_for_otherwise_is_not_finished(
    changes: dict[str, Any], tmp_path: Path
) -> None:
    recorded(tmp_path, "a", group(0, 1, 2, **changes))
    recorded(tmp_path, "b", group(3, 4))
    assert found(tmp_path) == [[3, 4]]


def test_a_key_that_a_row_lacks_makes_it_another(tmp_path: Path) -> None:
    config = group(0, 1)
    del config["group"][0]["epochs"]
    recorded(tmp_path, "a", config)
    assert found(tmp_path) == []


def test_a_record_of_a_single_row_is_a_group_of_one(tmp_path: Path) -> None:
    recorded(tmp_path, "a", {"run": ASKED_FOR[2]})
    recorded(tmp_path, "b", {"run": {**ASKED_FOR[3], "epochs": 8}})
    assert found(tmp_path, "run") == [[2]]


@pytest.mark.parametrize(
    "config",
    [
        {"group": []},
        {"group": None},
        {"group": 3},
        {"group": "0"},
        {"group": [None]},
        {"group": [{}]},
        {"group": [{"seed": "zero"}]},
        {"group": [{"seed": 77}]},  # which is no seed any more
        {"run": ASKED_FOR[0]},
        {},
        [],
        None,
    ],
)
def test_a_record_of_something_else_counts_for_nothing(config: object, tmp_path: Path) -> None:
    recorded(tmp_path, "a", config)
    recorded(tmp_path, "b", group(3, 4))
    assert found(tmp_path) == [[3, 4]]


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"[" * 100_000, None])
def test_a_damaged_record_counts_for_nothing(content: bytes | None, tmp_path: Path) -> None:
    damaged = recorded(tmp_path, "a", group(0, 1))
    if content is None:
        damaged.unlink()
        damaged.mkdir()
    else:
        damaged.write_bytes(content)
    recorded(tmp_path, "b", group(3, 4))
    assert found(tmp_path) == [[3, 4]]
