"""Measure every row, print the table, write results/benchmarks.csv."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks import batch, detection, growth, jobs, path, saving, step, sweep
from benchmarks.setup import SETUP_M, SETUP_P, use_threads
from benchmarks.table import Bound, Row, header, line, write

BOUNDS = {
    "step_1layer_vs_eager": Bound("≥", 3.3),
    "step_1layer_vs_floor": Bound("≤", 1.2),
    "step_2layer_vs_floor": Bound("≤", 1.35),
    "step_layer_norm_1layer": Bound("≤", 1.15),
    "step_layer_norm_2layer": Bound("≤", 1.15),
    "point_detection": Bound("≤", 1.20),
    "state_saving": Bound("≤", 1.03),
    "path_61_vs_loop": Bound("≥", 3.0),
    "workflow_overhead": Bound("≤", 0.10),
    "peak_memory": Bound("≤", 1.0),
}


def measurements(results: Path) -> dict[str, Callable[[], Row | None]]:
    """What measures each row, in the order of the table; None where `results` holds no finished tree."""
    return {
        "step_1layer_vs_eager": partial(step.versus_eager, SETUP_M),
        "step_1layer_vs_floor": partial(step.versus_floor, SETUP_M),
        "step_2layer_vs_eager": partial(step.versus_eager, SETUP_P),
        "step_2layer_vs_floor": partial(step.versus_floor, SETUP_P),
        "step_layer_norm_1layer": partial(step.versus_operations, "layer_norm_1layer"),
        "step_layer_norm_2layer": partial(step.versus_operations, "layer_norm_2layer"),
        "attention_1layer": partial(step.versus_formula, SETUP_M),
        "attention_2layer": partial(step.versus_formula, SETUP_P),
        "point_detection": detection.versus_none,
        "state_saving": partial(saving.versus_none, results),
        "path_61_vs_loop": path.versus_loop,
        "batched_vs_single": batch.versus_single,
        "sweep_batched_vs_processes": sweep.versus_processes,
        "growth_width": growth.width,
        "growth_depth": growth.depth,
        "growth_modulus": growth.modulus,
        "growth_models": growth.models,
        "growth_path_points": growth.path_points,
        "job_start": jobs.start,
        "workflow_overhead": partial(jobs.overhead, results),
        "peak_memory": partial(jobs.memory, results),
    }


def main() -> None:
    """The command `python -m benchmarks`."""
    names = list(measurements(Path()))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "results", nargs="?", type=Path, default=Path("results"), help="a finished results tree"
    )
    parser.add_argument(
        "--only", nargs="+", choices=names, metavar="ROW", help=f"measure these alone: {', '.join(names)}"
    )
    parser.add_argument(
        "--output", type=Path, help="where to write; results/benchmarks.csv, but for --only nowhere"
    )
    arguments = parser.parse_args()
    complete = Path("results/benchmarks.csv") if arguments.only is None else None
    output: Path | None = arguments.output or complete

    use_threads()
    print(header(), flush=True)
    rows = []
    for name, measure in measurements(arguments.results).items():
        if arguments.only and name not in arguments.only:
            continue
        row = measure()
        if row is None:
            print(f"{name:<28}left out: {arguments.results} holds no finished workflow", flush=True)
            continue
        rows.append(row)
        print(line(row, BOUNDS.get(row.name)), flush=True)
    if output:
        write(output, rows)


if __name__ == "__main__":
    main()
