"""Paths through weight space: their geometry and the fit of their bends. Knows no model."""

from grokflow.paths.fit import fit_bends
from grokflow.paths.geometry import KINDS, Curve, parameters

__all__ = ["KINDS", "Curve", "fit_bends", "parameters"]
