"""The explorer: every seed of every path, run and sweep in one interactive page, explore.html."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from grokflow.artifacts.columns import METRICS
from grokflow.artifacts.results import PathResults, RunResults
from grokflow.config import Config, Figure, seeds_of_path
from grokflow.dynamics import SweepRegimes, measured_validation_error, regime
from grokflow.figures import kind_of
from grokflow.report.captions import see_of, subjects_of
from grokflow.report.pages import alt_of
from grokflow.report.rendering import json_in_page, picture_uri, render, script
from grokflow.report.thinning import compact, thin
from grokflow.user_code import as_written

ACCURACY, DECADES = 0.003, 0.01
"""How far its curves may be from the tables: of accuracies, and of the decimal logarithm of all else."""

TOOTH = 0.001
"""The same of effective learning rates: at a collapse they fall by a few per cent only."""

LEARNING_RATES = ("effective_learning_rate", "invariant_effective_learning_rate")
"""Of epochs.csv; the second, over the scale-invariant groups, is blank where a model has none."""

SECTIONS = {"paths": "Along a path", "runs": "Training", "sweeps": "Sweeps and the phase diagram"}

PLOTTED = {"metrics.csv", "fit.csv", "history.csv"}
"""Tables of what the page plots, paths and trainings: pictures drawn from one of them stand below."""


def explorer_page(results: Path, config: Config) -> str:
    """explore.html: the data, the plots, their pictures, and one copy of the plotting library."""
    from plotly.offline import get_plotlyjs

    pictures = {
        name: {
            "uri": picture_uri(results / "figures" / f"{name}.png"),
            "alt": alt_of(name, figure),
            "see": see_of(figure),
        }
        for name, figure in config.figures.items()
        if any(_stands_below(subject, figure) for subject in SECTIONS)
    }
    return render(
        "explore.html",
        data=json_in_page(explorer_data(results, config)),
        sections=SECTIONS,
        empty=[name for name in SECTIONS if not getattr(config, name)],
        pictures=pictures,
        plotly=script(get_plotlyjs()),
        accuracy=ACCURACY,
        per_cent=f"{100 * (10**DECADES - 1):.0f}",
    )


def explorer_data(results: Path, config: Config) -> dict[str, Any]:
    """What the page shows: `paths`, `runs` and `sweeps`, by name."""
    return {
        "paths": {
            name: {
                "seeds": {
                    seeds: path_data(PathResults(results / "paths" / name / f"seed_{seeds}"))
                    for seeds in seeds_of_path(config, name)
                },
                "figures": _figures("paths", config, name),
            }
            for name in config.paths
        },
        "runs": {
            name: {
                "seeds": {
                    str(seed): run_data(RunResults(results / "runs" / name / f"seed_{seed}"))
                    for seed in run.seeds
                },
                "figures": _figures("runs", config, name),
            }
            for name, run in config.runs.items()
        },
        "sweeps": {
            name: {
                **sweep_data(SweepRegimes(results / "sweeps" / f"{name}.csv")),
                "figures": _figures("sweeps", config, name),
            }
            for name in config.sweeps
        },
    }


def path_data(path: PathResults) -> dict[str, Any]:
    """All measurements along a path, by column; or why there are none."""
    if path.skipped:
        return {"skipped": path.skipped.replace("point_", "point ")}
    record = path.record
    pieces = len(record["control_points"]) - 1
    bends = [k / pieces for k in range(1, pieces)] if record["kind"] == "polyline" else []
    columns = {name: compact(path.metrics[name]) for name in METRICS}
    ends = [f"seed {record[end]['seed']}, epoch {record[end]['epoch']}" for end in ("from", "to")]
    return {"ends": ends, "bends": compact(bends), **columns}


def run_data(run: RunResults) -> dict[str, Any]:
    """The curves of a training, each thinned by itself, with its collapses and points."""
    logged, epochs = run.history, run.epochs
    every = epochs["epoch"].to_numpy(float)
    error = measured_validation_error(epochs, logged)
    return {
        "train_accuracy": _linear(every, 1 - epochs["train_error"].to_numpy(float)),
        "validation_accuracy": _linear(error.index.to_numpy(float), 1 - error.to_numpy(float)),
        "train_loss": _logarithmic(every, epochs["train_loss"].to_numpy(float)),
        "validation_loss": _logarithmic(run.logged, logged["validation_loss"].to_numpy(float)),
        **{name: _logarithmic(*_known(epochs, name), TOOTH) for name in LEARNING_RATES},
        "collapses": [compact(ends) for ends in run.collapses],
        "point_1": run.epoch_of("point_1"),
        "point_2": run.epoch_of("point_2"),
        "diverged": run.diverged,
        "last": run.last_epoch,
    }


def sweep_data(sweep: SweepRegimes) -> dict[str, Any]:
    """The varied keys and a row for each member."""
    table = sweep.table
    reached = table[["point_1", "point_2", "validation_error_at_point_1"]].itertuples(index=False)
    return {
        "keys": list(sweep.keys),
        "values": [_values(table[key]) for key in sweep.keys],
        "seed": compact(table["seed"], 15),
        "regime": [regime(*row) for row in reached],
        "point_1": compact(table["point_1"], 15),
        "point_2": compact(table["point_2"], 15),
        "validation_error": compact(table["validation_error"]),
        "is_grid": len(sweep.keys) == 2 and sweep.is_grid,
    }


def _values(varied: pd.Series) -> list[Any]:
    """Of a varied key: numbers, or words as the configuration has them."""
    return compact(varied) if pd.api.types.is_numeric_dtype(varied) else [as_written(str(v)) for v in varied]


def _figures(subject: str, config: Config, name: str) -> list[str]:
    """The figures whose pictures stand below the plot of a path, run or sweep."""
    figures = config.figures.items()
    return [key for key, each in figures if name in subjects_of(each) and _stands_below(subject, each)]


def _stands_below(subject: str, figure: Figure) -> bool:
    """Whether a figure shows paths, runs or sweeps, and from tables of which the page has a plot."""
    kind = kind_of(figure)
    plotted = kind.subject == "sweep" or not PLOTTED.isdisjoint(kind.files)
    return plotted and kind.subject in (subject, subject.removesuffix("s"))


def _known(epochs: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray]:
    """A column against epoch, without its blanks."""
    rows = epochs[epochs[name].notna()]
    return rows["epoch"].to_numpy(float), rows[name].to_numpy(float)


def _linear(x: np.ndarray, y: np.ndarray) -> list[list[float | None]]:
    return _curve(x, y, thin(x, y, ACCURACY)) if len(x) else [[], []]


def _logarithmic(x: np.ndarray, y: np.ndarray, tolerance: float = DECADES) -> list[list[float | None]]:
    with np.errstate(divide="ignore", invalid="ignore"):
        logarithm = np.log10(y)
    return _curve(x, y, thin(x, logarithm, tolerance)) if len(x) else [[], []]


def _curve(x: np.ndarray, y: np.ndarray, kept: np.ndarray) -> list[list[float | None]]:
    return [compact(x[kept], 15), compact(y[kept])]
