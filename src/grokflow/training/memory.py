"""How many rows of a training fit into memory together."""

from __future__ import annotations

import math

from grokflow.config import ResolvedRun
from grokflow.model.device import free_memory
from grokflow.model.objective import EVALUATION_BATCH
from grokflow.model.transformer import make_model


def rows_that_fit(run: ResolvedRun, rows: int, device: str) -> int:
    """How many of `rows` like `run` half of the free memory holds: of the GPU's, or of this machine's.

    Counted generously: the weights with gradient, optimizer state and temporaries; what an evaluation
    or a backward pass keeps of each position; the examples.
    """
    model = make_model(run.model, run.dataset)
    examples = math.prod(map(len, model.alphabet))
    computed = len(model.alphabet) * max(run.optimizer.batch_size, min(EVALUATION_BATCH, examples))
    kept = run.model.layers * (16 * run.model.width + 6 * run.model.mlp_width) + 4 * model.vocabulary
    numbers = 8 * model.layout.size + computed * kept
    size = numbers * (4 if run.precision == "float32" else 8) + 3 * 8 * examples * (len(model.alphabet) + 1)
    fit = max(1, free_memory(device) // 2 // size)
    if fit >= rows:
        return rows
    half = f"half of the free memory, at about {size / 2**20:.0f} MiB each"
    print(f"{fit} of {rows} rows fit into {half}: they train in turn.", flush=True)
    return fit
