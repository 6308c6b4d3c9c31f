"""How many rows of a training fit into memory together."""

from __future__ import annotations

from grokflow.config import ResolvedRun
from grokflow.estimates import row_bytes
from grokflow.model.device import free_memory


def rows_that_fit(run: ResolvedRun, rows: int, device: str) -> int:
    """How many of `rows` like `run` half of the free memory holds: of the GPU's, or of this machine's."""
    size = row_bytes(run)
    fit = max(1, free_memory(device) // 2 // size)
    if fit >= rows:
        return rows
    half = f"half of the free memory, at about {size / 2**20:.0f} MiB each"
    print(f"{fit} of {rows} rows fit into {half}: they train in turn.", flush=True)
    return fit
