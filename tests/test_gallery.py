"""The gallery is what the configuration and docs/reference make of it."""

from __future__ import annotations

import re

from docs import gallery

from grokflow.figures import FIGURE_KINDS
from grokflow.figures.sentences import SENTENCES
from grokflow.loading import load_config

REFERENCE = gallery.ROOT / "docs" / "reference"
CONFIG = load_config([gallery.ROOT / name for name in gallery.CONFIGURATION])


def test_the_page_is_up_to_date() -> None:
    assert gallery.PAGE.read_text(encoding="utf-8") == gallery.page(CONFIG, REFERENCE), "`make gallery`"


def test_every_figure_with_a_picture_stands_there_once_with_its_entry() -> None:
    text = gallery.page(CONFIG, REFERENCE)
    headings = re.findall(r"^### (.+)$", text, re.MULTILINE)
    pictures = {path.stem for path in REFERENCE.glob("*.png")} & CONFIG.figures.keys()
    assert sorted(headings) == sorted(pictures)
    assert len(pictures) >= 20
    for name in pictures:
        assert text.count(f"](reference/{name}.png)") == 1
        assert f"  {name}: {{kind: {CONFIG.figures[name].kind}" in text


def test_every_kind_has_a_sentence() -> None:
    assert SENTENCES.keys() == FIGURE_KINDS.keys()
    for sentence in SENTENCES.values():
        assert sentence.endswith(".")
