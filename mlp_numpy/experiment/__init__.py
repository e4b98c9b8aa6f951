"""Experiments: from a Config to a run's folder and its figure, and back."""

from mlp_numpy.experiment.build import build_components
from mlp_numpy.experiment.estimate import Estimate, estimate
from mlp_numpy.experiment.folder import finished, load_run, load_trained
from mlp_numpy.experiment.log import log_run
from mlp_numpy.experiment.openings import open_test_set
from mlp_numpy.experiment.recorder import RunResult
from mlp_numpy.experiment.run import Run, run
from mlp_numpy.experiment.seeds import MeanStd, SeedSummary, open_run, run_seeds, seed_configs, summarize_seeds

__all__ = [
    "Estimate",
    "MeanStd",
    "Run",
    "RunResult",
    "SeedSummary",
    "build_components",
    "estimate",
    "finished",
    "load_run",
    "load_trained",
    "log_run",
    "open_run",
    "open_test_set",
    "run",
    "run_seeds",
    "seed_configs",
    "summarize_seeds",
]
