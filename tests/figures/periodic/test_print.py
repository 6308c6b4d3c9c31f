"""Paper P's figures for a journal's page: nothing runs off it, and no heading lies on another."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from layouts import assert_apart, assert_on_the_page, boxes_of

from grokflow.config import Reference
from grokflow.figures.page import on_page
from grokflow.figures.shown import Shown

OF_RUNS = [
    "accuracy_and_loss",
    "ray",
    "block",
    "collapses",
    "effective_statistics",
    "periods",
    "invariance",
    "weight_norm",
]

NAMES = {"a": "two-layer LayerNorm model with scale-invariant attention", "b": "one-layer LayerNorm model"}


@pytest.mark.parametrize("kind", [*OF_RUNS, "sweep", "variance"])
@pytest.mark.parametrize("style", ["column", "two_columns"])
@pytest.mark.parametrize("count", [2, 8])
def test_nothing_runs_off_a_printed_page(records: Any, kind: str, style: str, count: int) -> None:
    if kind in OF_RUNS:
        settings = {"a": {"model": {"layers": 2}}, "b": {"collapses": ((150, None),)}}
        of = {
            f"{run}/{seed}": records.run(run, seed, **settings[run]) for run in "ab" for seed in range(count)
        }
    else:
        keys = ["dataset.split_seed", "run.order_seed"] if kind == "variance" else ["dataset.train_fraction"]
        rows = [
            {
                **dict.fromkeys(keys, 0.1),
                key: value,
                "seed": seed,
                "point_2": None if value == 0.3 else 150 + seed,
            }
            for key in keys
            for value in (0.2, 0.3, 0.5)
            for seed in range(1 if kind == "variance" else count)
        ]
        of = {"sweep": str(records.sweep("sweep", rows))}
    with on_page(style):
        picture = importlib.import_module(f"grokflow.figures.{kind}").draw(
            Shown(of, Reference(), names=NAMES)
        )
    assert_on_the_page(picture)
    headings = [axes._left_title for axes in picture.subfigs[0].axes if axes.get_title(loc="left")]
    assert_apart(boxes_of(picture, headings))
    assert not picture.subfigs[1].texts  # the notes are for the caption
