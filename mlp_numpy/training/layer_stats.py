"""Layer statistics while a net trains: norms of gradient and update, mean and std of outputs, dead units."""

from __future__ import annotations

import math

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.modules import Module
from mlp_numpy.optim import FlatParameters
from mlp_numpy.training.diagnosis import steps


class LayerStats:
    """Statistics of one step, for each layer, under the names

        gradient     ‖∂L/∂w‖ of the layer's parameters, as it reaches the optimizer
        weight       ‖w‖ before the update
        update       ‖Δw‖; about ‖w‖ / 1000 is healthy
        mean, std    of the layer's output over the batch
        dead         fraction of units with the same output for every example of the batch, such as a ReLU's below 0,
                     where no gradient passes; only for layers without parameters

    Call ``before`` before the step and ``after`` after it.
    """

    def __init__(self, model: Module, parameters: FlatParameters) -> None:
        self._model, self._parameters = model, parameters
        self._values: Array = np.empty(0)
        self._found: dict[str, dict[str, float]] = {}

    def before(self, x: Array) -> None:
        """Measure the outputs of each layer of the current model for a batch ``x``."""
        self._values = self._parameters.values.copy()
        found = {}
        for name, module in steps(self._model):
            x = module.forward(x)
            measures = {"mean": float(x.mean(dtype=np.float64)), "std": float(x.std(dtype=np.float64))}
            if next(module.named_parameters(), None) is None and x.ndim > 1:
                measures["dead"] = _share_of_constant_units(x)
            found[f"{name} {type(module).__name__}"] = measures
        self._found = found

    def after(self) -> dict[str, dict[str, float]]:
        """The statistics of the step made since ``before``."""
        norms: dict[str, dict[str, float]] = {}
        for name, part in self._parameters.slices.items():
            layer = norms.setdefault(name.rpartition(".")[0], {"gradient": 0.0, "weight": 0.0, "update": 0.0})
            before = self._values[part]
            for measure, vector in (
                ("gradient", self._parameters.grads[part]),
                ("weight", before),
                ("update", self._parameters.values[part] - before),
            ):
                layer[measure] = math.hypot(layer[measure], float(np.linalg.norm(vector)))
        for layer_name, measures in self._found.items():
            measures.update(norms.pop(layer_name.split()[0], {}))
        # parameters inside a layer that is not expanded, such as a Residual, have no output of their own
        return self._found | norms


def _share_of_constant_units(out: Array) -> float:
    rows = out.reshape(len(out), -1)
    return float(np.mean(rows.max(axis=0) == rows.min(axis=0)))
