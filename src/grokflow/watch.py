"""What the jobs of a results folder are doing, read from the logs that they write.

Run with `python -m grokflow.watch`, here or on any machine that sees the folder. On a terminal it is a table
that is written anew; elsewhere a line for each job whenever there is news. Ctrl-C ends it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from grokflow.artifacts.durations import duration
from grokflow.artifacts.logs import STATES, JobLog, Logs, Progress
from grokflow.errors import ConfigError, refuses_bad_input

SECONDS_BETWEEN_TABLES = 1.0
SECONDS_BETWEEN_LINES = 30.0

MOST_ENDED = 8
"""Jobs that did not end well, of which the table shows the latest."""

COLOURS = {"failed": "red", "killed": "red", "stopped": "yellow"}
"""Of the jobs that did not end well, by their state."""


def results_folder(given: Sequence[Path]) -> Path:
    """The folder that is meant by its name, or by the configuration files of a run of the workflow.

    Raises
    ------
    ConfigError : when the files make no configuration, or folder and files are mixed.
    """
    if any(path.suffix in (".yaml", ".yml") for path in given):
        from grokflow.loading import load_config  # which takes a second

        return Path(load_config(given).results)
    if len(given) > 1:
        expected, found = "one results folder, or configuration files", f"{len(given)} folders"
        raise ConfigError(" ".join(map(str, given)), expected=expected, found=found)
    return given[0] if given else Path("results")


def as_lines(results: Path, jobs: Sequence[JobLog], now: float) -> Iterator[str]:
    """One state as plain text: how many jobs are where, and a line for each that runs or did not end well."""
    yield counted(results, jobs)
    for state in ("running", "silent", "failed", "killed", "stopped"):
        yield from (as_line(job, now) for job in jobs if job.state == state)


def as_line(job: JobLog, now: float) -> str:
    """A job in one line."""
    if job.state == "running":
        return f"{job.job}: {', '.join(told(job.progress)) or _age(job, now)}"
    if job.state == "done":
        return f"{job.job}: done"
    said = {"silent": f"no news for {duration(now - job.changed)}", "failed": f"FAILED: {job.message}"}
    return f"{job.job}: {said.get(job.state, job.state)} ({job.path})"


def told(progress: Progress) -> Iterator[str]:
    """How far a job is, in phrases."""
    if progress.measured:
        yield f"{progress.measured} measured"
    if progress.epoch is not None:
        yield f"epoch {progress.epoch}/{progress.epochs}"
    if progress.going is not None and progress.rows != 1:
        yield f"{progress.going} of {progress.rows} going"
    for split, of_fit in (("train", "largest"), ("validation", "lowest")):
        loss, error = (getattr(progress, f"{split}_{what}") for what in ("loss", "error"))
        if loss is not None:
            yield f"{split} loss {loss:.4g}"
        if error is not None:
            yield f"{of_fit + ' ' if progress.is_fit else ''}{split} error {error:.4f}"
    for number, point in ((1, progress.point_1), (2, progress.point_2)):
        if point is not None:
            yield f"point {number} {'at' if progress.rows is None else 'in'} {point}"
    if progress.diverged:
        yield f"{progress.diverged} diverged"
    if progress.collapses:
        yield f"{progress.collapses} collapses"
    if progress.speed is not None:
        yield f"{progress.speed:g} epochs/s"
    if progress.seconds_left is not None:
        yield f"{duration(progress.seconds_left)} left"


def counted(results: Path, jobs: Sequence[JobLog]) -> str:
    """How many jobs are in which state."""
    if not jobs:
        return f"{results}: no job has begun yet."
    states = Counter(job.state for job in jobs)
    return f"{results}: {', '.join(f'{states[state]} {state}' for state in STATES if states[state])}"


def as_table(results: Path, jobs: Sequence[JobLog], now: float, width: int, height: int) -> RenderableType:
    """One state for a terminal of this size: the jobs that run, then those that did not end well."""
    running = [job for job in jobs if job.state in ("running", "silent")]
    badly = sorted((job for job in jobs if job.state in COLOURS), key=_changed)
    badly = badly[-min(MOST_ENDED, max(1, (height - 6) // 4)) :]  # two lines each
    shown = running[: max(1, height - 5 - 2 * len(badly))]
    heading = Text(time.strftime("%H:%M:%S  ", time.localtime(now)), no_wrap=True, overflow="ellipsis")
    heading.append(counted(results, jobs), style="bold")
    parts: list[RenderableType] = [heading]
    if shown:
        parts.append(_table_of(shown, now, width))
    if len(running) > len(shown):
        parts.append(Text(f" and {len(running) - len(shown)} more", style="dim"))
    for job in badly:
        line = Text(f" {job.job}: {job.state}", style=COLOURS[job.state], no_wrap=True, overflow="ellipsis")
        line.append(f" {job.message}", style="default")
        parts += [line, Text(f"   {job.path}", style="dim", no_wrap=True, overflow="ellipsis")]
    return Group(*parts)


def _table_of(jobs: Sequence[JobLog], now: float, width: int) -> Table:
    table = Table(box=None, padding=(0, 1), header_style="dim", expand=True)
    columns = [column for column in COLUMNS if width >= column.from_width]
    for column in columns:
        justify: Literal["left", "right"] = "right" if column.numeric else "left"
        ratio = None if column.heading else 1
        table.add_column(
            column.heading or "job", justify=justify, no_wrap=True, overflow="ellipsis", ratio=ratio
        )
    for job in jobs:
        cells = (column.cell(job, now) for column in columns)
        table.add_row(*cells, style="yellow" if job.state == "silent" else None)
    return table


def _bar(job: JobLog, now: float) -> RenderableType:
    progress = job.progress
    if progress.epoch is None or not progress.epochs:
        return ""
    return ProgressBar(total=progress.epochs, completed=progress.epoch, width=10, complete_style="cyan")


def _epoch(job: JobLog, now: float) -> str:
    """The epoch; of a job that has none, what it has done, or since when it runs."""
    progress = job.progress
    if progress.epoch is not None:
        return f"{progress.epoch}/{progress.epochs}"
    return f"{progress.measured} measured" if progress.measured else _age(job, now)


def _number(name: str, form: str) -> Callable[[JobLog, float], str]:
    """The cell of a field of `Progress`."""

    def cell(job: JobLog, now: float) -> str:
        value = getattr(job.progress, name)
        return "" if value is None else format(value, form)

    return cell


def _points(job: JobLog, now: float) -> str:
    """Epochs of points 1 and 2; of several rows, in how many they were reached."""
    progress = job.progress
    points = [progress.point_1, progress.point_2]
    if points == [None, None]:
        return ""
    if progress.rows is None:
        return ", ".join("–" if point is None else str(point) for point in points)
    diverged = f", {progress.diverged} div." if progress.diverged else ""
    return f"{points[0]}, {points[1]} of {progress.rows}{diverged}"


def _left(job: JobLog, now: float) -> str:
    if job.state == "silent":
        return f"no news for {duration(now - job.changed)}"
    left = job.progress.seconds_left
    return "" if left is None else duration(left - (now - job.changed))


def _age(job: JobLog, now: float) -> str:
    return f"for {duration(now - (job.begun or job.changed))}"


class Column(NamedTuple):
    """A column of the table, on terminals from a width on."""

    heading: str
    cell: Callable[[JobLog, float], RenderableType]
    from_width: int = 0
    numeric: bool = True


COLUMNS = (
    Column("", lambda job, now: job.job, numeric=False),
    Column(" ", _bar, 130, numeric=False),
    Column("epoch", _epoch),
    Column("train\nloss", _number("train_loss", ".3g"), 150),
    Column("train\nerror", _number("train_error", ".4f"), 80),
    Column("val.\nloss", _number("validation_loss", ".3g"), 150),
    Column("val.\nerror", _number("validation_error", ".4f")),
    Column("point 1, 2", _points, 95, numeric=False),
    Column("collapses", _number("collapses", "d"), 120),
    Column("epochs/s", _number("speed", "g"), 110),
    Column("left", _left),
)


def _changed(job: JobLog) -> float:
    return job.changed


@refuses_bad_input
def main() -> int:
    """The command `python -m grokflow.watch`; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m grokflow.watch", description="What the jobs of a results folder are doing."
    )
    parser.add_argument(
        "given",
        nargs="*",
        type=Path,
        metavar="results",
        help="a results folder, or the configuration files of a run (default: results)",
    )
    parser.add_argument("--once", action="store_true", help="print one state and end")
    asked = parser.parse_args()
    console = Console(highlight=False)
    try:
        results = results_folder(asked.given)
        logs = Logs(results)
        if console.is_terminal:
            _show(console, results, logs, once=asked.once)
        elif asked.once:
            print(*as_lines(results, logs.read(), time.time()), sep="\n")
        else:
            _print_news(results, logs)
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
    return 0


def _show(console: Console, results: Path, logs: Logs, *, once: bool) -> None:
    def table() -> RenderableType:
        return as_table(results, logs.read(), time.time(), console.width, 10_000 if once else console.height)

    if once:
        console.print(table())
        return
    with Live(table(), console=console, auto_refresh=False) as live:
        while True:
            time.sleep(SECONDS_BETWEEN_TABLES)
            live.update(table(), refresh=True)


def _print_news(results: Path, logs: Logs) -> None:
    """Lines about the jobs whose logs have changed, again and again."""
    before: dict[Path, tuple[str, float]] = {}
    while True:
        now, jobs = time.time(), logs.read()
        clock = time.strftime("%H:%M:%S", time.localtime(now))
        if not before:
            print(clock, counted(results, jobs), flush=True)
        for job in jobs:
            news = before.get(job.path) != (job.state, job.changed)
            if news and (before or job.state != "done"):
                print(clock, as_line(job, now), flush=True)
        before = {job.path: (job.state, job.changed) for job in jobs} or before
        time.sleep(SECONDS_BETWEEN_LINES)


if __name__ == "__main__":
    sys.exit(main())
