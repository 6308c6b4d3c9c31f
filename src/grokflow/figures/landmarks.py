"""Where something stands on the curve of a path: what a t printed by a paper is compared with."""

from __future__ import annotations

import numpy as np

from grokflow.figures.shown import ShownPath

PLATEAU = 0.01
"""The validation error of a plateau is at most this."""

LARGEST, LOWEST, PLATEAU_FROM = (
    "of the largest train error",
    "of the lowest validation error",
    f"from which the validation error stays at most {PLATEAU:g}",
)


def landmark_of(path: ShownPath, column: str) -> str:
    """Which t is taken of a column on such a path, in words.

    Between the same point of two seeds the validation error has its minimum inside; from point 1 to
    point 2 it falls to a plateau.
    """
    if column == "validation_error":
        return LOWEST if path.record["from"]["point"] == path.record["to"]["point"] else PLATEAU_FROM
    split = column.partition("_")[0]
    return {"train_error": LARGEST}.get(
        column, f"of the {'lowest' if split == 'validation' else 'largest'} {column}"
    )


def place_of(path: ShownPath, column: str) -> float | None:
    """The t of the column's landmark; infinite without a plateau, None where a curve is constant.

    Of several t that share an extreme it is their middle, as in the claims about it.
    """
    t, values = (path.metrics[name].to_numpy(float) for name in ("t", column))
    landmark = landmark_of(path, column)
    if landmark == PLATEAU_FROM:
        above = np.flatnonzero(values > PLATEAU)
        first = above[-1] + 1 if len(above) else 0
        return float(t[first]) if first < len(t) else float("inf")
    if values.min() == values.max():
        return None
    shared = t[values == (values.max() if "largest" in landmark else values.min())]
    return float(shared[0] + shared[-1]) / 2
