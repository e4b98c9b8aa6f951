"""A training step that failed, run again from the capsule that its run left."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlp_numpy.config import Config, present_names
from mlp_numpy.data.reading import as_path
from mlp_numpy.errors import DataError
from mlp_numpy.exchange.archive import read_archive, strip_prefix
from mlp_numpy.experiment.artifacts import CAPSULE, CAPSULE_FORMAT
from mlp_numpy.experiment.build import loss as loss_of
from mlp_numpy.experiment.folder import usable
from mlp_numpy.models import build
from mlp_numpy.training import first_nonfinite


@dataclass(frozen=True)
class Replay:
    """A failed step as its run told of it, and as it goes here.

    problem   what must hold and did not
    places    where it showed first, then and now; None where all numbers are finite
    losses    of its batch, then and now
    """

    step: int
    problem: str
    places: tuple[str | None, str | None]
    losses: tuple[float, float]

    @property
    def same(self) -> bool:
        """Whether it went the same way again, to the last bit of the loss."""
        then, now = self.losses
        return self.places[0] == self.places[1] and (then == now or (math.isnan(then) and math.isnan(now)))


@np.errstate(over="ignore", invalid="ignore")
def replay(path: str | os.PathLike[str]) -> Replay:
    """Run the failed step of a run's folder, or of a capsule itself, again; no data set is needed.

    Raises DataNotFoundError if there is no capsule, DataError if it is damaged or something else, RunFolderError if it
    cannot be looked at, OptionError if ``path`` is no path.
    """
    path = as_path("replay", path)
    with usable("replay", path):
        path = path / CAPSULE if path.is_dir() else path
    arrays, about = read_archive("replay", path, "capsule of a failed step")
    if about.get("format") != CAPSULE_FORMAT:
        raise DataError(f"replay: {path} must be a capsule of format {CAPSULE_FORMAT}, got {about.get('format')}.")
    try:
        # JSON has lists where a setting is a tuple
        settings: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in present_names(about["config"]).items()
        }
        model = build(about["model"]).logits
        model.load_state(strip_prefix("state/", arrays))
        loss = loss_of(Config(**settings), about.get("task", "classification"))
        x, targets = arrays["x"], (arrays["y"], arrays.get("weight"))
        place = first_nonfinite(model, loss, x, *targets)
        model.load_state(strip_prefix("state/", arrays))
        losses = float(about["loss"]), float(loss.forward(model.forward(x), *targets))
        return Replay(int(about["step"]), str(about["problem"]), (about["place"], place), losses)
    except Exception as error:  # whoever writes another file with a digest can write anything
        raise DataError(
            f"replay: {path} must hold a step that can be run, got {type(error).__name__}: {error}"
        ) from error
