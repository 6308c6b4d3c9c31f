"""The results that a figure shows, with the words that it needs for them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grokflow.artifacts.results import PathResults, RunResults
from grokflow.config import Reference
from grokflow.user_code import as_written

HEADINGS = {
    "segment": "Straight segment",
    "chain": "Chain through the checkpoints",
    "polyline": "Optimised polyline",
    "bezier": "Optimised Bézier curve",
}
"""Kinds of path, as a heading says them."""


def heading_of(kind: str) -> str:
    """A kind of path as a heading says it; one of the user's own file by its name there."""
    return HEADINGS.get(kind, f"Optimised path {as_written(kind)}")


MOST_NAMED = 6
"""Most seeds, or pairs of seeds, that a note names."""
MANY = 6
"""Up to this many seeds, or pairs of seeds, are drawn one by one; more of them as median and bands."""

LISTED = 12
"""At most this many seeds are named one by one."""

LONGEST_NAME = 18
"""Characters of the name of a path's end."""

REACHED = ("point_1", "point_2")
"""The points that a run may reach."""


@dataclass(frozen=True)
class Shown(Mapping[str, str]):
    """What a figure shows: the folder of each seed or pair of seeds, or a sweep's table, by name.

    A name is a seed (`0`) or a pair (`0-1`); `run/0` or `path/0-1` where several runs or paths are shown; or
    a sweep's name.
    """

    places: Mapping[str, str]
    reference: Reference
    """Values that a paper printed."""
    dataset: str = ""
    """File of the dataset's table, for the kinds that show it."""
    names: Mapping[str, str] = field(default_factory=dict)
    """What the picture calls runs; those that are not named here are called as in the configuration."""
    subject: str = ""
    """The key of the entry that names what is shown; none where there is no entry."""

    def __getitem__(self, name: str) -> str:
        return self.places[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)

    @property
    def is_many(self) -> bool:
        """Whether some run, or the path, has too many seeds or pairs to tell each one apart."""
        counts = Counter(name.rpartition("/")[0] for name in self.places)
        return max(counts.values(), default=0) > MANY


class OtherSubject(Exception):
    """A figure of the user's own reads what its entry does not show."""

    def __init__(self, reader: str, wanted: str) -> None:
        super().__init__(f"{reader}: the entry has no {wanted}")
        self.reader, self.wanted = reader, wanted


class ShownRun(RunResults):
    """One seed of a run in words. `name` is its seed, or `run/seed` where several runs are shown.

    `called`: what the picture calls the run instead.
    """

    def __init__(self, folder: str | Path, name: str = "", called: str = "") -> None:
        super().__init__(folder, name)
        self.run = called or self.name.rpartition("/")[0]
        """What the run is called, or nothing where the figure shows a single run."""

    @property
    def seed(self) -> str:
        """The seed alone."""
        return self.name.rpartition("/")[2]

    @property
    def label(self) -> str:
        """The seed with its run's name, where it has one."""
        seed = f"seed {self.seed}" if self.seed.isdigit() else self.seed
        return f"{self.run}, {seed}" if self.run else seed

    @property
    def title(self) -> str:
        """The seed with its points, for a legend."""
        reached = [
            f"{readable(point)} at epoch {self.epoch_of(point)}"
            for point in REACHED
            if self.epoch_of(point) is not None
        ]
        return f"{self.label}: {', '.join(reached) or 'neither point reached'}"

    @property
    def notes(self) -> list[str]:
        """A sentence when training diverged, else one for each point that was not reached."""
        if self.diverged:
            return [f"{self._subject} diverged: {self.diverged}."]
        return [
            f"{self._subject} has no {readable(point)}: {self.points['reasons'][point]}."
            for point in REACHED
            if self.points[point] is None
        ]

    @property
    def collapse_count(self) -> str:
        """The number of collapses, in words."""
        number = len(self.periods)
        return {0: "no collapse", 1: "1 collapse"}.get(number, f"{number} collapses")

    @property
    def never_recovered(self) -> bool:
        """Whether the last collapse has no end."""
        return bool(self.periods["end"].isna().any())

    @property
    def unrecovered(self) -> list[str]:
        """A sentence when training ended in a collapse."""
        return [f"{self._subject} was in a collapse when training ended."] * self.never_recovered

    @property
    def subject(self) -> str:
        """The seed in a sentence."""
        seed = f"seed {self.seed}" if self.seed.isdigit() else self.seed  # of training from elsewhere a name
        return f"{seed}{of_run(self.run)}"

    @property
    def _subject(self) -> str:
        """The seed at the beginning of a sentence."""
        return f"S{self.subject[1:]}" if self.subject.startswith("seed ") else self.subject


class ShownPath(PathResults):
    """One seed, or pair of seeds, of a path in words. `name` is `path/0-1` where several paths are shown."""

    @property
    def path(self) -> str:
        """The path's name, or nothing where the figure shows a single path."""
        return self.name.rpartition("/")[0]

    @property
    def heading(self) -> str:
        """What the path is and what it joins."""
        kind, (first, last) = self.record["kind"], self.ends
        return f"{heading_of(kind)} from {first} to {last}"

    @property
    def missing(self) -> str:
        """The sentence that says why the path does not exist."""
        return f"Not drawn: {self.seeds(' and ')}, because {self.why_missing}."

    @property
    def why_missing(self) -> str:
        """Why the path does not exist, in words."""
        why = str(self.skipped)
        for point in REACHED:
            why = why.replace(point, readable(point))
        return why

    @property
    def pieces(self) -> int:
        """The number of straight pieces."""
        return len(self.record["control_points"]) - 1

    @property
    def title(self) -> str:
        """The seed or pair with the epochs that it joins, for a legend; or weights from elsewhere."""
        if self.record["from"]["epoch"] is None:
            return " → ".join(self.ends)
        epochs = [self.record[end]["epoch"] for end in ("from", "to")]
        return f"{self.seeds(' → ')}: epochs {epochs[0]} → {epochs[1]}"

    def seeds(self, between: str) -> str:
        """The seed or seeds, in words."""
        seeds = self.name.rpartition("/")[2]
        return f"seeds {seeds.replace('-', between)}" if "-" in seeds else f"seed {seeds}"

    @property
    def loss(self) -> str | None:
        """What was measured in place of the cross-entropy; None where it was that."""
        found = self.record.get("loss")
        return None if found is None else str(found)

    @property
    def ends(self) -> tuple[str, str]:
        """What lies at t = 0 and at t = 1; a prime marks the other seed's point."""
        first, last = self.record["from"], self.record["to"]
        prime = "′" if first["seed"] != last["seed"] or first["point"] == last["point"] else ""
        return _shortened(readable(first["point"])), _shortened(readable(last["point"])) + prime


def _shortened(name: str) -> str:
    """The end of a name, which may be that of a file, for which there is room below an axis."""
    return name if len(name) <= LONGEST_NAME else f"…{name[1 - LONGEST_NAME :]}"


def runs_of(shown: Shown) -> list[ShownRun]:
    """The seeds of one or more runs, from their folders by name."""
    if shown.subject not in ("run", "runs", ""):
        raise OtherSubject("runs_of", "'run' or 'runs'")
    return [
        ShownRun(folder, name, shown.names.get(name.rpartition("/")[0], "")) for name, folder in shown.items()
    ]


def paths_of(shown: Shown) -> list[ShownPath]:
    """The seeds or pairs of seeds of one or more paths, from their folders by name."""
    if shown.subject not in ("path", "paths", ""):
        raise OtherSubject("paths_of", "'path' or 'paths'")
    return [ShownPath(folder, name) for name, folder in shown.items()]


def unfinished(paths: Sequence[ShownPath]) -> list[str]:
    """A sentence when the bends of some of the paths were not fitted to the end."""
    found = [path for path in paths if path.converged is False]
    if not found:
        return []
    if found[0].record["from"]["seed"] is None:
        return ["The fit did not converge within its budget."]
    named = ", ".join(path.seeds(" and ") for path in found[:MOST_NAMED])
    which = f"Of {named}" if len(found) <= MOST_NAMED else f"Of {len(found)} of the {len(paths)} paths"
    return [f"{which} the fit did not converge within its budget."]


def by_run(runs: Sequence[ShownRun]) -> dict[str, list[ShownRun]]:
    """The seeds of each run, by its name, in their order."""
    grouped: dict[str, list[ShownRun]] = {}
    for run in runs:
        grouped.setdefault(run.run, []).append(run)
    return grouped


def notes_of_many(runs: Sequence[ShownRun], *, points: bool = True, collapses: bool = False) -> list[str]:
    """Of each run with many seeds, how many diverged or lack something; of others, a note for each seed.

    `points`: say which lack a point; `collapses`: say which were in one when training ended.
    """
    notes = []
    for name, seeds in by_run(runs).items():
        if len(seeds) <= MANY:
            notes += [note for run in seeds if points or run.diverged for note in run.notes]
            notes += [note for run in seeds if collapses for note in run.unrecovered]
            continue
        diverged = [run.seed for run in seeds if run.diverged]
        found = {"diverged": diverged}
        for point in REACHED if points else ():
            missing = [run.seed for run in seeds if not run.diverged and run.epoch_of(point) is None]
            found[f"without {readable(point)}"] = missing
        if collapses:
            found["in a collapse when training ended"] = [run.seed for run in seeds if run.never_recovered]
        said = [f"{len(names)}{listed(names)} {what}" for what, names in found.items() if names]
        if said:
            notes.append(f"Of {len(seeds)} seeds{of_run(name)}: {'; '.join(said)}.")
    return notes


def by_collapses(runs: Sequence[ShownRun]) -> list[ShownRun]:
    """The seeds from the fewest collapses to the most, those that diverged only where all did."""
    trained = [run for run in runs if not run.diverged] or runs
    return sorted(trained, key=lambda run: len(run.periods))


def listed(names: Sequence[str]) -> str:
    """Such as " (4, 9)"; nothing where there are too many to name."""
    return f" ({', '.join(names)})" if len(names) <= LISTED else ""


def first_of_each_run(shown: Shown) -> list[ShownRun]:
    """The first seed of each run."""
    first: dict[str, ShownRun] = {}
    for run in runs_of(shown):
        first.setdefault(run.run, run)
    return list(first.values())


def of_run(run: str) -> str:
    """Such as " of the two-layer model", in a sentence; a name without a space takes no article."""
    return f" of {'the ' if ' ' in run else ''}{run}" if run else ""


def readable(point: str) -> str:
    """`point_1` as "point 1"."""
    return point.replace("_", " ")
