"""Examples of activations and losses."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlp_numpy.explain.example import Example
from mlp_numpy.explain.loops import activations, losses

_X: Final = [[1.0, -2.0, 0.5], [3.0, 0.0, -1.0]]
_DOUT: Final = [[1.0, 0.5, -1.0], [2.0, -0.25, 1.0]]
_P: Final = [[0.2, 0.3, 0.5], [0.7, 0.2, 0.1]]
_LOGS: Final = np.log(_P)
_Y: Final = np.array([[0.0, 0.0, 1.0], [1.0, 0.25, 0.5]])
_CLASSES: Final = {"y": np.array([2, 0]), "reduction": "mean"}
_NUMBERS: Final[dict[str, Any]] = {"y": _Y, "reduction": "mean"}
_ROWS: Final[dict[str, Any]] = {"y": np.array([[0.0, 0.5, 0.5], [0.25, 0.5, 0.25]]), "reduction": "mean"}

LOSSES_AND_ACTIVATIONS: Final = (
    Example("ScaledReLU", activations.scaled_relu, activations.scaled_relu_backward, {"x": _X}, _DOUT, {"scale": 5.0}),
    Example("PReLU", activations.prelu, activations.prelu_backward, {"x": _X, "slope": [0.25, 0.5, -1.0]}, _DOUT),
    Example("Sigmoid", activations.sigmoid, activations.sigmoid_backward, {"x": _X}, _DOUT),
    Example("Tanh", activations.tanh, activations.tanh_backward, {"x": _X}, _DOUT),
    Example("ELU", activations.elu, activations.elu_backward, {"x": _X}, _DOUT, {"alpha": 1.0}),
    Example("SELU", activations.selu, activations.selu_backward, {"x": _X}, _DOUT),
    Example("SiLU", activations.silu, activations.silu_backward, {"x": _X}, _DOUT),
    Example("Softplus", activations.softplus, activations.softplus_backward, {"x": _X}, _DOUT, {"beta": 1.0}),
    Example("GELU", activations.gelu, activations.gelu_backward, {"x": _X}, _DOUT),
    Example("GELUTanh", activations.gelu_tanh, activations.gelu_tanh_backward, {"x": _X}, _DOUT),
    Example("LogSoftMax", activations.log_softmax, activations.log_softmax_backward, {"x": _X}, _DOUT),
    Example("NLL", losses.nll, losses.nll_backward, {"x": _LOGS}, 1.0, _CLASSES),
    Example("KLDivergence", losses.kl_divergence, losses.kl_divergence_backward, {"x": _LOGS}, 1.0, _ROWS),
    Example("Hinge", losses.hinge, losses.hinge_backward, {"x": _X}, 1.0, _CLASSES | {"margin": 1.0}),
    Example("MSE", losses.mse, losses.mse_backward, {"x": _X}, 1.0, _NUMBERS),
    Example("L1", losses.l1, losses.l1_backward, {"x": _X}, 1.0, _NUMBERS),
    Example("Huber", losses.huber, losses.huber_backward, {"x": _X}, 1.0, _NUMBERS | {"delta": 1.0}),
    Example("BCE", losses.bce, losses.bce_backward, {"x": _P}, 1.0, _NUMBERS),
    Example("BCEWithLogits", losses.bce_with_logits, losses.bce_with_logits_backward, {"x": _X}, 1.0, _NUMBERS),
)
