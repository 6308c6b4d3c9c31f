"""points.csv and times.csv of planted runs, against numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from made import STARTS, falling, make_run, point

from grokflow.artifacts.columns import POINTS, TIMES
from grokflow.artifacts.tables import write_table
from grokflow.claims import outcomes_of_runs, times_of_runs

DIVERGED = "epoch 150, step 1200: train loss inf"


@pytest.fixture
def outcomes(tmp_path: Path) -> pd.DataFrame:
    """Six seeds of `groks` and one of `other`.

    Seeds 0 to 2 reach everything, 3 ends with 99.5 %, 4 diverges after point 1, 5 never memorises.
    """
    runs = {
        "0": {
            "point_1": point(20),
            "point_2": point(100),
            "history": falling((60, 0.01), (80, 0.003), (100, 0)),
        },
        "1": {
            "point_1": point(30),
            "point_2": point(110),
            "history": falling((70, 0.0), (75, 0.2), (110, 0)),
        },
        "2": {"point_1": point(40), "point_2": point(190), "history": falling((160, 0.0031), (190, 0))},
        "3": {"point_1": point(50), "history": falling((90, 0.005)), "starts": STARTS},
        "4": {"point_1": point(60), "epochs": 149, "diverged": DIVERGED, "final": point(140, 0.8, 0.1)},
        "5": {"final": point(200, 0.9, 0.3)},
    }
    folders = {"groks": {seed: tmp_path / "groks" / seed for seed in runs}}
    for seed, run in runs.items():
        make_run(folders["groks"][seed], **run)
    folders["other"] = {"100": tmp_path / "other" / "100"}
    make_run(folders["other"]["100"], point_1=point(7), final=point(200, 0.6))
    return outcomes_of_runs(folders)


def test_a_row_for_every_seed_of_every_run(outcomes: pd.DataFrame) -> None:
    assert list(outcomes.columns) == POINTS
    assert outcomes.astype(object).where(outcomes.notna(), None).to_numpy().tolist() == [
        ["groks", "0", "generalises", 200, 20, 60, 80, 100, 0, 0, 0, None],
        ["groks", "1", "generalises", 200, 30, 70, 70, 110, 0, 0, 0, None],  # the first such epoch counts
        ["groks", "2", "generalises", 200, 40, 160, 190, 190, 0, 0, 0, None],
        ["groks", "3", "memorises", 200, 50, 90, None, None, 0, 0.005, 4, None],
        ["groks", "4", "diverged", 149, 60, None, None, None, 0.1, 0.8, 0, DIVERGED],
        ["groks", "5", "does not memorise", 200, None, None, None, None, 0.3, 0.9, 0, None],
        ["other", "100", "memorises", 200, 7, None, None, None, 0, 0.6, 0, None],
    ]


def test_epochs_are_written_as_whole_numbers_with_blanks(outcomes: pd.DataFrame, tmp_path: Path) -> None:
    write_table(tmp_path / "points.csv", outcomes)
    lines = (tmp_path / "points.csv").read_text(encoding="utf-8").splitlines()
    assert lines[4] == "groks,3,memorises,200,50,90,,,0.0,0.005,4,"
    assert lines[5] == f'groks,4,diverged,149,60,,,,0.1,0.8,0,"{DIVERGED}"'
    write_table(tmp_path / "times.csv", times_of_runs(outcomes))
    line = (tmp_path / "times.csv").read_text(encoding="utf-8").splitlines()[1]
    assert line.startswith("groks,train accuracy 100 % (point 1),6,5,0,1,40,")


def test_times_count_what_came_to_how_many_seeds(outcomes: pd.DataFrame) -> None:
    """The share that has got there: nobody is censored before the last epoch, so it is that of all six."""
    times = times_of_runs(outcomes)
    assert list(times.columns) == TIMES
    groks = times[times["run"] == "groks"].set_index("event")
    assert groks.index.tolist() == [
        "train accuracy 100 % (point 1)",
        "validation accuracy 99 %",
        "validation accuracy 99.7 %",
        "train and validation accuracy 100 % (point 2)",
    ]
    counts = groks[["seeds", "reached", "diverged", "censored"]].to_numpy().tolist()
    assert counts == [[6, 5, 0, 1], [6, 4, 1, 1], [6, 3, 1, 2], [6, 3, 1, 2]]
    assert groks["median"].tolist() == [40, 90, 190, 190]  # where the third of six gets there, or the fourth
    assert groks["incidence"].tolist() == pytest.approx([5 / 6, 4 / 6, 1 / 2, 1 / 2])


def test_one_that_diverged_never_gets_there_and_one_that_is_censored_still_may(tmp_path: Path) -> None:
    """Three of four seeds reach point 1, at epochs 10, 20 and 40; the other one is lost at 30.

    At 20 half of them have. If the lost one is censored, one seed is watched from then on and stands for both
    that were left; it gets there, so all do. If it diverged, three of four do.
    """

    def incidences(diverged: str | None, name: str) -> pd.Series:
        folders = {str(epoch): tmp_path / name / str(epoch) for epoch in (10, 20, 30, 40)}
        for epoch, folder in folders.items():
            if epoch == "30":
                make_run(folder, epochs=29 if diverged else 30, diverged=diverged)
            else:
                make_run(folder, point_1=point(int(epoch)))
        return times_of_runs(outcomes_of_runs({"run": folders})).iloc[0]

    censored = incidences(None, "censored")
    assert (censored["reached"], censored["diverged"], censored["censored"]) == (3, 0, 1)
    assert censored["incidence"] == pytest.approx(1)
    diverged = incidences("epoch 30, step 240: train loss nan", "diverged")
    assert (diverged["reached"], diverged["diverged"], diverged["censored"]) == (3, 1, 0)
    assert diverged["incidence"] == pytest.approx(3 / 4)
    assert censored["median"] == diverged["median"] == 20


def test_an_event_that_never_comes_has_no_median(outcomes: pd.DataFrame) -> None:
    times = times_of_runs(outcomes)
    never = times[times["run"] == "other"].iloc[3]
    assert never[["reached", "censored", "incidence"]].tolist() == [0, 1, 0]
    assert never[["median", "high"]].isna().all()


def test_no_runs_make_empty_tables() -> None:
    outcomes = outcomes_of_runs({})
    assert (list(outcomes.columns), len(outcomes)) == (POINTS, 0)
    times = times_of_runs(outcomes)
    assert (list(times.columns), len(times)) == (TIMES, 0)
