"""A copy of the workflow in a folder with a space in its name, and a way to run it there."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "config.yaml", "config", "workflow", "profiles", "envs", "src")


class Project:
    """The workflow at `folder` with the configuration tiny.yaml."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        for part in PARTS:
            source, target = ROOT / part, folder / part
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        self.config = folder / "tiny.yaml"
        shutil.copy(Path(__file__).with_name("tiny.yaml"), self.config)

    def command(self, *arguments: str) -> list[str]:
        # Targets first: `--configfile` takes every word that follows it.
        return [sys.executable, "-m", "snakemake", *arguments, "--cores", "2", "--configfile", "tiny.yaml"]

    def environment(self) -> dict[str, str]:
        """The sources of this copy, not of the installed package."""
        return {**os.environ, "PYTHONPATH": str(self.folder / "src")}

    def snakemake(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run and return exit status and everything printed (in `stdout`)."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=600,
        )

    def print_details(self) -> None:
        """Let Snakemake print what it knows of a job in place of the rule's message."""
        for path in (self.folder / "workflow/rules").glob("*.smk"):
            kept, inside = [], None
            for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
                indent = len(line) - len(line.lstrip())
                if inside is not None and line.strip() and indent <= inside:
                    inside = None
                if line.strip() == "message:":
                    inside = indent
                kept += [line] if inside is None else []
            path.write_text("".join(kept), encoding="utf-8")

    def edit(self, old: str, new: str) -> None:
        text = self.config.read_text(encoding="utf-8")
        assert old in text
        self.config.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def project(tmp_path):
    """A project in which nothing was run yet."""
    return Project(tmp_path / "a folder" / "grokflow")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A project that was run once, with what that run printed."""
    project = Project(tmp_path_factory.mktemp("finished") / "a folder" / "grokflow")
    project.first_run = project.snakemake()
    return project
