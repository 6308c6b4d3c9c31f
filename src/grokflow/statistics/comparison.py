"""Whether two proportions of seeds differ: Fisher's exact test."""

from __future__ import annotations

from dataclasses import dataclass

from grokflow.statistics.proportion import Proportion


@dataclass(frozen=True)
class Comparison:
    """The two-sided p of Fisher's exact test, and how small it could have come out."""

    p: float
    smallest_p: float
    """Over every number of seeds of mine that might have held. Above 0.05, so few seeds cannot differ."""


def compare_proportions(mine: Proportion, reference: Proportion) -> Comparison:
    """Whether my share of seeds differs from the reference's by more than chance; p is 1 where one is empty.

    >>> compare_proportions(Proportion(0, 2), Proportion(8, 8)).p < 0.05
    True
    """

    def p(holding: int) -> float:
        from scipy.stats import fisher_exact

        here = [holding, mine.judged - holding]
        there = [reference.holding, reference.judged - reference.holding]
        return float(fisher_exact([here, there]).pvalue)

    return Comparison(p(mine.holding), min(map(p, range(mine.judged + 1))))
