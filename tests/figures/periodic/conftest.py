"""Small synthetic tables of runs whose train accuracy collapses now and then, and of a sweep."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from grokflow.artifacts.columns import (
    EPOCHS,
    HISTORY,
    INVARIANCE,
    PERIODS,
    RAYS,
    STATISTICS,
    SWEEP,
)

MODEL: dict[str, Any] = {
    "layers": 1,
    "width": 128,
    "mlp_width": 512,
    "heads": 4,
    "normalization": "layer_norm",
    "norm_affine": "gain_and_bias",
    "mlp_norm": "after_relu",
    "unembedding_norm": None,
}

GROUPS = ["token_embedding", "position_embedding"]
GROUPS += [f"layer_0.attention.{name}" for name in ("norm", "query", "key", "value", "output")]
GROUPS += [f"layer_0.mlp.{name}" for name in ("norm", "in", "hidden_norm", "out")]
GROUPS += ["final_norm", "unembedding", "residual stream", "all"]

INVARIANT = {
    "none": set(),
    "layer_norm": {"layer_0.mlp.in", "residual stream"},
    "invariant_attention": {name for name in GROUPS if "attention" in name} | {"layer_0.mlp.in"},
    "invariant_but_attention": {*GROUPS[:2], "layer_0.mlp.in", "layer_0.mlp.out"},
    "scale_invariant": set(GROUPS) - {"unembedding"},
}
"""The groups that are scale-invariant in a model."""


class Records:
    """Writes the tables of seeds into folders and names them as `draw` wants them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(
        self,
        run: str,
        seed: int,
        *,
        last: int = 200,
        point_1: int | None = 40,
        point_2: int | None = 110,
        collapses: tuple[tuple[int, int | None], ...] = ((120, 130), (165, 178)),
        invariant: bool = True,
        diverged: str | None = None,
        decay: float = 0.004,
        model: dict[str, Any] | None = None,
    ) -> str:
        """The folder of a run of `last` epochs, logged every 10; its curves depend on the seed."""
        folder = self.root / run / f"seed_{seed}"
        folder.mkdir(parents=True, exist_ok=True)
        everywhere = self._epochs(np.arange(last + 1), seed, point_1, point_2, collapses, decay)
        if not invariant:
            everywhere[[name for name in STATISTICS if name.startswith("invariant_")]] = np.nan
        everywhere[HISTORY][::10].to_csv(folder / "history.csv", index=False)
        everywhere[EPOCHS][1:].to_csv(folder / "epochs.csv", index=False)
        self._periods(collapses).to_csv(folder / "periods.csv", index=False)
        points = self._points(everywhere, point_1, point_2) | {"diverged": diverged}
        (folder / "points.json").write_text(json.dumps(points), encoding="utf-8")
        self._invariance(folder, seed, MODEL | (model or {}), points)
        return str(folder)

    @staticmethod
    def _epochs(
        epoch: np.ndarray,
        seed: int,
        point_1: int | None,
        point_2: int | None,
        collapses: tuple[tuple[int, int | None], ...],
        decay: float,
    ) -> pd.DataFrame:
        last = epoch[-1]
        train = np.clip(1 - epoch / (point_1 or 1.4 * last) + 0.02 * seed * (epoch < 20), 0, 1)
        validation = np.clip(1 - (epoch / (point_2 or 1.5 * last)) ** (2 + seed), 0, 1)
        norm = 12 + 20 * np.clip(epoch / (point_1 or last), 0, 1) ** 0.5 + 0.3 * seed
        fallen = np.zeros(len(epoch))
        for start, end in collapses:
            end = end or last + 30
            fallen = np.maximum(
                fallen, np.clip(np.minimum(epoch - start, end - epoch) / (end - start) * 2, 0, 1)
            )
            norm = norm + 6 * np.clip((epoch - start) / (end - start), 0, 1)
        norm = norm * np.exp(-decay * np.clip(epoch - (point_1 or last), 0, None))
        train, validation = np.maximum(train, 0.7 * fallen), np.maximum(validation, 0.5 * fallen)
        gradient = 0.02 + 0.5 * train + 3 * fallen
        table = {
            "epoch": epoch,
            "step": 8 * epoch,
            "train_loss": 0.001 + 4 * train,
            "train_error": train,
            "validation_loss": 0.002 + 9 * validation,
            "validation_error": validation,
        }
        for part, fraction in (("", 1.0), ("invariant_", 0.6)):
            table[f"{part}weight_norm"] = fraction * norm
            table[f"{part}gradient_norm"] = fraction**2 * gradient
            table[f"{part}effective_learning_rate"] = 0.001 / (fraction * norm) ** 2
            table[f"{part}effective_gradient_norm"] = fraction**3 * gradient * norm
        return pd.DataFrame(table)

    @staticmethod
    def _periods(collapses: tuple[tuple[int, int | None], ...]) -> pd.DataFrame:
        starts = [start for start, _ in collapses]
        rows = [
            dict.fromkeys(PERIODS, 1.5)
            | {"collapse": number + 1, "start": start, "bottom": start + 1, "end": end, "depth": 0.7}
            | {"period": start - starts[number - 1] if number else None}
            for number, (start, end) in enumerate(collapses)
        ]
        return pd.DataFrame(rows, columns=PERIODS)

    @staticmethod
    def _points(table: pd.DataFrame, point_1: int | None, point_2: int | None) -> dict[str, Any]:
        errors = ["train_error", "validation_error"]

        def place(epoch: int | None) -> dict[str, Any] | None:
            if epoch is None:
                return None
            return {"epoch": epoch, "step": 8 * epoch, **table.loc[epoch, errors].to_dict()}

        found = {"point_1": place(point_1), "point_2": place(point_2)}
        reason = f"train error is 0.25 at the last epoch, {table['epoch'].iloc[-1]}"
        return {
            **found,
            "initial": place(0),
            "final": place(int(table["epoch"].iloc[-1])),
            "reasons": {name: reason for name, point in found.items() if point is None},
            "checkpoints": [0, 100],
        }

    @staticmethod
    def _invariance(folder: Path, seed: int, model: dict[str, Any], points: dict[str, Any]) -> None:
        record = {"config": {"run": {"model": model}}}
        (folder / "provenance.json").write_text(json.dumps(record), encoding="utf-8")
        kind = model["normalization"]
        frozen = {"unembedding"} if model["unembedding_norm"] is not None else set()
        scales, rows, rays = np.geomspace(0.5, 2, 9), [], []
        there = [g for g in GROUPS if kind != "none" or not g.endswith("norm")]
        for point in ("initial", "point_1", "point_2"):
            for number, group in enumerate(there if point == "initial" or points[point] else []):
                invariant = group in INVARIANT[kind] or (kind == "scale_invariant" and group == "all")
                size = 3e-15 * (1 + seed) if invariant else 0.02 * (number + 1) ** 2
                change = np.abs(np.log10(scales)) * size
                change[np.isclose(scales, 1)] = 0
                row = {"point": point, "epoch": 0, "group": group, "trained": group not in frozen}
                row |= {"change": change.max(), "radial_gradient": 1e-16 if invariant else 0.1}
                rows.append(row | {"tolerance": 1e-9, "invariant": invariant})
                for scale, value in zip(scales, change, strict=True):
                    rays.append({"point": point, "epoch": 0, "group": group, "scale": scale, "change": value})
        pd.DataFrame(rows)[INVARIANCE].to_csv(folder / "invariance.csv", index=False)
        pd.DataFrame(rays)[RAYS].to_csv(folder / "rays.csv", index=False)

    def sweep(self, name: str, rows: list[dict[str, Any]]) -> str:
        """The file of a sweep; what a row does not say is as in a run that groks."""
        usual = {"point_1": 40, "point_2": 150, "epochs": 2000, "train_error": 0.0, "validation_error": 0.0}
        usual["validation_error_at_point_1"] = 0.9
        varied = [key for key in rows[0] if "." in key]
        table = pd.DataFrame([{**usual, "diverged": None, **row} for row in rows])[varied + SWEEP]
        file = self.root / f"{name}.csv"
        table.to_csv(file, index=False)
        return str(file)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    """Where synthetic tables are written."""
    return Records(tmp_path)
