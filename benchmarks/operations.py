"""How many floating-point operations a training step is, part by part; `python -m benchmarks.operations`.

Counted from the shapes alone, apart from any implementation: for the plain model, which computes every
position of every example, and for the fewest rows with the same result, which make up the floor.

Shapes: B examples, T context length, D width, F MLP width, V vocabulary, R rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks.setup import SETUP_M, SETUP_P, Setup, setup_of

FORWARD_AND_BACKWARD = 3
"""A product's two gradients, by its input and by its weights, are as many operations each as itself."""
NORM = 20
"""Operations of a norm for each number: 8 forward (mean, variance, division, gain, bias), 12 backward."""


@dataclass(frozen=True)
class LayerRows:
    """How many rows each part of a layer computes."""

    incoming: int
    """Rows with a key and a value."""
    queries: int
    outgoing: int
    """Rows after the attention, and of the MLP."""
    pairs: int
    """Pairs of an outgoing row and a position that it sees."""


Count = Callable[[Sequence[int], int, int], list[LayerRows]]
"""From how many tokens can stand at each position, the examples and the layers to the rows of each layer."""


def every_position(sizes: Sequence[int], examples: int, layers: int) -> list[LayerRows]:
    """Rows of the plain model."""
    T = len(sizes)
    rows = examples * T
    return [LayerRows(rows, rows, rows, examples * T * (T + 1) // 2)] * layers


def last_position(sizes: Sequence[int], examples: int, layers: int) -> list[LayerRows]:
    """Every position, but in the last layer only the last one's query, output and MLP."""
    T = len(sizes)
    last = LayerRows(examples * T, examples, examples, examples * T)
    return [*every_position(sizes, examples, layers - 1), last]


def distinct_prefixes(sizes: Sequence[int], examples: int, layers: int) -> list[LayerRows]:
    """The same, with one row for each distinct prefix: at most as many as there are examples."""
    T = len(sizes)
    prefixes = [min(math.prod(sizes[: i + 1]), examples) for i in range(T - 1)] + [examples]
    rows, pairs = sum(prefixes), sum((i + 1) * rows for i, rows in enumerate(prefixes))
    last = LayerRows(rows, examples, examples, examples * T)
    return [*[LayerRows(rows, rows, rows, pairs)] * (layers - 1), last]


def distinct(sizes: Sequence[int], examples: int, layers: int) -> list[LayerRows]:
    """The same, where before the first attention a row is a token at a position: the fewest rows."""
    first, *others = distinct_prefixes(sizes, examples, layers)
    queries = sum(sizes) if others else sizes[-1]
    return [replace(first, incoming=sum(sizes), queries=queries), *others]


def products(setup: Setup, count: Count = distinct) -> dict[str, int]:
    """Operations of the forward pass's matrix products, by part of the model.

    A product of (R, I) by (I, O) is 2·R·I·O operations. An embedding is looked up and added: none.
    """
    D, F, V = setup.transformer.config.width, setup.transformer.config.mlp_width, setup.transformer.vocabulary
    layers = _rows(setup, count)
    parts = {"embedding": 0}
    for number, rows in enumerate(layers):
        weights = (2 * rows.incoming + rows.queries + rows.outgoing) * D * D
        scores_and_mixing = 2 * rows.pairs * D
        parts[f"layer {number}, attention"] = 2 * (weights + scores_and_mixing)
        parts[f"layer {number}, MLP"] = 2 * (2 * rows.outgoing * D * F)
    parts["unembedding"] = 2 * (layers[-1].outgoing * D * V)
    return parts


def of_products(setup: Setup, count: Count = distinct) -> int:
    """Operations of a step's matrix products, forward and backward."""
    return FORWARD_AND_BACKWARD * sum(products(setup, count).values())


def of_norms(setup: Setup) -> int:
    """Operations of a step's norms on distinct rows, forward and backward."""
    config, batch = setup.transformer.config, setup.run.optimizer.batch_size
    if config.normalization == "none":
        return 0
    numbers = sum(
        rows.incoming * config.width + rows.outgoing * (config.width + config.mlp_width)
        for rows in _rows(setup, distinct)
    )
    return NORM * (numbers + batch * config.width)


def _rows(setup: Setup, count: Count) -> list[LayerRows]:
    sizes = [len(tokens) for tokens in setup.transformer.alphabet]
    return count(sizes, setup.run.optimizer.batch_size, setup.transformer.config.layers)


STEPS: dict[str, Count] = {
    "every position": every_position,
    "at the end the last position alone": last_position,
    "each distinct prefix once": distinct_prefixes,
    "a row for each token before the first attention": distinct,
}
"""From the plain model to the fewest rows, each step with those before it."""


def _parts_table(title: str, setup: Setup) -> str:
    """Millions of operations of each part as a Markdown table."""
    everywhere, once = products(setup, every_position), products(setup)
    lines = [
        f"| {title} | every position: forward | backward | distinct rows: forward | backward |",
        "|---|---:|---:|---:|---:|",
    ]
    for part in once:
        counts = [counted[part] / 1e6 for counted in (everywhere, once)]
        cells = [f"{factor * count:.0f}" for count in counts for factor in (1, FORWARD_AND_BACKWARD - 1)]
        lines.append(f"| {part} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _steps_table(setups: dict[str, Setup]) -> str:
    """Billions of operations of a training step as a Markdown table."""
    lines = [f"| | {' | '.join(setups)} |", f"|---|{'---:|' * len(setups)}"]
    for name, count in STEPS.items():
        counts = [f"{of_products(setup, count) / 1e9:.2f}" for setup in setups.values()]
        lines.append(f"| {name} | {' | '.join(counts)} |")
    return "\n".join(lines)


def main() -> None:
    """The tables of docs/performance.md."""
    setups = {
        f"{setup.transformer.config.layers} × `{tokens}`": setup
        for name in (SETUP_M, SETUP_P)
        for tokens in ("a b", "a o b =")
        for setup in [setup_of(name, dataset={"tokens": tokens, "b_from": 0})]
    }
    for title, setup in setups.items():
        print(_parts_table(title, setup), end="\n\n")
    print(_steps_table(setups))


if __name__ == "__main__":
    main()
