"""Paths through weight space: where they lie, how their bends are fitted, what is measured along them.

Comes in: a path of the configuration, points.json and the checkpoints of the runs it joins. Goes out: its
control points (curve.safetensors, path.json), the history of its fit (fit.csv) and metrics.csv along it.
Called by the rules `fit_paths` and `measure_paths`.
"""

from grokflow.paths.connecting import (
    Skipped,
    connect,
    record_of,
    straight,
    unfitted_paths,
    write_joined,
    write_path,
)
from grokflow.paths.curve_files import (
    Fits,
    FittedCurve,
    fit_history,
    read_curve,
    read_fits,
    write_curve,
    write_fits,
)
from grokflow.paths.endpoints import Endpoint, read_endpoints
from grokflow.paths.fitting import fit_curve, fit_paths
from grokflow.paths.geometry import PATH_KINDS, Curve, values_of_t
from grokflow.paths.measuring import measure, measure_path
from grokflow.paths.schedule import converged

__all__ = [
    "PATH_KINDS",
    "Curve",
    "Endpoint",
    "Fits",
    "FittedCurve",
    "Skipped",
    "connect",
    "converged",
    "fit_curve",
    "fit_history",
    "fit_paths",
    "measure",
    "measure_path",
    "read_curve",
    "read_endpoints",
    "read_fits",
    "record_of",
    "straight",
    "unfitted_paths",
    "values_of_t",
    "write_curve",
    "write_fits",
    "write_joined",
    "write_path",
]
