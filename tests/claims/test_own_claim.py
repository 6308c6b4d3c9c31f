"""A claim of the user's own, in a file that the configuration names."""

import pytest
from made import make_run, point

from grokflow.claims import judge, page, tabulate
from grokflow.claims.criteria import criterion_of
from grokflow.config import Claim
from grokflow.errors import ConfigError
from grokflow.user_code import find

CODE = """
from grokflow.claims import Finding, NotJudged, own_claim


@own_claim("It ends late", "its last epoch is beyond 100", "last epoch")
def late(run):
    if run.points["point_1"] is None:
        raise NotJudged("no point", "no point 1")
    last = int(run.history["epoch"].iloc[-1])
    return Finding(last > 100, f"ends at {last}", (last,))


@own_claim("They end together", "their last epochs are the same", "difference")
def together(run, other):
    difference = int(run.history["epoch"].iloc[-1] - other.history["epoch"].iloc[-1])
    return Finding(difference == 0, f"{difference} apart", (difference,))


@own_claim("True is not enough", "always", "nothing")
def true(run):
    return True


@own_claim("A number is missing", "always", "one", "two")
def short(run):
    return Finding(True, "", (1.0,))


def plain(run):
    return True


@own_claim("Nothing measured", "always")
def unmeasured(run):
    return Finding(True, "")
"""


@pytest.fixture
def named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code.py").write_text(CODE)
    return lambda name: str(find(f"code.py:{name}"))


@pytest.fixture
def places(tmp_path):
    runs = {
        "long": [make_run(tmp_path / f"long/seed_{i}", point_1=point(1)) for i in range(2)],
        "short": [make_run(tmp_path / f"short/seed_{i}", epochs=50, point_1=point(1)) for i in range(2)],
    }
    return {
        "runs": {name: {str(i): str(run.folder) for i, run in enumerate(own)} for name, own in runs.items()}
    }


def test_it_is_judged_on_every_seed_and_tabulated_beside_the_others(named, places):
    claims = {
        "mine": Claim(claim=named("late"), run="long"),
        "short": Claim(claim=named("late"), run="short"),
    }
    tables = tabulate(judge(claims, places))
    table = tables.claims.set_index("claim")
    assert table["holding"].tolist() == [2, 0]
    assert table["paper"].tolist() == ["own", "own"]
    assert table["as_first_registered"].isna().all()
    assert tables.numbers["median"].tolist() == [200, 50]
    text = page(tables)
    assert "It ends late" in text
    assert "ends at 200" in text


def test_it_may_compare_two_runs(named, places):
    (judged,) = judge({"mine": Claim(claim=named("together"), run="long", against="short")}, places)
    assert [seed.numbers for seed in judged.seeds] == [(150,), (150,)]
    assert judged.about == "long against short"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("plain", "the decorator grokflow.claims.own_claim"),
        ("unmeasured", "one number"),
        ("true", "code.py:true: expected a Finding with 1 number, found bool"),
        ("short", "a Finding with 2 numbers, found Finding with 1"),
    ],
)
def test_what_is_no_claim_is_refused(named, places, name, said):
    with pytest.raises(ConfigError, match=said):
        judge({"mine": Claim(claim=named(name), run="long")}, places)


def test_of_a_path_it_is_about_the_seeds_that_have_their_points_as_every_claim_of_a_path_is(named):
    path = criterion_of("mine", Claim(claim=named("late"), path="p"))
    run = criterion_of("mine", Claim(claim=named("late"), run="r"))
    assert path.presupposes_points
    assert not run.presupposes_points
