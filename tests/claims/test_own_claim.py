"""A claim of the user's own, in a file that the configuration names."""

import pytest
from made import make_run, point

from grokflow.claims import judge, page, tabulate
from grokflow.claims.own_claims import criterion_of
from grokflow.config import Claim
from grokflow.errors import ArtifactError, ConfigError
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


@own_claim("Its weights are invariant", "all are", "share")
def invariant(run):
    share = run.invariance["invariant"].mean()
    return Finding(share == 1, f"{share}", (share,))


@own_claim("Two runs or one", "always", "number")
def any_number(*runs):
    return Finding(True, "", (len(runs),))


@own_claim("It has three arguments", "always", "number")
def three(run, other, third):
    return Finding(True, "", (1.0,))


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
        ("true", r"code\.py:true: expected a Finding with 1 number, found a bool\.$"),
        ("short", r"a Finding with 2 numbers, found one with 1\.$"),
        ("three", r"code\.py:three: expected f\(run\), found three\(run, other, third\)\.$"),
        (
            "together",
            r"^claims\.mine\.against: expected this key, because code\.py:together takes two arguments, "
            r"found nothing\.$",
        ),
    ],
)
def test_what_is_no_claim_is_refused(named, places, name, said):
    with pytest.raises(ConfigError, match=said):
        judge({"mine": Claim(claim=named(name), run="long")}, places)


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        ("Finding('no', 'x', (1.0,))", r"a Finding whose first value is True or False, found 'no'\."),
        ("Finding(1, 'x', (1.0,))", r"a Finding whose first value is True or False, found 1\."),
        ("Finding(True, 'x', 1.0)", r"a Finding with its numbers in a tuple, \(1\.0,\), found 1\.0\."),
        ("Finding(True, 'x', (None,))", r"expected numbers, nan where there is none, found None\."),
        ("Finding(True, 'x', ('1',))", r"expected numbers, nan where there is none, found '1'\."),
        ("None", r"expected a Finding with 1 number, found None\. Is there a `return`\?"),
    ],
)
def test_what_is_no_finding_is_refused_and_never_taken_for_one(places, tmp_path, monkeypatch, returned, said):
    monkeypatch.chdir(tmp_path)
    decorated = f"@own_claim('It', 'always', 'one')\ndef it(run):\n    return {returned}\n"
    (tmp_path / "code.py").write_text(f"from grokflow.claims import Finding, own_claim\n{decorated}")
    with pytest.raises(ConfigError, match=rf"^code\.py:it: .*{said}"):
        judge({"mine": Claim(claim=str(find("code.py:it")), run="long")}, places)


def test_numpys_truth_and_numbers_are_as_good_as_pythons(places, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "code.py").write_text(
        "import numpy as np\nfrom grokflow.claims import Finding, own_claim\n"
        "@own_claim('It', 'always', 'one', 'two')\n"
        "def it(run): return Finding(np.bool_(True), 'x', np.array([1, np.nan]))\n"
    )
    (judged,) = judge({"mine": Claim(claim=str(find("code.py:it")), run="long")}, places)
    assert [finding.holds for finding in judged.findings] == [True, True]
    assert [str(finding.numbers) for finding in judged.findings] == ["(1.0, nan)"] * 2


def test_a_claim_about_one_run_has_nothing_to_compare_with(named, places):
    said = r"^claims\.mine\.against: expected no such key, because code\.py:late takes one argument, "
    with pytest.raises(ConfigError, match=said + r"found 'short'\.$"):
        judge({"mine": Claim(claim=named("late"), run="long", against="short")}, places)


def test_a_function_of_any_number_of_runs_is_given_what_its_entry_names(named, places):
    claims = {
        "one": Claim(claim=named("any_number"), run="long"),
        "two": Claim(claim=named("any_number"), run="long", against="short"),
    }
    assert [claim.seeds[0].numbers for claim in judge(claims, places)] == [(1,), (2,)]


def test_a_table_that_the_entry_does_not_ask_for_is_said_to_be_missing_there(named, places):
    said = r"invariance\.csv: expected a table, found no such file\. "
    said += r"Say so in the claim's entry: reads: \[invariance\.csv\]\.$"
    with pytest.raises(ArtifactError, match=said):
        judge({"mine": Claim(claim=named("invariant"), run="long")}, places)


def test_of_a_path_it_is_about_the_seeds_that_have_their_points_as_every_claim_of_a_path_is(named):
    path = criterion_of("mine", Claim(claim=named("late"), path="p"))
    run = criterion_of("mine", Claim(claim=named("late"), run="r"))
    assert path.presupposes_points
    assert not run.presupposes_points
