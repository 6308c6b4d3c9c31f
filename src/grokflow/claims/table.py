"""The table of claims: each judged on every seed, then one verdict."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import pandas as pd

from grokflow.artifacts.columns import CLAIMS
from grokflow.artifacts.files import write_text
from grokflow.artifacts.results import PathResults, RunResults, SweepResults
from grokflow.claims.criteria import CRITERIA, Finding, Undecided
from grokflow.config import Claim

Places = Mapping[str, Mapping[str, Mapping[str, str]]]
"""Where the results lie: {"runs": {run: {seed: folder}}, "paths": {path: {seeds: folder}}, "sweeps":
{sweep: {sweep: file}}}."""

Judged: TypeAlias = RunResults | PathResults | pd.DataFrame
"""What a criterion sees of one seed; of a sweep the rows of its table."""

STATEMENT = 75
"""Characters of a claim's statement that `overview` shows."""


def judge(claims: Mapping[str, Claim], places: Places) -> pd.DataFrame:
    """Judge every claim of a configuration; a row of claims.csv each."""
    return pd.DataFrame([_row(name, claim, places) for name, claim in claims.items()], columns=CLAIMS)


def verdict(findings: list[Finding | None]) -> str:
    """Of the seeds that could be judged: `reproduced` when the claim holds for all, `not reproduced` when it
    holds for at most half; `inconclusive` between, or when fewer than half of all seeds could be judged.
    """
    judged = [finding.holds for finding in findings if finding is not None]
    if not judged or 2 * len(judged) < len(findings):
        return "inconclusive"
    if all(judged):
        return "reproduced"
    return "not reproduced" if 2 * sum(judged) <= len(judged) else "inconclusive"


def write_claims(rows: pd.DataFrame, *, csv: str | Path, markdown: str | Path) -> None:
    """Write the table for machines and for readers."""
    write_text(csv, rows.to_csv(index=False, lineterminator="\n"))
    write_text(markdown, _markdown(rows))


def overview(csv: str | Path) -> str:
    """The table of claims in short, for a terminal: how many have which verdict, then a line for each."""
    rows = pd.read_csv(csv, dtype=str)
    if rows.empty:
        return "No claims were asked for."
    counts = ", ".join(f"{count} {verdict}" for verdict, count in rows["verdict"].value_counts().items())
    names, verdicts = (rows[column].str.len().max() for column in ("claim", "verdict"))
    lines = [
        f"  {row.claim:<{names}}  {row.verdict:<{verdicts}}  {row.seeds_holding} of {row.seeds_total}  "
        + textwrap.shorten(row.statement, STATEMENT, placeholder=" …")
        for row in rows.itertuples()
    ]
    return "\n".join([f"Claims, and for how many seeds each holds: {counts}.", *lines])


def _row(name: str, claim: Claim, places: Places) -> tuple[object, ...]:
    criterion = CRITERIA[claim.claim or name]
    shown = _results(claim, places)
    others = _compared_with(claim, places) if criterion.subject.against else None
    findings: list[Finding | None] = []
    measured = []
    for seed, results in shown.items():
        try:
            arguments = [results]
            if others is not None:
                if seed not in others:
                    raise Undecided(f"{claim.against} has no such seed to compare with")
                arguments.append(others[seed])
            _must_exist(arguments, (claim.run, claim.against))
            finding = criterion.judge(*arguments)
            findings.append(finding)
            measured.append(f"{_label(seed)}: {finding.measured}")
        except Undecided as reason:
            findings.append(None)
            measured.append(f"{_label(seed)}: {reason}")
    return (
        name,
        criterion.paper,
        claim.figure or criterion.figure,
        criterion.statement,
        "; ".join(measured),
        criterion.threshold,
        sum(finding is not None and finding.holds for finding in findings),
        len(findings),
        verdict(findings),
    )


def _results(claim: Claim, places: Places) -> dict[str, Judged]:
    """What the claim is about, by seed or pair of seeds."""
    if claim.sweep:
        sweep = SweepResults(places["sweeps"][claim.sweep][claim.sweep])
        return {str(seed): sweep.of_seed(seed) for seed in sweep.seeds}
    if claim.path:
        return {name: PathResults(place, name) for name, place in places["paths"][claim.path].items()}
    assert claim.run is not None
    return {name: RunResults(place, name) for name, place in places["runs"][claim.run].items()}


def _compared_with(claim: Claim, places: Places) -> dict[str, Judged]:
    """What the claim compares with: another run, or another path."""
    kind = "run" if claim.run else "path"
    return _results(Claim.model_validate({kind: claim.against}), places)


def _must_exist(results: Sequence[Judged], names: Sequence[str | None]) -> None:
    """Refuse a run that diverged and a path that was skipped.

    Raises
    ------
    Undecided : with the reason.
    """
    for each, name in zip(results, names, strict=False):
        if isinstance(each, RunResults) and each.diverged:
            raise Undecided(f"{name} diverged at {each.diverged}")
        if isinstance(each, PathResults) and each.skipped:
            raise Undecided(each.skipped)


def _label(seeds: str) -> str:
    return f"seed {seeds}" if "-" not in seeds else f"seeds {seeds}"


def _markdown(rows: pd.DataFrame) -> str:
    lines = [
        "# Claims",
        "",
        "Statements are the papers', thresholds were fixed in code beforehand, numbers are as measured.",
        "",
        "| claim | verdict | holds | statement |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row.claim} | **{row.verdict}** | {row.seeds_holding} of {row.seeds_total} | {row.statement} |"
        for row in rows.itertuples()
    ]
    for row in rows.itertuples():
        lines += ["", f"## {row.claim}: {row.verdict}", "", str(row.statement), ""]
        lines += [
            f"- Counts as holding: {row.threshold}.",
            f"- Drawn in: {row.figure}.",
            "- Measured:",
        ]
        lines += [f"  - {part}" for part in str(row.measured).split("; seed")[:1]]
        lines += [f"  - seed{part}" for part in str(row.measured).split("; seed")[1:]]
    return "\n".join(lines) + "\n"
