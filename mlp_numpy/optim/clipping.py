"""Gradient clipping, by norm and by value."""

from __future__ import annotations

import math

import numpy as np

from mlp_numpy.checks import POSITIVE, number
from mlp_numpy.errors import NonFiniteError
from mlp_numpy.optim.flat import FlatParameters, flat_parameters


def clip_norm(parameters: FlatParameters, bound: float) -> float:
    """Scale the whole gradient to the norm ``bound`` if it is larger; returns the original Euclidean norm.

        g ← g · min(1, bound / (‖g‖ + 10⁻⁶))

    The formula is that of ``torch.nn.utils.clip_grad_norm_``; Pascanu, Mikolov and Bengio 2013, "On the difficulty of
    training recurrent neural networks", algorithm 1. The norm is correct even where its square overflows or underflows
    float32.

    Raises OptionError unless ``bound`` is > 0, NonFiniteError, before any change, if the gradient contains NaN or
    infinity (where PyTorch makes the whole gradient NaN).
    """
    bound = number("clip_norm", "bound", bound, POSITIVE)
    norm = flat_parameters("clip_norm", parameters).grad_norm()
    if not math.isfinite(norm):
        name = parameters.name_of(int(np.flatnonzero(~np.isfinite(parameters.grads))[0]))
        raise NonFiniteError(f"clip_norm: the gradient must be finite, found a NaN or an infinity in {name}.")
    scale = bound / (norm + 1e-6)
    if scale < 1:
        np.multiply(parameters.grads, scale, out=parameters.grads)  # g ← g · bound / (‖g‖ + 10⁻⁶)
    return norm


def clip_value(parameters: FlatParameters, bound: float) -> None:
    """Clip each value of the gradient to [−bound, bound].

        g ← min(max(g, −bound), bound)

    The formula is that of ``torch.nn.utils.clip_grad_value_``; a NaN stays a NaN. Raises OptionError unless ``bound``
    is > 0.
    """
    bound = number("clip_value", "bound", bound, POSITIVE)
    grads = flat_parameters("clip_value", parameters).grads
    np.clip(grads, -bound, bound, out=grads)  # g ← min(max(g, −bound), bound)
