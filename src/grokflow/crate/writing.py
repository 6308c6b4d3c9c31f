"""The results as a Workflow Run RO-Crate, which others can read: what made which file from what.

Run with `python -m grokflow.crate results/`. Writes `ro-crate-metadata.json` into the results folder and,
beside it, `source/`: a copy of the workflow, of grokflow and of the configuration. No result is moved or
copied. With `--zip FILE` all goes into one archive instead, without weights unless asked. Prints a line for
each thing on record that is missing or altered. Exit status 1 if there is any but weights, 2 if there is no
crate, else 0.
"""

from __future__ import annotations

import argparse
import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from grokflow.artifacts.files import checksum, write_bytes, write_json
from grokflow.artifacts.source import ROOT, source_digest
from grokflow.config import ResolvedRun, files_behind, resolve_run
from grokflow.crate.entities import SOURCE, Builder
from grokflow.crate.jobs import Job, is_as_read, read_jobs
from grokflow.errors import ArtifactError, ConfigError, refuses_bad_input
from grokflow.loading import load_config

CHECKOUT = ROOT.parents[1]

SOURCES = ("Snakefile", "workflow", "src/grokflow", "envs", "pyproject.toml", "LICENSE", "CITATION.cff")
"""What the crate takes along of the checkout, besides the configuration."""

OWN = "own"
"""Folder within `source/` for files from elsewhere, where one of them would replace one of the checkout."""

METADATA = "ro-crate-metadata.json"

OF_WEIGHTS = ".safetensors"

FEW = 5
"""Things of one sort that are told one by one."""


@dataclass(frozen=True)
class State:
    """What became of the files on record: their SHA-256 where they are there, and what is to be told."""

    found: Mapping[str, str]
    weights_gone: int
    problems: tuple[str, ...]


def examine(root: Path, jobs: Iterable[Job]) -> State:
    """Compare every file that a job made with its record."""
    found: dict[str, str] = {}
    missing: list[str] = []
    altered: list[str] = []
    for job in jobs:
        for name, recorded in {**job.outputs, job.record: ""}.items():
            try:
                found[name] = checksum((root / name).read_bytes())
            except OSError:
                missing.append(name)
                continue
            if recorded and found[name] != recorded:
                altered.append(name)
    weights = [name for name in missing if name.endswith(OF_WEIGHTS)]
    others = [name for name in missing if not name.endswith(OF_WEIGHTS)]
    problems = [*_told(altered, "altered since it was made"), *_told(others, "on record, but not there")]
    return State(found, len(weights), tuple(problems))


def _told(names: list[str], what: str) -> Iterator[str]:
    yield from (f"{name}: {what}." for name in names[:FEW])
    if len(names) > FEW:
        yield f"And {len(names) - FEW} more files: {what}."


def configuration_of(root: Path, files: list[Path] | None) -> list[Path]:
    """The files of the configuration that has its results in `root`: those named, or one of the checkout.

    Raises
    ------
    ConfigError : when a file cannot be read or is refused.
    ArtifactError : when no single file of the checkout has its results there.
    """
    if files:
        load_config(files)
        return files
    for file in (CHECKOUT / "config.yaml", *sorted((CHECKOUT / "config").glob("*.yaml"))):
        with contextlib.suppress(ConfigError):  # one that is only laid over another
            if (CHECKOUT / load_config([file]).results).resolve() == root.resolve():
                return [file]
    raise ArtifactError(
        root,
        expected="results of config.yaml, or of one file in config/",
        found="a folder that none of them names",
        mend="Name the files that made them: --config config.yaml config/full.yaml.",
    )


def other_settings(jobs: Iterable[Job], files: list[Path]) -> Iterator[str]:
    """A line when trainings on record are not what the configuration asks for."""
    config = load_config(files)
    other = []
    for job in jobs:
        for training in job.trainings:
            run, seed = job.record.split("/")[1], training["seed"]
            asked = resolve_run(config, run, seed) if run in config.runs else None
            try:
                found = ResolvedRun.model_validate(training)
            except ValidationError:  # a record of another version of grokflow
                found = None
            if found and asked:  # on another device results differ by rounding alone
                asked = asked.model_copy(update={"device": found.device})
            if found is None or found != asked or seed not in config.runs[run].seeds:
                other.append(f"{run}, seed {seed}")
    if other:
        named = " + ".join(map(str, files))
        yield f"{named}: {len(other)} trainings were configured otherwise than it says, such as {other[0]}."


def other_sources(jobs: Iterable[Job]) -> Iterator[str]:
    """A line when other sources made the results than those that the crate takes along."""
    made = {str(job.made_by.get("source")) for job in jobs}
    if others := sorted(made - {source_digest()}):
        yield (
            f"{SOURCE}/ has the sources of today ({source_digest()}); there are results of others "
            f"({', '.join(others)}), as their jobs say."
        )


def user_files_of(jobs: Iterable[Job]) -> tuple[list[Path], list[str]]:
    """The user's own files that jobs read or ran, with what these import; and those that are others now."""
    files: dict[Path, None] = {}
    problems: dict[str, None] = {}
    for named in {user_file: None for job in jobs for user_file in job.user_files}:
        if is_as_read(named):
            files.update(dict.fromkeys(map(Path, named.files)))
        else:
            problems[f"{named.file}: missing, or edited since results were made with it."] = None
    return list(files), list(problems)


def sources_with(
    configuration: Sequence[Path], user_files: Iterable[Path]
) -> tuple[dict[str, Path], list[str]]:
    """What computed the results, by its place in the crate; and the places of the configuration.

    The files of the configuration, those that they take definitions from, and users' files lie in the crate
    to each other as they lie here: so their names of each other lead to them there, too.
    """
    sources = {}
    for part in SOURCES:
        path = CHECKOUT / part
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                sources[f"{SOURCE}/{file.relative_to(CHECKOUT).as_posix()}"] = file
    given = [_straight(path) for path in configuration]
    files = dict.fromkeys([*given, *map(_straight, (*files_behind(configuration), *user_files))])
    if all(file.is_relative_to(CHECKOUT) for file in files):
        root, folder = CHECKOUT, SOURCE
    else:
        root, folder = Path(os.path.commonpath([file.parent for file in files])), SOURCE
        if any(f"{SOURCE}/{file.relative_to(root).as_posix()}" in sources for file in files):
            folder = f"{SOURCE}/{OWN}"
    place_of = {file: f"{folder}/{file.relative_to(root).as_posix()}" for file in files}
    sources |= {place: file for file, place in place_of.items()}
    return sources, [place_of[file] for file in given]


def _straight(path: Path) -> Path:
    """From the root and without `..`; a link stays one, because names lead to where it stands."""
    return Path(os.path.normpath(path.absolute()))


def write_crate(
    root: Path,
    configuration: list[Path] | None = None,
    *,
    archive: Path | None = None,
    weights: bool = False,
    agent: str | None = None,
    orcid: str | None = None,
) -> list[str]:
    """Write the crate of a results folder; returns a line for each thing that does not match.

    Parameters
    ----------
    configuration : files that made the results; None: the one of the checkout that names the folder.
    archive : a ZIP file for all of it; None: the results folder becomes the crate.
    weights : whether an archive has checkpoints and curves, too.
    agent, orcid : who ran the workflow.

    Raises
    ------
    GrokflowError : when there are no results, no such configuration, or no room for the files.
    """
    files = configuration_of(root, configuration)
    jobs, damaged = read_jobs(root)
    state = examine(root, jobs)
    user_files, edited = user_files_of(jobs)
    problems = [*damaged, *state.problems, *other_settings(jobs, files), *edited]
    for line in [*problems, *other_sources(jobs)]:
        print(line)
    if state.weights_gone:
        print(f"{state.weights_gone} files of weights on record are not there; the crate is without them.")
    taken = {
        name: sha
        for name, sha in state.found.items()
        if weights or archive is None or not name.endswith(OF_WEIGHTS)
    }
    sources, places = sources_with(files, user_files)
    crate = Builder(root, jobs, taken, sources, places).build(agent, orcid)
    if archive:
        archive.parent.mkdir(parents=True, exist_ok=True)
        crate.write_zip(archive)
        print(f"Written: {archive}, {archive.stat().st_size / 1e6:.1f} MB.")
    else:
        for place, file in sources.items():
            write_bytes(root / place, file.read_bytes())
        write_json(root / METADATA, crate.metadata.generate())
        print(f"Written: {root / METADATA} and {root / SOURCE}/.")
    return problems


@refuses_bad_input
def main() -> int:
    """The command `python -m grokflow.crate`; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m grokflow.crate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    where = "the folder; unless given, that of the configuration, or results/"
    parser.add_argument("results", nargs="?", type=Path, help=where)
    parser.add_argument("--config", nargs="+", type=Path, metavar="FILE", help="the files that made them")
    parser.add_argument("--zip", type=Path, metavar="FILE", help="write one archive instead")
    parser.add_argument("--weights", action="store_true", help="with --zip: checkpoints and curves, too")
    parser.add_argument("--agent", metavar="NAME", help="who ran the workflow")
    parser.add_argument("--orcid", metavar="URL", help="of the agent: https://orcid.org/…")
    asked = parser.parse_args()
    named = load_config(asked.config).results if asked.config else "results"
    problems = write_crate(
        asked.results or Path(named),
        asked.config,
        archive=asked.zip,
        weights=asked.weights,
        agent=asked.agent,
        orcid=asked.orcid,
    )
    return 1 if problems else 0
