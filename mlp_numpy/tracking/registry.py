"""The trackers that the option ``log`` names."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from mlp_numpy.checks import choice
from mlp_numpy.errors import ExtraMissingError
from mlp_numpy.tracking.mlflow import RUN_ID, MLflow
from mlp_numpy.tracking.tensorboard import EVENTS, TensorBoard
from mlp_numpy.tracking.tracker import Tracker
from mlp_numpy.tracking.wandb import OFFLINE, WeightsAndBiases

TRACKERS: Final[dict[str, Callable[[], Tracker]]] = {
    "tensorboard": TensorBoard,
    "mlflow": MLflow,
    "wandb": WeightsAndBiases,
}
"""Name → constructor, which imports the library."""


def make_tracker(who: str, name: str) -> Tracker:
    """The tracker ``name``. Raises OptionError for an unknown name, ExtraMissingError if its library is missing."""
    kind = TRACKERS[choice(who, "tracker", name, TRACKERS)]
    try:
        return kind()
    except Exception as error:  # a broken library raises more than ImportError
        raise ExtraMissingError(
            f"{who}: the library of the tracker {name} must be installed, got {type(error).__name__}: {error}. "
            f"Hint: pip install 'mlp_numpy[{name}]'."
        ) from error


def remove_logs(folder: Path) -> None:
    """Remove what trackers wrote into ``folder``, that of a run to be replaced. Raises OSError."""
    (folder / RUN_ID).unlink(missing_ok=True)
    for name in (EVENTS, OFFLINE):
        if (folder / name).exists():
            shutil.rmtree(folder / name)
