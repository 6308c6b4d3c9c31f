"""Write report.html, Snakemake's report, of results that are there: no job is run but to write its pages."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

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
    wanted = [results / "figures" / f"{figure}.png" for figure in config.figures]
    wanted += [results / "claims.csv"] if config.claims else []
    if missing := [str(path) for path in wanted if not path.is_file()]:
        given = f" with the same --configfile {' '.join(files)}" if files else ""
        raise ArtifactError(
            missing[0],
            expected="a result to report",
            found=f"no such file ({len(missing)} of {len(wanted)} are missing)",
            mend=f"Run the workflow first{given}.",
        )
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


def let_pages_open(report: Path) -> None:
    """Add to Snakemake's report what opens pages of any size, and names its buttons."""
    text, end, rest = report.read_text(encoding="utf-8").rpartition("</body>")
    assert end, report
    script = SCRIPT.read_text(encoding="utf-8")
    report.write_text(f"{text}<script>\n{script}</script>\n{end}{rest}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
