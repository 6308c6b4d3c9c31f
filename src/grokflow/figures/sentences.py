"""One sentence for each figure of a configuration: what it shows, of what."""

from __future__ import annotations

from collections.abc import Sequence

from grokflow.config import AnyPath, Config, Dataset, plain, resolve_run
from grokflow.figures.kinds import kind_of
from grokflow.figures.names import readable_name, words_of_run
from grokflow.figures.shown import heading_of, readable
from grokflow.user_code import as_written

MOST_RUNS = 3
"""Of more runs a sentence says how many."""


def sentence_of(config: Config, name: str) -> str:
    """The sentence of the figure `name`."""
    figure = config.figures[name]
    runs = figure.runs or ([figure.run] if figure.run else [])
    paths = figure.paths or ([figure.path] if figure.path else [])
    if figure.sweep:
        sweep = config.sweeps[figure.sweep]
        keys = [readable_name(key.partition(".")[2]) for key in sweep.vary]
        of = _listed(keys, "or" if sweep.one_at_a_time else "and")
    elif paths:
        of = _listed([_path(config.paths[path]) for path in paths], "and")
    else:
        of = _runs(config, runs)
    return kind_of(figure).shows.format(of=of or readable_name(name))


def _runs(config: Config, names: Sequence[str]) -> str:
    """Such as "the two-layer LayerNorm model on a+b modulo 97"; the dataset once where they share it."""
    resolved = {name: resolve_run(config, name, config.runs[name].seeds[0]) for name in names}
    words = [f"the {words_of_run(plain(run)) or readable_name(name)}" for name, run in resolved.items()]
    models = f"{len(names)} runs" if len(names) > MOST_RUNS else _listed(words, "and")
    datasets = {_dataset(run.dataset) for run in resolved.values()}
    return f"{models} on {datasets.pop()}" if len(datasets) == 1 else models


def _dataset(dataset: Dataset) -> str:
    operation = as_written(dataset.operation)
    if dataset.modulus:
        return f"{operation} modulo {dataset.modulus}"
    return f"{operation} in {dataset.group}" if dataset.group else operation


def _path(path: AnyPath) -> str:
    """Such as "the optimised polyline from point 1 to point 1 of another seed"."""
    first, last = (readable(point.partition("@")[2]) for point in (path.from_point, path.to_point))
    kind = heading_of(path.kind)
    other = " of another seed" if path.between == "seeds" else ""
    return f"the {kind[0].lower()}{kind[1:]} from {first} to {last}{other}"


def _listed(words: Sequence[str], last: str) -> str:
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
