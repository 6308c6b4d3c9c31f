"""Which results every claim is judged on, and why a seed cannot be judged."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from made import (
    DIVERGED,
    LENGTH,
    STARTS,
    STREAM,
    Member,
    falling,
    make_audit,
    make_path,
    make_run,
    make_sweep,
    point,
)

from grokflow.claims import CRITERIA, SUBJECTS, judge
from grokflow.claims.judging import JudgedClaim, JudgedSeed
from grokflow.config import Claim, Config
from grokflow.loading import load_config

ROOT = Path(__file__).parents[2]

OF_RUNS = [name for name, subject in SUBJECTS.items() if subject.kind == "run"]
OF_PATHS = [name for name, subject in SUBJECTS.items() if subject.kind == "path"]

PATH = {
    "train_error": [0, 0.005, 0, 0, 0],
    "validation_error": [0.9, 0.5, 0.01, 0.005, 0],
    "gradient_norm": [1, 3, 0.2, 0.4, 0.1],
    "train_loss_l2": [1, 1, 1, 0.9, 0.9],
    "segment": [0, 0, 1, 2, 2],
}


def places_of(folder: Path, kind: str) -> dict[str, dict[str, dict[str, str]]]:
    """Every seed below each of the folders, as the workflow names them."""
    found = {
        part.name: {seed.name: str(seed) for seed in sorted(part.iterdir())} for part in folder.iterdir()
    }
    return {kind: found}


def one(name: str, claim: Claim, places: dict[str, Any]) -> JudgedClaim:
    (judged,) = judge({name: claim}, places)
    return judged


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, Any]:
    """`wild` has diverged with seed 0 and with seed 1; `calm` groks, and is periodic."""
    for name, diverged in (("wild", DIVERGED), ("calm", None)):
        for seed in "01":
            run = make_run(
                tmp_path / name / seed,
                STARTS,
                diverged=diverged,
                point_1=point(10, 0.9),
                point_2=point(100),
                history=falling((90, 0.005), (100, 0.0)),
            )
            make_audit(run.folder, STREAM)
    return places_of(tmp_path, "runs")


def claim_of_runs(name: str, run: str, against: str) -> Claim:
    return Claim(run=run, against=against if SUBJECTS[name].against else None)


@pytest.mark.parametrize("claim", OF_RUNS)
def test_a_diverged_run_cannot_be_judged_and_says_so(claim: str, runs: dict) -> None:
    found = one(claim, claim_of_runs(claim, "wild", "calm"), runs)
    assert found.seeds == [
        JudgedSeed(seed, f"wild diverged at {DIVERGED}", reason="diverged") for seed in "01"
    ]
    assert (found.proportion.judged, found.not_judged) == (0, "2 diverged")


@pytest.mark.parametrize("claim", [name for name in OF_RUNS if SUBJECTS[name].against])
def test_nor_can_one_whose_counterpart_diverged(claim: str, runs: dict) -> None:
    found = one(claim, Claim(run="calm", against="wild"), runs)
    assert [(seed.reason, seed.measured) for seed in found.seeds] == [
        ("diverged", f"wild diverged at {DIVERGED}")
    ] * 2


def test_a_diverged_run_without_a_single_epoch_is_no_crash(runs: dict) -> None:
    for folder in runs["runs"]["wild"].values():
        for table in ("history", "epochs", "periods", "invariance"):
            path = Path(folder) / f"{table}.csv"
            pd.read_csv(path).iloc[:0].to_csv(path, index=False)
        points = json.loads((Path(folder) / "points.json").read_text())
        points |= {"point_1": None, "point_2": None, "final": point(0, 1.0, 1.0)}
        (Path(folder) / "points.json").write_text(json.dumps(points))
    found = judge({name: claim_of_runs(name, "wild", "wild") for name in OF_RUNS}, runs)
    assert {claim.not_judged for claim in found} == {"2 diverged"}


def test_the_seeds_that_did_not_diverge_are_judged(runs: dict) -> None:
    path = Path(runs["runs"]["wild"]["1"]) / "points.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "diverged": None}))
    diverged, other = one("P1", Claim(run="wild"), runs).seeds
    assert (diverged.outcome, diverged.reason, diverged.first) == ("not judged", "diverged", None)
    assert (other.outcome, other.reason, other.first) == ("holds", None, True)


@pytest.mark.parametrize("claim", OF_RUNS)
def test_every_claim_about_runs_is_judged_on_runs_that_did_not_diverge(claim: str, runs: dict) -> None:
    found = one(claim, claim_of_runs(claim, "calm", "calm"), runs)
    assert [seed.seed for seed in found.seeds] == ["0", "1"]
    assert all(seed.reason != "diverged" for seed in found.seeds)
    tested = CRITERIA[claim].tested is not None
    assert all(bool(seed.changes) == (tested and seed.finding is not None) for seed in found.seeds)


# Paths


def claim_of_paths(name: str, path: str, against: str) -> Claim:
    return Claim(path=path, against=against if SUBJECTS[name].against else None)


@pytest.mark.parametrize("claim", OF_PATHS)
@pytest.mark.parametrize(
    ("skipped", "reason"),
    [
        ("seed 0 has no point_2: validation error is 0.4 at epoch 7000, the last", "no point"),
        ("seed 3 has no point_1: the run ended before it", "no point"),
        (
            "seed 0 has no point_2: validation error is 0.4 at epoch 12, the last kept before training "
            "diverged (epoch 13, step 99: train loss nan)",
            "diverged",
        ),
        ("the fit from 0@1 to 0@2 diverged; lower the learning_rate of its `fit`", "unfinished fit"),
        ("seed 0 reaches point_1 and point_2 in the same epoch, 40", "nothing to compare"),
    ],
)
def test_a_skipped_path_cannot_be_judged(claim: str, skipped: str, reason: str, tmp_path: Path) -> None:
    make_path(tmp_path / "skipped" / "0", None, skipped=skipped)
    found = one(claim, claim_of_paths(claim, "skipped", "skipped"), places_of(tmp_path, "paths"))
    assert found.seeds == [JudgedSeed("0", skipped, reason=reason)]


def test_nor_can_one_whose_counterpart_was_skipped(tmp_path: Path) -> None:
    make_path(tmp_path / "polyline" / "0", PATH)
    make_path(tmp_path / "segment" / "0", None)
    found = one("M8", Claim(path="polyline", against="segment"), places_of(tmp_path, "paths"))
    assert [seed.reason for seed in found.seeds] == ["no point"]


@pytest.mark.parametrize("claim", OF_PATHS)
def test_an_unfinished_fit_is_not_judged_but_was_by_the_first_criteria(claim: str, tmp_path: Path) -> None:
    make_path(tmp_path / "polyline" / "0-1", PATH, converged=False, fit_epochs=1600, fit=(0.004,))
    make_path(tmp_path / "polyline" / "2-3", PATH, converged=True, fit_epochs=900, fit=(0.004,))
    make_path(tmp_path / "polyline" / "4-5", PATH, fit=(0.004,))  # a segment or a chain has no fit
    make_path(tmp_path / "segment" / "0-1", PATH)
    make_path(tmp_path / "segment" / "2-3", PATH)
    make_path(tmp_path / "segment" / "4-5", PATH)
    found = one(claim, claim_of_paths(claim, "polyline", "segment"), places_of(tmp_path, "paths"))
    unfinished, finished, without = found.seeds
    assert (unfinished.outcome, unfinished.reason) == ("not judged", "unfinished fit")
    assert unfinished.measured == "the fit had not converged when its budget of 1600 epochs ended"
    assert unfinished.first is not None
    assert finished.finding is not None
    assert unfinished.numbers == ()
    assert finished.numbers == finished.finding.numbers
    assert finished == JudgedSeed(
        "2-3", without.measured, without.finding, first=without.first, numbers=without.numbers
    )


def test_a_seed_without_its_counterpart_has_nothing_to_compare(tmp_path: Path) -> None:
    for seed in "01":
        make_path(tmp_path / "polyline" / seed, PATH)
    make_path(tmp_path / "segment" / "0", {"validation_error": [0.9, 0.6, 0.02, 0.01, 0]})
    found = one("M8", Claim(path="polyline", against="segment"), places_of(tmp_path, "paths"))
    assert [seed.outcome for seed in found.seeds] == ["holds", "not judged"]
    assert (found.seeds[1].reason, found.seeds[1].measured) == (
        "nothing to compare", "segment has no such seed",
    )  # fmt: skip


# Sweeps


def test_a_claim_about_a_sweep_is_judged_on_each_seed_of_its_table(tmp_path: Path) -> None:
    fractions: list[Member] = [
        (0.1, 10, None, 0.9, 0.5), (0.4, 50, 100, 0.9, 0.0), (0.9, 50, 99, 0.4, 0.0),
    ]  # fmt: skip
    decays: list[Member] = [(0.0, 10, None, 0.9, 0.9), (1.0, 20, 40, 0.9, 0.0)]
    files = {
        "fraction": make_sweep(tmp_path / "fraction", "dataset.train_fraction", fractions, seed=9),
        "decay": make_sweep(tmp_path / "decay", "optimizer.weight_decay", decays),
    }
    places = {"sweeps": {name: {name: str(file)} for name, file in files.items()}}
    claims = {
        "P2": Claim(sweep="fraction"),
        "P3": Claim(sweep="decay"),
        "P2-decay": Claim(claim="P2", sweep="decay"),
    }
    outcomes = {
        claim.name: {seed.seed: (seed.outcome, seed.reason, seed.first) for seed in claim.seeds}
        for claim in judge(claims, places)
    }
    cannot = ("not judged", "nothing to compare", None)
    assert outcomes == {
        "P2": {"9": ("holds", None, True), "10": ("does not hold", None, False)},
        "P3": {"0": ("holds", None, True), "1": ("does not hold", None, False)},
        "P2-decay": {"0": cannot, "1": cannot},
    }


# What stands beside the findings


def test_a_criterion_and_its_first_form_are_judged_apart(tmp_path: Path) -> None:
    """Point 2 never comes, 99 % does: undecided at first in M1, a failure in P1, and both hold today."""
    history = falling((150, 0.005))
    make_run(tmp_path / "run" / "0", point_1=point(50, 0.9), history=history)
    places = places_of(tmp_path, "runs")
    m1, p1 = judge({"M1": Claim(run="run"), "P1": Claim(run="run")}, places)
    assert [claim.seeds[0].outcome for claim in (m1, p1)] == ["holds", "holds"]
    assert [claim.seeds[0].first for claim in (m1, p1)] == [None, False]
    assert (m1.first, p1.first) == ("inconclusive", "not reproduced")


def test_a_censored_seed_keeps_its_numbers_and_one_that_diverged_or_has_no_point_has_none(
    tmp_path: Path,
) -> None:
    for seed, run in {
        "0": {"point_1": point(50, 0.9), "point_2": point(170), "history": falling((150, 0.005))},
        "1": {"point_1": point(40, 0.8), "history": falling((150, 0.02))},
        "2": {"point_1": point(30, 0.7), "history": falling((150, 0.005)), "diverged": DIVERGED},
        "3": {},
    }.items():
        make_run(tmp_path / "run" / seed, **run)
    found = one("M1", Claim(run="run"), places_of(tmp_path, "runs"))
    assert [seed.reason for seed in found.seeds] == [None, "censored", "diverged", "no point"]
    assert [seed.numbers for seed in found.seeds] == [
        (3, 50, 170, 150, 0.9), (math.inf, 40, math.inf, math.inf, 0.8), (), (),
    ]  # fmt: skip
    assert found.values(0) == {"0": 3, "1": math.inf}
    assert found.values(1) == {"0": 50, "1": 40}
    assert (found.proportion.holding, found.proportion.judged, found.considered) == (1, 1, 4)


def test_a_new_claim_has_no_first_verdict(runs: dict) -> None:
    for name in CRITERIA:
        if SUBJECTS[name] == ("run", None):
            found = one(name, Claim(run="calm"), runs)
            assert (found.first is None) == (name in ("P8-cause", "P8-alone")), name


def test_the_figure_is_the_criterions_own_unless_the_configuration_names_one(runs: dict) -> None:
    assert one("P6", Claim(run="calm"), runs).figure == "P-fig5"
    renamed = one("P6-1layer", Claim(claim="P6", run="calm", figure="P-fig5-1layer"), runs)
    assert renamed.figure == "P-fig5-1layer"
    assert (renamed.name, renamed.criterion.id) == ("P6-1layer", "P6")


def test_a_claim_says_what_it_was_judged_on(runs: dict) -> None:
    assert one("P6", Claim(run="calm"), runs).about == "calm"
    assert one("P9", Claim(run="wild", against="calm"), runs).about == "wild against calm"


def test_what_is_tested_is_pooled_over_the_judged_seeds(runs: dict) -> None:
    found = one("P6", Claim(run="calm"), runs)
    assert set(found.tests) == {"fall of log η_eff", "jump of log ‖g_eff‖"}
    assert all(test.seeds == 2 for test in found.tests.values())
    assert found.p == max(test.p for test in found.tests.values()) == 1  # nothing jumps in a made run


def test_p_is_one_where_nothing_can_be_tested(tmp_path: Path, runs: dict) -> None:
    assert one("P6", Claim(run="wild"), runs).tests == {}  # no seed is judged
    assert one("P6", Claim(run="wild"), runs).p == 1
    for seed in "01":
        make_run(tmp_path / "quiet" / seed)  # judged, and fails: it has no collapse
    places = places_of(tmp_path, "runs")
    quiet = one("P5", Claim(run="quiet"), places)
    assert [(seed.outcome, seed.reason) for seed in quiet.seeds] == [("does not hold", None)] * 2
    assert [test.seeds for test in quiet.tests.values()] == [0]
    assert quiet.p == 1


def test_a_claim_that_is_not_tested_has_no_p(runs: dict) -> None:
    assert one("P1", Claim(run="calm"), runs).p is None


# The configurations

CONFIGS = ["config.yaml", "config/quick.yaml"]


def loaded(name: str) -> Config:
    return load_config([ROOT / name])


@pytest.mark.parametrize("name", CONFIGS)
def test_every_claim_of_the_configurations_has_a_criterion_and_its_subject(name: str) -> None:
    config = loaded(name)
    assert {claim.claim or name for name, claim in config.claims.items()} == set(CRITERIA)
    for entry, claim in config.claims.items():
        kind, against = SUBJECTS[claim.claim or entry]
        given = {key for key in ("run", "path", "sweep", "against") if getattr(claim, key) is not None}
        assert given == {kind, *(["against"] if against else [])}, entry


@pytest.mark.parametrize("name", CONFIGS)
def test_every_claim_is_drawn_in_a_figure_of_the_configurations(name: str) -> None:
    config = loaded(name)
    assert {criterion.figure for criterion in CRITERIA.values()} <= set(config.figures)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_figure_of_a_claim_shows_what_the_claim_is_about(name: str) -> None:
    config, wrong = loaded(name), []
    for entry, claim in config.claims.items():
        figure = config.figures[claim.figure or CRITERIA[claim.claim or entry].figure]
        shown = {figure.run, *(figure.runs or ()), figure.path, figure.sweep}
        if entry.startswith("P") and not {claim.run, claim.sweep} & shown - {None}:
            wrong.append(entry)
    assert wrong == []


def test_a_made_run_is_long_enough_for_every_collapse() -> None:
    assert max(STARTS) + 4 < LENGTH
