"""One line of a comparison: a claim's seeds, or one of its numbers, against the reference's.

A claim agrees unless Fisher's exact test tells my share of seeds from the reference's; a number agrees when
my median lies where 95 % of single seeds of the reference are expected.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from grokflow.comparison.reference import COUNTS, Judgement
from grokflow.statistics import Proportion, compare_proportions

SIGNIFICANT = 0.05
"""For one line: at most this share of them differs by chance."""

EQUAL = 1e-6
"""Relative: between values of one seed, and how far beyond the end of a spread a median may lie."""

LEAST_ALIKE = 19
"""When n seeds have one value, a further one has another with probability at most 1/(n + 1): 0.05 at 19."""

HOLDING, JUDGED = "seeds that hold", "seeds that could be judged"


@dataclass(frozen=True)
class Line:
    """One comparison: of a claim's seeds, or of one of its numbers."""

    claim: str
    what: str
    """HOLDING or JUDGED, which are proportions, or the name of a number."""
    unit: str
    """Of a number; empty for a proportion, and for a number that has none."""
    mine: float
    """How many seeds; of a number the median, NaN if no seed has one."""
    mine_of: float
    """Of how many seeds; NaN for a number."""
    reference: float
    reference_of: float
    low: float
    """Where 95 % of single seeds of the reference are expected; NaN for a proportion, and if unknown."""
    high: float
    p: float
    """Of Fisher's exact test, or of the Mann–Whitney test of a number; NaN where nothing was judged."""
    result: str
    """`agrees`, `differs`, `not judged`, `cannot say`, or `cannot say with n = 3`."""

    @property
    def decided(self) -> bool:
        """Whether the two could have been told apart."""
        return self.result in ("agrees", "differs")

    @property
    def differs(self) -> bool:
        """Whether they were."""
        return self.result == "differs"

    @property
    def name(self) -> str:
        """Claim and number, for a sentence."""
        return f"{self.claim} ({self.what})"


def lines_of_claim(claim: str, mine: Judgement, reference: Judgement) -> Iterator[Line]:
    """Whether it holds, whether it could be judged, and each of its numbers that both have."""
    counts = [{key: int(each.claims.loc[claim, key]) for key in COUNTS} for each in (mine, reference)]
    holding, judged = (
        [Proportion(each[k], each[n]) for each in counts]
        for k, n in (("holding", "judged"), ("judged", "seeds"))
    )
    yield _proportion(claim, HOLDING, *holding)
    if any(each.holding < each.judged for each in judged):  # else there is nothing to tell apart
        yield _proportion(claim, JUDGED, *judged)
    for key in mine.numbers.index[mine.numbers.index.isin([claim], level="claim")]:
        if key in reference.numbers.index:
            p = _rank_test(*(_values_of(each, key) for each in (mine, reference)))
            yield _of_number(claim, key[1], mine.numbers.loc[key], reference.numbers.loc[key], p)


def _proportion(claim: str, what: str, mine: Proportion, reference: Proportion) -> Line:
    p = np.nan
    if not mine.judged or not reference.judged:
        result = "not judged"
    else:
        compared = compare_proportions(mine, reference)
        p = compared.p
        if compared.smallest_p > SIGNIFICANT:
            result = f"cannot say with n = {min(mine.judged, reference.judged)}"
        else:
            result = "differs" if p <= SIGNIFICANT else "agrees"
    counts = mine.holding, mine.judged, reference.holding, reference.judged
    return Line(claim, what, "", *counts, low=np.nan, high=np.nan, p=p, result=result)


def _values_of(judged: Judgement, number: tuple[str, str]) -> np.ndarray:
    """The value of every seed that has one."""
    measured = judged.measurements["value"]
    values = measured[measured.index.droplevel("seed").isin([number])].to_numpy(float)
    return values[~np.isnan(values)]


def _rank_test(mine: np.ndarray, reference: np.ndarray) -> float:
    """The p of the Mann–Whitney test, two-sided; NaN where one of the two has no value.

    Exact, so that it holds for three seeds; with ties by the normal approximation.
    """
    from scipy.stats import mannwhitneyu

    both = np.concatenate([mine, reference])
    if not (len(mine) and len(reference)):
        return float("nan")
    different = len(np.unique(both))
    if different == 1:
        return 1.0
    method = "exact" if different == len(both) else "asymptotic"
    return float(mannwhitneyu(mine, reference, method=method).pvalue)


def _of_number(claim: str, number: str, mine: pd.Series, reference: pd.Series, p: float) -> Line:
    median, low, high = mine["median"], reference["spread_low"], reference["spread_high"]
    inside = low <= median <= high or equal(median, low) or equal(median, high)
    if np.isnan([median, low, high]).any():
        result = "cannot say"
    elif low == high and not inside and reference["seeds"] < LEAST_ALIKE:
        result = f"cannot say with n = {reference['seeds']:.0f}"
    else:
        result = "agrees" if inside else "differs"
    centres = median, np.nan, reference["median"], np.nan
    unit = str(mine["unit"]) if pd.notna(mine["unit"]) else ""
    return Line(claim, number, unit, *centres, low=low, high=high, p=p, result=result)


def equal(a: Any, b: Any) -> Any:
    """Whether values of one seed are the same but for rounding; so are two NaN."""
    return np.isclose(a, b, rtol=EQUAL, atol=0, equal_nan=True)
