"""Diagnosis: the health of a run or a configuration by rules, and a failed step repeated."""

from mlp_numpy.diagnose.doctor import examine, examine_run
from mlp_numpy.diagnose.replay import Replay, replay
from mlp_numpy.diagnose.rules import Finding

__all__ = ["Finding", "Replay", "examine", "examine_run", "replay"]
