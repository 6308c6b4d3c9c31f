"""Labelled examples: the table a∘b of an operation, split and tokenised."""
