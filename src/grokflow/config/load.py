"""A dictionary into a checked `Config`: every problem named by its key before any work starts."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from grokflow.artifacts.files import digest
from grokflow.config import design, resolve, schema
from grokflow.config.problems import problem_line, translate
from grokflow.config.read import merge, read
from grokflow.config.schema import Config
from grokflow.config.sections import tag_of_entry
from grokflow.config.user_files import with_user_files
from grokflow.errors import GrokflowError, Problems, nearest, with_article
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


CountPairs = Callable[[schema.Dataset], int]
"""How many pairs a dataset's table has; raises ConfigError when there can be no such table."""


def load(
    files: Iterable[str | Path],
    overrides: Mapping[str, Any] | None = None,
    *,
    count_pairs: CountPairs,
    figure_kinds: Mapping[str, FigureKind],
    claim_subjects: Mapping[str, ClaimSubject],
) -> Config:
    """Read, merge and check configuration files; `overrides` win over the files.

    Parameters
    ----------
    count_pairs, figure_kinds, claim_subjects : what the packages `data`, `figures` and `claims` know and
        this one must ask; `grokflow.loading.load_config` hands them in.

    Raises
    ------
    ConfigError : with one line for each problem.
    """
    files = list(files)
    raw = merge(read(files), with_user_files(overrides or {}, Path()))
    where = " + ".join(str(file) for file in files)
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise Problems([translate(problem) for problem in error.errors()], where) from None
    problems = [
        *_operations(config, count_pairs),
        *_runs(config),
        *_figures(config, figure_kinds),
        *_claims(config, claim_subjects),
        *_paths(config),
        *_sweeps(config, count_pairs),
    ]
    if problems:
        raise Problems(problems, where)
    return config


def _unless_known(key: str, what: str, name: str | None, valid: Collection[str]) -> Iterable[str]:
    if name is not None and name not in valid:
        listed = ", ".join(valid) or "none are defined"
        yield problem_line(
            key, f"{with_article(what)} of this configuration ({listed})", f"'{name}'", nearest(name, valid)
        )


def _operations(config: Config, count_pairs: CountPairs) -> Iterable[str]:
    for name, dataset in config.datasets.items():
        yield from _table(f"datasets.{name}", dataset, count_pairs)


def _table(key: str, dataset: schema.Dataset, count_pairs: CountPairs) -> Iterable[str]:
    try:
        pairs = count_pairs(dataset)
    except GrokflowError as error:
        yield f"{key}.{error}"
        return
    if not 0 < dataset.train_pairs(pairs) < pairs:
        yield problem_line(
            f"{key}.train_fraction",
            f"a fraction that leaves both splits a pair of the table's {pairs}",
            dataset.train_fraction,
        )


def _runs(config: Config) -> Iterable[str]:
    for name, run in config.runs.items():
        yield from _unless_known(f"runs.{name}.dataset", "dataset", run.dataset, config.datasets)
        yield from _unless_known(f"runs.{name}.model", "model", run.model, config.models)
        yield from _unless_known(f"runs.{name}.optimizer", "optimizer", run.optimizer, config.optimizers)
        model = config.models.get(run.model)
        if run.sphere and isinstance(model, schema.Model) and model.normalization == "none":
            expected = "false, because a model without normalization has no scale-invariant weights to hold"
            yield problem_line(f"runs.{name}.sphere", expected, "true")


def _figures(config: Config, figure_kinds: Mapping[str, FigureKind]) -> Iterable[str]:
    for name, figure in config.figures.items():
        key = f"figures.{name}"
        yield from _unless_known(f"{key}.run", "run", figure.run, config.runs)
        for run_name in figure.runs or ():
            yield from _unless_known(f"{key}.runs", "run", run_name, config.runs)
        yield from _unless_known(f"{key}.sweep", "sweep", figure.sweep, config.sweeps)
        yield from _unless_known(f"{key}.path", "path", figure.path, config.paths)
        for path_name in figure.paths or ():
            yield from _unless_known(f"{key}.paths", "path", path_name, config.paths)
        for run_name in figure.names:
            yield from _unless_known(f"{key}.names", "run", run_name, config.runs)
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


def _claims(config: Config, claim_subjects: Mapping[str, ClaimSubject]) -> Iterable[str]:
    for name, claim in config.claims.items():
        yield from _unless_known(f"claims.{name}.figure", "figure", claim.figure, config.figures)
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
                yield from _unless_known(f"{key}.{given}", str(what), value, names)


def _own_claim(key: str, claim: schema.Claim, config: Config) -> Iterable[str]:
    """What is wrong with a claim whose criterion is the user's, as far as can be told without running it."""
    given = {"run": claim.run, "path": claim.path, "sweep": claim.sweep}
    kinds = [kind for kind, name in given.items() if name is not None]
    if len(kinds) != 1:
        yield problem_line(key, "one of run, path and sweep", " and ".join(kinds) or "none of them")
        return
    known: dict[str, Collection[str]] = {"run": config.runs, "path": config.paths, "sweep": config.sweeps}
    yield from _unless_known(f"{key}.{kinds[0]}", kinds[0], given[kinds[0]], known[kinds[0]])
    if claim.against is not None and kinds[0] == "sweep":
        yield problem_line(f"{key}.against", "no such key for a claim about a sweep", f"'{claim.against}'")
    elif claim.against is not None:
        yield from _unless_known(f"{key}.against", kinds[0], claim.against, known[kinds[0]])


def _paths(config: Config) -> Iterable[str]:
    for name, path in config.paths.items():
        key = f"paths.{name}"
        ends = {"from": path.from_point, "to": path.to_point}
        runs = {end: point.partition("@")[0] for end, point in ends.items()}
        unknown = [_unless_known(f"{key}.{end}", "run", run, config.runs) for end, run in runs.items()]
        problems = [problem for found in unknown for problem in found]
        yield from problems
        if problems:
            continue
        first, last = (config.runs[runs[end]] for end in ends)
        for end, point in ends.items():
            _, _, epoch = point.partition("@epoch_")
            run = config.runs[runs[end]]
            if epoch and (int(epoch) > run.epochs or int(epoch) % run.checkpoint_every):
                yield problem_line(
                    f"{key}.{end}",
                    f"an epoch with a checkpoint: a multiple of {run.checkpoint_every} up to {run.epochs}",
                    f"epoch_{epoch}",
                )
        if (first.dataset, first.model) != (last.dataset, last.model):
            yield problem_line(
                f"{key}.to",
                "a run on the same dataset with the same model",
                f"{last.dataset}, {last.model} where 'from' has {first.dataset}, {first.model}",
            )
        if path.between == "seeds" and len(set(first.seeds) | set(last.seeds)) < 2:
            yield problem_line(f"{key}.between", "a run of at least two seeds", f"seeds {first.seeds}")
        if path.pairs == "disjoint":
            if path.between == "points":
                yield problem_line(f"{key}.pairs", "no such key, because between is 'points'", "'disjoint'")
            elif len(set(first.seeds) & set(last.seeds)) < 2:
                yield problem_line(f"{key}.pairs", "two runs that share at least two seeds", "fewer")
        if path.between == "points" and not set(first.seeds) & set(last.seeds):
            yield problem_line(
                f"{key}.to", f"a run that shares a seed with {runs['from']}", f"seeds {last.seeds}"
            )
        if path.between == "points" and path.from_point == path.to_point:
            yield problem_line(f"{key}.to", "another point than 'from'", path.to_point)
        if isinstance(path, schema.Chain) and (path.between == "seeds" or runs["from"] != runs["to"]):
            yield problem_line(
                f"{key}.to",
                "a point of the same run and seed, because a chain follows one run",
                path.to_point,
            )


LARGEST_SWEEP = 10_000
"""Members; a grid that is larger was not meant."""


def _sweeps(config: Config, count_pairs: CountPairs) -> Iterable[str]:
    for name, sweep in config.sweeps.items():
        key = f"sweeps.{name}"
        problems = [
            *_unless_known(f"{key}.dataset", "dataset", sweep.dataset, config.datasets),
            *_unless_known(f"{key}.model", "model", sweep.model, config.models),
            *_unless_known(f"{key}.optimizer", "optimizer", sweep.optimizer, config.optimizers),
        ]
        if not problems:
            entries = resolve.entries_of_sweep(config, name)
            problems = [*_varied(f"{key}.vary", sweep, entries)]
        yield from problems
        if problems:
            continue
        datasets = [member.run.dataset for member in resolve.members_of_sweep(config, name)]
        tables = {_digest_of_table(dataset): dataset for dataset in datasets}
        # What is wrong with the dataset that the sweep names is told where that stands.
        tables.pop(_digest_of_table(config.datasets[sweep.dataset]), None)
        for dataset in tables.values():
            for problem in _table("dataset", dataset, count_pairs):
                is_varied = problem.partition(":")[0] in sweep.vary
                entry = (
                    f".{problem}"
                    if is_varied
                    else f": {problem.replace('dataset', f'datasets.{sweep.dataset}', 1)}"
                )
                yield f"{key}.vary{entry}"


def _digest_of_table(dataset: schema.Dataset) -> str:
    """The same for datasets that differ in their split alone."""
    return digest(dataset.model_dump(exclude={"split_seed"}))


def _varied(key: str, sweep: schema.Sweep, entries: Mapping[str, schema.Entry]) -> Iterable[str]:
    """What is wrong with the varied keys, with each value alone, and with their combinations."""
    valid = [f"{part}.{key}" for part, entry in entries.items() for key in resolve.keys_to_vary(entry)]
    unknown = [varied for varied in sweep.vary if varied not in valid]
    for varied in unknown:
        mend = "A sweep has one optimizer." if varied == "optimizer.name" else nearest(varied, valid)
        yield problem_line(key, f"a key of a run ({', '.join(valid)})", f"'{varied}'", mend)
    members = design.combinations(sweep) * len(sweep.seeds)
    if members > LARGEST_SWEEP:
        yield problem_line(key, f"at most {LARGEST_SWEEP} members", f"{members}")
    elif not unknown:
        base = resolve.base_of_sweep(sweep, entries, sweep.seeds[0])
        without = [varied for varied, value in base.items() if value is None]
        for varied in without:
            expected = "keys that have a value in their entry, at which one_at_a_time holds them"
            yield problem_line(key, expected, f"'{varied}', which has none")
        parts, found = {type(entry).__name__: part for part, entry in entries.items()}, []
        for settings in [] if without else design.settings_of_sweep(sweep, base):
            try:
                resolve.varied(entries, settings)
            except ValidationError as error:
                part = parts[error.title]
                # The error's place as it would be for an entry called `vary` of that section.
                tag = [name] if (name := tag_of_entry(f"{part}s", entries[part])) else []
                for problem in error.errors():
                    problem["loc"] = (f"{part}s", "vary", *tag, *problem["loc"])
                    found.append(translate(problem).replace(f"{part}s.vary", f"{key}.{part}", 1))
        yield from dict.fromkeys(found)
