from grokflow.config import Figure
from grokflow.figures import FIGURE_KINDS
from grokflow.loading import load_config
from grokflow.report import OWN, category_of
from grokflow.report.captions import see_of


def test_the_configuration_says_what_to_see_and_else_the_kind():
    figure = Figure(kind="path", path="p")
    assert see_of(figure) == FIGURE_KINDS["path"].see
    assert see_of(figure.model_copy(update={"caption": "The hump."})) == "The hump."


def test_a_figure_stands_with_its_paper_or_where_the_configuration_says():
    figure = Figure(kind="path", path="p")
    names = ["M-fig2", "P-fig4", "mine", "Mine"]
    assert [category_of(name, figure) for name in names] == ["Paper M", "Paper P", OWN, OWN]
    assert category_of("M-fig2", figure.model_copy(update={"category": "Elsewhere"})) == "Elsewhere"


def test_no_figure_of_ours_stands_among_the_users_own():
    for file in ("config.yaml", "config/quick.yaml"):
        figures = load_config([file]).figures
        assert OWN not in {category_of(name, figure) for name, figure in figures.items()}


def test_every_figure_of_the_papers_has_a_caption_of_its_own():
    figures = load_config(["config.yaml"]).figures
    captions = [figure.caption for figure in figures.values()]
    assert None not in captions
    assert len(set(captions)) == len(captions)
