"""The table of faults as bars: how often each was injected, and of that what was survived."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.figure import Figure

from grokflow.artifacts.files import write_bytes
from grokflow.figures.page import page
from grokflow.figures.style import HUES, TEXT, styled


@styled
def picture(rows: list[list[str]]) -> Figure:
    """One bar a fault, full where all of its injections were survived; the numbers beside it."""
    figure = Figure(figsize=(page().width, 0.34 * len(rows) + 0.9))
    axes = figure.subplots()
    places = range(len(rows))
    injected, survived, lost, wrong = ([int(row[i]) for row in rows] for i in (1, 2, 3, 4))
    share = [s / i if i else 0.0 for i, s in zip(injected, survived, strict=True)]
    rest = [1 - s if i else 0.0 for i, s in zip(injected, share, strict=True)]
    axes.barh(places, share, color=HUES["train"], height=0.6, label="survived")
    axes.barh(places, rest, left=share, color=HUES["validation"], hatch="///", height=0.6, label="not")
    for place, numbers in enumerate(zip(injected, survived, lost, wrong, strict=True)):
        text = "{1} of {0}   lost {2}   wrong {3}".format(*numbers) if numbers[0] else "not run here"
        axes.text(1.02, place, text, va="center", color=TEXT)
    axes.set_yticks(places, [row[0] for row in rows])
    axes.invert_yaxis()
    axes.set_xlim(0, 1.42)
    axes.set_xticks([0, 0.5, 1], ["0", "half", "all"])
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("injections survived")
    return figure


def draw(rows: list[list[str]], path: Path) -> None:
    """Write the picture."""
    content = io.BytesIO()
    picture(rows).savefig(content, format="png", metadata={"Software": None})
    write_bytes(path, content.getvalue())
