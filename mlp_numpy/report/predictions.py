"""The outputs of a run's model for its held-out split."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.data.dataset import Dataset
from mlp_numpy.data.targets import Task
from mlp_numpy.errors import DataError
from mlp_numpy.experiment.build import build_components
from mlp_numpy.experiment.folder import MODEL
from mlp_numpy.experiment.resume import read_resumed
from mlp_numpy.training import load_model


@dataclass(frozen=True)
class Predictions:
    """The outputs of a model for a split.

    dataset   the data set of the split
    part      "validation" or "test"
    step      updates that the model has had
    inputs    (N, D), as the data set stores them
    truth     labels (N,); label sets (N, K); or targets (N, K) in original units
    outputs   probabilities (N, C); scores (N, K), above 0 for a label; or predicted targets (N, K)
    """

    dataset: Dataset
    part: str
    step: int
    inputs: Array
    truth: Array
    outputs: Array

    @property
    def task(self) -> Task:
        """The task."""
        return self.dataset.task

    def __len__(self) -> int:
        return len(self.truth)


# A diverged run's weights may overflow.
@np.errstate(over="ignore", invalid="ignore")
def predict_held_out(folder: str | os.PathLike[str], *, data_dir: str | os.PathLike[str] | None = None) -> Predictions:
    """The predictions of the saved model of a run for the split that it evaluated while training.

    A test set that the run kept sealed is not used. Nothing is written or downloaded. ``data_dir`` is the folder of the
    run's data set, if that has moved. Raises what ``read_resumed``, ``load_model`` and ``build_components`` raise, and
    DataError if the model is of other data.
    """
    found = read_resumed(folder, data_dir=data_dir, download=False)
    trained = load_model(Path(found.place.folder, MODEL))
    parts = build_components(found.config, loaded=found.data())
    found.check_data(parts)
    dataset, split = parts.dataset, parts.held_out
    if (dataset.n_features, *dataset.class_names) != (trained.model.n_inputs, *trained.class_names):
        raise DataError(
            "predict_held_out: the data set must have the inputs and outputs of the model, "
            f"{trained.model.n_inputs} and {list(trained.class_names)}, got {dataset.n_features} and "
            f"{list(dataset.class_names)}."
        )
    if dataset.task == "regression":
        outputs, truth = trained.predict(split.inputs), split.targets
        truth = truth if parts.scaling is None else parts.scaling.restore(truth)
    else:
        outputs, truth = trained.predict_proba(split.inputs), split.targets
    return Predictions(dataset, found.config.held_out, int(trained.about["step"]), split.inputs, truth, outputs)
