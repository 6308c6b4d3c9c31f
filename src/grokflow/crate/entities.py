"""The entities of a Workflow Run RO-Crate: files, software, papers, claims, and what made what.

A crate follows the profiles Workflow Run Crate 0.5, Process Run Crate 0.5 and Workflow RO-Crate 1.0, on
RO-Crate 1.1. One action is the whole run, its instrument the Snakefile. Each job is an action, too: its
instrument is the script of its rule, and its objects are the files that it read and its settings.
"""

from __future__ import annotations

import csv
import mimetypes
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml
from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

import grokflow
from grokflow.artifacts.files import checksum
from grokflow.artifacts.provenance import SUFFIX
from grokflow.crate.jobs import Job, is_as_read, times_of

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": "Process Run Crate",
    "https://w3id.org/ro/wfrun/workflow/0.5": "Workflow Run Crate",
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": "Workflow RO-Crate",
}
CONTEXT = "https://w3id.org/ro/terms/workflow-run/context"
WORKFLOW = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
PARAMETER = "https://bioschemas.org/profiles/FormalParameter/1.0-RELEASE"
LICENSE = "https://spdx.org/licenses/MIT"

SOURCE = "source"
"""Folder of the crate with what computed the results."""

SNAKEFILE = f"{SOURCE}/Snakefile"
SCRIPTS = f"{SOURCE}/workflow/scripts"

SHOWN = ("draw_figure", "judge_claims", "tabulate_seeds", "gather_sweep")
"""The rules whose outputs are the results of the whole run; those of the others lie between."""

REPORT = "report.html"
"""Made from the results by Snakemake itself, which leaves no record of it."""

FOLDERS = {
    "datasets": "Tables a∘b with their splits",
    "runs": "Trainings: a folder for each run and seed, with tables, points and checkpoints",
    "paths": "Paths between points: a folder for each path and seed or pair of seeds",
    "sweeps": "Sweeps: a table for each, and one for each group of members",
    "figures": "The figures",
}

WHAT = {
    "make_dataset": "Make the table of",
    "train": "Train",
    "find_periods": "Find the collapses of",
    "audit_invariance": "Audit the scale invariance of",
    "fit_paths": "Fit the bends of",
    "measure_paths": "Measure along",
    "train_members": "Train members of",
    "gather_sweep": "Gather the table of",
    "draw_figure": "Draw",
    "judge_claims": "Judge all claims",
    "tabulate_seeds": "Tabulate when each seed reached its points",
    "write_pages": "Write the pages of the report",
    "write_explorer": "Write the interactive page",
}
"""What a job of each rule does."""

TYPES = {".md": "text/markdown", ".smk": "text/plain", ".yaml": "application/yaml", ".py": "text/x-python",
         ".safetensors": "application/octet-stream", ".csv": "text/csv", ".svg": "image/svg+xml"}  # fmt: skip

PAGES_OF_SOFTWARE = {
    "grokflow": "",  # which is part of the crate
    "python": "https://www.python.org/",
    **{name: f"https://pypi.org/project/{name}/" for name in ("torch", "numba", "numpy", "pandas")},
}
"""Of what a record names, the software that the scripts need."""

COMPLETED = "http://schema.org/CompletedActionStatus"


class Builder:
    """Builds the crate of a results folder.

    Parameters
    ----------
    root : the results folder.
    jobs : what made it.
    files : those of `root` that are part of the crate, with their SHA-256.
    sources : files of what computed the results, by their place in the crate.
    configuration : which of these places are the files of the configuration.
    """

    def __init__(
        self,
        root: Path,
        jobs: Sequence[Job],
        files: Mapping[str, str],
        sources: Mapping[str, Path],
        configuration: Sequence[str],
    ) -> None:
        self.root, self.jobs, self.files = root, jobs, files
        self.sources, self.configuration = sources, configuration
        self.place_of = {file.resolve(): place for place, file in sources.items()}
        self.times = times_of(root)
        self.crate = ROCrate(version="1.1")
        self.crate.metadata.extra_contexts.append(CONTEXT)

    def build(self, agent: str | None = None, orcid: str | None = None) -> ROCrate:
        """The whole crate; `agent` started the workflow."""
        self._describe_root()
        for name, sha in self.files.items():
            self._file(name, self.root / name, {"sha256": sha})
        if (self.root / REPORT).is_file():
            self._file(REPORT, self.root / REPORT, {"description": "The report"})
        self._add_folders()
        workflow = self._add_sources()
        self._add_claims()
        by = self._context(orcid or "#agent", "Person", name=agent) if agent else None
        actions = [self._action_of_run(workflow), *map(self._action_of_job, self.jobs)]
        if by:
            for action in actions:
                action["agent"] = by
            self.crate.root_dataset["author"] = by
        self.crate.root_dataset["mentions"] = actions
        self._write_single_values()
        return self.crate

    def _write_single_values(self) -> None:
        """A property with one value has it without a list, as RO-Crate recommends."""
        for entity in self.crate.get_entities():
            written = entity.properties()
            single = [key for key, value in written.items() if isinstance(value, list) and len(value) == 1]
            for key in single:
                (written[key],) = written[key]

    def _describe_root(self) -> None:
        counts = Counter(job.rule for job in self.jobs)
        root = self.crate.root_dataset
        root["name"] = f"Results of grokflow: {self.root.resolve().name}"
        root["description"] = (
            f"Trainings of transformers that grok, paths between their weights, {counts['draw_figure']} "
            "figures, and a verdict for each claim of two papers, with what made them: a Snakemake workflow, "
            "its configuration, and a record of every job."
        )
        root["license"] = self._context(LICENSE, "CreativeWork", name="MIT License")
        root["keywords"] = "grokking, mode connectivity, scale invariance, weight decay"
        root["conformsTo"] = [
            self._context(uri, "CreativeWork", name=name, version=uri.rpartition("/")[2])
            for uri, name in PROFILES.items()
        ]
        self.papers = dict(self._papers())
        root["citation"] = list(self.papers.values())

    def _papers(self) -> Iterator[tuple[str, ContextEntity]]:
        """The papers, by their letter, as CITATION.cff names them."""
        cited = yaml.safe_load(self.sources[f"{SOURCE}/CITATION.cff"].read_text(encoding="utf-8"))
        for paper in cited["references"]:
            authors = [
                self._context(
                    f"#{author['family-names']}",
                    "Person",
                    name=f"{author['given-names']} {author['family-names']}",
                    familyName=author["family-names"],
                    givenName=author["given-names"],
                )
                for author in paper["authors"]
            ]
            letter = paper["abbreviation"]
            article = {"name": paper["title"], "author": authors, "inLanguage": paper["languages"]}
            yield letter, self._context(f"#paper-{letter}", "ScholarlyArticle", **article)

    def _context(self, identifier: str, type: str, **properties: Any) -> ContextEntity:
        """The entity of that id, added when it is first asked for."""
        entity = self.crate.get(identifier)
        if entity is None:
            entity = self.crate.add(ContextEntity(self.crate, identifier, {"@type": type, **properties}))
        return entity

    def _file(self, name: str, path: Path, properties: Mapping[str, Any]) -> Any:
        found = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
        size = str(path.stat().st_size)
        described = {"name": name, "encodingFormat": found, "contentSize": size, **properties}
        return self.crate.add_file(path, name, properties=described)

    def _add_folders(self) -> None:
        inside: dict[str, list[str]] = {}
        for name in self.files:
            for folder in map(Path.as_posix, Path(name).parents):
                if folder in FOLDERS or folder.endswith("/checkpoints"):
                    inside.setdefault(folder, []).append(name)
        for folder, names in inside.items():
            about = FOLDERS.get(folder, "The weights at some epochs")
            parts = [{"@id": quote(name)} for name in names]
            properties = {"name": folder, "description": about, "hasPart": parts}
            self.crate.add_dataset(dest_path=folder, properties=properties)
        if (self.root / "logs").is_dir():
            about = "What the jobs printed, and how long each took"
            self.crate.add_dataset(
                self.root / "logs", "logs", properties={"name": "logs", "description": about}
            )

    def _there(self, names: Iterable[str]) -> list[Any]:
        """The entities of files and folders, of those that are part of the crate."""
        found = (self.crate.get(quote(name)) or self.crate.get(f"{quote(name)}/") for name in names)
        return [entity for entity in found if entity is not None]

    def _add_sources(self) -> Any:
        """What computed the results; returns the workflow."""
        script = {
            "@type": ["File", "SoftwareSourceCode"],
            "version": grokflow.__version__,
            "softwareRequirements": self._software(),
        }
        scripts = []
        for name, file in self.sources.items():
            own: dict[str, Any] = {"sha256": checksum(file.read_bytes())}
            if name == SNAKEFILE:
                continue
            if Path(name).parent.as_posix() == SCRIPTS:
                scripts.append(self._file(name, file, own | script))
            else:
                self._file(name, file, own)
        snakefile = self.sources[SNAKEFILE]
        workflow = self.crate.add_workflow(
            snakefile,
            SNAKEFILE,
            main=True,
            lang="snakemake",
            lang_version=version("snakemake"),
            properties={
                "name": "grokflow",
                "conformsTo": {"@id": WORKFLOW},
                "description": "Regenerates every figure and claim of two papers on grokking",
                "version": grokflow.__version__,
                "license": {"@id": LICENSE},
                "encodingFormat": "text/plain",
                "contentSize": str(snakefile.stat().st_size),
                "sha256": checksum(snakefile.read_bytes()),
                "hasPart": scripts,
            },
        )
        self._parameter(workflow, "input", "configuration", "File", self.configuration)
        self._parameter(workflow, "output", "claims", "File", ["claims.csv"])
        self._parameter(workflow, "output", "figures", "Dataset", ["figures"])
        return workflow

    def _software(self) -> list[ContextEntity]:
        """What the scripts need, in every version that made results."""
        made = {
            (name, str(job.made_by[name]))
            for job in self.jobs
            for name in PAGES_OF_SOFTWARE
            if job.made_by.get(name)
        }
        return [
            self._context(
                f"{PAGES_OF_SOFTWARE[name]}#{name}-{number}",
                "SoftwareApplication",
                name=name,
                softwareVersion=number,
                **({"url": PAGES_OF_SOFTWARE[name]} if PAGES_OF_SOFTWARE[name] else {}),
            )
            for name, number in sorted(made)
        ]

    def _parameter(self, workflow: Any, end: str, name: str, type: str, examples: Iterable[str]) -> None:
        """An input or output of the workflow, and what it was in this run."""
        there = self._there(examples)
        if not there:
            return
        parameter = self._context(
            f"#parameter-{name}",
            "FormalParameter",
            name=name,
            additionalType=type,
            workExample=there,
            conformsTo={"@id": PARAMETER},
            valueRequired=True,
        )
        workflow.append_to(end, parameter)
        for each in there:
            each["exampleOfWork"] = parameter

    def _add_claims(self) -> None:
        """Each claim, and what it came to: a review whose rating is the number of seeds in which it holds."""
        reviews = []
        for table in self._there(["claims.csv"]):
            with (self.root / "claims.csv").open(encoding="utf-8", newline="") as text:
                reviews += [self._review(row) for row in csv.DictReader(text)]
            table["mentions"] = reviews

    def _review(self, row: Mapping[str, str]) -> ContextEntity:
        name, paper = row["claim"], self.papers.get(row["paper"])
        claim = self._context(
            f"#claim-{quote(name)}",
            "Claim",
            name=name,
            text=row["statement"],
            description=f"It holds for a seed if {row['criterion']}.",
            **({"appearance": paper} if paper else {}),
        )
        rating = self._context(
            f"#rating-{quote(name)}",
            "Rating",
            name=f"{row['holding']} of {row['judged']} judged seeds",
            ratingValue=int(row["holding"]),
            worstRating=0,
            bestRating=int(row["judged"]),
            alternateName=row["verdict"],
        )
        return self._context(
            f"#verdict-{quote(name)}",
            "ClaimReview",
            name=f"{name}, {row['about']}: {row['verdict']}",
            claimReviewed=row["statement"],
            itemReviewed=claim,
            reviewRating=rating,
        )

    def _values(self, kind: str, values: Mapping[str, Any]) -> list[ContextEntity]:
        """A PropertyValue for each, one for all jobs that have the same."""
        found = []
        for name, value in values.items():
            if value is not None:
                text = ", ".join(map(str, value)) if isinstance(value, list) else value
                identifier = f"#{kind}-{quote(name)}-{checksum(str(text).encode())[:16]}"
                found.append(self._context(identifier, "PropertyValue", name=name, value=text))
        return found

    def _action_of_run(self, workflow: Any) -> ContextEntity:
        shown = [name for job in self.jobs if job.rule in SHOWN for name in job.outputs]
        action = self.crate.add_action(
            workflow,
            "#run",
            object=self._there(self.configuration),
            result=self._there([*shown, "figures"]),
            properties={
                "name": "The run of the whole workflow",
                "description": f"{len(self.jobs)} jobs, each an action of its own, in one or more calls",
                "actionStatus": COMPLETED,
            },
        )
        return self._timed(action, self.files)

    def _action_of_job(self, job: Job) -> ContextEntity:
        made = [*job.outputs, job.record]
        own = [
            self.place_of.get(Path(each.file).resolve(), "") for each in job.user_files if is_as_read(each)
        ]
        script, *_ = self._there([f"{SCRIPTS}/{job.rule}.py", SNAKEFILE])
        action = self.crate.add_action(
            script,
            f"#job-{quote(job.record.removesuffix(SUFFIX).rstrip('./'))}",
            object=[*self._there([*job.inputs, *own]), *self._values("setting", job.settings)],
            result=self._there(made),
            properties={
                "name": f"{WHAT[job.rule]} {job.about}".strip(),
                "description": f"A job of the rule {job.rule}",
                "actionStatus": COMPLETED,
                "additionalProperty": self._values("made-with", job.made_by),
            },
        )
        return self._timed(action, made)

    def _timed(self, action: ContextEntity, names: Iterable[str]) -> ContextEntity:
        """The action, with when it started and ended if that is known of any of its results."""
        known = [self.times[name] for name in names if name in self.times]
        if known:
            action["startTime"] = min(start for start, _ in known).isoformat(timespec="seconds")
            action["endTime"] = max(end for _, end in known).isoformat(timespec="seconds")
        return action
