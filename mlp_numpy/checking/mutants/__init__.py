"""Wrong versions of every formula, which the audit must catch: generic mutants, and typical mistakes."""

from mlp_numpy.checking.mutants.elementary_mistakes import ELEMENTARY_MISTAKES
from mlp_numpy.checking.mutants.mistakes import MISTAKES
from mlp_numpy.checking.mutants.mutant import Mutant
from mlp_numpy.checking.mutants.operators import generic_mutants

__all__ = ["ELEMENTARY_MISTAKES", "MISTAKES", "Mutant", "generic_mutants"]
