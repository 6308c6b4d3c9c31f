"""Fuzz the readers for some minutes each; finds are kept in results/fuzz/."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

TARGETS = ("config", "checkpoint")


def main(arguments: list[str] | None = None) -> int:
    """The command `python -m fuzz`; returns its exit status: 1 when something crashed, 2 without atheris."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", help=f"{' or '.join(TARGETS)}; none: both")
    parser.add_argument("--minutes", type=float, default=5.0, help="for each target")
    parser.add_argument("--output", type=Path, default=Path("results/fuzz"))
    given = parser.parse_args(arguments)
    if unknown := sorted(set(given.target) - set(TARGETS)):
        parser.error(f"no target {unknown[0]}; there are {' and '.join(TARGETS)}")
    try:
        import atheris  # noqa: F401 - whether it is there
    except ImportError:
        print(
            "Fuzzing needs atheris: `make fuzz` installs it, or pip install -r envs/requirements-fuzz.lock."
        )
        return 2
    return max(
        [fuzzed(target, 60 * given.minutes, given.output / target) for target in given.target or TARGETS]
    )


def fuzzed(target: str, seconds: float, output: Path) -> int:
    """Fuzz one target and print its line; 1 when something crashed.

    A hang or an exhausted memory ends the process that fuzzes; another one goes on for the time that is left.
    """
    corpus, finds, log = output / "corpus", output / "finds", output / "log.txt"
    for folder in (corpus, finds):
        folder.mkdir(parents=True, exist_ok=True)
    for old in finds.iterdir():  # tried again first; what is mended does not come back
        old.unlink() if old.suffix == ".txt" else old.replace(corpus / f"find_{old.name}")
    start, executions, covered, failure = time.monotonic(), 0, 0, ""
    while (left := seconds - (time.monotonic() - start)) >= 1:
        command = [sys.executable, "-m", "fuzz.engine", target, str(int(left)), str(output)]
        with log.open("wb") as stderr:
            ended = subprocess.run(command, stdout=stderr, stderr=stderr, check=False)  # noqa: S603 - ours
        said = log.read_text(encoding="utf-8", errors="replace")
        executed = re.findall(r"stat::number_of_executed_units:\s*(\d+)", said)
        executions += int(executed[-1]) if executed else 0
        covered = max([covered, *map(int, re.findall(r" cov: (\d+)", said))])
        if not executed:
            failure = f"; the fuzzer itself failed (status {ended.returncode}): see {log}"
            break
    crashes = sorted(path for path in finds.iterdir() if path.suffix != ".txt")
    print(
        f"{target}: {executions} executions in {time.monotonic() - start:.0f} s, {covered} branches covered, "
        f"{len(crashes)} crashes{failure}",
        *crashes,
        sep="\n  ",
        flush=True,
    )
    return int(bool(crashes or failure))


if __name__ == "__main__":
    sys.exit(main())
