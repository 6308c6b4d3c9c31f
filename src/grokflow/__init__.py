"""grokflow: regenerates every figure and claim of two papers on grokking."""

__version__ = "0.1.0"
