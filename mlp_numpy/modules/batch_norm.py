"""Batch normalization: every feature is normalized to mean 0 and variance 1 over the batch, then scaled and shifted."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, all_finite, product
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import NOT_NEGATIVE, PROBABILITY, allocatable, flag, float_dtype, number, whole_number
from mlp_numpy.errors import OptionError, ShapeError
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.feature_sums import feature_moments, gradient_of_rows, gradient_sums, scale_and_shift
from mlp_numpy.modules.init import gamma_and_beta
from mlp_numpy.modules.layout import images, pixel_rows
from mlp_numpy.modules.moments import inverse_root, scaled_moments, small_unit
from mlp_numpy.parallel import ALONE, Communicator


class BatchNormalize(Op):
    """
    Forward     out = γ ⊙ x̂ + β     x̂ = r ⊙ (x − μ)     r = 1/√(σ² + ε)     μ = Σₛ xₛ / B     σ² = Σₛ (xₛ − μ)² / B
    Backward    dx = γ r / B ⊙ (B dout − dβ − x̂ ⊙ dγ)     dγ = Σₛ doutₛ ⊙ x̂ₛ     dβ = Σₛ doutₛ
    Shapes      x, out, dout (N, C), (N, C, L) or (N, C, H, W)   γ, β, μ, σ², r (C,)
                s runs over the B rows: all N samples, of sequences all B = N·L positions, of images all
                B = N·H·W pixels; without γ and β out = x̂
    Shards      x, dout are a communicator's shard of a batch: B and Σₛ in μ, σ² and dx are those of the whole batch;
                the results dγ and dβ are the shard's own sums, the whole batch's are the sum of all shards'
    Caches      x and γ  (views, no copies), μ, r; where a feature needs another origin and unit (see
                ``scaled_moments``) x, μ and r in these, as new arrays; also μ, σ² and B for running statistics
    Kinks       none
    Reference   "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), eq. 47, 48 and 63. Eq. 63 is meant for
                ∂L/∂x̂ = dout ⊙ γ; γ is put outside of its sums here, which turns them into dβ and dγ.
    """

    @staticmethod
    def check_inputs(
        x: Array,
        gamma: Array | None = None,
        beta: Array | None = None,
        *,
        eps: float,
        communicator: Communicator = ALONE,
    ) -> None:
        _check_features("BatchNormalize", x, gamma, beta)

    @staticmethod
    def forward(
        context: Context,
        x: Array,
        gamma: Array | None = None,
        beta: Array | None = None,
        *,
        eps: float,
        communicator: Communicator = ALONE,
    ) -> Array:
        rows = pixel_rows(x)
        n = communicator.rows(len(x))[1] * (len(rows) // len(x))
        moments = functools.partial(feature_moments, n=n, communicator=communicator)
        mean, variance, values, origin, r_unit, r = scaled_moments(rows, 0, moments, eps, communicator)
        context["values"], context["origin"], context["r_unit"] = values, origin, r_unit
        context["r"], context["gamma"] = r, gamma
        context["mean"], context["variance"], context["n"], context["communicator"] = mean, variance, n, communicator
        return images(scale_and_shift(values, origin, _times(r_unit, gamma), beta), x.shape)

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array, ...]:
        values, origin, r_unit, gamma = context["values"], context["origin"], context["r_unit"], context["gamma"]
        rows, n = pixel_rows(dout), context["n"]
        unit, most = 1.0, np.finfo(dout.dtype).max / 4
        with np.errstate(over="ignore", invalid="ignore"):
            sums = gradient_sums(rows, values, origin, r_unit)
            total = context["communicator"].sum(sums)
        if not (np.abs(total.real) < most).all():  # sums that overflow, for all shards; the gradients may not
            unit = small_unit(dout.dtype)
            rows = rows * unit
            sums = gradient_sums(rows, values, origin, r_unit)
            total = context["communicator"].sum(sums)
        dbeta, dgamma = total
        scale, slope, shift = _times(context["r"], gamma), r_unit * dgamma / n, dbeta / n
        dx = images(gradient_of_rows(rows, values, origin, scale, slope, shift), dout.shape)
        if unit != 1:
            dx, sums = dx / unit, sums / unit
        return (dx, sums[1], sums[0]) if gamma is not None else (dx,)


class BatchNormalizeInference(Op):
    """
    Forward     out = γ ⊙ x̂ + β     x̂ = r ⊙ (x − m)     r = 1/√(v + ε)
    Backward    dx = γ r ⊙ dout     dγ = Σₛ doutₛ ⊙ x̂ₛ     dβ = Σₛ doutₛ
    Shapes      x, out, dout (N, C), (N, C, L) or (N, C, H, W)   γ, β (C,), or none   m, v (C,): mean and
                variance, constants
    Caches      x and γ  (views, no copies), m, r
    Kinks       none
    Reference   Ioffe and Szegedy 2015, "Batch Normalization", algorithm 2, line 11: like BatchNormalize, but with
                statistics independent of the batch, so the two mean terms of dx are absent
    """

    @staticmethod
    def check_inputs(
        x: Array, gamma: Array | None = None, beta: Array | None = None, *, mean: Array, variance: Array, eps: float
    ) -> None:
        _check_features("BatchNormalizeInference", x, gamma, beta, mean, variance)

    @staticmethod
    def forward(
        context: Context,
        x: Array,
        gamma: Array | None = None,
        beta: Array | None = None,
        *,
        mean: Array,
        variance: Array,
        eps: float,
    ) -> Array:
        rows = pixel_rows(x)
        with np.errstate(over="ignore"):
            r = inverse_root(variance + eps)
        context["values"], context["origin"], context["r"], context["gamma"] = rows, mean.copy(), r, gamma
        return images(scale_and_shift(rows, mean, _times(r, gamma), beta), x.shape)

    @staticmethod
    def backward(context: Context, dout: Array) -> tuple[Array, ...]:
        r, gamma = context["r"], context["gamma"]
        rows = pixel_rows(dout)
        dx = images(rows * _times(r, gamma), dout.shape)
        if gamma is None:
            return (dx,)
        dbeta, dgamma = gradient_sums(rows, context["values"], context["origin"], r)
        return dx, dgamma, dbeta


class BatchNorm(Module):
    """Normalizes ``n_features`` = C features of (N, C), or channels of (N, C, L) or (N, C, H, W); ``params`` "gamma",
    "beta" (C,).

    eps         added to the variance, to avoid a division by zero for constant features
    momentum    the fraction of the newest batch in the running statistics: running ← (1 − momentum) running +
                momentum new; None: 1/n at the n-th batch, so that they are the mean over all batches
    affine      False: no γ and β, ``params`` is empty
    running     False: no running statistics; evaluation uses those of the batch too (as in the first NumPy assignment)

    Training normalizes by the batch's own mean and **biased** variance Σ(x − μ)²/B. ``buffers`` "running_mean" and
    "running_variance" are updated, the latter with the **unbiased** variance, Σ(x − μ)²/(B − 1), as in PyTorch.
    Evaluation normalizes by these two. A batch of a single row does not update the running variance. With momentum None
    the buffer "n_batches" counts the batches, and a batch of a single row, which has no unbiased variance, is left out.
    Without eps a constant feature is normalized to 0; a running variance that overflows is ∞, and its feature 0 in
    evaluation. The shards of a batch are normalized by the statistics of the whole batch, and the first one in each
    process updates the buffers.

    Raises OptionError for n_features below 1, eps < 0, momentum outside [0, 1], or momentum None without running
    statistics; ShapeError in ``forward`` for an ``x`` of another shape.
    """

    op = BatchNormalize

    def __init__(
        self,
        n_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        *,
        affine: bool = True,
        running: bool = True,
        dtype: Any = np.float64,
    ) -> None:
        (n_features,) = allocatable("BatchNorm", (whole_number("BatchNorm", "n_features", n_features),))
        eps = number("BatchNorm", "eps", eps, NOT_NEGATIVE)
        momentum = None if momentum is None else number("BatchNorm", "momentum", momentum, PROBABILITY)
        affine, running = flag("BatchNorm", "affine", affine), flag("BatchNorm", "running", running)
        dtype = float_dtype("BatchNorm", dtype)
        if momentum is None and not running:
            raise OptionError(
                "BatchNorm: momentum must be a number without running statistics, which None averages, got None."
            )
        super().__init__(**gamma_and_beta(n_features, dtype) if affine else {})
        self.n_features, self.eps, self.momentum = n_features, eps, momentum
        self.affine, self.running = affine, running
        if running:
            self.buffers["running_mean"] = np.zeros(n_features, dtype=dtype)
            self.buffers["running_variance"] = np.ones(n_features, dtype=dtype)
        if momentum is None:
            self.buffers["n_batches"] = np.array(0)

    def forward(self, x: Array) -> Array:
        """The normalized batch; training also updates the running statistics."""
        out = super().forward(x)
        if self.training and self.running:
            self._follow()
        return out

    def _follow(self) -> None:
        if self.communicator.local.rank > 0:  # the buffers may be the first shard's
            return
        context, momentum = self._remembered(), self.momentum
        n_rows = context["n"]
        if momentum is None:
            if n_rows == 1:
                return
            self.buffers["n_batches"] += 1
            momentum = 1 / int(self.buffers["n_batches"])
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
            return {"eps": self.eps, "communicator": self.communicator}
        mean, variance = self.buffers["running_mean"], self.buffers["running_variance"]
        return {"mean": mean, "variance": variance, "eps": self.eps}

    def _repr_args(self) -> str:
        momentum = "None" if self.momentum is None else f"{self.momentum:g}"
        options = f"{'' if self.affine else ', affine=False'}{'' if self.running else ', running=False'}"
        return f"{self.n_features}, eps={self.eps:g}, momentum={momentum}{options}"

    def _check_input(self, x: Array) -> None:
        if x.ndim not in (2, 3, 4) or x.shape[1] != self.n_features or x.size == 0:
            n = self.n_features
            raise ShapeError(
                f"BatchNorm({n}).forward: x must be (N, {n}), (N, {n}, L) or (N, {n}, H, W), got {x.shape}."
            )


def _check_features(who: str, x: Array, *features: Array | None) -> None:
    shapes = [np.shape(array) for array in features if array is not None]
    # γ and β come together, or not at all
    in_pairs = (features[0] is None) == (features[1] is None)
    if x.ndim not in (2, 3, 4) or x.size == 0 or not in_pairs or any(shape != x.shape[1:2] for shape in shapes):
        raise ShapeError(
            f"{who}.do_forward: x must be (N, C), (N, C, L) or (N, C, H, W), and the rest (C,), got {x.shape} and "
            f"{', '.join(map(str, shapes))}."
        )


def _times(r: Array, gamma: Array | None) -> Array:
    """γ ⊙ r, or r without γ."""
    return r if gamma is None else gamma * r
