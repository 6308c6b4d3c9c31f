"""What is said when a workflow ends: verdicts, agreement, what failed or was not done, where to look."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from grokflow.artifacts.provenance import write_provenance
from grokflow.compare import main as compare
from grokflow.comparison.reference import KEPT
from grokflow.summary import command, summary

REFERENCE = Path(__file__).parents[1] / "docs/reference"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Results that came out exactly as the reference run, with two figures."""
    folder = tmp_path / "results"
    folder.mkdir()
    for name in (*KEPT, "runs.json"):
        shutil.copy(REFERENCE / name, folder / name)
    (folder / "figures").mkdir()
    for name in ("M-fig1.png", "M-fig1.svg", "M-fig2.png"):
        (folder / "figures" / name).write_bytes(b"")
    return folder


def told(mine: Path, **given) -> list[str]:
    return summary(mine, reference=REFERENCE, **given).splitlines()


def of_claims(lines: list[str]) -> dict[str, str]:
    """Of each claim in the table, what stands behind its interval."""
    found = (re.match(r"  (\S+) .*\]  (agrees|differs|cannot say|–)  ", line) for line in lines)
    return {match[1]: match[2] for match in found if match}


def change_run(mine: Path, run: str) -> None:
    described = json.loads((mine / "runs.json").read_text())
    described["runs"][run]["config"]["optimizer.weight_decay"] = 0.5
    (mine / "runs.json").write_text(json.dumps(described))


def test_the_same_results_agree(mine: Path) -> None:
    lines = told(mine)
    claims = pd.read_csv(mine / "claims.csv")
    assert list(of_claims(lines)) == claims["claim"].tolist()
    assert set(of_claims(lines).values()) <= {"agrees", "cannot say"}
    (run,) = [line for line in lines if line.startswith("These results ")]
    assert re.match(
        r"These results agree with the reference run: of \d\d\d comparisons with enough seeds", run
    )
    assert run.endswith(f" -m grokflow.compare {mine}")
    where = lines.index("Where to look:")
    assert lines[where + 1].startswith(f"  {mine}/claims.md  each claim")
    assert lines[where + 2] == f"  {mine}/figures/   2 figures"
    assert lines[where + 3] == f"All on one page, {mine}/report.html: make report"
    assert len(lines) == where + 4 == len(claims) + 6


def test_what_differs_is_said_claim_by_claim(mine: Path) -> None:
    claims = pd.read_csv(mine / "claims.csv")
    held = claims["claim"].isin(["M1", "P4"])
    claims.loc[held, ["holding", "low", "high"]] = [0, 0.0, 0.1]
    claims.to_csv(mine / "claims.csv", index=False)
    lines = told(mine)
    assert {name for name, said in of_claims(lines).items() if said == "differs"} == {"M1", "P4"}
    assert any("These results differ from the reference run: of " in line for line in lines)


def test_claims_about_another_setup_are_not_compared(mine: Path) -> None:
    """Of the run itself, of paths between its points, and of what it is compared with."""
    change_run(mine, "mode_connectivity")
    lines = told(mine)
    other = {name for name, said in of_claims(lines).items() if said == "–"}
    assert other == {"M1", "M2", "M3", "M4", "M5", "M6", "M7", "M8", "M9", "M10", "M11"}
    assert "Not compared: M1, M2, M3, M4, M5 and 6 more." in "".join(lines)


def test_nothing_to_compare_is_said(mine: Path, tmp_path: Path) -> None:
    claims = pd.read_csv(mine / "claims.csv")
    claims["about"] = "a run of my own"
    claims.to_csv(mine / "claims.csv", index=False)
    assert any("no claim is about a setup that it has" in line for line in told(mine))
    lines = summary(mine, reference=tmp_path / "none").splitlines()
    assert [line for line in lines if "eference" in line] == ["There is no reference run to compare with."]
    (mine / "claims_seeds.csv").write_text("claim\nM1\n")
    assert any("Not compared with the reference run: " in line for line in told(mine))
    assert sum(line.startswith("  M1 ") for line in told(mine)) == 1


def test_a_miniature_speaks_of_no_paper(
    mine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_provenance(mine / "claims.provenance.json", [], {"claims": {}, "miniature": True})
    lines = told(mine)
    assert lines[0].startswith("Claims of a miniature, which say nothing about any paper: ")
    assert not any("eference" in line for line in lines)
    monkeypatch.setattr(sys, "argv", ["compare", str(mine), "--reference", str(REFERENCE)])
    assert compare() == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: ")
    assert "miniature" in said


def test_what_failed_and_what_was_not_done_stands_last(mine: Path) -> None:
    failed = {"draw_figure M-fig5": ["results/logs/figures/M-fig5.log"]}
    not_done = {"draw_figure": [f"f{n}" for n in range(9)], "judge_claims": [""]}
    lines = told(mine, judged=False, configuration=None, failed=failed, not_done=not_done)
    assert lines[0] == f"The claims were not judged; {mine}/claims.csv is of an earlier run."
    assert lines[2:4] == [f"  {mine}/claims.md  of an earlier run", f"  {mine}/figures/   2 figures"]
    assert of_claims(lines) == {}
    assert len(lines) == 9
    assert lines[-5:] == [
        "Not done: 10 jobs",
        "  9 draw_figure: f0, f1, f2, f3, f4 and 4 more",
        "  1 judge_claims",
        "Failed: 1 job, with their logs",
        "  draw_figure M-fig5: results/logs/figures/M-fig5.log",
    ]


def test_without_results_there_is_nowhere_to_look(tmp_path: Path) -> None:
    assert told(tmp_path, judged=False) == ["The claims were not judged."]
    assert told(tmp_path) == []


def test_a_report_that_is_there_is_named(mine: Path) -> None:
    (mine / "report.html").write_text("")
    assert told(mine)[-1] == f"  {mine}/report.html  all on one page"
    os.utime(mine / "report.html", (1, 1))  # of an earlier run
    assert told(mine)[-1].startswith("All on one page, ")


def test_the_command_tells_failures_by_their_logs(mine: Path) -> None:
    log = mine / "logs/figures/M-fig5.log"
    log.parent.mkdir(parents=True)
    log.write_text("Error: a.csv: expected a table, found none.\n")
    words = [sys.executable, "-m", "grokflow.summary", str(mine), "--reference", str(REFERENCE)]
    shown = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    assert shown.stdout.splitlines()[-1] == f"  figure M-fig5: {log}"
    words[3] = str(mine / "nowhere")
    refused = subprocess.run(words[:4], capture_output=True, text=True, timeout=120)
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)


def test_commands_are_as_one_types_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found on PATH, by their name; else by where they are."""
    environment = tmp_path / "a folder/.venv/bin"
    environment.mkdir(parents=True)
    for name in ("python", "snakemake"):
        (environment / name).write_text("#!/bin/sh\n")
        (environment / name).chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(environment / "python"))
    monkeypatch.chdir(tmp_path / "a folder")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert command("snakemake") == ".venv/bin/snakemake"
    monkeypatch.chdir(tmp_path)
    assert command("snakemake") == "'a folder/.venv/bin/snakemake'"
    monkeypatch.chdir("/")
    monkeypatch.setenv("PATH", f"{environment}{os.pathsep}/usr/bin")
    assert command("snakemake") == "snakemake"
