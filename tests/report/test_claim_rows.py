"""What the first page says of the reference run's claims, compared with itself and with what was altered."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from grokflow.comparison import with_reference
from grokflow.report.claim_rows import claim_rows
from grokflow.summary import summary

REFERENCE = Path(__file__).parents[2] / "docs/reference"

AGREES = re.compile(r"(\d+) of (\1 agree$|\d+ agree, \d+ cannot be told$)")
"""All comparisons of a claim that can be told."""


@pytest.fixture
def results(tmp_path):
    return Path(shutil.copytree(REFERENCE, tmp_path / "results"))


def alter(file, claim, **values):
    table = pd.read_csv(file)
    for column, value in values.items():
        table.loc[table["claim"] == claim, column] = value
    table.to_csv(file, index=False)


def agreements(results, reference=REFERENCE):
    return {row.name: row.agreement for row in claim_rows(results, with_reference(results, reference))}


def test_a_row_has_the_papers_numbers_beside_ours(results):
    rows = {row.name: row for row in claim_rows(results, with_reference(results, REFERENCE))}
    assert list(rows) == pd.read_csv(REFERENCE / "claims.csv")["claim"].tolist()
    first = rows["M1"]
    effect, point_1, point_2 = first.numbers
    assert (effect.paper, point_1.paper, point_2.paper) == ("", "585", "2402")
    table = pd.read_csv(REFERENCE / "claims_numbers.csv").set_index(["claim", "number"])
    median = table.loc[("M1", "epoch of point 1"), "median"]
    assert point_1.ours.startswith(f"{median:.3g} [")
    assert point_1.spread.count(" to ") == 1
    assert first.figure == "M-fig1"
    assert first.verdict in ("reproduced", "mostly reproduced")


def test_the_reference_agrees_with_itself(results):
    comparison = with_reference(results, REFERENCE)
    assert comparison.sentence.startswith("These results agree with the reference run: of ")
    assert "to show a difference, none shows one (by chance alone, more than " in comparison.sentence
    said = set(agreements(results).values())
    assert all(AGREES.match(text) or text == "too few seeds to say" for text in said)


def test_another_share_differs_by_name(results):
    judged = int(pd.read_csv(results / "claims.csv").set_index("claim").loc["P4-1layer", "judged"])
    alter(results / "claims.csv", "P4-1layer", holding=0)
    sentence = with_reference(results, REFERENCE).sentence
    assert "differ from the reference run: " in sentence
    assert ", 1 shows one (" in sentence
    assert "not by chance: P4-1layer (seeds that hold))" in sentence
    said = agreements(results)
    assert said["P4-1layer"] == (
        f"differs in seeds that hold (0 of {judged}, reference {judged} of {judged})"
    )
    assert AGREES.match(said["P4"])


def test_another_median_differs_by_name(results):
    table = pd.read_csv(results / "claims_numbers.csv")
    table.loc[(table["claim"] == "M1") & (table["number"] == "epoch of point 1"), "median"] = 12
    table.to_csv(results / "claims_numbers.csv", index=False)
    said = agreements(results)["M1"]
    assert said.startswith("differs in epoch of point 1 (12, reference ")


def test_claims_about_runs_configured_otherwise_are_not_compared(results):
    described = json.loads((results / "runs.json").read_text(encoding="utf-8"))
    described["runs"]["mode_connectivity"]["config"]["model.width"] = 64
    (results / "runs.json").write_text(json.dumps(described), encoding="utf-8")
    comparison = with_reference(results, REFERENCE)
    said = agreements(results)
    otherwise = {claim for claim in said if said[claim] == "not compared: another setup"}
    about = pd.read_csv(results / "claims.csv").set_index("claim")["about"]
    of_paths = {claim for claim in about.index if claim.startswith("M") and "_1" in about[claim]}
    assert otherwise == of_paths | {"M1", "M2"} | {claim for claim in about.index if "_2_2p" in about[claim]}
    compared = len(about) - len(otherwise)
    assert comparison.sentence.startswith(
        f"{compared} of {len(about)} claims are about the reference run's setup. These results agree"
    )
    assert AGREES.match(said["P4"])


def test_the_report_and_the_terminal_compare_the_same_claims(results):
    """One about a run of another name, one by another criterion, and one of a run configured otherwise."""
    alter(results / "claims.csv", "M1", about="mine")
    alter(results / "claims.csv", "P4", criterion="another one")
    described = json.loads((results / "runs.json").read_text(encoding="utf-8"))
    described["runs"]["without_decay"]["config"]["model.width"] = 64
    (results / "runs.json").write_text(json.dumps(described), encoding="utf-8")
    of_claim = agreements(results)
    report = {claim for claim, said in of_claim.items() if said == "not compared: another setup"}
    lines = summary(results, reference=REFERENCE).splitlines()
    assert report == {line.split()[0] for line in lines if re.match(r"  \S+ .*\]  –  ", line)}
    about = pd.read_csv(results / "claims.csv").set_index("claim")["about"].str.split(" against ")
    assert report == {"M1", "P4"} | {claim for claim in about.index if "without_decay" in about[claim]}
    assert len(report) > 2


def test_where_no_claim_is_of_the_same_setup_nothing_is_compared(results):
    claims = pd.read_csv(results / "claims.csv")
    claims.assign(about="mine").to_csv(results / "claims.csv", index=False)
    comparison = with_reference(results, REFERENCE)
    assert comparison.sentence.endswith("no claim is about a setup that it has.")
    assert set(agreements(results).values()) == {"not compared: another setup"}


def test_a_claim_that_the_reference_does_not_have_is_told(results):
    reference = results.parent / "smaller"
    shutil.copytree(REFERENCE, reference)
    for name in ("claims.csv", "claims_numbers.csv", "claims_seeds.csv", "claims_values.csv"):
        table = pd.read_csv(reference / name)
        table[table["claim"] != "M3"].to_csv(reference / name, index=False)
    assert agreements(results, reference)["M3"] == "not in the reference"


def test_without_a_reference_nothing_is_compared(results, tmp_path):
    comparison = with_reference(results, tmp_path / "nothing")
    assert comparison.sentence == "There is no reference run to compare with."
    assert {row.agreement for row in claim_rows(results, comparison)} == {""}


def test_a_claim_of_ones_own_is_of_no_paper(results):
    alter(results / "claims.csv", "M1", paper="own")
    rows = {row.name: row for row in claim_rows(results, with_reference(results, REFERENCE))}
    assert (rows["M1"].paper, rows["M2"].paper) == ("", "M")
