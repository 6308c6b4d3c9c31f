"""A comparison as a text for the terminal, and as a table."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import asdict, fields
from itertools import zip_longest

import numpy as np
import pandas as pd

from grokflow.comparison.agreement import Agreement
from grokflow.comparison.lines import HOLDING, JUDGED, Line
from grokflow.comparison.setups import other_makers, other_settings

WIDTH = 110
"""Characters of a line."""

LONGEST_NAME, NARROWEST = 20, 12
"""Characters of the table's first column, at most, and of its second, at least; longer texts go on below."""

SHOWN = 5
"""Of the outcomes, and of the numbers, in which a common seed differs."""


def as_text(agreement: Agreement) -> str:
    """The comparison for a terminal."""
    parts = [
        _wrapped(f"{agreement.mine.folder} against {agreement.reference.folder}"),
        _makers(agreement),
        _common(agreement),
        _table(agreement),
        [line for why, names in agreement.only.items() for line in _wrapped(f"{why}: {', '.join(names)}.")],
        _summary(agreement),
    ]
    return "\n\n".join("\n".join(lines) for lines in map(list, parts) if lines)


def as_table(agreement: Agreement) -> pd.DataFrame:
    """The lines of the comparison, with the fields of `Line` as columns."""
    columns = [field.name for field in fields(Line)]
    return pd.DataFrame([asdict(line) for line in agreement.lines], columns=columns)


def _makers(agreement: Agreement) -> Iterator[str]:
    mine, reference = agreement.mine, agreement.reference
    if mine.description is None or reference.description is None:
        unknown = mine if mine.description is None else reference
        yield from _wrapped(f"Not on record: the settings and versions that made {unknown.folder}.")
        return
    if settings := other_settings(mine.description, reference.description):
        yield "Configured differently:"
        for name, differing in settings.items():
            yield from _wrapped(f"{name}: {'; '.join(differing)}", indent=2)
    if makers := other_makers(mine.description, reference.description):
        yield "Made with other versions or devices:"
        for name, both in makers.items():
            yield from _wrapped(f"{name}: {both}", indent=2)
    if not settings and not makers:
        yield "Made with the same settings and versions on the same kind of machine."


def _common(agreement: Agreement) -> Iterator[str]:
    common = agreement.common
    if not common.seeds:
        yield "No seed is in both."
        return
    outcomes = common.outcomes - len(common.other_outcomes)
    numbers = common.measurements - len(common.other_measurements)
    yield from _wrapped(
        f"Seeds in both: {_shortly(common.seeds)}. The outcome is the same for {outcomes} of "
        f"{common.outcomes}, the number for {numbers} of {common.measurements} (to 1 in a million; the same "
        "machine and versions give the same)."
    )
    for differing in (common.other_outcomes, common.other_measurements):
        for line in differing[:SHOWN]:
            yield from _wrapped(line, indent=2)
        if len(differing) > SHOWN:
            yield f"  and {len(differing) - SHOWN} more"


def _table(agreement: Agreement) -> Iterator[str]:
    rows = [("", "", "mine", "reference", "95 % of seeds, p", "")]
    shown = ""
    for line in agreement.lines:
        if line.what != JUDGED or line.differs:  # that as many could be judged is no news
            what = f"{line.what} ({line.unit})" if line.unit else line.what
            rows.append((line.claim if line.claim != shown else "", what, *_cells(line), line.result))
            shown = line.claim
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[0] = min(widths[0], LONGEST_NAME)
    widths[1] = min(widths[1], max(WIDTH - sum(widths) + widths[1] - 2 * (len(widths) - 1), NARROWEST))
    for claim, what, mine, reference, spread, result in rows:
        (name, *names), (first, *more) = (
            textwrap.wrap(text, width) or [""] for text, width in zip((claim, what), widths, strict=False)
        )
        left = f"{name:<{widths[0]}}  {first:<{widths[1]}}"
        middle = f"{mine:>{widths[2]}}  {reference:>{widths[3]}}  {spread:<{widths[4]}}"
        yield f"{left}  {middle}  {result}".rstrip()
        for name, rest in zip_longest(names, more, fillvalue=""):
            yield f"{name:<{widths[0]}}    {rest}".rstrip()


def _cells(line: Line) -> tuple[str, str, str]:
    if line.what in (HOLDING, JUDGED):
        of = f"{line.mine:.0f} of {line.mine_of:.0f}", f"{line.reference:.0f} of {line.reference_of:.0f}"
        return of[0], of[1], "" if np.isnan(line.p) else f"p = {line.p:.2g}"
    spread = "" if np.isnan([line.low, line.high]).any() else f"{_number(line.low)} to {_number(line.high)}"
    return _number(line.mine), _number(line.reference), spread


def _summary(agreement: Agreement) -> Iterator[str]:
    decided, differing = len(agreement.decided), [line.name for line in agreement.differing]
    if not decided:
        yield "Overall: cannot say; too few seeds to tell any claim or number from the reference's."
        return
    yield from _wrapped(
        f"{len(differing)} of {decided} lines that can be decided differ. Chance alone makes at most "
        f"{agreement.by_chance:.1f} differ on average, and more than {agreement.most_by_chance} in one of "
        "100 comparisons if lines were independent. They are not quite: numbers of one seed go together."
    )
    if agreement.verdict == "cannot say":
        yield "Overall: cannot say; it could be chance if all of so few lines differed."
        return
    if agreement.verdict == "agrees":
        yield "Overall: agrees with the reference."
        return
    reason = "more than chance gives"
    if len(differing) <= agreement.most_by_chance:
        p = max(agreement.certain.values())
        reason += f" (not by their number; but p ≤ {p:.1g} for {', '.join(agreement.certain)})"
    yield from _wrapped(f"Overall: differs from the reference in {', '.join(differing)}: {reason}.")


def _wrapped(text: str, indent: int = 0) -> list[str]:
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=" " * indent,
        subsequent_indent=" " * 2 * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _shortly(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 2 * SHOWN else f"{len(names)}, from {names[0]} to {names[-1]}"


def _number(value: float) -> str:
    if np.isnan(value):
        return "none"
    return f"{value:.4g}".replace("inf", "∞")
