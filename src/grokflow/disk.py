"""How much disk the results of a configuration take at most, and whether that much is free.

Run with `python -m grokflow.disk CONFIG…`, with the files that the workflow is to be given. An upper bound:
every run trains for all of its epochs, and every path has its points.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as File

from grokflow.artifacts.columns import EPOCHS, HISTORY, METRICS
from grokflow.config import (
    Chain,
    Config,
    Fitted,
    Path,
    ResolvedMember,
    Run,
    groups_of_sweep,
    runs_of_path,
    seeds_of_path,
)
from grokflow.errors import ConfigError, refuses_bad_input
from grokflow.loading import load_config
from grokflow.model.models import make_layout

BYTES_PER_NUMBER = 21
"""Of a number in a CSV file, with its comma."""

EXTRA_CHECKPOINTS = 3
"""Checkpoints of a seed besides those at regular epochs: point 1, the epoch before point 2, point 2."""

VECTORS_IN_A_STATE = 3
"""Of weights and optimizer state, at most (AdamW)."""

STATES = 2
"""A saved state, and the one before it."""

BYTES_PER_FOLDER = 50_000
"""Of all else in the folder of a seed, or of a pair: records, points, the audit, the log."""

BYTES_PER_FIGURE = 1_000_000
"""Of a figure as PNG and SVG."""


@dataclass(frozen=True)
class DiskNeed:
    """Bytes that the results take at most."""

    checkpoints: int
    saved_states: int
    """To go on from, with the checkpoints that a longer training needs; they may be deleted at the end."""
    curves: int
    tables_and_figures: int

    @property
    def total(self) -> int:
        """All together."""
        return self.checkpoints + self.saved_states + self.curves + self.tables_and_figures


def disk_need(config: Config) -> DiskNeed:
    """What all results of `config` take at most."""
    checkpoints = states = curves = tables = 0
    for run in config.runs.values():
        vector, numbers, seeds = _vector_bytes(config, run), _numbers_in_tables(run), len(run.seeds)
        kept = seeds * vector * _checkpoints(run)
        checkpoints += kept
        states += kept + seeds * STATES * (VECTORS_IN_A_STATE * vector + 8 * numbers)
        tables += seeds * (BYTES_PER_NUMBER * numbers + BYTES_PER_FOLDER)
    for name, path in config.paths.items():
        ends = [config.runs[run] for run in runs_of_path(config, name)]
        vector = max(_vector_bytes(config, run) for run in ends)
        controls, seeds = _control_points(path, ends), len(seeds_of_path(config, name))
        curves += seeds * vector * controls
        if isinstance(path, Fitted):  # the fit's own file; control points and velocities in its saved states
            curves += seeds * vector * controls
            states += seeds * vector * controls * STATES * 2
        rows = path.points + (path.inner_points * controls if isinstance(path, Chain) else 0)
        tables += seeds * (BYTES_PER_NUMBER * len(METRICS) * rows + BYTES_PER_FOLDER)
    for name in config.sweeps:
        groups = groups_of_sweep(config, name).values()
        states += STATES * VECTORS_IN_A_STATE * sum(map(_bytes_of_group, groups))
        tables += BYTES_PER_FOLDER * (len(groups) + 1)
    return DiskNeed(checkpoints, states, curves, tables + BYTES_PER_FIGURE * len(config.figures))


def check_disk(config: Config) -> str:
    """One sentence: what all results of `config` take at most, and what is free.

    Raises
    ------
    ConfigError : when there is not enough room for what is not there yet.
    """
    need, root = disk_need(config), File(config.results)
    there = sum(file.lstat().st_size for file in root.rglob("*") if file.is_file())
    existing = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
    free = shutil.disk_usage(existing).free
    parts = (
        f"checkpoints {_size(need.checkpoints)}, saved states {_size(need.saved_states)}, "
        f"curves {_size(need.curves)}, tables and figures {_size(need.tables_and_figures)}"
    )
    if need.total - there > free:
        raise ConfigError(
            "results",
            expected=f"room for {_size(need.total - there)} ({parts})",
            found=f"{_size(free)} free where {config.results} lies",
            mend="Name a folder on another disk, or ask for fewer checkpoints (checkpoint_every) or seeds.",
        )
    return f"Disk: {config.results} takes at most {_size(need.total)} ({parts}); {_size(free)} are free."


def _checkpoints(run: Run) -> int:
    """How many checkpoints a seed keeps, at most."""
    return -(-run.epochs // run.checkpoint_every) + 1 + EXTRA_CHECKPOINTS


def _control_points(path: Path, ends: Sequence[Run]) -> int:
    """How many control points a path has, at most."""
    if isinstance(path, Chain):
        return max(map(_checkpoints, ends))
    return path.bends + 2 if isinstance(path, Fitted) else 2


def _bytes_of_group(members: Sequence[ResolvedMember]) -> int:
    """Bytes of the weights of members of a sweep that are trained together."""
    run = members[0].run
    return len(members) * make_layout(run.model, run.dataset).size * _bytes(run.precision)


def _numbers_in_tables(run: Run) -> int:
    """How many numbers are in history.csv and epochs.csv of a seed."""
    logged = run.epochs // min(run.log_every, run.checkpoint_every) + 1
    return run.epochs * len(EPOCHS) + logged * len(HISTORY)


def _vector_bytes(config: Config, run: Run) -> int:
    """Bytes of a weight vector of a run."""
    layout = make_layout(config.models[run.model], config.datasets[run.dataset])
    return layout.size * _bytes(run.precision or config.precision)


def _bytes(precision: str) -> int:
    return {"float32": 4, "float64": 8}[precision]


def _size(count: int) -> str:
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


@refuses_bad_input
def main() -> int:
    """The command `python -m grokflow.disk`; returns its exit status, 2 when there is not enough room."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("configs", nargs="+", help="configuration files; a later one's keys win")
    print(check_disk(load_config(parser.parse_args().configs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
