"""The Python side of the pages in a browser: JSON messages in, JSON messages out.

It starts no thread and no process and handles no signal, so that it runs under WebAssembly.
"""

from mlp_numpy.browser.exercises import FormulaExercise, judge
from mlp_numpy.browser.formulas import equation_lines, formula_page
from mlp_numpy.browser.live import LiveTraining
from mlp_numpy.browser.session import Session
from mlp_numpy.browser.settings import LiveSettings

__all__ = [
    "FormulaExercise",
    "LiveSettings",
    "LiveTraining",
    "Session",
    "equation_lines",
    "formula_page",
    "judge",
]
