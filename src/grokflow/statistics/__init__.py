"""What may be said of many seeds: proportions, medians and times with intervals, comparisons, corrections.

Comes in: one number, one time or one yes or no a seed. Goes out: what the claims table, the figures and the
comparison with the reference print. Called by no rule of its own; knows neither tables nor papers.

scipy and statsmodels do the computing. They are imported inside the functions that use them, because that
takes a second or two and the workflow imports the claims each time it parses.
"""

from grokflow.statistics.comparison import Comparison, compare_proportions
from grokflow.statistics.corrections import holm
from grokflow.statistics.incidence import Incidence, Times, incidence
from grokflow.statistics.location import Location, median_of, percentile_of, spread
from grokflow.statistics.proportion import HALF, NEARLY_ALL, VERDICTS, Proportion, Verdict

__all__ = [
    "HALF",
    "NEARLY_ALL",
    "VERDICTS",
    "Comparison",
    "Incidence",
    "Location",
    "Proportion",
    "Times",
    "Verdict",
    "compare_proportions",
    "holm",
    "incidence",
    "median_of",
    "percentile_of",
    "spread",
]
