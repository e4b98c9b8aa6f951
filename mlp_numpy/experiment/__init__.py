"""Whole experiments: from a Config to a run's folder and its picture, and back."""

from mlp_numpy.experiment.folder import load_run
from mlp_numpy.experiment.run import Result, Run, run

__all__ = ["Result", "Run", "load_run", "run"]
