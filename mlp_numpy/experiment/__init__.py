"""Whole experiments: from a Config to a run's folder and its picture, and back."""

from mlp_numpy.experiment.build import assemble
from mlp_numpy.experiment.estimate import Estimate, estimate
from mlp_numpy.experiment.folder import finished, load_run, load_trained
from mlp_numpy.experiment.openings import open_test_set
from mlp_numpy.experiment.run import Result, Run, run
from mlp_numpy.experiment.seeds import Spread, Together, open_run, run_seeds, seed_configs, together

__all__ = [
    "Estimate",
    "Result",
    "Run",
    "Spread",
    "Together",
    "assemble",
    "estimate",
    "finished",
    "load_run",
    "load_trained",
    "open_run",
    "open_test_set",
    "run",
    "run_seeds",
    "seed_configs",
    "together",
]
