"""The claims as a page for readers (claims.md), and in short for a terminal."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from grokflow.claims.judging import CHANCE
from grokflow.claims.tables import ClaimTables
from grokflow.statistics import HALF, NEARLY_ALL, Proportion

RULE = """\
A claim is judged on each seed (or pair of seeds) by its criterion{registered}. The verdict is about seeds:

- **Holds for** k of n: of the n seeds that could be judged, k meet the criterion. In brackets stands the
  95 % Wilson interval of the share of all seeds that do. Three of three is 0.44 to 1.
- **Verdict**: *reproduced* if the interval's lower end is at least 0.9, *mostly reproduced* if it is
  above one half, *not reproduced* if the upper end is below one half. Anything else is *undecided*; the
  number of seeds that would decide is given, should all of them be judged and the share stay as it is.
- Seeds that could not be judged may not carry a verdict. If they counted as failures, a reproduced claim
  must still have a lower end above one half, else it is mostly reproduced; and a mostly reproduced one must
  still hold for more than half of the seeds, else it is undecided. If they counted as successes, a claim
  that is not reproduced must still hold for less than half, else it is undecided. A claim about what lies
  between points 1 and 2 is about the seeds that have these points: those with *no point*, and those that
  diverged, do not count here.
- A claim about what changes at collapses is only reproduced, or mostly, if the change, averaged over all
  seeds, is also larger than at rotated places: p ≤ 0.05 after Holm's correction for the number of such
  claims. Where it is not, or where there is nothing to test (p is 1), such a claim is undecided. The least p
  that this test can give is 1 in 10 000, times the number of such claims.
- **Not judged** is a seed that *diverged*; whose training ended before the answer was known (*censored*);
  that has *no point* 1 or 2 where the claim needs one; whose path has an *unfinished fit*; or that has
  *nothing to compare*, such as collapses.
- **Audit** (P8): log p with one group of weights scaled, against log p itself; invariant if no log p changes
  by more than the tolerance in the configuration, 1e-9 if none is given.
- **Effect** is the number that the claim is about: its median over the judged seeds, and over those whose
  training ended too early as far as it is known, in brackets with a 95 % bootstrap interval (BCa; none for
  fewer than six seeds). ∞ stands for what was not reached before training ended.
- **95 % of seeds**: where one more seed is expected, with a probability of 95 %; for fewer than 40 seeds by a
  normal distribution, which may reach beyond what is possible.
{paper}- **As first registered**: the verdict on these runs and fits by the first criteria and their rule:
  *reproduced* if it holds for every judged seed, *not reproduced* if for at most half of them,
  *inconclusive* if between, or if fewer than half of the seeds could be judged.
"""

MINIATURE = """\
**These claims are about a miniature**: small datasets and models that train briefly (`miniature: true` in the
configuration). They show that every step of the workflow runs. They say nothing about any paper.

"""

REGISTERED = """\
, which was registered before any seed of
the reference run was trained (`docs/registration.md`)"""

REGISTERED_OR_OWN = """\
. Those of the papers were registered before any
seed of the reference run was trained (`docs/registration.md`); a claim of your own has yours"""

OF_PAPER = """\
- **Paper**: the number that the paper printed for its one seed. Its percentile among our seeds says
  whether it is typical: 50 is the middle, 0 below all of them, 100 above all.
"""

NONE_JUDGED = "none judged"
"""In place of a share of seeds."""

WIDTH = 110
"""Most characters in a line of `overview`."""

PAPERS_VALUE = r" \(paper: [^)]*\)"
"""What statements say of a paper's own seed."""

FEW_SEEDS = 6
"""Seeds up to which every one is written on the page; of more, those for which the claim does not hold."""


def of_a_miniature(tables: ClaimTables) -> ClaimTables:
    """The tables without what a paper printed, with which a miniature has nothing to do."""
    statements = tables.claims["statement"].str.replace(PAPERS_VALUE, "", regex=True)
    statements = statements.str.replace(" as in the paper", " unchanged")
    return tables._replace(
        claims=tables.claims.assign(statement=statements),
        numbers=tables.numbers.assign(paper=None, percentile=None),
    )


def page(tables: ClaimTables, *, miniature: bool = False) -> str:
    """claims.md."""
    effects = tables.numbers.drop_duplicates("claim").set_index("claim")
    has_own = (tables.claims["paper"] == "own").any()
    registered = REGISTERED_OR_OWN if has_own else REGISTERED
    rule = RULE.format(paper="" if miniature else OF_PAPER, registered=registered)
    lines = ["# Claims of a miniature", "", MINIATURE + rule] if miniature else ["# Claims", "", rule]
    if tables.claims.empty:
        return "\n".join([*lines, "No claims were asked for."]) + "\n"
    headings = ["claim", "verdict", "holds for", "not judged", "effect", "paper", "as first registered"]
    lines += _head(headings, miniature)
    for row in tables.claims.itertuples():
        effect = effects.loc[row.claim]
        cells = [
            f"[{row.claim}](#{_anchor(row)})",
            f"**{row.verdict}**{_needed(row.needed)}",
            written_share(row),
            row.not_judged or "–",
            f"{effect['number']}: {located(effect)}",
            *([] if miniature else [_papers(tables.numbers[tables.numbers["claim"] == row.claim])]),
            _first(row),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    for row in tables.claims.itertuples():
        lines += ["", f"## {_heading(row)}", "", str(row.statement), ""]
        left_out = f"; not judged: {row.not_judged}" if row.not_judged else ""
        lines += [
            f"- Judged on {_about(row)}. Drawn in {row.figure}.",
            f"- Criterion: {row.criterion}.",
            f"- Holds for: {written_share(row)}{left_out}.",
        ]
        if row.considered < row.seeds:
            lines.append(f"- Is about the {row.considered} of {row.seeds} that have their points.")
        if not pd.isna(row.p):
            lines.append(f"- Changes at collapses against rotated places: p = {row.p:.2g} (corrected).")
        if why := _why_less(row):
            lines.append(f"- {why}.")
        lines += ["", *_number_lines(tables.numbers[tables.numbers["claim"] == row.claim], miniature), ""]
        lines += _seed_lines(tables.seeds[tables.seeds["claim"] == row.claim])
    return "\n".join(lines) + "\n"


def overview(csv: str | Path, agreement: Mapping[str, str] | None = None, *, miniature: bool = False) -> str:
    """The table of claims in short, for a terminal: how many have which verdict, then a line for each.

    Parameters
    ----------
    agreement : of each claim that has one, whether it came out as in the reference.
    miniature : whether the claims are about a miniature, and so about no paper.
    """
    rows = pd.read_csv(csv, dtype=str)
    if rows.empty:
        return "No claims were asked for."
    counts = ", ".join(f"{count} {verdict}" for verdict, count in rows["verdict"].value_counts().items())
    names, verdicts = (rows[column].str.len().max() for column in ("claim", "verdict"))
    third = ", and whether as in the reference run" if agreement else ""
    whose = "Claims of a miniature, which say nothing about any paper" if miniature else "Claims"
    lines = [f"{whose}: {counts}. Seeds holding of judged [95 %]{third}:"]
    widest = max(map(len, agreement.values())) if agreement else 0
    for row in rows.itertuples():
        of_seeds = written_interval(float(row.low), float(row.high)) if int(row.judged) else row.not_judged
        share = f"{row.holding:>2} of {row.judged:<2} {of_seeds}"
        start = f"  {row.claim:<{names}}  {row.verdict:<{verdicts}}  {share}  "
        start += f"{agreement.get(row.claim, '–'):<{widest}}  " if agreement else ""
        room = max(WIDTH - len(start), 10)
        lines.append(start + textwrap.shorten(str(row.statement), room, placeholder=" …"))
    return "\n".join(lines)


def written_interval(low: float, high: float) -> str:
    """The interval of a share in two digits, such as `[0.44, 1.00]`.

    An end that two digits would put on the other side of a bound of the rule has three: 0.898, not 0.90.
    """
    return f"[{_end(low)}, {_end(high)}]"


def written_share(row: Any) -> str:
    """How many of the judged seeds a row of claims.csv holds for, with the interval of the share."""
    if not row.judged:
        return NONE_JUDGED
    return f"{row.holding} of {row.judged} {written_interval(row.low, row.high)}"


def located(row: pd.Series) -> str:
    """The median of a number with its interval and unit, such as `2727 [1980, 3105] epochs`."""
    if not row["seeds"]:
        return "–"
    known = not (pd.isna(row["low"]) or pd.isna(row["high"]))
    interval = f" [{written(row['low'])}, {written(row['high'])}]" if known else ""
    unit = f" {row['unit']}" if row["unit"] and not pd.isna(row["unit"]) else ""
    return f"{written(row['median'])}{interval}{unit}"


def _about(row: Any) -> str:
    return " against ".join(f"`{name}`" for name in row.about.split(" against "))


def _heading(row: Any) -> str:
    return f"{row.claim}: {row.verdict}"


def _anchor(row: Any) -> str:
    """What a renderer of Markdown makes of a heading."""
    return _heading(row).lower().replace(":", "").replace(" ", "-")


def _why_less(row: Any) -> str | None:
    """Why the verdict is not the one that the interval of the share alone would give."""
    alone = Proportion(row.holding, row.judged).verdict
    if row.verdict == alone:
        return None
    few = f"only {row.judged} of {row.considered} could be judged"
    if row.verdict != "undecided":
        return f"No more than {row.verdict}, because {few}"
    by_chance = alone != "not reproduced" and not pd.isna(row.p) and row.p > CHANCE
    return f"Undecided, because {f'p is above {CHANCE:g}' if by_chance else few}"


def _needed(seeds: int | None) -> str:
    return "" if pd.isna(seeds) else f" ({seeds} would decide)"


def _papers(numbers: pd.DataFrame) -> str:
    """Every number of a claim that the paper printed; the effect without its name, which stands beside it."""
    printed = numbers[numbers["paper"].notna()]
    effect = numbers.index[0]
    said = [("" if i == effect else f"{row['number']}: ") + _paper(row) for i, row in printed.iterrows()]
    return "; ".join(said) or "–"


def _paper(row: pd.Series) -> str:
    if pd.isna(row["paper"]):
        return "–"
    percentile = "" if pd.isna(row["percentile"]) else f" (percentile {row['percentile']:.0f})"
    return f"{row['paper']:g}{percentile}"


def _first(row: Any) -> str:
    return "–" if pd.isna(row.as_first_registered) else str(row.as_first_registered)


def _head(headings: list[str], miniature: bool) -> list[str]:
    """The head of a table; that of a miniature has no column for a paper."""
    shown = [heading for heading in headings if not (miniature and heading == "paper")]
    return [f"| {' | '.join(shown)} |", "|" + "---|" * len(shown)]


def _number_lines(numbers: pd.DataFrame, miniature: bool) -> list[str]:
    lines = _head(["number", "seeds", "median", "95 % of seeds", "paper"], miniature)
    for _, row in numbers.iterrows():
        inside = "–"
        if not (pd.isna(row["spread_low"]) or pd.isna(row["spread_high"])):
            inside = f"{written(row['spread_low'])} to {written(row['spread_high'])}"
        cells = [
            row["number"],
            str(row["seeds"]),
            located(row),
            inside,
            *([] if miniature else [_paper(row)]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _seed_lines(seeds: pd.DataFrame) -> list[str]:
    shown = seeds if len(seeds) <= FEW_SEEDS else seeds[seeds["outcome"] != "holds"]
    lines = [f"- {_label(row.seed)}: {_outcome(row)}; {row.measured}" for row in shown.itertuples()]
    if left := len(seeds) - len(shown):
        which = f"the other {left}" if lines else f"each of the {left}"
        lines.append(f"- {which}: holds; `claims_seeds.csv` has what was measured")
    return lines


def _label(seeds: str) -> str:
    return f"seeds {seeds}" if "-" in str(seeds) else f"seed {seeds}"


def _outcome(row: Any) -> str:
    return f"not judged ({row.reason})" if row.outcome == "not judged" else str(row.outcome)


def _end(share: float) -> str:
    text = f"{share:.2f}"
    crosses = any((float(text) >= bound) != (share >= bound) for bound in (HALF, NEARLY_ALL))
    return f"{share:.3f}" if crosses else text


def written(value: float) -> str:
    """Three digits, whole epochs, ∞."""
    if math.isinf(value):
        return "∞"
    text = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"−{text[1:]}" if text.startswith("-") else text
