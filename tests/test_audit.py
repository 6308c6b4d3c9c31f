"""`make audit` says what it could not ask and fails for a vulnerable package; pip-audit is a stand-in."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "envs/audit.py"
CLEAN = {"name": "numpy", "version": "2.0", "vulns": []}
UNKNOWN = {"name": "torch", "skip_reason": "Dependency not found on PyPI"}
VULNERABLE = {
    "name": "pyyaml",
    "version": "5.3",
    "vulns": [{"id": "PYSEC-2021-142", "fix_versions": ["5.4"], "aliases": [], "description": "…"}],
}


def audited(folder: Path, stdout: str, stderr: str, status: int) -> tuple[int, list[str]]:
    """Exit status and lines of the script with a pip-audit that answers so."""
    answer = f"import sys; sys.stdout.write({stdout!r}); sys.stderr.write({stderr!r}); sys.exit({status})"
    stand_in = folder / "pip-audit"
    stand_in.write_text(f"#!{sys.executable}\n{answer}\n", encoding="utf-8")
    stand_in.chmod(0o755)
    ended = subprocess.run(
        [sys.executable, SCRIPT],
        env={**os.environ, "PATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not ended.stderr
    return ended.returncode, ended.stdout.splitlines()


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        ([CLEAN], 0, ["audited: 1 packages, 0 with a known vulnerability"]),
        (
            [CLEAN, VULNERABLE],
            1,
            [
                "pyyaml 5.3: PYSEC-2021-142, mended in 5.4",
                "audited: 2 packages, 1 with a known vulnerability",
            ],
        ),
        (
            [CLEAN, UNKNOWN],
            0,
            [
                "skipped: 1 of 2 packages, not known there: torch",
                "audited: 1 packages, 0 with a known vulnerability",
            ],
        ),
        ([UNKNOWN], 0, ["skipped: the vulnerability service answers, but knows none of the 1 packages"]),
    ],
)
def test_what_the_service_answers(tmp_path: Path, packages: list[dict], status: int, said: list[str]) -> None:
    answer = json.dumps({"dependencies": packages, "fixes": []})
    assert audited(tmp_path, answer, "WARNING: …", status) == (status, said)


@pytest.mark.parametrize(
    "error",
    [
        "Traceback …\nrequests.exceptions.ProxyError: HTTPSConnectionPool(host='pypi.org', port=443)",
        "Traceback …\nrequests.exceptions.ConnectionError: Failed to resolve 'pypi.org'",
        "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed",
    ],
)
def test_a_service_that_cannot_be_reached_is_skipped_visibly(tmp_path: Path, error: str) -> None:
    status, said = audited(tmp_path, "", error, 1)
    assert status == 0
    assert len(said) == 1
    assert said[0].startswith("skipped: the vulnerability service cannot be reached")


def test_any_other_failure_is_one(tmp_path: Path) -> None:
    assert audited(tmp_path, "", "ERROR: invalid requirement", 1) == (
        2,
        ["pip-audit failed: ERROR: invalid requirement"],
    )
