"""Files: written atomically, read back checked, each with a record of what made it.

Comes in: tables, tensors and JSON objects. Goes out: the same on disk, the frame in which every job
runs, long work that can be stopped and goes on, and `results`, the one reader of what is there. Used by every
rule; no PyTorch. The modules are the public names, so that a short job imports only what it needs.
"""

__all__ = [
    "columns",
    "durations",
    "files",
    "finished",
    "gpus",
    "job",
    "logs",
    "provenance",
    "results",
    "resumable",
    "source",
    "tables",
    "tensors",
    "writer",
]
