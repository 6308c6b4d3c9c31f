"""The table of claims: each judged on every member, then one verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from grokflow.artifacts.files import write_text
from grokflow.claims.criteria import CRITERIA, Finding, Member, Undecided
from grokflow.config import Claim

COLUMNS = [
    "claim",
    "paper",
    "figure",
    "statement",
    "measured",
    "threshold",
    "seeds_holding",
    "seeds_total",
    "verdict",
]

Subjects = Mapping[str, Mapping[str, Mapping[str, str]]]
"""{"runs": {run: {member: folder}}, "paths": {path: {member: folder}}, "sweeps": {sweep: {sweep: file}}}."""


def judge(claims: Mapping[str, Claim], subjects: Subjects) -> pd.DataFrame:
    """Judge every claim of a configuration; one row of `COLUMNS` each."""
    return pd.DataFrame([_row(name, claim, subjects) for name, claim in claims.items()], columns=COLUMNS)


def verdict(findings: list[Finding | None]) -> str:
    """`reproduced` when the claim holds for every member; `not reproduced` when for at most half of
    the members that could be judged; `inconclusive` between, or when fewer than half could be.
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


def _row(name: str, claim: Claim, subjects: Subjects) -> tuple[object, ...]:
    criterion = CRITERIA[claim.claim or name]
    members = _members(claim.run, claim.path, claim.sweep, subjects)
    others = _members(*_against(claim), None, subjects)
    findings: list[Finding | None] = []
    measured = []
    for member in members.values():
        try:
            if "against" in criterion.subject and member.name not in others:
                raise Undecided(f"{claim.against} has no such member to compare with")
            arguments = [member, *([others[member.name]] if "against" in criterion.subject else [])]
            if claim.run:
                _must_not_have_diverged(arguments, (claim.run, claim.against))
            finding = criterion.judge(*arguments)
            findings.append(finding)
            measured.append(f"{_label(member.name)}: {finding.measured}")
        except Undecided as reason:
            findings.append(None)
            measured.append(f"{_label(member.name)}: {reason}")
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


def _against(claim: Claim) -> tuple[str | None, str | None]:
    return (claim.against, None) if claim.run else (None, claim.against)


def _must_not_have_diverged(runs: Sequence[Member], names: Sequence[str | None]) -> None:
    for run, name in zip(runs, names, strict=False):
        if run.points.get("diverged"):
            raise Undecided(f"{name} diverged at {run.points['diverged']}")


def _members(run: str | None, path: str | None, sweep: str | None, subjects: Subjects) -> dict[str, Member]:
    if sweep:
        table = Path(subjects["sweeps"][sweep][sweep])
        seeds = pd.read_csv(table)["seed"].drop_duplicates().sort_values()
        return {str(seed): Member(str(seed), table) for seed in seeds}
    folders = subjects["runs"][run] if run else subjects["paths"][path] if path else {}
    return {name: Member(name, Path(folder)) for name, folder in folders.items()}


def _label(member: str) -> str:
    return f"seed {member}" if "-" not in member else f"seeds {member}"


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
