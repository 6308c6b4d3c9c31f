"""Every kind of figure has a module that draws it and its words for the gallery and the report."""

import importlib

import pytest

from grokflow.config import Figure
from grokflow.figures import FIGURE_KINDS, kind_of


@pytest.mark.parametrize("name", FIGURE_KINDS)
def test_a_kind_has_a_module_and_words(name: str) -> None:
    assert callable(importlib.import_module(f"grokflow.figures.{name}").draw)
    kind = FIGURE_KINDS[name]
    for text in (kind.shows, kind.see, kind.measured):
        assert text.endswith(".")
        assert not text[0].islower()
    assert "{of}" in kind.shows or kind.subject is None


def test_a_kind_of_ones_own_is_named_without_its_digest() -> None:
    kind = kind_of(Figure(kind="fig.py:draw#c0ce4edc60150fed", run="r"))
    assert (kind.subject, kind.measured) == ("run", "What fig.py:draw draws.")
    assert "history.csv" in kind.files
