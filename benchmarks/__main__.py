"""Measure every row, print the table, write results/benchmarks.csv."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

from benchmarks import detection, jobs, path, step, sweep
from benchmarks.setup import use_threads
from benchmarks.table import Bound, Row, header, line, write

BOUNDS = {
    "step_1layer_vs_eager": Bound("≥", 2.0),
    "step_layer_norm_1layer": Bound("≤", 1.15),
    "step_layer_norm_2layer": Bound("≤", 1.15),
    "point_detection": Bound("≤", 1.20),
    "workflow_overhead": Bound("≤", 0.15),
    "peak_memory": Bound("≤", 1.0),
}


def measure(results: Path) -> Iterator[Row]:
    """Every row in turn; those about a workflow only when `results` holds a finished one."""
    use_threads()
    yield step.versus_eager()
    yield step.versus_floor()
    yield step.versus_operations("layer_norm_1layer")
    yield step.versus_operations("layer_norm_2layer")
    yield detection.versus_none()
    yield path.versus_loop()
    yield sweep.versus_processes()
    start, starts = jobs.start()
    yield start
    finished = jobs.read_jobs(results)
    if any(job.kind in jobs.COMPUTING for job in finished):
        yield jobs.overhead(finished, starts.a)
        yield jobs.memory(finished)
    else:
        print(f"{results} holds no finished workflow: workflow_overhead and peak_memory left out.")


def main() -> None:
    """The command `python -m benchmarks`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "results", nargs="?", type=Path, default=Path("results"), help="a finished results tree"
    )
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks.csv"))
    arguments = parser.parse_args()

    print(header(), flush=True)
    rows = []
    for row in measure(arguments.results):
        rows.append(row)
        print(line(row, BOUNDS.get(row.name)), flush=True)
    write(arguments.output, rows)


if __name__ == "__main__":
    main()
