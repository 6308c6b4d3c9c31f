"""Draw the packages of src/grokflow and their imports into docs/packages.svg; print how large they are.

Whatever the picture shows is read from the sources. It also carries that as text (`described`), so that
a test can tell whether it is still true. Numbers of lines change with every edit: they are only printed.
"""

from __future__ import annotations

import argparse
import ast
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median

import grimp
import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Curve

from grokflow.figures.style import HUES, PAPER, TEXT, styled

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src/grokflow"
PICTURE = ROOT / "docs/packages.svg"

COLUMNS = {
    "artifacts": 1,
    "claims": 2,
    "commands": 2,
    "comparison": 1,
    "config": 0,
    "crate": 1,
    "data": 0,
    "dynamics": 2,
    "errors": 1,
    "estimates": 0,
    "figures": 1,
    "library": 0,
    "loading": 1,
    "model": 0,
    "paths": 0,
    "randomness": 0,
    "report": 2,
    "statistics": 2,
    "training": 0,
    "user_code": 0,
}
"""Where a part stands in its row, so that few arrows cross. Its row follows from its imports."""

LOWER: dict[str, int] = {}
"""Rows of parts for which there is no room in the first row below all that they import."""

COMMANDS = ("compare", "connect", "disk", "periods", "summary", "verify", "watch")
"""The modules that a shell calls, `python -m grokflow.compare`. No package imports them; they are one box."""

# Inches; the width is that of a page on GitHub.
WIDTH, HEIGHT = 2.76, 0.82
ACROSS, DOWN = 0.48, 0.44
RIM = 0.05
ASIDE = 0.2  # how far to the right an arrow passes boxes that are in its way

USES_TORCH, OTHER = ("#e4eff7", HUES["train"]), ("#f6f6f6", "#8a8a8a")
"""The fill and the edge of a box."""


Point = tuple[float, float]


@dataclass(frozen=True)
class Part:
    """A package of grokflow, or a module that stands alone."""

    name: str
    sentence: str
    """The first one of its docstring."""
    lines: Mapping[str, int]
    """For each of its modules, `__init__` among them."""
    imports: frozenset[str]
    """The parts that its modules import from."""
    uses_torch: bool

    @property
    def is_package(self) -> bool:
        """Not a module that stands alone."""
        return (SOURCES / self.name).is_dir()

    @property
    def size(self) -> str:
        """How many modules it has."""
        return f"{len(self.lines)} modules" if len(self.lines) > 1 else "one module"


def import_graph() -> grimp.ImportGraph:
    """The modules of grokflow and what they import, other libraries included."""
    return grimp.build_graph(
        "grokflow", include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )


def read_parts(graph: grimp.ImportGraph) -> dict[str, Part]:
    """Every part of grokflow, by name."""
    modules = sorted(module for module in graph.modules if _part_of(module))
    names = sorted({_part_of(module) for module in modules})
    return {name: _read_part(name, [m for m in modules if _part_of(m) == name], graph) for name in names}


def _part_of(module: str) -> str:
    """`config` for `grokflow.config.load`; nothing for another library, or for grokflow itself."""
    root, _, rest = module.partition(".")
    return rest.partition(".")[0] if root == "grokflow" else ""


def _read_part(name: str, modules: list[str], graph: grimp.ImportGraph) -> Part:
    imported = {found for module in modules for found in graph.find_modules_directly_imported_by(module)}
    return Part(
        name,
        sentence=_first_sentence(_source(f"grokflow.{name}")),
        lines={module: len(_source(module).splitlines()) for module in modules},
        imports=frozenset(map(_part_of, imported)) - {name, ""},
        uses_torch="torch" in imported,
    )


def _source(module: str) -> str:
    path = SOURCES.parent.joinpath(*module.split("."))
    return (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")


def _first_sentence(source: str) -> str:
    docstring = ast.get_docstring(ast.parse(source)) or ""
    return re.split(r"(?<=[.?])\s", " ".join(docstring.split()), maxsplit=1)[0]


Imports = Mapping[str, frozenset[str]]
"""For each part, parts that it imports from."""


def arrows(imports: Imports) -> Imports:
    """The transitive reduction: the fewest imports from which all others follow."""
    reached: dict[str, frozenset[str]] = {}
    for name in TopologicalSorter(imports).static_order():
        reached[name] = imports[name].union(*(reached[other] for other in imports[name]))
    return {
        name: found - frozenset[str]().union(*(reached[other] for other in found))
        for name, found in imports.items()
    }


def rows(imports: Imports) -> dict[str, int]:
    """For each part, the first row below everything that it imports."""
    row: dict[str, int] = {}
    for name in TopologicalSorter(imports).static_order():
        row[name] = 1 + max((row[other] for other in imports[name]), default=-1)
    return row


def described(parts: Mapping[str, Part]) -> str:
    """What the picture shows, a line for each part."""
    return "\n".join(
        f"{part.name}, {part.size}{', PyTorch' if part.uses_torch else ''}. {part.sentence} "
        f"Imports: {', '.join(sorted(part.imports)) or 'none'}."
        for part in parts.values()
    )


@dataclass(frozen=True)
class Box:
    """Where a part is drawn, in inches from the top left."""

    column: int
    row: int

    @property
    def left(self) -> float:
        """Its left edge."""
        return RIM + self.column * (WIDTH + ACROSS)

    @property
    def top(self) -> float:
        """Its upper edge."""
        return RIM + self.row * (HEIGHT + DOWN)

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.top + HEIGHT

    def port(self, other: Box) -> float:
        """Where an arrow from or to `other` meets its edge: the farther that box, the farther out."""
        return self.left + WIDTH * {-2: 0.12, -1: 0.25, 0: 0.5, 1: 0.75, 2: 0.88}[other.column - self.column]


def _with_one_box_of_commands(parts: Mapping[str, Part]) -> dict[str, Part]:
    commands = [parts[name] for name in COMMANDS]
    together = Part(
        "commands",
        f"{', '.join(COMMANDS)}: what a shell calls.",
        lines={module: lines for part in commands for module, lines in part.lines.items()},
        imports=frozenset[str]().union(*(part.imports for part in commands)) - {*COMMANDS},
        uses_torch=any(part.uses_torch for part in commands),
    )
    return {name: part for name, part in parts.items() if name not in COMMANDS} | {"commands": together}


@styled
def picture(parts: Mapping[str, Part]) -> Figure:
    """A box for each part, below everything that it imports, and arrows up to that."""
    parts = _with_one_box_of_commands(parts)
    imports = {name: part.imports for name, part in parts.items()}
    row = rows(imports) | LOWER
    boxes = {name: Box(COLUMNS[name], row[name]) for name in parts}  # in their order, for the same bytes
    last = Box(max(box.column for box in boxes.values()), max(box.row for box in boxes.values()))
    figure, axes = _sheet(last)
    for name, box in boxes.items():
        _draw_box(axes, parts[name], box)
    drawn = [(name, other) for name, found in arrows(imports).items() for other in sorted(found)]
    for name, other in drawn:
        source, target = boxes[name], boxes[other]
        if source.column == target.column and _between(source, target) & set(boxes.values()):
            _draw_detour(axes, source, target)
        else:
            _draw_arrow(axes, source, target)
    _draw_key(axes, Box(0, last.row), omitted=sum(map(len, imports.values())) - len(drawn))
    return figure


def _between(lower: Box, upper: Box) -> set[Box]:
    """The places between two boxes of one column."""
    return {Box(lower.column, row) for row in range(upper.row + 1, lower.row)}


def _sheet(last: Box) -> tuple[Figure, Axes]:
    """A picture with room up to the box `last`; its coordinates are inches from the top left."""
    width, height = last.left + WIDTH + ASIDE + RIM, last.bottom + RIM
    figure = Figure(figsize=(width, height))
    figure.set_layout_engine("none")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    return figure, axes


def _draw_box(axes: Axes, part: Part, box: Box) -> None:
    _draw_frame(axes, (box.left, box.top), WIDTH, HEIGHT, USES_TORCH if part.uses_torch else OTHER)
    left, right, first = box.left + 0.1, box.left + WIDTH - 0.1, box.top + 0.2
    axes.text(left, first, part.name, fontsize=11, fontweight="bold", color="#222222")
    axes.text(right, first, part.size, fontsize=8, color=PAPER, ha="right")
    text = textwrap.wrap(part.sentence, 40, max_lines=3, placeholder=" …")
    axes.text(left, first + 0.09, "\n".join(text), fontsize=8.5, color=TEXT, va="top")


def _draw_frame(
    axes: Axes, corner: tuple[float, float], width: float, height: float, colours: tuple[str, str]
) -> None:
    fill, edge = colours
    rounded = "round,pad=0,rounding_size=0.05"
    axes.add_patch(
        FancyBboxPatch(corner, width, height, rounded, facecolor=fill, edgecolor=edge, linewidth=0.9)
    )


def _draw_arrow(axes: Axes, source: Box, target: Box) -> None:
    _draw_curve(axes, (source.port(target), source.top), (target.port(source), target.bottom))


def _draw_detour(axes: Axes, source: Box, target: Box) -> None:
    """An arrow past the boxes that stand between."""
    edge, start, end = source.left + WIDTH, source.top + HEIGHT / 2, target.top + HEIGHT / 2
    corners = [(edge, start), (edge + ASIDE, start), (edge + ASIDE, end), (edge, end)]
    _draw_arrow_along(axes, Curve(corners))


def _draw_curve(axes: Axes, start: Point, end: Point) -> None:
    """An arrow that leaves and arrives upright."""
    middle = (start[1] + end[1]) / 2
    points = [start, (start[0], middle), (end[0], middle), end]
    _draw_arrow_along(axes, Curve(points, [Curve.MOVETO, *[Curve.CURVE4] * 3]))


def _draw_arrow_along(axes: Axes, curve: Curve) -> None:
    arrow = FancyArrowPatch(path=curve, arrowstyle="-|>", mutation_scale=9, color=TEXT, linewidth=1.2)
    arrow.set_zorder(0)  # behind the boxes, so that it crosses no words
    axes.add_patch(arrow)


def _draw_key(axes: Axes, box: Box, omitted: int) -> None:
    """What arrows and colours mean, where the last row has room."""
    first, second = (box.top + HEIGHT * share for share in (0.35, 0.7))
    left, right = box.left + 0.05, box.left + 0.4
    _draw_arrow_along(axes, Curve([(left, first), (right, first)]))
    _write_key(axes, right, first, f"imports from ({omitted} more, which follow from these, are left out)")
    for x, colours, text in (
        (left, USES_TORCH, "has a module that imports PyTorch"),
        (left + 3, OTHER, "has none"),
    ):
        _draw_frame(axes, (x, second - 0.07), right - left, 0.14, colours)
        _write_key(axes, x + right - left, second, text)


def _write_key(axes: Axes, x: float, y: float, text: str) -> None:
    axes.text(x + 0.12, y, text, fontsize=8.5, color=TEXT, va="center")


def save(figure: Figure, description: str) -> None:
    """Write the picture; the same one always gives the same bytes."""
    metadata = {"Creator": None, "Date": None, "Description": description}
    with matplotlib.rc_context({"svg.hashsalt": "grokflow"}):
        figure.savefig(PICTURE, metadata=metadata)


def cycles(graph: grimp.ImportGraph) -> list[list[str]]:
    """The sets of modules that import one another, however indirectly."""
    reached = {module: graph.find_upstream_modules(module) for module in graph.modules}
    groups = {frozenset({m, *(n for n in reached[m] if m in reached[n])}) for m in reached}
    return sorted(sorted(group) for group in groups if len(group) > 1)


def table(parts: Mapping[str, Part], graph: grimp.ImportGraph) -> str:
    """The sizes of the parts and of all together, a module's in lines."""
    every = {module: lines for part in parts.values() for module, lines in part.lines.items()}
    flat = [name for name, part in parts.items() if not part.is_package]
    found = cycles(graph)
    return "\n".join(
        [
            f"{'':12}{'modules':>8}{'lines':>8}{'median':>8}  largest",
            *(_sizes(name, part.lines) for name, part in parts.items()),
            _sizes("all", every),
            "",
            f"packages: {len(parts) - len(flat)}",
            f"flat modules: {len(flat)} ({', '.join(flat)})",
            f"import cycles between modules: {len(found)}",
            *(f"  {', '.join(group)}" for group in found),
        ]
    )


def _sizes(name: str, lines: Mapping[str, int]) -> str:
    largest = max(lines, key=lambda module: lines[module])
    middle = f"{median(lines.values()):g}"
    return (
        f"{name:12}{len(lines):8}{sum(lines.values()):8}{middle:>8}"
        f"  {largest.removeprefix('grokflow.')} ({lines[largest]})"
    )


def main() -> None:
    """The command `python docs/draw_packages.py`."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args()
    graph = import_graph()
    parts = read_parts(graph)
    save(picture(parts), described(parts))
    print(table(parts, graph))


if __name__ == "__main__":
    main()
