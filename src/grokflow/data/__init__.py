"""Labelled examples: the table a∘b of an operation, split and tokenised.

Comes in: a dataset of the configuration. Goes out: its table with the split (datasets/*.csv), and the tokens
that a model reads. Called by the rule `make_dataset`; no PyTorch.
"""

from grokflow.data.dataset import (
    SPLITS,
    Tokenization,
    count_pairs,
    make_dataset,
    read_dataset,
    tokenization,
)
from grokflow.data.operations import POWER_ET_AL, Table, order, table

__all__ = [
    "POWER_ET_AL",
    "SPLITS",
    "Table",
    "Tokenization",
    "count_pairs",
    "make_dataset",
    "order",
    "read_dataset",
    "table",
    "tokenization",
]
