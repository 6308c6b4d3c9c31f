"""Whether what the claims came to in one run of the workflow agrees with the reference.

It differs when more lines do than chance gives, or when one does for certain: by Fisher's test, or, of a
number, by the ranks of my seeds among the reference's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pandas as pd

from grokflow.comparison.lines import SIGNIFICANT, Line, equal, lines_of_claim
from grokflow.comparison.reference import CLAIMS_FILE, Judgement
from grokflow.errors import ArtifactError
from grokflow.statistics import holm

Verdict = Literal["agrees", "differs", "cannot say"]

BEYOND_CHANCE = 0.01
"""For all lines together: how often chance alone may be called a difference."""


@dataclass(frozen=True)
class Common:
    """What came of the seeds that both have. A seed counts once for each claim, and for each number."""

    seeds: list[str]
    outcomes: int
    other_outcomes: list[str]
    """A sentence for each."""
    measurements: int
    other_measurements: list[str]


@dataclass(frozen=True, eq=False)
class Agreement:
    """All comparisons of two judgements."""

    mine: Judgement
    reference: Judgement
    lines: list[Line]
    common: Common
    only: dict[str, list[str]]
    """Why claims or numbers are not compared, and which."""

    @cached_property
    def decided(self) -> list[Line]:
        """Lines that can be decided."""
        return [line for line in self.lines if line.decided]

    @cached_property
    def differing(self) -> list[Line]:
        """Lines that differ."""
        return [line for line in self.lines if line.differs]

    @property
    def by_chance(self) -> float:
        """How many lines differ by chance on average, at most."""
        return SIGNIFICANT * len(self.decided)

    @cached_property
    def most_by_chance(self) -> int:
        """What chance exceeds in at most 1 of 100 comparisons, were the lines independent."""
        from scipy.stats import binom

        return int(binom.ppf(1 - BEYOND_CHANCE, len(self.decided), SIGNIFICANT)) if self.decided else 0

    @cached_property
    def certain(self) -> dict[str, float]:
        """Lines that differ whatever the others do, with their p, corrected by Holm."""
        p = holm({line.name: line.p for line in self.decided if not np.isnan(line.p)})
        return {name: value for name, value in p.items() if value <= BEYOND_CHANCE}

    @property
    def can_say(self) -> bool:
        """Whether enough lines can be decided to call it a difference if all of them differed."""
        return len(self.decided) > self.most_by_chance or bool(self.certain)

    @property
    def differs(self) -> bool:
        """Whether more lines differ than chance gives, or one differs for certain."""
        return len(self.differing) > self.most_by_chance or bool(self.certain)

    @property
    def verdict(self) -> Verdict:
        """What all lines say together."""
        if self.differs:
            return "differs"
        return "agrees" if self.can_say else "cannot say"

    def lines_of(self, claim: str) -> list[Line]:
        """The lines of one claim."""
        return [line for line in self.lines if line.claim == claim]

    def verdict_of(self, claim: str) -> Verdict:
        """Whether any line of a claim differs, or else can be decided."""
        lines = self.lines_of(claim)
        if any(line.differs for line in lines):
            return "differs"
        return "agrees" if any(line.decided for line in lines) else "cannot say"


def compare(mine: Judgement, reference: Judgement) -> Agreement:
    """Compare every claim that both judge by the same criterion, and its numbers.

    Raises
    ------
    ArtifactError : when there is none.
    """
    both = [claim for claim in mine.claims.index if claim in reference.claims.index]
    criteria = mine.claims["criterion"], reference.claims["criterion"]
    alike = [claim for claim in both if criteria[0][claim] == criteria[1][claim]]
    if not alike:
        raise ArtifactError(
            reference.folder / CLAIMS_FILE,
            expected=f"a claim that {mine.folder / CLAIMS_FILE} has too, with the same criterion",
            found=", ".join(reference.claims.index) or "no claim",
            mend="Make both with the same version of grokflow, or name another folder with --reference.",
        )
    numbers = [set(each.numbers.index) for each in (mine, reference)]
    compared = {number for number in numbers[0] | numbers[1] if number[0] in alike}
    only = {
        "Only here": [claim for claim in mine.claims.index if claim not in both],
        "Only in the reference": [claim for claim in reference.claims.index if claim not in both],
        "Judged by another criterion": [claim for claim in both if claim not in alike],
        "Numbers only here": [f"{c} ({n})" for c, n in sorted(compared - numbers[1])],
        "Numbers only in the reference": [f"{c} ({n})" for c, n in sorted(compared - numbers[0])],
    }
    lines = [line for claim in alike for line in lines_of_claim(claim, mine, reference)]
    only = {why: names for why, names in only.items() if names}
    return Agreement(mine, reference, lines, _common(mine, reference, alike), only)


def _common(mine: Judgement, reference: Judgement, claims: list[str]) -> Common:
    outcomes = _joined(mine.outcomes["outcome"], reference.outcomes["outcome"], claims)
    measurements = _joined(mine.measurements["value"], reference.measurements["value"], claims)
    seeds = set(outcomes.index.get_level_values("seed"))
    differs = (outcomes["mine"] != outcomes["reference"]).to_numpy()
    deviates = ~equal(measurements["mine"], measurements["reference"])
    return Common(
        seeds=sorted(seeds, key=lambda seed: (len(seed), seed)),
        outcomes=len(outcomes),
        other_outcomes=[
            f"{claim}, seed {seed}: {here}, reference {there}"
            for (claim, seed), here, there in outcomes[differs].itertuples()
        ],
        measurements=len(measurements),
        other_measurements=[
            f"{claim}, seed {seed}, {number}: {here:.6g}, reference {there:.6g}"
            for (claim, number, seed), here, there in measurements[deviates].itertuples()
        ],
    )


def _joined(mine: pd.Series, reference: pd.Series, claims: list[str]) -> pd.DataFrame:
    """What both have of these claims: the columns `mine` and `reference`."""
    mine = mine[mine.index.isin(claims, level="claim")]
    return mine.to_frame("mine").join(reference.rename("reference"), how="inner")
