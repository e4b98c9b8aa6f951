"""Whole experiments: from a Config to a run's folder and its picture, and back."""

from mlp_numpy.experiment.folder import load_run, report_opening, sealed_again
from mlp_numpy.experiment.parts import assemble
from mlp_numpy.experiment.replay import Replay, replay
from mlp_numpy.experiment.run import Result, Run, run

__all__ = ["Replay", "Result", "Run", "assemble", "load_run", "replay", "report_opening", "run", "sealed_again"]
