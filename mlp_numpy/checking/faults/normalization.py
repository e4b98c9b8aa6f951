"""Mistakes in normalization and dropout."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context
from mlp_numpy.checking.faults.fault import Fault
from mlp_numpy.modules import BatchNormalize, BatchNormalizeInference, DropoutMask, LayerNormalize
from mlp_numpy.modules.layout import images, pixel_rows


def _batch(context: Context, dout: Array, mean: float = 1.0, slope: float = 1.0, n: int = 0) -> Any:
    """The gradients of BatchNormalize with factors before the two mean terms, which divide by B + n."""
    r, gamma = context["r"], context["gamma"]
    rows, x_hat = pixel_rows(dout), context["centered"] * r
    dbeta, dgamma = rows.sum(axis=0), (rows * x_hat).sum(axis=0)
    dx = gamma * r * (rows - (mean * dbeta + slope * x_hat * dgamma) / max(1, len(rows) + n))
    return images(dx, dout.shape), dgamma, dbeta


def _without_means(context: Context, dout: Array) -> Any:
    return _batch(context, dout, 0.0, 0.0)


def _without_slope(context: Context, dout: Array) -> Any:
    return _batch(context, dout, slope=0.0)


def _unbiased(context: Context, dout: Array) -> Any:
    return _batch(context, dout, n=-1)


def _without_gamma(context: Context, dout: Array) -> Any:
    dx, dgamma, dbeta = _batch(context, dout)
    return images(pixel_rows(dx) / context["gamma"], dout.shape), dgamma, dbeta


def _dgamma_from_x(context: Context, dout: Array) -> Any:
    dx, _, dbeta = _batch(context, dout)
    return dx, (pixel_rows(dout) * context["centered"]).sum(axis=0), dbeta


def _eps_outside_the_root(context: Context, x: Array, gamma: Array, beta: Array, *, eps: float) -> Array:
    BatchNormalize.forward(context, x, gamma, beta, eps=eps)
    r = context["r"] = 1 / (np.sqrt(context["variance"]) + eps)
    return images(context["centered"] * (gamma * r) + beta, x.shape)


def _as_in_training(context: Context, dout: Array) -> Any:
    return _batch(context, dout)


def _without_scale(context: Context, dout: Array) -> Any:
    _, dgamma, dbeta = _batch(context, dout)
    return dout * 1, dgamma, dbeta


def _over_the_batch(context: Context, dout: Array) -> Any:
    _, dgamma, dbeta = LayerNormalize.backward(context, dout)
    x_hat, g = context["x_hat"], dout * context["gamma"]
    means = g.mean(axis=0, keepdims=True) + x_hat * (g * x_hat).mean(axis=0, keepdims=True)
    return context["r"] * (g - means), dgamma, dbeta


def _gamma_outside(context: Context, dout: Array) -> Any:
    _, dgamma, dbeta = LayerNormalize.backward(context, dout)
    x_hat = context["x_hat"]
    means = dout.mean(axis=-1, keepdims=True) + x_hat * (dout * x_hat).mean(axis=-1, keepdims=True)
    return context["gamma"] * context["r"] * (dout - means), dgamma, dbeta


def _constant_statistics(context: Context, dout: Array) -> Any:
    _, dgamma, dbeta = LayerNormalize.backward(context, dout)
    return dout * context["gamma"] * context["r"], dgamma, dbeta


def _mask_not_scaled(context: Context, dout: Array) -> Any:
    return (context["mask"] != 0) * dout


def _no_mask(context: Context, dout: Array) -> Any:
    return dout * context["mask"].max()


def _forward_not_scaled(context: Context, x: Array, *, mask: Array) -> Array:
    context["mask"] = mask
    out: Array = (mask != 0) * x
    return out


FAULTS: Final = (
    Fault(BatchNormalize, "without its two mean terms", _without_means),
    Fault(BatchNormalize, "without the x̂ term", _without_slope),
    Fault(BatchNormalize, "N − 1 for N", _unbiased),
    Fault(BatchNormalize, "γ left out of dx", _without_gamma),
    Fault(BatchNormalize, "dγ from x − μ instead of x̂", _dgamma_from_x),
    Fault(BatchNormalize, "eps outside the root", BatchNormalize.backward, lambda: _eps_outside_the_root),
    Fault(BatchNormalizeInference, "the mean terms of training", _as_in_training),
    Fault(BatchNormalizeInference, "dx without γ and σ", _without_scale),
    Fault(LayerNormalize, "means over the batch", _over_the_batch),
    Fault(LayerNormalize, "γ outside the means, as in batch norm", _gamma_outside),
    Fault(LayerNormalize, "the statistics taken for constants", _constant_statistics),
    Fault(DropoutMask, "without 1/(1 − p)", _mask_not_scaled),
    Fault(DropoutMask, "no mask", _no_mask),
    Fault(DropoutMask, "without 1/(1 − p) in the forward", _mask_not_scaled, lambda: _forward_not_scaled),
)
