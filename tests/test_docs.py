"""The pages agree with what they are about: links, commands, figures, and YAML to copy."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from docs import write_figures
from docs.check_links import wrong_links

from grokflow.loading import load_config

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "benchmarks/README.md",
    ROOT / "results/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]

LINK = re.compile(r"\]\((?![a-z]+:)([^)\s#]*)(?:#([^)\s]*))?\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
FENCED = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def anchors(page: Path) -> set[str]:
    """As GitHub makes them: lower case, hyphens for spaces, no punctuation."""
    headings = HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    wrong = []
    for target, anchor in LINK.findall(prose(page)):
        file = (page.parent / target) if target else page
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            wrong.append(f"{target}#{anchor}" if anchor else target)
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_make_targets_exist(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"(?:`|^)make ([a-z0-9-]+)", text, re.MULTILINE)
    assert [name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_configuration_to_copy_is_accepted(page: Path, tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.yaml", tmp_path)
    for block in re.findall(
        r"^```yaml\n(definitions_from.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S
    ):
        (tmp_path / "mine.yaml").write_text(block, encoding="utf-8")
        assert load_config([tmp_path / "mine.yaml"]).figures


def test_the_page_of_figures_is_that_of_the_configuration() -> None:
    assert write_figures.PAGE.read_text(encoding="utf-8") == write_figures.written()


def test_a_wrong_link_of_the_site_is_found(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    (tmp_path / "index.html").write_text(
        '<h1 id="top">x</h1> <a href="#top"></a> <a href="#none"></a> <a href="deeper/page.html#%C3%A4"></a>'
        '<a href="gone.html"></a> <a href="https://example.org/gone"></a> <a href="deeper/page.html#no"></a>'
    )
    (tmp_path / "deeper/page.html").write_text(
        '<p id="ä"></p> <a href="../index.html#top"></a> <a href="/index.html"></a> <img src="no.png">'
        '<script src="https://example.org/a.js"></script> <a href=".."></a>'
    )
    assert wrong_links(tmp_path) == [
        "deeper/page.html: no.png: no such file",
        "deeper/page.html: https://example.org/a.js: loaded from another site",
        "index.html: #none: no such anchor",
        "index.html: gone.html: no such file",
        "index.html: deeper/page.html#no: no such anchor",
    ]
