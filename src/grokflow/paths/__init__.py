"""Paths through weight space: their geometry; in `fit`, with PyTorch, the fit of their bends. No model."""

from grokflow.paths.geometry import KINDS, Curve, parameters

__all__ = ["KINDS", "Curve", "parameters"]
