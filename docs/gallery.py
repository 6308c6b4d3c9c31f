"""Write the gallery: every figure of the reference run with one sentence and the entry that makes it.

`make gallery`; `make reference` writes it too. The sentences and entries are those of the configuration, the
pictures those in docs/reference. A test compares the page with them.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from grokflow.config import Config, Figure
from grokflow.figures import sentence_of
from grokflow.loading import load_config

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "gallery.md"
CONFIGURATION = ("config.yaml", "config/full.yaml", "config/reference.yaml")

INTRODUCTION = """\
# Gallery

Every figure of the [reference run](reference/README.md), with the entry of `config.yaml` that makes it.
`snakemake results/figures/NAME.png --cores 4` draws one from your own results. With `figure_style: column` or
`figure_style: two_columns` it is drawn for a journal's page, in SVG with text that can be edited and searched
([how to print a figure](how-to.md#print-a-figure)).
"""

PARTS = {
    "M": "Paper M: mode connectivity",
    "P": "Paper P: periodic behaviour",
    "": "Sweeps, audits and verdicts",
}
"""The headings, by what the names of their figures begin with."""


def page(config: Config, pictures: Path) -> str:
    """The gallery of the figures that have a picture."""
    drawn = [name for name in config.figures if (pictures / f"{name}.png").exists()]
    lines = [INTRODUCTION]
    for part, heading in PARTS.items():
        lines.append(f"## {heading}\n")
        for name in drawn:
            if _part(name) == part:
                lines.append(_entry(config, name))
    return "\n".join(lines)


def _part(name: str) -> str:
    first = name.partition("-fig")[0]
    return first if first in PARTS and first != name else ""


def _entry(config: Config, name: str) -> str:
    sentence = sentence_of(config, name)
    given = yaml.safe_dump(_given(config.figures[name]), default_flow_style=True, sort_keys=False, width=1000)
    return (
        f"### {name}\n\n{sentence}\n\n![The figure {name}](reference/{name}.png)\n\n"
        f"```yaml\nfigures:\n  {name}: {given.strip()}\n```\n"
    )


def _given(figure: Figure) -> dict[str, object]:
    """The keys that were given, as in YAML."""
    given: dict[str, object] = json.loads(figure.model_dump_json(exclude_unset=True), parse_float=_shortest)
    return given


def _shortest(number: str) -> float | int:
    value = float(number)
    return int(value) if value.is_integer() else value


def write(path: Path = PAGE) -> None:
    """Write the page anew."""
    config = load_config([ROOT / name for name in CONFIGURATION])
    path.write_text(page(config, ROOT / "docs" / "reference"), encoding="utf-8")


if __name__ == "__main__":
    write()
