"""A figure that a function of the user's own draws, and what is said of one that cannot."""

import pytest
from matplotlib.figure import Figure as Picture

from grokflow.config import Figure
from grokflow.errors import ConfigError
from grokflow.figures import draw
from grokflow.user_code import find

CODE = """
from matplotlib.figure import Figure

from grokflow.figures.shown import paths_of, runs_of


def runs(shown):
    picture = Figure()
    picture.suptitle(", ".join(run.label for run in runs_of(shown)))
    return picture


def paths(shown):
    return [path.metrics for path in paths_of(shown)]


def nothing(shown):
    runs(shown)


def axes(shown):
    return runs(shown).add_subplot()


def bare():
    return Figure()


number = 3
"""


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.py").write_text(CODE)

    def make(name, **subject):
        figure = Figure(kind=str(find(f"my.py:{name}")), **subject)
        return draw(figure, {"0": "a/seed_0", "1": "a/seed_1"}, "", "d")

    return make


def test_it_is_given_what_its_entry_shows(drawn):
    picture = drawn("runs", run="a")
    assert isinstance(picture, Picture)
    assert picture.get_suptitle() == "seed 0, seed 1"


@pytest.mark.parametrize(
    ("name", "subject", "said"),
    [
        ("bare", {"run": "a"}, r"my\.py:bare: expected f\(shown\), found bare\(\)\."),
        ("number", {"run": "a"}, r"my\.py:number: expected f\(shown\), found an int\."),
        (
            "paths",
            {"run": "a"},
            r"figures\.d: expected 'path' or 'paths', because my\.py:paths reads paths_of, found 'run'\.",
        ),
        (
            "runs",
            {"paths": ["a"]},
            r"figures\.d: expected 'run' or 'runs', because my\.py:runs reads runs_of, found 'paths'\.",
        ),
        ("nothing", {"run": "a"}, r"my\.py:nothing: .*Figure, found None\. Is there a `return`\?"),
        ("axes", {"run": "a"}, r"my\.py:axes: .*Figure, found an Axes\."),
    ],
)
def test_what_cannot_draw_is_said_in_one_message(drawn, name, subject, said):
    with pytest.raises(ConfigError, match=rf"^{said}$"):
        drawn(name, **subject)
