"""Whether the figures and claims of a configuration name what is there, and what they can show or judge."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Protocol

from grokflow.config import schema
from grokflow.config.checks import unless_known
from grokflow.config.problems import problem_line
from grokflow.config.schema import Config
from grokflow.errors import nearest
from grokflow.user_code import is_code


class FigureKind(Protocol):
    """What loading must know of a kind of figure."""

    @property
    def subject(self) -> str | None:
        """The key that names what is shown; None: the claims."""

    @property
    def reference(self) -> Collection[str]:
        """The keys that its `reference` may have."""

    @property
    def one_at_a_time(self) -> bool:
        """Whether it draws the sweeps that try one key at a time, or else the others."""


class ClaimSubject(Protocol):
    """What loading must know of a claim."""

    @property
    def kind(self) -> str:
        """The key that names what is judged: "run", "path" or "sweep"."""

    @property
    def against(self) -> str | None:
        """The kind of what it is compared with; None when it compares nothing."""


def problems_of_figures(config: Config, figure_kinds: Mapping[str, FigureKind]) -> Iterable[str]:
    """What is wrong with the figures."""
    for name, figure in config.figures.items():
        key = f"figures.{name}"
        yield from unless_known(f"{key}.run", "run", figure.run, config.runs)
        for run_name in figure.runs or ():
            yield from unless_known(f"{key}.runs", "run", run_name, config.runs)
        yield from unless_known(f"{key}.sweep", "sweep", figure.sweep, config.sweeps)
        yield from unless_known(f"{key}.path", "path", figure.path, config.paths)
        for path_name in figure.paths or ():
            yield from unless_known(f"{key}.paths", "path", path_name, config.paths)
        for run_name in figure.names:
            yield from unless_known(f"{key}.names", "run", run_name, config.runs)
        if is_code(figure.kind):
            if not figure.subjects:
                yield problem_line(key, "one of run, runs, path, paths and sweep", "none of them")
            continue
        if figure.kind not in figure_kinds:
            yield problem_line(
                f"{key}.kind",
                f"a kind of figure ({', '.join(figure_kinds)}), or your own, file.py:name",
                f"'{figure.kind}'",
                nearest(figure.kind, figure_kinds),
            )
            continue
        subject, references = figure_kinds[figure.kind].subject, figure_kinds[figure.kind].reference
        given = f"'{figure.subjects[0]}'" if figure.subjects else "none of run, runs, path, paths and sweep"
        if subject is not None and subject not in figure.subjects:
            yield problem_line(key, f"the key '{subject}', which '{figure.kind}' draws", given)
        if subject is None and figure.subjects:
            yield problem_line(key, f"no such key, because '{figure.kind}' draws the claims", given)
        if subject is None and not config.claims:
            yield problem_line(key, f"claims, which '{figure.kind}' draws", "none")
        if figure.sweep in config.sweeps and subject == "sweep":
            yield from _drawn_sweep(key, figure, config.sweeps[figure.sweep], figure_kinds)
        for extra in sorted(figure.reference.model_fields_set - set(references)):
            expected = f"a reference that '{figure.kind}' draws ({', '.join(sorted(references)) or 'none'})"
            yield problem_line(f"{key}.reference.{extra}", expected, f"'{extra}'", nearest(extra, references))


def _drawn_sweep(
    key: str, figure: schema.Figure, sweep: schema.Sweep, figure_kinds: Mapping[str, FigureKind]
) -> Iterable[str]:
    """What is wrong with the kind of figure that a sweep is drawn as."""
    if sweep.one_at_a_time != figure_kinds[figure.kind].one_at_a_time:
        fitting = [
            f"'{name}'"
            for name, kind in figure_kinds.items()
            if kind.subject == "sweep" and kind.one_at_a_time == sweep.one_at_a_time
        ]
        design = "with" if sweep.one_at_a_time else "without"
        expected = f"{' or '.join(fitting)}, which draws a sweep {design} one_at_a_time"
        yield problem_line(f"{key}.kind", expected, f"'{figure.kind}'")
    elif not sweep.one_at_a_time and len(sweep.vary) > 2:
        expected = "a sweep over one or two keys, which a plane can show"
        yield problem_line(f"{key}.sweep", expected, len(sweep.vary))


def problems_of_claims(config: Config, claim_subjects: Mapping[str, ClaimSubject]) -> Iterable[str]:
    """What is wrong with the claims."""
    for name, claim in config.claims.items():
        yield from unless_known(f"claims.{name}.figure", "figure", claim.figure, config.figures)
        key, criterion = f"claims.{name}", claim.claim or name
        if is_code(criterion):
            yield from _own_claim(key, claim, config)
            continue
        if criterion not in claim_subjects:
            yield problem_line(
                f"{key}.claim" if claim.claim else key,
                f"the id of a claim ({', '.join(claim_subjects)}), or your own, file.py:name",
                f"'{criterion}'",
                nearest(criterion, claim_subjects),
            )
            continue
        subject, against = claim_subjects[criterion].kind, claim_subjects[criterion].against
        for given, needed, names in (
            ("run", subject == "run", config.runs),
            ("path", subject == "path", config.paths),
            ("sweep", subject == "sweep", config.sweeps),
            ("against", bool(against), config.runs if against == "run" else config.paths),
        ):
            value = getattr(claim, given)
            if (value is not None) != needed:
                found = "none" if value is None else f"'{value}'"
                yield problem_line(
                    f"{key}.{given}", "a name" if needed else f"no such key for {criterion}", found
                )
            elif needed:
                what = against if given == "against" else subject
                yield from unless_known(f"{key}.{given}", str(what), value, names)


def _own_claim(key: str, claim: schema.Claim, config: Config) -> Iterable[str]:
    """What is wrong with a claim whose criterion is the user's, as far as can be told without running it."""
    given = {"run": claim.run, "path": claim.path, "sweep": claim.sweep}
    kinds = [kind for kind, name in given.items() if name is not None]
    if len(kinds) != 1:
        yield problem_line(key, "one of run, path and sweep", " and ".join(kinds) or "none of them")
        return
    known: dict[str, Collection[str]] = {"run": config.runs, "path": config.paths, "sweep": config.sweeps}
    yield from unless_known(f"{key}.{kinds[0]}", kinds[0], given[kinds[0]], known[kinds[0]])
    if claim.against is not None and kinds[0] == "sweep":
        yield problem_line(f"{key}.against", "no such key for a claim about a sweep", f"'{claim.against}'")
    elif claim.against is not None:
        yield from unless_known(f"{key}.against", kinds[0], claim.against, known[kinds[0]])
