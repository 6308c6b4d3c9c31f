"""Small synthetic tables of a run and of a path, as the workflow leaves them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from grokflow.artifacts.columns import HISTORY, METRICS

REASON = "train error is 0.25 and validation error 0.75 at the last epoch, 60"


class Tables:
    """Writes the tables of seeds into folders and names them as `draw` wants them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.dataset = str(root / "dataset.csv")
        a, b = np.divmod(np.arange(20), 4)
        split = np.where(np.arange(20) % 3 == 0, "validation", "train")
        table = pd.DataFrame({"a": a, "b": b + 1, "c": (a * (b + 1)) % 5, "split": split})
        table.to_csv(self.dataset, index=False)

    def run(
        self,
        seed: int,
        *,
        point_1: int | None = 20,
        point_2: int | None = 50,
        diverged: str | None = None,
        last: int = 60,
    ) -> str:
        """The folder of a run of `last` epochs, logged every 10; every seed has its own curve."""
        epochs = np.arange(0, last + 1, 10)
        history = pd.DataFrame(
            {
                "epoch": epochs,
                "train_error": np.clip(1 - epochs / 20 + 0.01 * seed, 0, 1),
                "validation_error": np.clip(1 - epochs / 50 + 0.01 * seed, 0, 1),
            }
        )
        found = {"initial": 0, "point_1": point_1, "point_2": point_2, "final": last}
        points: dict[str, Any] = {
            name: None if epoch is None else {"epoch": epoch, **dict.fromkeys(ERRORS, 0.0)}
            for name, epoch in found.items()
        }
        points["reasons"] = {name: REASON for name, epoch in found.items() if epoch is None}
        points |= {"checkpoints": [0, 15, 20, 30, 45, 60], "diverged": diverged}
        history = history.reindex(columns=HISTORY)
        return self._write(f"run/seed_{seed}", "history.csv", history, "points.json", points)

    def path(
        self,
        name: str,
        *,
        kind: str = "segment",
        epochs: tuple[int, ...] = (20, 50),
        skipped: str | None = None,
        bends: int = 0,
        converged: bool = True,
        points: tuple[str, str] = ("point_1", "point_2"),
    ) -> str:
        """The folder of a path of a seed (`0`) or a pair of seeds (`0-1`).

        `epochs` are those of its ends, or of a chain's checkpoints.
        """
        seeds = [int(seed) for seed in name.split("-")]
        if kind == "chain":
            names = [f"epoch {epoch}" for epoch in epochs]
        else:
            names = ["first", *(f"bend {i + 1}" for i in range(bends)), "last"]
        t = np.linspace(0, 1, 5 * (len(names) - 1) + 1)
        shift = 0.1 * seeds[0]
        metrics = pd.DataFrame(
            {
                "t": t,
                "segment": np.minimum(t * (len(names) - 1) + 1e-9, len(names) - 2).astype(int),
                "train_loss_l2": 1 + shift - 0.5 * t,
                "validation_loss_l2": 4 + shift - 3 * t,
                "train_error": 0.1 * t * (1 - t),
                "validation_error": 0.8 * (1 - t) + 0.1 * shift,
                "gradient_norm": 0.7 * (1 - t) ** 2 + shift,
            }
        )
        record = {
            "kind": kind,
            "skipped": skipped,
            "from": {"seed": seeds[0], "point": points[0], "epoch": epochs[0]},
            "to": {
                "seed": seeds[-1],
                "point": points[1],
                "epoch": None if skipped else epochs[-1],
            },
            "control_points": [] if skipped else names,
            "converged": converged if bends and not skipped else None,
            "fit_epochs": 60 if bends and not skipped else None,
        }
        metrics = metrics.reindex(columns=METRICS)[: 0 if skipped else None]
        return self._write(f"path/seed_{name}", "metrics.csv", metrics, "path.json", record)

    def many_runs(self, count: int) -> dict[str, str]:
        """Seeds of every outcome: early and late ones, diverged ones, some without point 2."""
        folders = {}
        for seed in range(count):
            settings: dict[str, Any] = {"point_1": 20 + seed % 3, "point_2": 30 + seed // 2, "last": 70}
            if seed % 8 == 3:
                settings |= {"point_2": None}
            elif seed % 16 == 5:
                settings |= {"point_1": None, "point_2": None, "diverged": "epoch 31, step 93: loss nan"}
                settings |= {"last": 30}
            elif seed % 5 == 1:
                settings |= {"last": 60}
            folders[str(seed)] = self.run(seed, **settings)
        return folders

    def _write(self, name: str, table: str, rows: pd.DataFrame, record: str, content: dict[str, Any]) -> str:
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        rows.to_csv(folder / table, index=False)
        (folder / record).write_text(json.dumps(content), encoding="utf-8")
        return str(folder)


ERRORS = ("train_error", "validation_error")


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    """Where synthetic tables are written."""
    return Tables(tmp_path)
