"""Typical mistakes in hand-written backwards of normalizations."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Context
from mlp_numpy.checking.mutants.mutant import Mutant
from mlp_numpy.modules import BatchNormalize, BatchNormalizeInference, GroupNormalize, LayerNormalize, RMSNormalize
from mlp_numpy.modules.layout import images, pixel_rows


def _batch_norm(context: Context, dout: Array, mean: float = 1.0, slope: float = 1.0, n: int = 0) -> Any:
    """The gradients of BatchNormalize with factors before the two mean terms, which divide by B + n."""
    r, gamma = context["r"], context["gamma"]
    rows, x_hat = pixel_rows(dout), (context["values"] - context["origin"]) * r
    dbeta, dgamma = rows.sum(axis=0), (rows * x_hat).sum(axis=0)
    dx = rows - (mean * dbeta + slope * x_hat * dgamma) / max(1, len(rows) + n)
    dx = images((r if gamma is None else gamma * r) * dx, dout.shape)
    return (dx,) if gamma is None else (dx, dgamma, dbeta)


def _without_means(context: Context, dout: Array) -> Any:
    return _batch_norm(context, dout, 0.0, 0.0)


def _without_variance_term(context: Context, dout: Array) -> Any:
    return _batch_norm(context, dout, slope=0.0)


def _without_mean_term(context: Context, dout: Array) -> Any:
    return _batch_norm(context, dout, mean=0.0)


def _without_gamma(context: Context, dout: Array) -> Any:
    dx, *of_params = BatchNormalize.backward(context, dout)
    plain = Context()
    plain.update(context)
    plain["gamma"] = None
    return (BatchNormalize.backward(plain, dout)[0], *of_params) if of_params else (dx,)


def _forward_that_keeps_x(context: Context, x: Array, *params: Array | None, **others: Any) -> Array:
    context["all"] = x
    return BatchNormalize.forward(context, x, *params, **others)


def _dgamma_of_x(context: Context, dout: Array) -> Any:
    dx, *of_params = BatchNormalize.backward(context, dout)
    return (dx, (dout * context["all"]).sum(axis=_row_axes(dout)), of_params[1]) if of_params else (dx,)


def _row_axes(dout: Array) -> tuple[int, ...]:
    return (0, *range(2, dout.ndim))


def _gamma_and_beta_exchanged(context: Context, dout: Array) -> Any:
    dx, *of_params = BatchNormalize.backward(context, dout)
    return dx, *reversed(of_params)


def _unbiased(context: Context, dout: Array) -> Any:
    return _batch_norm(context, dout, n=-1)


def _eps_outside_the_root(
    context: Context, x: Array, gamma: Array | None = None, beta: Array | None = None, *, eps: float, **others: Any
) -> Array:
    BatchNormalize.forward(context, x, gamma, beta, eps=eps, **others)
    r = context["r"] = 1 / (np.sqrt(context["variance"]) + eps)
    x_hat = (context["values"] - context["origin"]) * r
    return images(x_hat if gamma is None else x_hat * gamma + beta, x.shape)


def _as_in_training(context: Context, dout: Array) -> Any:
    return _batch_norm(context, dout)


def _inference_without_gamma(context: Context, dout: Array) -> Any:
    dx, *of_params = BatchNormalizeInference.backward(context, dout)
    return images(pixel_rows(dout) * context["r"], dout.shape) if of_params else dx, *of_params


def _over_the_batch(context: Context, dout: Array) -> Any:
    _, *of_params = LayerNormalize.backward(context, dout)
    x_hat, g = context["x_hat"], _of_x_hat(context, dout)
    means = g.mean(axis=0, keepdims=True) + x_hat * (g * x_hat).mean(axis=0, keepdims=True)
    return context["r"] * (g - means), *of_params


def _constant_statistics(context: Context, dout: Array) -> Any:
    _, *of_params = LayerNormalize.backward(context, dout)
    return _of_x_hat(context, dout) * context["r"], *of_params


def _gamma_outside(context: Context, dout: Array) -> Any:
    dx, *of_params = LayerNormalize.backward(context, dout)
    if context["gamma"] is None:
        return (dx, *of_params)
    x_hat = context["x_hat"]
    means = dout.mean(axis=-1, keepdims=True) + x_hat * (dout * x_hat).mean(axis=-1, keepdims=True)
    return (context["r"] * context["gamma"] * (dout - means), *of_params)


def _of_x_hat(context: Context, dout: Array) -> Array:
    """∂L/∂x̂ of a layer or RMS normalization."""
    g: Array = dout if context["gamma"] is None else dout * context["gamma"]
    return g


def _statistics_of_one_group(context: Context, dout: Array) -> Any:
    dx, *of_params = GroupNormalize.backward(context, dout)
    gamma, r = context["gamma"], context["r"][:, np.newaxis]
    rows = pixel_rows(dout).reshape(context["values"].shape)
    g = rows if gamma is None else rows * gamma
    x_hat = (context["values"] - context["origin"][:, np.newaxis]) * context["r_unit"][:, np.newaxis]
    mean, slope = (values.mean(axis=(1, 2), keepdims=True) for values in (g, g * x_hat))
    whole = r * (g - mean - x_hat * slope)
    return images(whole.reshape(-1, whole.shape[2]), dout.shape), *of_params


def _mean_term_of_layer_norm(context: Context, dout: Array) -> Any:
    dx, *of_params = RMSNormalize.backward(context, dout)
    g = _of_x_hat(context, dout)
    return dx - context["r"] * g.mean(axis=-1, keepdims=True), *of_params


_MEANS = "μ and σ² depend on every x of the batch, and each of them adds a term to dx"

NORMALIZATION_MISTAKES: Final = (
    Mutant(BatchNormalize, "without its two mean terms", _without_means, why=f"{_MEANS}."),
    Mutant(
        BatchNormalize,
        "without the term of σ²",
        _without_variance_term,
        why=f"{_MEANS}: here that of σ², x̂ Σ dout x̂ / N, is missing.",
    ),
    Mutant(
        BatchNormalize,
        "without the term of μ",
        _without_mean_term,
        why=f"{_MEANS}: here that of μ, Σ dout / N, is missing.",
    ),
    Mutant(
        BatchNormalize,
        "N − 1 for N",
        _unbiased,
        why="The forward divides by N, the biased variance; its derivative must too.",
    ),
    Mutant(
        BatchNormalize,
        "without γ",
        _without_gamma,
        why="out = γ x̂ + β: what goes back to x̂, and so to x, is γ dout.",
    ),
    Mutant(
        BatchNormalize,
        "dγ from x instead of x̂",
        _dgamma_of_x,
        lambda: _forward_that_keeps_x,
        why="γ multiplies the normalized x̂, so its gradient is Σ dout x̂.",
    ),
    Mutant(
        BatchNormalize,
        "dγ and dβ exchanged",
        _gamma_and_beta_exchanged,
        why="γ multiplies x̂, β is added: dγ = Σ dout x̂ and dβ = Σ dout.",
    ),
    Mutant(
        BatchNormalize,
        "eps outside the root",
        BatchNormalize.backward,
        lambda: _eps_outside_the_root,
        why="The forward has 1/√(σ² + ε), not 1/(√σ² + ε).",
    ),
    Mutant(
        BatchNormalizeInference,
        "the mean terms of training",
        _as_in_training,
        why="In evaluation mean and variance are constants, which x does not reach.",
    ),
    Mutant(
        BatchNormalizeInference,
        "without γ",
        _inference_without_gamma,
        why="out = γ x̂ + β: what goes back to x̂, and so to x, is γ dout.",
    ),
    Mutant(
        LayerNormalize,
        "means over the batch",
        _over_the_batch,
        why="Layer normalization has a mean and a variance for each row: the means run over its features.",
    ),
    Mutant(
        LayerNormalize,
        "the statistics taken for constants",
        _constant_statistics,
        why="μ and σ² of a row depend on every x of it, and each of them adds a term to dx.",
    ),
    Mutant(
        LayerNormalize,
        "γ outside the means, as in batch normalization",
        _gamma_outside,
        why="γ differs along the features that the means run over: it must be inside, as g = dout ⊙ γ.",
    ),
    Mutant(GroupNormalize, "the means over all groups", _statistics_of_one_group),
    Mutant(RMSNormalize, "with layer normalization's mean term", _mean_term_of_layer_norm),
)
