"""Whether the entries of a configuration that train and join models go together: datasets, runs, paths."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from grokflow.config import schema
from grokflow.config.problems import problem_line
from grokflow.config.schema import Config
from grokflow.errors import GrokflowError, nearest, with_article

CountPairs = Callable[[schema.Dataset], int]
"""How many pairs a dataset's table has; raises ConfigError when there can be no such table."""


def problems_of_datasets(config: Config, count_pairs: CountPairs) -> Iterable[str]:
    """What is wrong with the datasets."""
    for name, dataset in config.datasets.items():
        yield from problems_of_table(f"datasets.{name}", dataset, count_pairs)


def problems_of_table(key: str, dataset: schema.Dataset, count_pairs: CountPairs) -> Iterable[str]:
    """What is wrong with the table of a dataset, or with its split."""
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


def problems_of_runs(config: Config) -> Iterable[str]:
    """What is wrong with the runs: entries that they name, and do not go together."""
    for name, run in config.runs.items():
        yield from unless_known(f"runs.{name}.dataset", "dataset", run.dataset, config.datasets)
        yield from unless_known(f"runs.{name}.model", "model", run.model, config.models)
        yield from unless_known(f"runs.{name}.optimizer", "optimizer", run.optimizer, config.optimizers)
        model = config.models.get(run.model)
        if run.sphere and isinstance(model, schema.Model) and model.normalization == "none":
            expected = "false, because a model without normalization has no scale-invariant weights to hold"
            yield problem_line(f"runs.{name}.sphere", expected, "true")


def problems_of_paths(config: Config) -> Iterable[str]:
    """What is wrong with the paths: points that are not there, or that no path joins."""
    for name, path in config.paths.items():
        key = f"paths.{name}"
        ends = {"from": path.from_point, "to": path.to_point}
        runs = {end: point.partition("@")[0] for end, point in ends.items()}
        unknown = [unless_known(f"{key}.{end}", "run", run, config.runs) for end, run in runs.items()]
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


def unless_known(key: str, what: str, name: str | None, valid: Collection[str]) -> Iterable[str]:
    """The problem that `valid` has no such name, if it has none."""
    if name is not None and name not in valid:
        listed = ", ".join(valid) or "none are defined"
        yield problem_line(
            key, f"{with_article(what)} of this configuration ({listed})", f"'{name}'", nearest(name, valid)
        )
