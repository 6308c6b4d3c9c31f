"""The transformer block with its LayerNorms (P-fig3), drawn from the configuration of each run's model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyBboxPatch

from grokflow.config import INVARIANT_PARTS, UNEMBEDDING_NORM
from grokflow.errors import ArtifactError
from grokflow.figures.sheet import fitting, make_sheet, wrapped
from grokflow.figures.shown import Shown, ShownRun, first_of_each_run
from grokflow.figures.style import TEXT, styled

FILLS = {
    "linear": "#dbe9f4",
    "norm": "#fbe3c8",
    "nonlinear": "#e4f0df",
    "embedding": "#ececec",
}
"""The colour of a box by what it does."""

COLUMN, CENTRE, SKIP, BRANCHES = 3.5, 1.75, 0.32, (0.89, 1.75, 2.61)
"""Inches from a drawing's left: its right, the stream, the skip line, the three parallel boxes."""

GAP, HIGH, LOW = 0.17, 0.36, 0.23
"""Inches: the length of an arrow, the height of a box of two lines and of one."""

LINE = 0.145
"""Inches from one line of a box to the next."""

STREAM = 1.8
"""The line width of the residual stream; other lines are thinner."""

HEADING = 0.5
"""Inches for the two lines above a drawing."""

AFFINE = {"none": "without gain or bias", "gain": "with gain", "gain_and_bias": "with gain and bias"}


@styled
def draw(shown: Shown) -> Figure:
    """A drawing for each run, from the tokens at the bottom to the logits at the top."""
    runs = first_of_each_run(shown)
    models = {run.name: _model(run) for run in runs}
    headings = {run.name: run.run or run.subject for run in runs}
    rows, columns = fitting(len(models), COLUMN)
    height = max(_Drawing(None).model(model) for model in models.values())
    picture, panels = make_sheet((height + 0.2) * rows, [], [], [])
    grid = panels.subplots(rows, columns, squeeze=False)
    for axes, (name, model) in zip(grid.flat, models.items(), strict=False):
        top = _Drawing(axes).model(model)
        title = f"{wrapped(headings[name], COLUMN)}\n{_layer_norms(model)}"
        axes.text(CENTRE, top - HEADING / 2, title, ha="center", va="center", fontsize=9)
    for axes in grid.flat:
        axes.set(xlim=(0, COLUMN), ylim=(0, height), aspect="equal", anchor="S")
        axes.axis("off")
    return picture


def _model(run: ShownRun) -> dict[str, Any]:
    """The configuration of a run's model; None is a setting left out."""
    model = dict(run.config["model"])
    place = run.folder / "provenance.json"
    if missing := {"layers", "width", "mlp_width", "heads", "normalization"} - set(model):
        raise ArtifactError(place, expected=f"a model with {', '.join(sorted(missing))}", found=model)
    if (found := model["normalization"]) not in INVARIANT_PARTS:
        known = ", ".join(INVARIANT_PARTS)
        raise ArtifactError(place, expected=f"a normalization that is known ({known})", found=found)
    return {"norm_affine": None, "mlp_norm": None, "unembedding_norm": None, **model}


def _affine(model: Mapping[str, Any]) -> str:
    """What the norms of paper P learn in this model."""
    usual = "none" if INVARIANT_PARTS[model["normalization"]].rest else "gain_and_bias"
    return str(model["norm_affine"] or usual)


def _attention_norm(model: Mapping[str, Any]) -> str:
    """A norm that makes attention invariant, told from those that learn something."""
    return "LayerNorm" if _affine(model) == "none" else "LayerNorm*"


def _layer_norms(model: Mapping[str, Any]) -> str:
    if model["normalization"] == "none":
        return "no LayerNorm"
    told_apart = INVARIANT_PARTS[model["normalization"]].attention and _affine(model) != "none"
    return f"LayerNorms {AFFINE[_affine(model)]}{' (* without)' if told_apart else ''}"


def _frozen_norm(model: Mapping[str, Any]) -> float | None:
    """The norm of a frozen unembedding; None where it is trained."""
    if not INVARIANT_PARTS[model["normalization"]].rest:
        return None
    return float(model["unembedding_norm"] or UNEMBEDDING_NORM)


@dataclass
class _Drawing:
    """Boxes stacked upwards along the residual stream; without axes it only measures its height."""

    axes: Axes | None
    y: float = field(default=0.05)

    def model(self, model: Mapping[str, Any]) -> float:
        """Draw the whole model; the height that it takes with its heading."""
        self.embeddings(model)
        bottom = self.y + GAP / 2
        self.line((CENTRE, self.y), (CENTRE, bottom), STREAM)
        self.y = bottom
        self.attention(model)
        self.mlp(model)
        self.y += 0.06
        self.frame(bottom, model["layers"])
        if model["normalization"] != "none":
            self.box("LayerNorm", "norm")
        width, frozen = model["width"], _frozen_norm(model)
        label = f"unembedding  {width} → tokens"
        self.box(label if frozen is None else f"{label}\nfrozen at norm {frozen:g}", "linear")
        self.arrow((CENTRE, self.y), (CENTRE, self.y + GAP))
        self.text(CENTRE, self.y + GAP + 0.09, "logits")
        return self.y + GAP + 0.2 + HEADING

    def embeddings(self, model: Mapping[str, Any]) -> None:
        """Token and position embedding, added: the start of the residual stream."""
        start = self.y + 0.1
        for x, name, source in ((BRANCHES[0], "token", "tokens"), (BRANCHES[2], "position", "positions")):
            self.text(x, start, source)
            self.y = start + 0.1
            self.box(f"{name} embedding\n→ {model['width']}", "embedding", x=x, wide=1.3)
            if INVARIANT_PARTS[model["normalization"]].rest:
                self.box("LayerNorm", "norm", x=x, wide=1.0)
        height = self.y + GAP + 0.05
        for x in (BRANCHES[0], BRANCHES[2]):
            self.line((x, self.y), (x, height))
            self.arrow((x, height), (CENTRE + (0.09 if x > CENTRE else -0.09), height))
        self.plus(height)

    def attention(self, model: Mapping[str, Any]) -> None:
        """Attention and its skip line."""
        width, heads = model["width"], model["heads"]
        norm = _attention_norm(model) if INVARIANT_PARTS[model["normalization"]].attention else None
        start = self.begin_branch(model)
        fork = self.y + 0.13
        self.line((CENTRE, self.y), (CENTRE, fork))
        self.line((BRANCHES[0], fork), (BRANCHES[2], fork))
        tops = []
        for x, name in zip(BRANCHES, ("query", "key", "value"), strict=True):
            self.y = fork
            self.box(f"{name}\n{width} → {width}", "linear", x=x, wide=0.78)
            if norm and name != "value":
                self.box(f"{norm}\nper head", "norm", x=x, wide=0.78)
            tops.append(self.y)
        self.y = max(tops)
        for x, top in zip(BRANCHES, tops, strict=True):
            self.arrow((x, top), (x, self.y + GAP))
        label = f"causal attention\n{heads} {'head' if heads == 1 else 'heads'} × {width // heads}"
        self.box(label, "nonlinear", wide=2.5, arrow=False)
        self.box(f"output  {width} → {width}", "linear")
        self.end_branch(start, norm)

    def mlp(self, model: Mapping[str, Any]) -> None:
        """The MLP with its LayerNorm before or after the ReLU, and its skip line."""
        width, hidden = model["width"], model["mlp_width"]
        start = self.begin_branch(model)
        self.box(f"linear  {width} → {hidden}", "linear")
        steps = [("ReLU", "nonlinear")]
        if model["normalization"] != "none":
            steps.insert(0 if model["mlp_norm"] == "before_relu" else 1, ("LayerNorm", "norm"))
        for label, kind in steps:
            self.box(label, kind)
        self.box(f"linear  {hidden} → {width}", "linear")
        self.end_branch(start, "LayerNorm" if INVARIANT_PARTS[model["normalization"]].rest else None)

    def begin_branch(self, model: Mapping[str, Any]) -> float:
        """The fork where the skip line leaves the stream, and the LayerNorm of what goes on."""
        start = self.y + 0.1
        self.line((CENTRE, self.y), (CENTRE, start), STREAM)
        self.y = start
        if model["normalization"] != "none":
            self.box("LayerNorm", "norm")
        return start

    def end_branch(self, start: float, norm: str | None) -> None:
        """The norm of what is written, if any, and the sum with the skip line that began at `start`."""
        if norm:
            self.box(norm, "norm")
        height = self.y + GAP + 0.09
        self.arrow((CENTRE, self.y), (CENTRE, height - 0.09))
        self.line((CENTRE, start), (SKIP, start), STREAM)
        self.line((SKIP, start), (SKIP, height), STREAM)
        self.arrow((SKIP, height), (CENTRE - 0.09, height), STREAM)
        self.plus(height)

    def box(
        self, label: str, kind: str, *, x: float = CENTRE, wide: float = 1.75, arrow: bool = True
    ) -> None:
        """A box above the last one, with the arrow that leads into it."""
        high = HIGH if "\n" in label else LOW
        bottom, self.y = self.y, self.y + GAP + high
        if self.axes is None:
            return
        if arrow:
            self.arrow((x, bottom), (x, bottom + GAP))
        corner = (x - wide / 2, bottom + GAP)
        self.axes.add_patch(
            FancyBboxPatch(
                corner,
                wide,
                high,
                boxstyle="round,pad=0,rounding_size=0.05",
                facecolor=FILLS[kind],
                edgecolor=TEXT,
                linewidth=0.9,
                zorder=2,
            )
        )
        self.text(x, bottom + GAP + high / 2, label)

    def plus(self, height: float) -> None:
        """The sum of what flows in, in the stream's centre."""
        self.y = height + 0.09
        if self.axes is not None:
            circle = Circle((CENTRE, height), 0.09, facecolor="white", edgecolor=TEXT, linewidth=0.9)
            self.axes.add_patch(circle)
            self.line((CENTRE - 0.055, height), (CENTRE + 0.055, height))
            self.line((CENTRE, height - 0.055), (CENTRE, height + 0.055))

    def frame(self, bottom: float, layers: int) -> None:
        """The block's frame, with how often the block stands in the model."""
        if self.axes is None:
            return
        self.axes.add_patch(
            FancyBboxPatch(
                (0.12, bottom),
                COLUMN - 0.45,
                self.y - bottom,
                boxstyle="round,pad=0,rounding_size=0.08",
                facecolor="#f8f8f8",
                edgecolor="#999999",
                linewidth=0.8,
                linestyle=(0, (4, 2)),
                zorder=0,
            )
        )
        self.text(COLUMN - 0.15, (bottom + self.y) / 2, f"× {layers}", size=9)

    def text(self, x: float, y: float, label: str, size: float = 8) -> None:
        if self.axes is not None:
            lines = label.split("\n")
            for number, line in enumerate(lines):
                height = y + LINE * ((len(lines) - 1) / 2 - number)
                self.axes.text(x, height, line, ha="center", va="center_baseline", fontsize=size, zorder=4)

    def line(self, start: tuple[float, float], end: tuple[float, float], width: float = 0.9) -> None:
        if self.axes is not None:
            x, y = zip(start, end, strict=True)
            self.axes.plot(x, y, color=TEXT, linewidth=width, solid_capstyle="projecting", zorder=1.5)

    def arrow(self, start: tuple[float, float], end: tuple[float, float], width: float = 0.9) -> None:
        if self.axes is not None:
            shape = {"arrowstyle": "-|>,head_width=0.18,head_length=0.3", "color": TEXT, "linewidth": width}
            shape |= {"shrinkA": 0, "shrinkB": 0}
            self.axes.annotate("", end, start, arrowprops=shape, zorder=1.5)
