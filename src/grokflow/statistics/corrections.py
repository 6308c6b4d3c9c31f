"""Tests that decide several claims at once, corrected together."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Holm's step-down correction: p values that may be compared with 0.05 whatever their number.

    A NaN, of a test that could not be made, stays NaN and does not count. The order is kept. Source: Holm,
    "A simple sequentially rejective multiple test procedure", 1979.

    >>> holm({"a": 0.01, "b": 0.04})
    {'a': 0.02, 'b': 0.04}
    """
    from statsmodels.stats.multitest import multipletests

    made = {name: p for name, p in p_values.items() if not np.isnan(p)}
    corrected = multipletests(list(made.values()), method="holm")[1] if made else []
    return dict.fromkeys(p_values, float("nan")) | {
        name: float(p) for name, p in zip(made, corrected, strict=True)
    }
