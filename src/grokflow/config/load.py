"""A dictionary into a checked `Config`: every problem named by its key before any work starts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from grokflow import operations
from grokflow.config import schema
from grokflow.config.read import merge, read
from grokflow.config.schema import Config
from grokflow.errors import ConfigError, GrokflowError, nearest

SECTIONS: dict[str, type[schema.Entry] | dict[str, type[schema.Entry]]] = {
    "datasets": schema.Dataset,
    "models": schema.Model,
    "optimizers": {"sgd": schema.SGD, "adamw": schema.AdamW},
    "runs": schema.Run,
    "paths": {
        "segment": schema.Segment,
        "chain": schema.Chain,
        "polyline": schema.Polyline,
        "bezier": schema.Bezier,
    },
    "figures": schema.Figure,
    "claims": schema.Claim,
}


def load(
    files: Iterable[str | Path],
    overrides: Mapping[str, Any] | None = None,
    *,
    figure_kinds: Mapping[str, tuple[str, Collection[str]]],
    claim_subjects: Mapping[str, str],
) -> Config:
    """Read, merge and check configuration files; `overrides` win over the files.

    Parameters
    ----------
    figure_kinds : for each kind of figure, what it shows, "run" or "path", and the keys that its
        `reference` may have.
    claim_subjects : for each claim's id, what it judges: "run", "run against run", "path" …

    Raises
    ------
    ConfigError : with one line for each problem.
    """
    files = list(files)
    raw = merge(read(files), overrides or {})
    where = " + ".join(str(file) for file in files)
    try:
        config = Config.model_validate(raw)
    except ValidationError as error:
        raise _Problems(where, [_translate(problem) for problem in error.errors()]) from None
    problems = [
        *_operations(config),
        *_names(config, figure_kinds, claim_subjects),
        *_paths(config),
    ]
    if problems:
        raise _Problems(where, problems)
    return config


class _Problems(ConfigError):
    """Every problem of one configuration, a line each."""

    def __init__(self, where: str, problems: list[str]) -> None:
        Exception.__init__(self, "\n".join(f"{where}: {problem}" for problem in problems))


def _problem(key: str, expected: str, found: object, mend: str | None = None) -> str:
    return str(ConfigError(key, expected=expected, found=found, mend=mend))


def _translate(problem: Any) -> str:
    """One pydantic error as one line: key, expected, found, nearest valid name."""
    location: list[Any] = list(problem["loc"])
    key_path: list[str] = []
    schema_class: Any = Config
    for depth, part in enumerate(location):
        section = SECTIONS.get(str(location[0]))
        if depth == 2 and isinstance(section, dict) and part in section:
            continue  # the discriminator's value, not a key
        if part == "[key]":
            break
        key_path.append(str(part))
    key = ".".join(key_path)
    if len(key_path) > 2:
        schema_class = _entry_class(location)
    found = problem["input"]
    message, context = problem["msg"], problem.get("ctx", {})
    match problem["type"]:
        case "extra_forbidden":
            valid = _field_names(schema_class)
            return _problem(
                key,
                f"a known key ({', '.join(valid)})",
                f"'{location[-1]}'",
                nearest(str(location[-1]), valid),
            )
        case "missing":
            return _problem(key, "this key", "nothing")
        case "union_tag_invalid":
            valid = str(context["expected_tags"]).replace("'", "").split(", ")
            tag = str(context["tag"])
            discriminator = str(context["discriminator"]).strip("'")
            return _problem(
                f"{key}.{discriminator}",
                f"one of {', '.join(valid)}",
                f"'{tag}'",
                nearest(tag, valid),
            )
        case "union_tag_not_found":
            return _problem(f"{key}.{str(context['discriminator']).strip(chr(39))}", "this key", "nothing")
        case "literal_error":
            valid = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
            return _problem(key, f"one of {', '.join(valid)}", repr(found), nearest(str(found), valid))
        case "value_error":
            expected, _, found = str(context["error"]).removeprefix("expected ").partition(", found ")
            return _problem(key, expected, found)
        case "string_pattern_mismatch" if "@" in str(context.get("pattern")):
            return _problem(
                key, "run@point_1, run@point_2, run@initial, run@final or run@epoch_N", repr(found)
            )
        case "string_pattern_mismatch":
            return _problem(key, "a name of letters, digits, '_' and '-', a letter first", repr(found))
    expected = message.removeprefix("Input should be ").removeprefix("a valid ")
    return _problem(key, expected[0].lower() + expected[1:], f"{found!r} ({type(found).__name__})")


def _entry_class(location: list[Any]) -> Any:
    section = SECTIONS.get(str(location[0]))
    if isinstance(section, dict):
        section = section.get(str(location[2]))
    for key, nested in (("fit", schema.Fit), ("reference", schema.Reference)):
        if key in location[2:-1]:
            return nested
    return section


def _field_names(entry: Any) -> list[str]:
    return [field.alias or name for name, field in entry.model_fields.items()] if entry else []


def _reference(key: str, what: str, name: str | None, valid: Collection[str]) -> Iterable[str]:
    if name is not None and name not in valid:
        listed = ", ".join(valid) or "none are defined"
        yield _problem(key, f"a {what} of this configuration ({listed})", f"'{name}'", nearest(name, valid))


def _operations(config: Config) -> Iterable[str]:
    for name, dataset in config.datasets.items():
        try:
            table = operations.table(
                dataset.operation,
                modulus=dataset.modulus,
                group=dataset.group,
                b_from=dataset.b_from,
            )
        except GrokflowError as error:
            yield f"datasets.{name}.{error}"
            continue
        if not 0 < dataset.train_pairs(len(table.a)) < len(table.a):
            yield _problem(
                f"datasets.{name}.train_fraction",
                f"a fraction that leaves both splits a pair of the table's {len(table.a)}",
                dataset.train_fraction,
            )


def _names(
    config: Config, figure_kinds: Mapping[str, tuple[str, Collection[str]]], claim_subjects: Mapping[str, str]
) -> Iterable[str]:
    for name, run in config.runs.items():
        yield from _reference(f"runs.{name}.dataset", "dataset", run.dataset, config.datasets)
        yield from _reference(f"runs.{name}.model", "model", run.model, config.models)
        yield from _reference(f"runs.{name}.optimizer", "optimizer", run.optimizer, config.optimizers)
    for name, figure in config.figures.items():
        key = f"figures.{name}"
        yield from _reference(f"{key}.run", "run", figure.run, config.runs)
        yield from _reference(f"{key}.path", "path", figure.path, config.paths)
        if figure.kind not in figure_kinds:
            yield _problem(
                f"{key}.kind",
                f"a kind of figure ({', '.join(figure_kinds)})",
                f"'{figure.kind}'",
                nearest(figure.kind, figure_kinds),
            )
            continue
        subject, references = figure_kinds[figure.kind]
        if getattr(figure, subject) is None:
            yield _problem(key, f"the key '{subject}', which '{figure.kind}' draws", "none")
        for given in sorted(figure.reference.model_fields_set - set(references)):
            expected = f"a reference that '{figure.kind}' draws ({', '.join(sorted(references)) or 'none'})"
            yield _problem(f"{key}.reference.{given}", expected, f"'{given}'", nearest(given, references))
    for name, claim in config.claims.items():
        key, criterion = f"claims.{name}", claim.claim or name
        if criterion not in claim_subjects:
            yield _problem(
                f"{key}.claim" if claim.claim else key,
                f"the id of a claim ({', '.join(claim_subjects)})",
                f"'{criterion}'",
                nearest(criterion, claim_subjects),
            )
            continue
        subject, _, against = claim_subjects[criterion].partition(" against ")
        for given, needed, names in (
            ("run", subject == "run", config.runs),
            ("path", subject == "path", config.paths),
            ("against", bool(against), config.runs if against == "run" else config.paths),
        ):
            value = getattr(claim, given)
            if (value is not None) != needed:
                found = "none" if value is None else f"'{value}'"
                yield _problem(
                    f"{key}.{given}", "a name" if needed else f"no such key for {criterion}", found
                )
            elif needed:
                yield from _reference(
                    f"{key}.{given}", against if given == "against" else subject, value, names
                )


def _paths(config: Config) -> Iterable[str]:
    for name, path in config.paths.items():
        key = f"paths.{name}"
        ends = {"from": path.from_point, "to": path.to_point}
        runs = {end: point.partition("@")[0] for end, point in ends.items()}
        unknown = [_reference(f"{key}.{end}", "run", run, config.runs) for end, run in runs.items()]
        problems = [problem for found in unknown for problem in found]
        yield from problems
        if problems:
            continue
        first, last = (config.runs[runs[end]] for end in ends)
        for end, point in ends.items():
            _, _, epoch = point.partition("@epoch_")
            run = config.runs[runs[end]]
            if epoch and (int(epoch) > run.epochs or int(epoch) % run.checkpoint_every):
                yield _problem(
                    f"{key}.{end}",
                    f"a logged epoch: a multiple of {run.checkpoint_every} up to {run.epochs}",
                    f"epoch_{epoch}",
                )
        if (first.dataset, first.model) != (last.dataset, last.model):
            yield _problem(
                f"{key}.to",
                "a run on the same dataset with the same model",
                f"{last.dataset}, {last.model} where 'from' has {first.dataset}, {first.model}",
            )
        if path.between == "seeds" and len(set(first.seeds) | set(last.seeds)) < 2:
            yield _problem(f"{key}.between", "a run of at least two seeds", f"seeds {first.seeds}")
        if path.between == "points" and not set(first.seeds) & set(last.seeds):
            yield _problem(
                f"{key}.to", f"a run that shares a seed with {runs['from']}", f"seeds {last.seeds}"
            )
        if path.between == "points" and path.from_point == path.to_point:
            yield _problem(f"{key}.to", "another point than 'from'", path.to_point)
        if isinstance(path, schema.Chain) and (path.between == "seeds" or runs["from"] != runs["to"]):
            yield _problem(
                f"{key}.to",
                "a point of the same run and seed, because a chain follows one run",
                path.to_point,
            )
