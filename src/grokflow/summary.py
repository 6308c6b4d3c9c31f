"""What a run of the workflow came to: verdicts, agreement with the reference, failures, where to look.

The workflow prints it when it ends, well or not; `python -m grokflow.summary results/` prints it again.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from grokflow.artifacts.logs import Logs
from grokflow.claims import overview
from grokflow.comparison import CLAIMS_FILE, REFERENCE, with_reference
from grokflow.errors import ArtifactError, refuses_bad_input

MOST_NAMED = 5
"""Of the jobs of one rule that were not done, and of the claims that are not compared."""


def summary(
    results: str | Path,
    *,
    judged: bool = True,
    configuration: Sequence[str] | None = (),
    failed: Mapping[str, Sequence[str]] | None = None,
    not_done: Mapping[str, Sequence[str]] | None = None,
    reference: str | Path = REFERENCE,
) -> str:
    """All of it, for a terminal.

    Parameters
    ----------
    judged : whether the claims were judged on what is there now.
    configuration : the files that were given as `--configfile`; None: not all is there for a report.
    failed : the jobs that failed, each with its logs.
    not_done : for each rule, the jobs that could not be done for that reason, or were not begun.
    """
    folder = Path(results)
    parts = [
        _claims(folder, Path(reference), judged=judged),
        _where_to_look(folder, configuration, judged=judged),
        _not_done(not_done or {}),
        _failed(failed or {}),
    ]
    return "\n".join(line for lines in parts for line in lines)


def command(name: str) -> str:
    """How a shell in this folder calls what is installed beside this Python: as on PATH, or by its place."""
    here = Path(sys.executable).with_name(name)
    found = shutil.which(name)
    if found and here.exists() and Path(found).samefile(here):
        return name
    inside = os.path.relpath(here)
    return shlex.quote(str(here) if inside.startswith("..") else inside)


def _claims(folder: Path, reference: Path, *, judged: bool) -> Iterator[str]:
    csv = folder / CLAIMS_FILE
    if not judged or not csv.is_file():
        earlier = f"; {csv} is of an earlier run" if csv.is_file() else ""
        if not judged:
            yield f"The claims were not judged{earlier}."
        return
    yield from _verdicts(folder, reference)


def _verdicts(folder: Path, reference: Path) -> Iterator[str]:
    """The table of claims, and what they say of the reference run together."""
    found = with_reference(folder, reference)
    of_claims: dict[str, str] = {}
    if found.agreement:
        of_claims = {claim: found.agreement.verdict_of(claim) for claim in found.agreement.mine.claims.index}
    yield overview(folder / CLAIMS_FILE, of_claims, miniature=found.miniature)
    left_out = f" Not compared: {_shortly([*found.left_out])}." if found.left_out and of_claims else ""
    table = f" Line by line: {command('python')} -m grokflow.compare {shlex.quote(str(folder))}"
    if not found.miniature:  # the table has said it
        yield f"{found.sentence}{left_out}{table if of_claims else ''}"


def _where_to_look(folder: Path, configuration: Sequence[str] | None, *, judged: bool) -> Iterator[str]:
    figures = len(list((folder / "figures").glob("*.png")))
    places = {
        "claims.md": "each claim: verdict, numbers, what was measured" if judged else "of an earlier run",
        "figures/": f"{figures} {'figure' if figures == 1 else 'figures'}",
        "explore.html": "paths and trainings to look into, in a browser",
        "report.html": "all on one page",
    }
    if _is_older(report := folder / "report.html", folder / CLAIMS_FILE) or not judged:
        del places[report.name]
    found = {f"{folder}/{name}": what for name, what in places.items() if (folder / name).exists()}
    if not found:
        return
    yield "Where to look:"
    for place, what in found.items():
        yield f"  {place:<{max(map(len, found))}}  {what}"
    if configuration is not None and str(report) not in found:
        configured = f" CONFIG={shlex.quote(' '.join(configuration))}" if configuration else ""
        yield f"All on one page, {report}: make report{configured}"


def _is_older(file: Path, than: Path) -> bool:
    return file.exists() and than.exists() and file.stat().st_mtime < than.stat().st_mtime


def _not_done(not_done: Mapping[str, Sequence[str]]) -> Iterator[str]:
    total = sum(map(len, not_done.values()))
    if total:
        yield f"Not done: {total} {'job' if total == 1 else 'jobs'}"
    for rule, jobs in not_done.items():
        named = _shortly([job for job in jobs if job])
        yield f"  {len(jobs)} {rule}{': ' if named else ''}{named}"


def _shortly(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _failed(failed: Mapping[str, Sequence[str]]) -> Iterator[str]:
    if failed:
        yield f"Failed: {len(failed)} {'job' if len(failed) == 1 else 'jobs'}, with their logs"
    for job, logs in failed.items():
        yield f"  {job}: {', '.join(logs)}"


@refuses_bad_input
def main() -> int:
    """The command `python -m grokflow.summary`; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m grokflow.summary", description="What a run of the workflow came to, in short."
    )
    parser.add_argument("results", nargs="?", type=Path, default=Path("results"), help="default: %(default)s")
    parser.add_argument("--reference", type=Path, default=REFERENCE, help="default: %(default)s")
    asked = parser.parse_args()
    if not asked.results.is_dir():
        raise ArtifactError(asked.results, expected="a results folder", found="none")
    failed = {job.job: [str(job.path)] for job in Logs(asked.results).read() if job.state == "failed"}
    print(summary(asked.results, configuration=None, failed=failed, reference=asked.reference))
    return 0


if __name__ == "__main__":
    sys.exit(main())
