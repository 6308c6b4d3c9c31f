"""The design of a sweep: which combinations of the varied keys are trained.

All of a grid, some drawn at random, or those in which one key at a time leaves its base value.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

from grokflow.config.schema import Range, Sweep
from grokflow.randomness import generator


def combinations(sweep: Sweep) -> int:
    """How many there are at most, or are drawn, without making them."""
    if sweep.draws is not None:
        return sweep.draws
    lengths = [len(values) for values in sweep.vary.values() if isinstance(values, list)]
    return sum(lengths) if sweep.one_at_a_time else math.prod(lengths)


def settings_of_sweep(sweep: Sweep, base: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The varied keys of each combination that is trained, each combination once.

    Parameters
    ----------
    base : the value of each key while another one is varied; read of a sweep over one key at a time.
    """
    if sweep.one_at_a_time:
        alone = [
            {**base, key: value}
            for key, values in sweep.vary.items()
            if isinstance(values, list)
            for value in values
        ]
        return list({tuple(settings.values()): settings for settings in alone}.values())
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
