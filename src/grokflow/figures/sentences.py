"""One sentence for each figure of a configuration: what it shows, of what."""

from __future__ import annotations

from collections.abc import Sequence

from grokflow.config import AnyPath, Config, Dataset, plain, resolve_run
from grokflow.figures.names import readable_name, words_of_run
from grokflow.figures.shown import heading_of, readable
from grokflow.user_code import shown

SENTENCES = {
    "accuracy_and_table": "Accuracy against epoch of {of}, when its seeds reach points 1 and 2, and the "
    "table that it learns, with the held-out cells blank.",
    "checkpoints": "Accuracy against epoch of {of}, with every logged checkpoint.",
    "path": "Loss, error and gradient norm along {of}.",
    "chain": "Loss, error and gradient norm along {of}: its first segment, its last one, and all of it.",
    "fit_budget": "How the errors on {of} fall while it is fitted, and where each fit ends.",
    "accuracy_and_loss": "Accuracy and cross-entropy against epoch of {of}, and when its seeds reach points "
    "1 and 2.",
    "ray": "How far the predictions of {of} move when a group of weights is scaled: not at all where the "
    "group is scale-invariant.",
    "block": "The transformer block of {of}, with its LayerNorms.",
    "collapses": "When the train accuracy of each seed of {of} collapses, and the accuracy of single seeds "
    "at every epoch.",
    "effective_statistics": "Effective learning rate and effective gradient norm of {of}: of one seed, and "
    "around every collapse of every seed.",
    "periods": "How often the train accuracy of each seed of {of} collapses, and how many epochs apart.",
    "invariance": "By how much the log-probabilities of {of} change when a group of weights is scaled; "
    "✓ marks the groups that are scale-invariant.",
    "weight_norm": "Weight norm and validation accuracy against epoch of {of}.",
    "sweep": "Which values of {of} memorise, which grok, and which generalise at once.",
    "variance": "How much points 1 and 2 move when {of} alone is varied.",
    "claims": "In how many seeds each claim holds, its verdict, its effect, and the papers' numbers among "
    "ours.",
}
"""What each kind of figure shows; `{of}` stands for its runs, path or varied keys."""

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
    return SENTENCES.get(figure.kind, "{of}.").format(of=of or readable_name(name))


def _runs(config: Config, names: Sequence[str]) -> str:
    """Such as "the two-layer LayerNorm model on a+b modulo 97"; the dataset once where they share it."""
    resolved = {name: resolve_run(config, name, config.runs[name].seeds[0]) for name in names}
    words = [f"the {words_of_run(plain(run)) or readable_name(name)}" for name, run in resolved.items()]
    models = f"{len(names)} runs" if len(names) > MOST_RUNS else _listed(words, "and")
    datasets = {_dataset(run.dataset) for run in resolved.values()}
    return f"{models} on {datasets.pop()}" if len(datasets) == 1 else models


def _dataset(dataset: Dataset) -> str:
    operation = shown(dataset.operation)
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
