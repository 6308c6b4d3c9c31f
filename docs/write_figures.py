"""Write docs/figures.md: the gallery of all figures, what makes each one, and the command for it alone.

`python -m docs.write_figures`. A test compares the page with what this would write.
"""

from __future__ import annotations

import re
from pathlib import Path

from grokflow.config import Config, Figure
from grokflow.figures import FIGURE_KINDS, sentence_of
from grokflow.loading import load_config

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "figures.md"
CONFIG = ROOT / "config.yaml"

RULES_OF = {
    "rays.csv": "audit_invariance",
    "invariance.csv": "audit_invariance",
    "periods.csv": "find_periods",
}
"""The rules that make a table of a run, where it is not `train`."""

BEFORE_CLAIMS = [
    "make_dataset",
    "train",
    *dict.fromkeys(RULES_OF.values()),
    "fit_paths",
    "measure_paths",
    "train_members",
    "gather_sweep",
]
"""The rules whose tables the claims are judged on."""

TOP = """# Gallery: which command makes which figure

`make reproduce` draws every figure. This page shows them all, and says what makes each one and how to make it
alone. The pictures are those of the [reference run](reference/README.md). With `figure_style: column` or
`two_columns` they are drawn for a journal's page ([how to print a figure](how-to/report.md#print-a-figure)).

A command makes whatever its figure needs and is not there yet, so in an empty `results/` it trains first.
Each figure is written as SVG, too, with a record of what made it.

This page is written by `make schema`, from `config.yaml`; a test fails when the two differ.

"""

PARTS = {
    "M-": "Paper M: mode connectivity",
    "P-": "Paper P: periodic behaviour",
    "": "Sweeps, audits and verdicts",
}
"""The headings, by what the names of their figures begin with."""


def written() -> str:
    """The page."""
    config = load_config([CONFIG])
    entries = _entries(CONFIG.read_text(encoding="utf-8"))
    lines = [TOP + "| figure | of | kind |", "|---|---|---|"]
    for name, figure in config.figures.items():
        of = _listed(_names(figure)) or "the claims"
        lines.append(f"| [{name}](#{name.lower()}) | {of} | `{figure.kind}` |")
    for part, heading in PARTS.items():
        lines += ["", f"## {heading}", ""]
        names = [name for name in config.figures if _part(name) == part]
        lines.append("\n".join(_section(name, entries[name], config) for name in names).rstrip())
    return "\n".join(lines) + "\n"


def _part(name: str) -> str:
    return next(part for part in PARTS if name.startswith(f"{part}fig") or not part)


def _entries(text: str) -> dict[str, str]:
    """The lines of each figure in the configuration, as they stand there, but for its caption."""
    section = text.split("\nfigures:\n")[1].split("\n\n")[0]
    section = re.sub(r',\s+caption: ".*"(?=\}$)', "", section, flags=re.MULTILINE)
    entries = re.split(r"^(?=  \S)", section, flags=re.MULTILINE)
    return {entry.split(":")[0].strip(): entry.rstrip() for entry in entries if entry.strip()}


def _section(name: str, entry: str, config: Config) -> str:
    figure = config.figures[name]
    reads, rules = _sources(figure, config)
    see = figure.caption or FIGURE_KINDS[figure.kind].see
    to_look_for = see[0].lower() + see[1:]
    return f"""### {name}

{sentence_of(config, name)} *To look for:* {to_look_for}

![{name}: {figure.kind.replace("_", " ")}](reference/{name}.png)

```yaml
figures:
{entry}
```

```sh
workflow/run.sh .venv/bin results/figures/{name}.png --cores 4 --resources gpu=1
```

- Drawn by `src/grokflow/figures/{figure.kind}.py`, called by the rule `draw_figure`.
- From {reads}.
- Rules on the way: {", ".join(f"`{rule}`" for rule in rules)}.
"""


def _sources(figure: Figure, config: Config) -> tuple[str, list[str]]:
    """What a figure reads, in words, and the rules that make it."""
    kind = FIGURE_KINDS[figure.kind]
    files = _listed(kind.files)
    if kind.subject is None:
        return "`claims.csv` and `claims_numbers.csv`", [*BEFORE_CLAIMS, "judge_claims"]
    if kind.subject == "sweep":
        return f"`sweeps/{figure.sweep}.csv`", ["make_dataset", "train_members", "gather_sweep"]
    if kind.subject in ("path", "paths"):
        fitted = any(config.paths[name].kind in ("polyline", "bezier") for name in _names(figure))
        rules = ["make_dataset", "train", *(["fit_paths"] if fitted else []), "measure_paths"]
        return f"{files} of {_listed(_names(figure))}", rules
    rules = ["make_dataset", "train", *dict.fromkeys(RULES_OF[f] for f in kind.files if f in RULES_OF)]
    table = ", and the table of its dataset" if kind.shows_dataset else ""
    return f"{files} of {_listed(_names(figure))}{table}", rules


def _names(figure: Figure) -> list[str]:
    """The entries that a figure shows."""
    single = [name for name in (figure.run, figure.path, figure.sweep) if name]
    return single or list(figure.runs or figure.paths or ())


def _listed(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    PAGE.write_text(written(), encoding="utf-8")
