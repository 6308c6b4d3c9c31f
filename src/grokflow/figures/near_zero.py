"""A logarithmic axis on which zero has a place: for what is claimed to be nearly nothing."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes


def scale_near_zero(axes: Axes, values: np.ndarray) -> None:
    """Decades of the positive `values` on the y axis, and zero below the smallest of them.

    Without a positive value the axis stays as it is.
    """
    positive = values[np.isfinite(values) & (values > 0)]
    if not len(positive):
        return
    low, high = int(np.floor(np.log10(positive.min()))), int(np.floor(np.log10(positive.max())))
    smallest = 10.0**low
    axes.set_yscale("symlog", linthresh=smallest, linscale=0.4)
    axes.set_ylim(-smallest / 3, max(2 * positive.max(), 2 * smallest))
    powers = range(low, high + 1)
    axes.set_yticks([0, *(10.0**power for power in powers)], ["0", *(f"{10.0**p:g}" for p in powers)])
    axes.minorticks_off()
