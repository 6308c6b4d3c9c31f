"""The design of a sweep: which combinations of the varied keys are trained, a grid or some at random."""

from __future__ import annotations

import itertools
import math
from typing import Any

from grokflow.config.schema import Range, Sweep
from grokflow.randomness import generator


def combinations(sweep: Sweep) -> int:
    """How many there are, or are drawn, without making them."""
    if sweep.draws is not None:
        return sweep.draws
    return math.prod(len(values) for values in sweep.vary.values() if isinstance(values, list))


def settings_of_sweep(sweep: Sweep) -> list[dict[str, Any]]:
    """The varied keys of each combination: all of a grid, or those drawn, each once."""
    if sweep.draws is None:
        grids = [values for values in sweep.vary.values() if not isinstance(values, Range)]
        return [dict(zip(sweep.vary, values, strict=True)) for values in itertools.product(*grids)]
    columns = [_drawn(key, values, sweep) for key, values in sweep.vary.items()]
    drawn = dict.fromkeys(zip(*columns, strict=True))
    return [dict(zip(sweep.vary, values, strict=True)) for values in drawn]


def _drawn(key: str, values: list[Any] | Range, sweep: Sweep) -> list[Any]:
    """The values of one key; each key has draws of its own, so that another one changes none."""
    random = generator(sweep.design_seed, f"design/{key}")
    shares = random.random(sweep.draws).tolist()
    if isinstance(values, list):
        return [values[int(share * len(values))] for share in shares]
    low, high = values.low, values.high
    whole = isinstance(low, int) and isinstance(high, int)
    if whole:
        high += 1
    if values.scale == "log":
        drawn = [low * (high / low) ** share for share in shares]
    else:
        drawn = [low + (high - low) * share for share in shares]
    # Four digits: what a reader sees in a table is what was trained.
    return [int(value) if whole else float(f"{value:.4g}") for value in drawn]
