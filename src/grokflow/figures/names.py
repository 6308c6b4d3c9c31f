"""Words in place of configuration keys: what a picture calls runs and groups of weights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from grokflow.artifacts.results import RunResults

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six")

MODELS = {
    "none": "{} model without normalization",
    "layer_norm": "{} LayerNorm model",
    "invariant_attention": "{} LayerNorm model with scale-invariant attention",
    "invariant_but_attention": "{} model, scale-invariant but for attention",
    "scale_invariant": "scale-invariant {} model",
}
"""What a model is called by its normalization; `{}` stands for its layers."""

GROUPS = {
    "token_embedding": "token embedding",
    "position_embedding": "position embedding",
    "attention.norm": "norm before attention",
    "attention.query": "query",
    "attention.key": "key",
    "attention.value": "value",
    "attention.output": "attention output",
    "mlp.norm": "norm before the MLP",
    "mlp.in": "MLP in",
    "mlp.hidden_norm": "norm inside the MLP",
    "mlp.out": "MLP out",
    "final_norm": "final norm",
    "all": "all weights",
}
"""Groups of weights, those of a layer without its number."""


def names_of_runs(shown: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """What a picture calls each run that it shows: its `given` name, else words made from its configuration.

    Two runs that would have the same words keep their names in brackets.

    Parameters
    ----------
    shown : the folder of each seed, by `run/seed`.
    """
    folders: dict[str, Path] = {}
    for name, folder in shown.items():
        folders.setdefault(name.rpartition("/")[0], Path(folder))
    made = {run: _called(run, folder) for run, folder in folders.items() if run}
    counts = Counter(made.values())
    return {
        run: given.get(run, words if counts[words] == 1 else f"{words} ({readable_name(run)})")
        for run, words in made.items()
    }


def _called(run: str, folder: Path) -> str:
    if not (folder / "provenance.json").exists():
        return readable_name(run)
    return words_of_run(RunResults(folder).config) or readable_name(run)


def words_of_run(config: Mapping[str, Any]) -> str:
    """Such as "two-layer LayerNorm model without weight decay"; nothing where the model is another one.

    `config`: of one seed of a run, as its record has it.
    """
    model = config["model"]
    layers, normalization = model.get("layers"), model.get("normalization")
    if not isinstance(layers, int) or normalization not in MODELS:
        return ""
    number = NUMBERS[layers] if layers < len(NUMBERS) else str(layers)
    words = [MODELS[normalization].format(f"{number}-layer")]
    if config.get("sphere"):
        words.append("on a sphere")
    if config.get("optimizer", {}).get("weight_decay") == 0:
        words.append("without weight decay")
    if config.get("precision") == "float64":
        words.append("in float64")
    return " ".join(words)


def readable_name(name: str) -> str:
    """A user's name for an entry, without underscores."""
    return name.replace("_", " ")


def readable_group(group: str) -> str:
    """`layer_0.attention.query` as "layer 1: query"; any other name without underscores."""
    layer = re.fullmatch(r"layer_(\d+)\.(.+)", group)
    name = layer[2] if layer else group
    words = GROUPS.get(name, readable_name(name.replace(".", " ")))
    return f"layer {int(layer[1]) + 1}: {words}" if layer else words
