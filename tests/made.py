"""Results made by hand for the claims: runs, paths, sweeps and audits whose every value a test chooses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from grokflow.artifacts.columns import EPOCHS, FIT, HISTORY, INVARIANCE, METRICS, SWEEP
from grokflow.artifacts.results import PathResults, RunResults, SweepResults
from grokflow.claims import CRITERIA
from grokflow.claims.criteria import Finding, NotJudged
from grokflow.dynamics import periods

LENGTH = 200
"""Epochs of a made run, the first of them memorised."""

STARTS = (21, 58, 104, 155)
"""Four collapses with no distance twice, so that a shift brings at most one onto another."""

DIVERGED = "epoch 12, step 93: train loss nan"

NOT_REACHED = {"point_1": "train error is 0.3", "point_2": "validation error is 0.4"}

Values = np.ndarray | Sequence[float]
Columns = dict[str, list[float]]
Results = RunResults | PathResults | pd.DataFrame


def point(epoch: int, validation_error: float = 0.0, train_error: float = 0.0) -> dict[str, Any]:
    """A point as points.json has it."""
    errors = {"train_error": train_error, "validation_error": validation_error}
    return {"epoch": epoch, "step": epoch, **errors}


def make_run(
    folder: Path,
    starts: Sequence[int] = (),
    *,
    epochs: int = LENGTH,
    lasts: int = 4,
    ends: bool = True,
    point_1: dict[str, Any] | None = None,
    point_2: dict[str, Any] | None = None,
    final: dict[str, Any] | None = None,
    diverged: str | None = None,
    history: dict[str, Values] | None = None,
    **columns: Values,
) -> RunResults:
    """A run that has memorised from epoch 1 and collapses after each of `starts` for `lasts` − 1 epochs.

    Parameters
    ----------
    lasts : from the start of a collapse to its end.
    ends : False: the last collapse goes on to the last epoch.
    final : none: the last epoch with its validation error in the history.
    history : columns of history.csv, for epochs 0 … `epochs`; every epoch is logged.
    columns : columns of epochs.csv, for epochs 1 … `epochs`; those not given are constant.
    """
    error = np.zeros(epochs)
    for start in starts:
        error[start : start + lasts - 1] = 0.5
    if not ends:
        error[starts[-1] :] = 0.5
    statistics = {
        f"{whose}{name}": np.ones(epochs)
        for whose in ("", "invariant_")
        for name in ("weight_norm", "effective_learning_rate", "effective_gradient_norm")
    }
    every = pd.DataFrame(
        {"epoch": np.arange(1, epochs + 1), "train_error": error, **statistics, **columns}
    ).reindex(columns=EPOCHS)
    defaults = {"validation_error": 0.9, "weight_norm": 1.0, "effective_gradient_norm": 1.0}
    logged = pd.DataFrame({"epoch": np.arange(epochs + 1)}).assign(**{**defaults, **(history or {})})
    points = {
        "initial": point(0, 1.0, 1.0),
        "point_1": point_1,
        "point_2": point_2,
        "final": final or point(epochs, float(logged["validation_error"].iloc[-1]), float(error[-1])),
    }
    reasons = {name: NOT_REACHED[name] for name in NOT_REACHED if points[name] is None}

    folder.mkdir(parents=True)
    every.to_csv(folder / "epochs.csv", index=False)
    assert set(logged) <= set(HISTORY)
    logged.reindex(columns=HISTORY).to_csv(folder / "history.csv", index=False)
    periods(every, logged).to_csv(folder / "periods.csv", index=False)
    content = {**points, "reasons": reasons, "checkpoints": [], "diverged": diverged}
    (folder / "points.json").write_text(json.dumps(content))
    return RunResults(folder)


def falling(*steps: tuple[int, float], first: float = 0.9, epochs: int = LENGTH) -> dict[str, Values]:
    """A history whose validation error is `first` and has each given value from the given epoch on."""
    error = np.full(epochs + 1, first)
    for epoch, value in steps:
        error[epoch:] = value
    return {"validation_error": error}


def make_path(
    folder: Path,
    columns: Columns | None,
    *,
    skipped: str = "seed 0 has no point_2: validation error is 0.4",
    converged: bool | None = None,
    fit_epochs: int | None = None,
    control_points: Sequence[str] = ("epoch 604", "epoch 700", "epoch 800", "epoch 832"),
    fit: Sequence[float | None] = (),
) -> PathResults:
    """A path measured at even t unless `columns` has its own; None: a skipped path.

    Parameters
    ----------
    control_points : their names; unless given those of a chain of three segments.
    fit : the largest train error on the curve after each epoch of the fit; None where no check was due.
    """
    folder.mkdir(parents=True)
    metrics = pd.DataFrame(columns=METRICS)
    if columns is not None:
        assert set(columns) <= set(METRICS)
        count = len(next(iter(columns.values())))
        metrics = pd.DataFrame({"t": [i / (count - 1) for i in range(count)], **columns})
    metrics.reindex(columns=METRICS).to_csv(folder / "metrics.csv", index=False)
    epochs = {"epoch": range(1, len(fit) + 1), "largest_train_error": pd.Series(fit, dtype=float)}
    pd.DataFrame(epochs).reindex(columns=FIT).to_csv(folder / "fit.csv", index=False)
    ends = {
        end: {"seed": 0, "point": name, "epoch": None}
        for end, name in {"from": "point_1", "to": "point_2"}.items()
    }
    record = {"kind": "segment", "skipped": skipped if columns is None else None, **ends}
    record |= {"control_points": list(control_points), "converged": converged, "fit_epochs": fit_epochs}
    (folder / "path.json").write_text(json.dumps(record))
    return PathResults(folder)


Member = tuple[float | str, int | None, int | None, float | None, float]
"""Value of the varied key, points 1 and 2, validation error at point 1 and at the end."""


def make_sweep(
    folder: Path, key: str, members: Sequence[Member], *, seed: int = 0, diverged: Sequence[int] = ()
) -> Path:
    """The file of a sweep, with a second seed that must not matter; `diverged`: numbers of members."""
    rows = [
        {
            key: value,
            "seed": of,
            "point_1": first if of == seed else 7,
            "point_2": second if of == seed else 7,
            "validation_error_at_point_1": at_point_1 if of == seed else 0.123,
            "epochs": 400,
            "train_error": 0.0,
            "validation_error": error if of == seed else 0.123,
            "diverged": "epoch 40" if of == seed and number in diverged else None,
        }
        for number, (value, first, second, at_point_1, error) in enumerate(members)
        for of in (seed, seed + 1)
    ]
    table = pd.DataFrame(rows, columns=[key, *SWEEP]).astype({"point_1": "Int64", "point_2": "Int64"})
    folder.mkdir(parents=True)
    table.sample(frac=1, random_state=0).to_csv(folder / "sweep.csv", index=False)
    return folder / "sweep.csv"


def members_of(
    folder: Path, key: str, members: Sequence[Member], *, seed: int = 0, **how: Any
) -> pd.DataFrame:
    """What a criterion sees of such a sweep: the rows of the one seed."""
    return SweepResults(make_sweep(folder, key, members, seed=seed, **how)).of_seed(seed)


GROUPS = [
    "token_embedding",
    "layer_0.attention.norm",
    "layer_0.attention.query",
    "layer_0.attention.key",
    "layer_0.attention.value",
    "layer_1.attention.query",
    "layer_1.attention.key",
    "layer_1.mlp.in",
    "final_norm",
    "unembedding",
    "residual stream",
    "all",
]

STREAM = {"layer_1.mlp.in", "residual stream"}
"""What is invariant in the partly invariant model."""


def make_audit(
    folder: Path,
    invariant: set[str],
    *,
    frozen: set[str] | None = None,
    points: Sequence[str] = ("initial", "point_1", "point_2"),
    flipped: Sequence[tuple[str, str]] = (),
) -> RunResults:
    """invariance.csv; `flipped`: (point, group) where it is the other way round.

    Group number i changes log p by 0.5 + i where it is not invariant, and by (1 + i)·10⁻¹³ where it is.
    """
    rows = []
    for at in points:
        for number, group in enumerate(GROUPS):
            is_invariant = (group in invariant) != ((at, group) in flipped)
            rows.append(
                {
                    "point": at,
                    "epoch": 0,
                    "group": group,
                    "trained": group not in (frozen or set()),
                    "change": (1 + number) * 1e-13 if is_invariant else 0.5 + number,
                    "radial_gradient": 3e-16 if is_invariant else 0.25,
                    "tolerance": 1e-9,
                    "invariant": is_invariant,
                }
            )
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows, columns=INVARIANCE).to_csv(folder / "invariance.csv", index=False)
    return RunResults(folder)


def judged(claim: str, *results: Results) -> Finding:
    """What the claim's criterion finds."""
    criterion = CRITERIA[claim]
    finding = criterion.judge(*results)
    assert type(finding.holds) is bool
    assert finding.measured
    assert len(finding.numbers) == len(criterion.numbers)
    return finding


def not_judged(claim: str, *results: Results) -> tuple[str, str]:
    """The reason why the claim cannot be judged, and the message."""
    with pytest.raises(NotJudged) as why:
        CRITERIA[claim].judge(*results)
    return why.value.reason, str(why.value)
