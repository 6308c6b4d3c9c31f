"""What pages say of code of one's own: whose it is, and its name as its user wrote it."""

import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from made import LENGTH, make_run
from PIL import Image

from grokflow.artifacts.columns import SWEEP
from grokflow.artifacts.provenance import write_provenance
from grokflow.dynamics import SweepRegimes, validation_accuracy
from grokflow.figures.regimes import written
from grokflow.loading import load_config
from grokflow.report import claims_page, figure_page
from grokflow.report.explorer import ACCURACY, run_data, sweep_data
from grokflow.report.pages import TITLES

REFERENCE = Path(__file__).parents[2] / "docs/reference"
OWN = "draw.py:draw#c0ce4edc60150fed"


@pytest.fixture
def results(tmp_path):
    folder = Path(shutil.copytree(REFERENCE, tmp_path / "results"))
    (folder / "figures").mkdir()
    Image.new("RGB", (4, 4)).save(folder / "figures/mine.png")
    claims = pd.read_csv(folder / "claims.csv")
    claims.loc[claims["claim"] == "M1", "paper"] = "own"
    claims.to_csv(folder / "claims.csv", index=False)
    return folder


@pytest.fixture
def config():
    papers = load_config(["config.yaml"])
    mine = next(iter(papers.figures.values())).model_copy(update={"kind": OWN, "caption": None})
    return papers.model_copy(update={"figures": {"mine": mine}})


def test_claims_of_ones_own_stand_under_a_heading_of_their_own(results, config):
    page = claims_page(results, config, REFERENCE)
    assert [f"<h2>{whose}</h2>" in page for whose in ("Your own claims", "Paper P: claims")] == [True, True]
    assert "Paper own" not in page
    assert "<h2>Your own figures</h2>" in page


def test_claims_of_a_miniature_are_compared_with_nothing(results, config):
    write_provenance(results / "claims.provenance.json", [], {"claims": {}, "miniature": True})
    page = claims_page(results, config, REFERENCE)
    assert "These claims are about a miniature, and say nothing about any paper." in page
    assert "reference run:" not in page
    assert [f"<h2>Claims {paper}</h2>" in page for paper in "MP"] == [True, True]
    assert "Paper M:" not in page
    assert "Agreement" not in page


def test_an_empty_column_is_left_out(results, config):
    numbers = pd.read_csv(results / "claims_numbers.csv")
    numbers.assign(paper=None, percentile=None).to_csv(results / "claims_numbers.csv", index=False)
    headings = re.findall('<th scope="col">([^<]*)', claims_page(results, config, results / "no reference"))
    kept = ["Claim", "Holds for", "Verdict", "Ours", "Figure"]
    assert headings == len(headings) // len(kept) * kept


def test_the_first_page_introduces_the_papers_and_what_made_the_results(results, config):
    references = yaml.safe_load((REFERENCE.parents[1] / "CITATION.cff").read_text(encoding="utf-8"))[
        "references"
    ]
    assert {each["abbreviation"]: each["title"] for each in references} == TITLES
    page = " ".join(claims_page(results, config, REFERENCE).split())
    assert all(f"<cite>{title}</cite> ({paper})" in page for paper, title in TITLES.items())
    assert "and of your own, judged on the results in <code>results</code>." in page
    write_provenance(results / "figures/mine.provenance.json", [], {})
    page = " ".join(claims_page(results, config, REFERENCE).split())
    assert re.search(
        r"They were made with grokflow \S+ .*on \S+, with [\d to]+ seeds? a run; .*2\d{3}-\d\d-\d\d", page
    )


def test_a_claim_that_no_seed_could_be_judged_on_says_so(results, config):
    claims = pd.read_csv(results / "claims.csv")
    claims.loc[claims["claim"] == "M3", ["holding", "judged", "verdict", "figure"]] = [
        0,
        0,
        "undecided",
        "mine",
    ]
    claims.to_csv(results / "claims.csv", index=False)
    page = figure_page(results, config, "mine")
    assert "undecided</span>: no seed could be judged." in page


def test_a_page_names_ones_own_code_without_its_digest(results, config):
    page = figure_page(results, config, "mine")
    assert "kind: draw.py:draw\n" in page
    assert "What draw.py:draw draws." in page
    assert "#c0ce4edc60150fed" not in page


def test_varied_operations_are_words(tmp_path):
    row = {"seed": 0, "point_1": 1, "point_2": 2, "validation_error_at_point_1": 0.9, "epochs": 9}
    rows = [{"dataset.operation": operation, **row} for operation in (OWN, "a+b")]
    pd.DataFrame(rows).reindex(columns=["dataset.operation", *SWEEP]).to_csv(
        tmp_path / "sweep.csv", index=False
    )
    assert sweep_data(SweepRegimes(tmp_path / "sweep.csv"))["values"] == [["draw.py:draw", "a+b"]]
    assert [written(OWN), written("a+b"), written(0.5)] == ["draw.py:draw", "a+b", "0.5"]


def test_the_explorer_has_the_validation_accuracy_that_figures_draw(tmp_path):
    """At an epoch that both tables have, that of epochs.csv."""
    around = np.full(LENGTH, np.nan)
    around[99] = 0.25  # epoch 100
    run = make_run(
        tmp_path / "0", history={"validation_error": np.full(LENGTH + 1, 0.5)}, validation_error=around
    )
    epochs, accuracies = run_data(run)["validation_accuracy"]
    assert dict(zip(epochs, accuracies, strict=True))[100] == 0.75
    drawn = validation_accuracy(run.epochs, run.history)
    assert np.interp(run.epochs["epoch"], epochs, accuracies) == pytest.approx(drawn, abs=ACCURACY)
