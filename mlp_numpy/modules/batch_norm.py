"""Batch normalization: every feature is normalized to mean 0 and variance 1 over the batch, then scaled and shifted."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, all_finite, product
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import NOT_NEGATIVE, PROBABILITY, allocatable, flag, float_dtype, number, whole_number
from mlp_numpy.errors import ShapeError
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.layout import images, pixel_rows
from mlp_numpy.modules.moments import Moments, inverse_root, scaled_moments

# Block size in bytes, so that a block stays in the cache between the passes over it.
_BLOCK = 1 << 19


class BatchNormalize(Op):
    """
    Forward     out = γ ⊙ x̂ + β     x̂ = r ⊙ (x − μ)     r = 1/√(σ² + ε)     μ = Σₛ xₛ / B     σ² = Σₛ (xₛ − μ)² / B
    Backward    dx = γ r / B ⊙ (B dout − dβ − x̂ ⊙ dγ)     dγ = Σₛ doutₛ ⊙ x̂ₛ     dβ = Σₛ doutₛ
    Shapes      x, out, dout (N, C) or (N, C, H, W)   γ, β, μ, σ², r (C,)
                s runs over the B rows: all N samples, of images all B = N·H·W pixels
    Caches      x − μ in a unit u (see ``scaled_moments``), r/u, r, γ  (a view, no copy); also μ and σ² for running
                statistics
    Kinks       none
    Reference   "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), eq. 47, 48 and 63. Eq. 63 is meant for
                ∂L/∂x̂ = dout ⊙ γ; γ is put outside of its sums here, which turns them into dβ and dγ.
    """

    @staticmethod
    def check_inputs(x: Array, gamma: Array, beta: Array, *, eps: float) -> None:
        _check_features("BatchNormalize", x, gamma, beta)

    @staticmethod
    def forward(context: Context, x: Array, gamma: Array, beta: Array, *, eps: float) -> Array:
        rows = pixel_rows(x)
        mean, variance, centered, r_unit, r = scaled_moments(rows, 0, _moments, eps)
        context["centered"], context["r_unit"], context["r"], context["gamma"] = centered, r_unit, r, gamma
        context["mean"], context["variance"] = mean, variance
        return images(_scale_and_shift(centered, gamma * r_unit, beta), x.shape)

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array, Array, Array]:
        centered, r_unit, gamma = context["centered"], context["r_unit"], context["gamma"]
        rows = pixel_rows(dout)
        dbeta, dgamma = _sums(rows, centered, r_unit)
        dx = np.empty_like(rows)
        scale, slope, shift = gamma * context["r"], r_unit * dgamma / len(rows), dbeta / len(rows)
        for part in _blocks(rows):
            block = np.multiply(centered[part], slope, out=dx[part])
            block += shift
            np.subtract(rows[part], block, out=block)
            block *= scale
        return images(dx, dout.shape), dgamma, dbeta


class BatchNormalizeInference(Op):
    """
    Forward     out = γ ⊙ x̂ + β     x̂ = r ⊙ (x − m)     r = 1/√(v + ε)
    Backward    dx = γ r ⊙ dout     dγ = Σₛ doutₛ ⊙ x̂ₛ     dβ = Σₛ doutₛ
    Shapes      x, out, dout (N, C) or (N, C, H, W)   γ, β (C,)   m, v (C,): mean and variance, constants
    Caches      x − m, r, γ  (a view, no copy)
    Kinks       none
    Reference   Ioffe and Szegedy 2015, "Batch Normalization", algorithm 2, line 11: like BatchNormalize, but with
                statistics independent of the batch, so the two mean terms of dx are absent
    """

    @staticmethod
    def check_inputs(x: Array, gamma: Array, beta: Array, *, mean: Array, variance: Array, eps: float) -> None:
        _check_features("BatchNormalizeInference", x, gamma, beta, mean, variance)

    @staticmethod
    def forward(
        context: Context, x: Array, gamma: Array, beta: Array, *, mean: Array, variance: Array, eps: float
    ) -> Array:
        centered = pixel_rows(x) - mean
        with np.errstate(over="ignore"):
            r = inverse_root(variance + eps)
        context["centered"], context["r"], context["gamma"] = centered, r, gamma
        return images(_scale_and_shift(centered, gamma * r, beta), x.shape)

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array, Array, Array]:
        centered, r, gamma = context["centered"], context["r"], context["gamma"]
        rows = pixel_rows(dout)
        dbeta, dgamma = _sums(rows, centered, r)
        return images(rows * (gamma * r), dout.shape), dgamma, dbeta


class BatchNorm(Module):
    """Normalizes ``n_features`` = C features of (N, C), or channels of (N, C, H, W); ``params`` "gamma", "beta" (C,).

    eps         added to the variance, to avoid a division by zero for constant features
    momentum    the fraction of the newest batch in the running statistics: running ← (1 − momentum) running +
                momentum new
    running     False: no running statistics; evaluation uses those of the batch too (as in the first NumPy assignment)

    Training normalizes by the batch's own mean and **biased** variance Σ(x − μ)²/B. ``buffers`` "running_mean" and
    "running_variance" are updated, the latter with the **unbiased** variance, Σ(x − μ)²/(B − 1), as in PyTorch.
    Evaluation normalizes by these two. A batch of a single row does not update the running variance. Without eps a
    constant feature is normalized to 0; a running variance that overflows is ∞, and its feature 0 in evaluation.

    Raises OptionError for n_features below 1, eps < 0, momentum outside [0, 1]; ShapeError in ``forward`` for an ``x``
    of another shape.
    """

    op = BatchNormalize

    def __init__(
        self,
        n_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        *,
        running: bool = True,
        dtype: Any = np.float64,
    ) -> None:
        (n_features,) = allocatable("BatchNorm", (whole_number("BatchNorm", "n_features", n_features),))
        eps = number("BatchNorm", "eps", eps, NOT_NEGATIVE)
        momentum = number("BatchNorm", "momentum", momentum, PROBABILITY)
        running, dtype = flag("BatchNorm", "running", running), float_dtype("BatchNorm", dtype)
        super().__init__(gamma=np.ones(n_features, dtype=dtype), beta=np.zeros(n_features, dtype=dtype))
        self.n_features, self.eps, self.momentum, self.running = n_features, eps, momentum, running
        if running:
            self.buffers["running_mean"] = np.zeros(n_features, dtype=dtype)
            self.buffers["running_variance"] = np.ones(n_features, dtype=dtype)

    def forward(self, x: Array) -> Array:
        """The normalized batch; training also updates the running statistics."""
        out = super().forward(x)
        if self.training and self.running:
            self._follow(out.size // self.n_features)
        return out

    def _follow(self, n_rows: int) -> None:
        context, momentum = self._remembered(), self.momentum
        mean, variance = self.buffers["running_mean"], self.buffers["running_variance"]
        newest_mean, newest = context["mean"], context["variance"]
        if mean.dtype.kind != "c":  # the real parts of a complex x (complex step)
            newest_mean, newest = newest_mean.real, newest.real
        with np.errstate(over="ignore", invalid="ignore"):
            mean += momentum * (newest_mean - mean)
            if n_rows > 1:
                newest = newest * (n_rows / (n_rows - 1))
                change = newest - variance
                if all_finite(change):
                    variance += momentum * change
                else:  # ∞ − ∞ would be NaN
                    variance[...] = product(variance, 1 - momentum) + product(newest, momentum)

    def _active_op(self) -> type[Op]:
        return BatchNormalize if self.training or not self.running else BatchNormalizeInference

    def _op_kwargs(self) -> dict[str, Any]:
        if issubclass(self._active_op(), BatchNormalize):
            return {"eps": self.eps}
        mean, variance = self.buffers["running_mean"], self.buffers["running_variance"]
        return {"mean": mean, "variance": variance, "eps": self.eps}

    def _repr_args(self) -> str:
        options = "" if self.running else ", running=False"
        return f"{self.n_features}, eps={self.eps:g}, momentum={self.momentum:g}{options}"

    def _check_input(self, x: Array) -> None:
        if x.ndim not in (2, 4) or x.shape[1] != self.n_features or x.size == 0:
            n = self.n_features
            raise ShapeError(f"BatchNorm({n}).forward: x must be (N, {n}) or (N, {n}, H, W), got {x.shape}.")


def _check_features(who: str, x: Array, *features: Array) -> None:
    if x.ndim not in (2, 4) or x.size == 0 or any(np.shape(array) != x.shape[1:2] for array in features):
        raise ShapeError(
            f"{who}.do_forward: x must be (N, C) or (N, C, H, W), and the rest (C,), got {x.shape} and "
            f"{', '.join(str(np.shape(array)) for array in features)}."
        )


def _blocks(rows: Array) -> list[slice]:
    size = max(1, _BLOCK // (rows.shape[1] * rows.itemsize))
    return [slice(start, start + size) for start in range(0, len(rows), size)]


def _sum(rows: Array) -> Array:
    """Σₛ rowsₛ, as a sum of sums over blocks, which is more accurate than one long sum."""
    total = np.zeros(rows.shape[1], rows.dtype)
    for part in _blocks(rows):
        total += np.einsum("sc->c", rows[part])
    return total


def _moments(rows: Array) -> Moments:
    """μ, x − μ and σ² of each feature."""
    mean = _sum(rows) / len(rows)
    centered, squares = np.empty_like(rows), np.zeros_like(mean)
    for part in _blocks(rows):
        block = np.subtract(rows[part], mean, out=centered[part])
        squares += np.einsum("sc,sc->c", block, block)
    return mean, centered, squares / len(rows)


def _sums(rows: Array, centered: Array, r: Array) -> tuple[Array, Array]:
    """Σₛ doutₛ and Σₛ doutₛ ⊙ x̂ₛ."""
    dbeta, dgamma = np.zeros((2, rows.shape[1]), rows.dtype)
    for part in _blocks(rows):
        dbeta += np.einsum("sc->c", rows[part])
        dgamma += np.einsum("sc,sc->c", rows[part], centered[part])
    return dbeta, dgamma * r


def _scale_and_shift(centered: Array, scale: Array, shift: Array) -> Array:
    out = np.empty_like(centered)
    for part in _blocks(centered):
        np.multiply(centered[part], scale, out=out[part])
        out[part] += shift
    return out
