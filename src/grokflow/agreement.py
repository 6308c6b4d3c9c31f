"""Whether what the claims came to in one run of the workflow agrees with the reference.

A claim agrees unless Fisher's exact test tells my share of seeds from the reference's; a number agrees when
my median lies where 95 % of single seeds of the reference are expected. All of it differs when more lines do
than chance gives, or when one does for certain: by Fisher's test, or, of a number, by the ranks of my seeds
among the reference's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from grokflow.artifacts.reference import CLAIMS, COUNTS, Description, Judgement
from grokflow.errors import ArtifactError
from grokflow.statistics import Proportion, compare_proportions, holm

SIGNIFICANT = 0.05
"""For one line: at most this share of them differs by chance."""

BEYOND_CHANCE = 0.01
"""For all lines together: how often chance alone may be called a difference."""

EQUAL = 1e-6
"""Relative: between values of one seed, and how far beyond the end of a spread a median may lie."""

LEAST_ALIKE = 19
"""When n seeds have one value, a further one has another with probability at most 1/(n + 1): 0.05 at 19."""

HOLDING, JUDGED = "seeds that hold", "seeds that could be judged"

NOT_COMPARED = ("device", "threads", "checkpoint_every", "members_at_once", "pairs")
"""Keys of a configuration that change how results are made, and not what they are."""

MOST_NAMED = 3
"""Versions of one kind that are named: results may have been made by many commits."""


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
            reference.folder / CLAIMS,
            expected=f"a claim that {mine.folder / CLAIMS} has too, with the same criterion",
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
    lines = [line for claim in alike for line in _of_claim(claim, mine, reference)]
    only = {why: names for why, names in only.items() if names}
    return Agreement(mine, reference, lines, _common(mine, reference, alike), only)


def other_settings(mine: Description, reference: Description) -> dict[str, list[str]]:
    """For each run, path and sweep that both have and configure differently, what differs."""
    found: dict[str, list[str]] = {}
    for kind in ("runs", "paths", "sweeps"):
        for name in mine[kind].keys() & reference[kind].keys():
            here, there = (each[kind][name]["config"] for each in (mine, reference))
            keys = sorted((here.keys() | there.keys()) - set(NOT_COMPARED))
            differing = [
                f"{key} {_value(here.get(key))}, reference {_value(there.get(key))}"
                for key in keys
                if here.get(key) != there.get(key)
            ]
            if differing:
                found[f"{kind.removesuffix('s')} {name}"] = differing
    return dict(sorted(found.items()))


def of_the_same_setup(mine: Judgement, reference: Judgement) -> Judgement:
    """What `mine` says of the claims that are about the reference's own setup, which may be none.

    Both judge them by one criterion, on runs, paths and sweeps of the same names that are configured alike.
    """
    alike = _alike(mine, reference)
    tables = {
        name: table[table.index.get_level_values("claim").isin(alike)]
        for name in ("claims", "numbers", "outcomes", "measurements")
        for table in [getattr(mine, name)]
    }
    return replace(mine, **tables)


def _alike(mine: Judgement, reference: Judgement) -> list[str]:
    about = "about" in mine.claims and "about" in reference.claims
    if mine.description is None or reference.description is None or not about:
        return []
    other = {name.partition(" ")[2] for name in other_settings(mine.description, reference.description)}
    runs_of_path = {
        name: {str(path["config"].get(end, "")).partition("@")[0] for end in ("from", "to")}
        for name, path in mine.description["paths"].items()
    }
    alike = []
    for claim in mine.claims.index.intersection(reference.claims.index):
        here, there = (each.claims.loc[claim] for each in (mine, reference))
        names = str(here["about"]).split(" against ")
        behind = {run for name in names for run in runs_of_path.get(name, ())}
        same = all(here[key] == there[key] for key in ("about", "criterion"))
        if same and not other.intersection({*names, *behind}):
            alike.append(claim)
    return alike


def other_makers(mine: Description, reference: Description) -> dict[str, str]:
    """For each version, device and number of threads that is not the same, both."""
    here, there = mine["made_with"], reference["made_with"]
    return {
        key: f"{_few(here.get(key))}, reference {_few(there.get(key))}"
        for key in dict.fromkeys([*here, *there])
        if here.get(key) != there.get(key)
    }


def _of_claim(claim: str, mine: Judgement, reference: Judgement) -> Iterator[Line]:
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
    inside = low <= median <= high or _equal(median, low) or _equal(median, high)
    if np.isnan([median, low, high]).any():
        result = "cannot say"
    elif low == high and not inside and reference["seeds"] < LEAST_ALIKE:
        result = f"cannot say with n = {reference['seeds']:.0f}"
    else:
        result = "agrees" if inside else "differs"
    centres = median, np.nan, reference["median"], np.nan
    unit = str(mine["unit"]) if pd.notna(mine["unit"]) else ""
    return Line(claim, number, unit, *centres, low=low, high=high, p=p, result=result)


def _equal(a: Any, b: Any) -> Any:
    return np.isclose(a, b, rtol=EQUAL, atol=0, equal_nan=True)


def _common(mine: Judgement, reference: Judgement, claims: list[str]) -> Common:
    outcomes = _joined(mine.outcomes["outcome"], reference.outcomes["outcome"], claims)
    measurements = _joined(mine.measurements["value"], reference.measurements["value"], claims)
    seeds = set(outcomes.index.get_level_values("seed"))
    differs = (outcomes["mine"] != outcomes["reference"]).to_numpy()
    deviates = ~_equal(measurements["mine"], measurements["reference"])
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


def _few(values: list[Any] | None) -> str:
    return f"{len(values)} different ones" if values and len(values) > MOST_NAMED else _value(values)


def _value(value: Any) -> str:
    return " and ".join(map(str, value)) if isinstance(value, list) else str(value)
