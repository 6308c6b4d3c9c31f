"""What became of every seed of every run, and when: points.csv and times.csv.

A seed that diverges can no longer reach a point, and one whose training ended before it did is censored. So
times are given as cumulative incidence with divergence as a competing event (Aalen & Johansen 1978), which
without divergence is one less Kaplan & Meier's survival.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from grokflow.artifacts.columns import POINTS, TIMES
from grokflow.artifacts.results import RunResults, epoch_of_divergence
from grokflow.claims.grokking import epoch_of_accuracy
from grokflow.statistics import Times, incidence

ACCURACIES = {"epoch_99": 0.99, "epoch_99_7": 0.997}
"""Validation accuracies short of 100 %, by the column with the first logged epoch that reaches them."""

EVENTS = {
    "point_1": "train accuracy 100 % (point 1)",
    "epoch_99": "validation accuracy 99 %",
    "epoch_99_7": "validation accuracy 99.7 %",
    "point_2": "train and validation accuracy 100 % (point 2)",
}
"""The columns of points.csv that are times, with what happens then."""


def outcomes_of_runs(folders: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """points.csv: a row for each seed of each run.

    Parameters
    ----------
    folders : of each seed of each run.
    """
    rows = [
        _outcome(run, RunResults(folder, seed))
        for run, seeds in folders.items()
        for seed, folder in seeds.items()
    ]
    whole = dict.fromkeys(("epochs", *EVENTS, "collapses"), "Int64")
    return pd.DataFrame(rows, columns=POINTS).astype(whole)


def times_of_runs(outcomes: pd.DataFrame) -> pd.DataFrame:
    """times.csv: for each run and event, how many seeds it came to and when.

    Parameters
    ----------
    outcomes : what `outcomes_of_runs` gives.
    """
    rows = []
    for run, seeds in outcomes.groupby("run", sort=False):
        for event, what in EVENTS.items():
            found = incidence(_times(seeds, event))
            rows.append(
                {
                    "run": run,
                    "event": what,
                    "seeds": len(seeds),
                    "reached": found.reached,
                    "diverged": found.diverged,
                    "censored": found.censored,
                    "median": found.median,
                    "low": found.median_low,
                    "high": found.median_high,
                    "incidence": found.incidence[-1] if len(found.incidence) else math.nan,
                }
            )
    whole = dict.fromkeys(("median", "low", "high"), "Int64")
    return pd.DataFrame(rows, columns=TIMES).astype(whole)


def _outcome(name: str, run: RunResults) -> dict[str, Any]:
    final = run.points["final"]
    reached = {column: epoch_of_accuracy(run, accuracy) for column, accuracy in ACCURACIES.items()}
    return {
        "run": name,
        "seed": run.name,
        "outcome": _fate(run),
        "epochs": int(run.last_epoch),
        "point_1": run.epoch_of("point_1"),
        **{column: None if math.isinf(epoch) else int(epoch) for column, epoch in reached.items()},
        "point_2": run.epoch_of("point_2"),
        "train_error": final["train_error"],
        "validation_error": final["validation_error"],
        "collapses": len(run.periods),
        "diverged": run.diverged,
    }


def _fate(run: RunResults) -> str:
    if run.diverged:
        return "diverged"
    if run.epoch_of("point_2") is not None:
        return "generalises"
    return "memorises" if run.epoch_of("point_1") is not None else "does not memorise"


def _times(seeds: pd.DataFrame, event: str) -> Times:
    """When the event came to each seed, or when the seed was last seen without it."""
    epochs, outcomes = [], []
    for row in seeds.itertuples():
        at = getattr(row, event)
        if not pd.isna(at):
            epochs.append(float(at))
            outcomes.append("reached")
        elif isinstance(row.diverged, str):
            epochs.append(float(epoch_of_divergence(row.diverged)))
            outcomes.append("diverged")
        else:
            epochs.append(float(row.epochs))
            outcomes.append("censored")
    return Times(np.array(epochs), np.array(outcomes))
