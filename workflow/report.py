"""Write report.html, Snakemake's report, of results that are there: no job is run but to write its pages."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from grokflow.artifacts.provenance import check_files
from grokflow.artifacts.results import CLAIM_FILES, TABLES
from grokflow.config import Config, seeds_of_path
from grokflow.errors import ArtifactError, refuses_bad_input
from grokflow.loading import load_config

RULES = ("write_pages", "write_explorer", "pages_of_report")
STYLE = Path(__file__).parent / "report/report.css"
SCRIPT = Path(__file__).parent / "report/pages.js"


@refuses_bad_input
def main() -> int:
    """Write the report; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python workflow/report.py", description=__doc__)
    parser.add_argument("--configfile", nargs="+", default=[], metavar="FILE", help="default: config.yaml")
    files = parser.parse_args().configfile
    config = load_config(files or ["config.yaml"])
    results = Path(config.results)
    # Before Snakemake is asked to: it deletes the pages that are there before it begins to make them anew.
    check_inputs(config, files)
    report = results / "report.html"
    command = [sys.executable, "-m", "snakemake", "pages_of_report", "--cores", "1", "--quiet"]
    configured = ["--configfile", *files] if files else []
    # Only the pages may be made, whatever else is out of date; and always, for they say how long jobs took.
    pages = [*command, "all", "--allowed-rules", *RULES, "--forcerun", *RULES, *configured]
    written = [*command, "all", "--report", str(report), "--report-stylesheet", str(STYLE), *configured]
    for each in (pages, written):
        if status := subprocess.run(each, check=False).returncode:
            return status
    let_pages_open(report)
    print(f"All on one page: {report}. The explorer alone: {results / 'explore.html'}")
    return 0


def check_inputs(config: Config, files: list[str]) -> None:
    """Refuse results that are not finished, or were altered since.

    Raises
    ------
    ArtifactError : with the first file that is missing or altered.
    """
    given = f" with the same --configfile {' '.join(files)}" if files else ""
    wanted = inputs(config)
    if missing := [path for path in wanted if not path.is_file()]:
        found = f"no such file ({len(missing)} of {len(wanted)} are missing)"
        raise ArtifactError(
            missing[0], expected="a result to report", found=found, mend=f"Run the workflow first{given}."
        )
    try:
        check_files(wanted)
    except ArtifactError as error:
        # The records say that the same command makes a file again; this one makes none.
        again = f"Delete {error.where}, then run the workflow again{given}."
        raise ArtifactError(error.where, expected=error.expected, found=error.found, mend=again) from None


def inputs(config: Config) -> list[Path]:
    """What the pages are made from: the pictures first."""
    results = Path(config.results)
    runs = [
        results / "runs" / name / f"seed_{seed}" for name, run in config.runs.items() for seed in run.seeds
    ]
    paths = [
        results / "paths" / name / f"seed_{seeds}"
        for name in config.paths
        for seeds in seeds_of_path(config, name)
    ]
    return [
        *(results / "figures" / f"{figure}.png" for figure in config.figures),
        *(results / name for name in CLAIM_FILES if config.claims),
        *(folder / name for folder in runs for name in TABLES["run"]),
        *(folder / name for folder in paths for name in ("metrics.csv", "path.json")),
        *(results / "sweeps" / f"{name}.csv" for name in config.sweeps),
    ]


def let_pages_open(report: Path) -> None:
    """Add to Snakemake's report what opens pages of any size, and names its buttons."""
    text, end, rest = report.read_text(encoding="utf-8").rpartition("</body>")
    assert end, report
    script = SCRIPT.read_text(encoding="utf-8")
    report.write_text(f"{text}<script>\n{script}</script>\n{end}{rest}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
