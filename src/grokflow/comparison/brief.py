"""The comparison of results with the reference run in brief: one sentence, and a word for each claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from grokflow.artifacts.results import is_miniature
from grokflow.comparison.agreement import Agreement, compare
from grokflow.comparison.reference import CLAIMS_FILE, read_judgement
from grokflow.comparison.setups import of_the_same_setup
from grokflow.errors import ArtifactError


@dataclass(frozen=True, eq=False)
class BriefComparison:
    """Results beside the reference run."""

    sentence: str
    """What all claims say together, or why they are not compared."""
    agreement: Agreement | None = None
    """Of the claims that are about the reference's own setup; None: nothing is compared."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Claims that are not compared, where others could be, each with the reason in a few words."""
    miniature: bool = False
    """Whether the claims are about a miniature, and so about no paper."""


def with_reference(results: str | Path, reference: str | Path) -> BriefComparison:
    """Compare what the results say about the reference run's own setup with it, if there is anything.

    A table or a record that is missing or damaged is told in the sentence.
    """
    try:
        if is_miniature(results):
            sentence = "These claims are about a miniature, and say nothing about any paper."
            return BriefComparison(sentence, miniature=True)
        if not (Path(reference) / CLAIMS_FILE).is_file():
            return BriefComparison("There is no reference run to compare with.")
        mine = read_judgement(results, mend="Run the workflow: it judges the claims.")
        theirs = read_judgement(reference, mend="Name another reference, or write it anew.")
        alike = of_the_same_setup(mine, theirs)
        agreement = None if alike.claims.empty else compare(alike, theirs)
    except ArtifactError as error:
        return BriefComparison(f"Not compared with the reference run: {error}")
    known = set(theirs.claims.index)
    left_out = {
        claim: "not compared: another setup" if claim in known else "not in the reference"
        for claim in mine.claims.index.difference(alike.claims.index, sort=False)
    }
    if agreement is None:
        sentence = "Not compared with the reference run: no claim is about a setup that it has."
        return BriefComparison(sentence, left_out=left_out)
    of = f"{len(alike.claims)} of {len(mine.claims)} claims are about the reference run's setup. "
    return BriefComparison(f"{of if left_out else ''}{_together(agreement)}", agreement, left_out)


def _together(agreement: Agreement) -> str:
    """What all lines say together."""
    if agreement.verdict == "cannot say":
        return "Too few seeds to tell these results from the reference run's."
    verb = {"agrees": "agree with", "differs": "differ from"}[agreement.verdict]
    shown = len(agreement.differing)
    shows = f"{shown or 'none'} {'shows' if shown < 2 else 'show'} one"
    by_number = f"by chance alone, more than {agreement.most_by_chance} would in one report of 100"
    certain = f"; not by chance: {', '.join(agreement.certain)}" if agreement.certain else ""
    return (
        f"These results {verb} the reference run: of {len(agreement.decided)} comparisons with enough seeds "
        f"to show a difference, {shows} ({by_number}{certain})."
    )
