"""Measures of each layer while a net trains: norms of gradient and update, mean and spread of outputs, dead units."""

from __future__ import annotations

import math

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.modules import Module
from mlp_numpy.optim import FlatParameters
from mlp_numpy.training.diagnosis import steps


class LayerStats:
    """Measures of one step, for each layer, under the names

        gradient     ‖∂L/∂w‖ of the layer's parameters, as they reach the optimizer
        weight       ‖w‖ before the update
        update       ‖Δw‖ ; healthy is a thousandth of ‖w‖ or so
        mean, std    of the layer's output over the batch
        dead         of a layer that learns nothing, such as an activation: the share of its units that give the
                     same to every row of the batch, as a ReLU's do below 0, where no gradient comes through

    ``before`` is called before the step, ``after`` behind it.
    """

    def __init__(self, model: Module, parameters: FlatParameters) -> None:
        self._model, self._parameters = model, parameters
        self._values: Array = np.empty(0)
        self._found: dict[str, dict[str, float]] = {}

    def before(self, x: Array) -> None:
        """Look at a batch ``x`` on its way through the model as it is now."""
        self._values = self._parameters.values.copy()
        self._found = {}
        for name, module in steps(self._model):
            x = module.forward(x)
            measures = {"mean": float(x.mean(dtype=np.float64)), "std": float(x.std(dtype=np.float64))}
            if next(module.named_parameters(), None) is None and x.ndim > 1:
                measures["dead"] = _share_of_constant_units(x)
            self._found[f"{name} {type(module).__name__}"] = measures

    def after(self) -> dict[str, dict[str, float]]:
        """The measures of the step that has been made since ``before``."""
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
        # what stands inside a layer that is no row of layers, such as a Residual, has no output of its own
        return self._found | norms


def _share_of_constant_units(out: Array) -> float:
    rows = out.reshape(len(out), -1)
    return float(np.mean(rows.max(axis=0) == rows.min(axis=0)))
