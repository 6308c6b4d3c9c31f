"""Every kind of figure has a sentence for the gallery."""

from grokflow.figures import FIGURE_KINDS
from grokflow.figures.sentences import SENTENCES


def test_every_kind_has_a_sentence() -> None:
    assert SENTENCES.keys() == FIGURE_KINDS.keys()
    for sentence in SENTENCES.values():
        assert sentence.endswith(".")
