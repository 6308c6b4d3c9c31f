"""Every claim judged on every seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

import numpy as np
import pandas as pd

from grokflow.artifacts.results import PathResults, RunResults, SweepResults
from grokflow.claims.criteria import Criterion, Finding, NotJudged, Reason
from grokflow.claims.first_registered import CHANGED, FIRST, first_verdict
from grokflow.claims.own_claims import criterion_of
from grokflow.config import Claim
from grokflow.dynamics import Coincidence, PooledTest, pooled_test
from grokflow.statistics import Proportion

Places = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Where the results lie: {"runs": {run: {seed: folder}}, "paths": {path: {seeds: folder}}, "sweeps":
{sweep: {sweep: file}}}."""

Results: TypeAlias = RunResults | PathResults | pd.DataFrame
"""What a criterion sees of one seed; of a sweep the rows of its table."""

CHANCE = 0.05
"""Largest p, corrected for the number of claims that are tested, at which a change is more than chance."""


@dataclass(frozen=True)
class JudgedSeed:
    """What came out for one seed, or pair of seeds."""

    seed: str
    measured: str
    finding: Finding | None = None
    """None: it could not be judged."""
    reason: Reason | None = None
    """Why it could not be judged."""
    first: bool | None = None
    """Whether the claim held by the criterion as first registered; None: it could not be judged."""
    numbers: tuple[float, ...] = ()
    """The claim's numbers; of a seed that could not be judged only where they are known all the same."""
    changes: Mapping[str, Coincidence] = field(default_factory=dict)
    """What changes at its collapses, where the claim is tested."""

    @property
    def outcome(self) -> str:
        """`holds`, `does not hold` or `not judged`."""
        if self.finding is None:
            return "not judged"
        return "holds" if self.finding.holds else "does not hold"


@dataclass(frozen=True)
class JudgedClaim:
    """A claim with what came out for every seed."""

    name: str
    criterion: Criterion
    figure: str
    seeds: Sequence[JudgedSeed]
    about: str = ""
    """The run, path or sweep, and what it is compared with."""

    @property
    def findings(self) -> list[Finding]:
        """Of the seeds that could be judged."""
        return [seed.finding for seed in self.seeds if seed.finding is not None]

    @property
    def proportion(self) -> Proportion:
        """For how many of the judged seeds the claim holds."""
        return Proportion(sum(finding.holds for finding in self.findings), len(self.findings))

    @property
    def considered(self) -> int:
        """The seeds that the claim is about: without those that lack a point which the claim presupposes."""
        left_out = ("no point", "diverged") if self.criterion.presupposes_points else ()
        return sum(seed.reason not in left_out for seed in self.seeds)

    @property
    def not_judged(self) -> str:
        """How many seeds could not be judged, by reason."""
        counts = Counter(seed.reason for seed in self.seeds if seed.finding is None)
        return ", ".join(f"{count} {reason}" for reason, count in counts.most_common())

    @property
    def is_new(self) -> bool:
        """Whether the claim was not made at first."""
        return self.criterion.id not in FIRST

    @property
    def first(self) -> str | None:
        """The verdict by the criterion and the rule as first registered; None for a new claim."""
        return None if self.is_new else first_verdict([seed.first for seed in self.seeds])

    @cached_property
    def tests(self) -> dict[str, PooledTest]:
        """What changes at collapses, tested over all judged seeds together."""
        changes = [seed.changes for seed in self.seeds if seed.finding is not None]
        return {what: pooled_test([seed[what] for seed in changes]) for what in (changes or [{}])[0]}

    @property
    def p(self) -> float | None:
        """The largest p of its tests, because all that it says must be more than chance; None: not tested.

        1 when one of them could not be made.
        """
        if self.criterion.tested is None:
            return None
        return float(np.max([1.0 if np.isnan(test.p) else test.p for test in self.tests.values()] or [1.0]))

    def values(self, number: int) -> dict[str, float]:
        """One of the claim's numbers, for every seed of which it is known."""
        return {seed.seed: seed.numbers[number] for seed in self.seeds if seed.numbers}


def judge(claims: Mapping[str, Claim], places: Places) -> list[JudgedClaim]:
    """Judge every claim of a configuration on every seed."""
    return [_judge(name, claim, places) for name, claim in claims.items()]


def verdict(claim: JudgedClaim, p: float | None) -> str:
    """The verdict on a claim: see `RULE` in `page.py`.

    Parameters
    ----------
    p : the claim's p after correction; None for a claim that is not tested.
    """
    found, considered = claim.proportion, claim.considered
    decided = str(found.verdict)
    # What if all the seeds that could not be judged had failed, or had shown it?
    at_worst = Proportion(found.holding, considered)
    at_best = Proportion(found.holding + considered - found.judged, considered)
    if decided == "reproduced" and not at_worst.low > 0.5:
        decided = "mostly reproduced"
    if decided == "mostly reproduced" and not at_worst.share > 0.5:
        decided = "undecided"
    if decided == "not reproduced" and not at_best.share < 0.5:
        decided = "undecided"
    if decided in ("reproduced", "mostly reproduced") and p is not None and p > CHANCE:
        decided = "undecided"
    return decided


def _judge(name: str, claim: Claim, places: Places) -> JudgedClaim:
    criterion = criterion_of(name, claim)
    shown = _results(claim, places)
    others = _compared_with(claim, places) if criterion.subject.against else None
    seeds = []
    for seed, results in shown.items():
        arguments = [results] if others is None else [results, others.get(seed)]
        seeds.append(_judge_seed(criterion, claim, seed, arguments))
    about = str(claim.run or claim.path or claim.sweep)
    if criterion.subject.against:
        about += f" against {claim.against}"
    return JudgedClaim(name, criterion, claim.figure or criterion.figure, seeds, about)


def _judge_seed(
    criterion: Criterion, claim: Claim, seed: str, arguments: Sequence[Results | None]
) -> JudgedSeed:
    first = None
    try:
        if arguments[-1] is None:
            raise NotJudged("nothing to compare", f"{claim.against} has no such seed")
        _must_exist(arguments, (claim.run, claim.against))
        first = _first(criterion, arguments)
        _must_be_fitted(arguments)
        finding: Finding = criterion.judge(*arguments)
    except NotJudged as why:
        return JudgedSeed(seed, str(why), reason=why.reason, first=first, numbers=why.numbers)
    changes = {}
    if criterion.tested:
        assert isinstance(arguments[0], RunResults)
        changes = dict(criterion.tested(arguments[0]))
    numbers = finding.numbers
    return JudgedSeed(seed, finding.measured, finding, first=first, numbers=numbers, changes=changes)


def _first(criterion: Criterion, arguments: Sequence[Results | None]) -> bool | None:
    """Whether the claim holds as first registered; None where it could not be judged, or was made later."""
    if criterion.id not in FIRST:
        return None
    try:
        if criterion.id in CHANGED:
            return bool(CHANGED[criterion.id](*arguments))
        return criterion.judge(*arguments).holds
    except NotJudged:
        return None


def _results(claim: Claim, places: Places) -> dict[str, Results]:
    """What the claim is about, by seed or pair of seeds."""
    if claim.sweep:
        sweep = SweepResults(places["sweeps"][claim.sweep][claim.sweep])
        return {str(seed): sweep.of_seed(seed) for seed in sweep.seeds}
    if claim.path:
        return {name: PathResults(place, name) for name, place in places["paths"][claim.path].items()}
    assert claim.run is not None
    return {name: RunResults(place, name) for name, place in places["runs"][claim.run].items()}


def _compared_with(claim: Claim, places: Places) -> dict[str, Results]:
    """What the claim compares with: another run, or another path."""
    kind = "run" if claim.run else "path"
    return _results(Claim.model_validate({kind: claim.against}), places)


def _must_exist(results: Sequence[Results | None], names: Sequence[str | None]) -> None:
    """Refuse a run that diverged and a path that was skipped.

    Raises
    ------
    NotJudged : with the reason.
    """
    for each, name in zip(results, names, strict=False):
        if isinstance(each, RunResults) and each.diverged:
            raise NotJudged("diverged", f"{name} diverged at {each.diverged}")
        if isinstance(each, PathResults) and each.skipped:
            raise NotJudged(_reason_to_skip(each.skipped), each.skipped)


def _reason_to_skip(said: str) -> Reason:
    """Why a path was skipped, from what its record says."""
    if said.startswith("the fit"):
        return "unfinished fit"
    if "in the same epoch" in said:
        return "nothing to compare"
    return "diverged" if "training diverged" in said else "no point"


def _must_be_fitted(results: Sequence[Results | None]) -> None:
    """Refuse a path whose fit ended before it converged.

    Raises
    ------
    NotJudged : with how long it was fitted.
    """
    for each in results:
        if isinstance(each, PathResults) and each.converged is False:
            message = f"the fit had not converged when its budget of {each.fit_epochs} epochs ended"
            raise NotJudged("unfinished fit", message)
