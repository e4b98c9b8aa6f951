"""The fully connected layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array, Seed, generator, quiet_products
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import flag, float_dtype, whole_number
from mlp_numpy.errors import ShapeError
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.init import Initializer, normal, start_bias, start_values
from mlp_numpy.modules.layout import whole


class Linear(Op):
    """
    Forward     out = x Wᵀ + b
    Backward    dx = dout W      dW = doutᵀ x      db = Σₙ dout
    Shapes      x (N, D)   W (M, D)   b (M,), or none   out, dout (N, M)
                x (…, D) is computed as N rows, N the product of all axes but the last; out, dout (…, M)
    Caches      x, W  (views, no copy)
    Kinks       none
    Reference   "Assignment 1: MLPs, CNNs and Backpropagation" (Earle), eq. 38, 43 and 44. Those are for one
                sample; over a batch dW and db sum over the samples, and the 1/N of a mean enters once, at the loss.
    """

    @staticmethod
    def check_inputs(x: Array, weight: Array, bias: Array | None = None) -> None:
        fits = x.ndim >= 2 and x.size > 0 and weight.ndim == 2 and weight.shape[1] == x.shape[-1]
        if not fits or (bias is not None and bias.shape != weight.shape[:1]):
            raise ShapeError(
                f"Linear.do_forward: x, W and b must be (N, …, D), (M, D) and (M,), got {x.shape}, {weight.shape} and "
                f"{None if bias is None else bias.shape}."
            )

    @staticmethod
    @quiet_products
    def forward(context: Context, x: Array, weight: Array, bias: Array | None = None) -> Array:
        rows = x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
        context["x"], context["weight"], context["biased"] = rows, weight, bias is not None
        out: Array = rows @ weight.T
        if bias is not None:
            out += bias
        return out if rows is x else out.reshape(*x.shape[:-1], len(weight))

    @staticmethod
    @quiet_products
    def backward(context: Context, dout: Array) -> tuple[Array | None, ...]:
        x, weight = context["x"], context["weight"]
        rows = dout if dout.ndim == 2 else dout.reshape(-1, len(weight))
        # A product with one column is a row of products, which BLAS takes twice as long for.
        dx = None if not context.wants(0) else rows * weight if len(weight) == 1 else rows @ weight
        if dx is not None and rows is not dout:
            dx = dx.reshape(*dout.shape[:-1], weight.shape[1])
        dweight = np.matmul(rows.T, x, out=context.target(1)) if context.wants(1) else None
        if not context["biased"]:
            return dx, dweight
        return dx, dweight, np.add.reduce(rows, axis=0, out=context.target(2))


class LinearModule(Module):
    """``out = x Wᵀ + b`` with ``params`` "weight" (out_features, in_features) and "bias" (out_features,).

    x is (N, in_features), or has further axes between, as (N, L, in_features), which are kept.

    input_layer   the layer reads the data: ``backward`` returns None instead of the unneeded input gradient, which
                  saves about a third of the layer's time, and ``kaiming`` assumes no activation before it
    bias          False: no bias, as before a BatchNorm, which would cancel it
    init          initializer of the weight, see ``mlp_numpy.modules.init``; N(0, 1e-4²) by default. The bias starts
                  at 0, unless ``init`` draws it too.
    rng           seed or generator of the initial values
    dtype         float64 by default, as in NumPy; training uses float32

    The weight is stored column-major (``weight.T`` is C-contiguous), which makes the forward product and the weight
    gradient about 10 % faster in OpenBLAS.

    Raises OptionError for sizes below 1, DTypeError for an unsupported dtype, ShapeError in ``forward`` for an ``x``
    that is not (N, …, in_features).
    """

    op = Linear
    output_kind = "scores"
    joint_gradients = ("weight",)

    def __init__(
        self,
        in_features: int,
        out_features: int,
        input_layer: bool = False,
        *,
        bias: bool = True,
        init: Initializer | None = None,
        rng: Seed = None,
        dtype: Any = np.float64,
    ) -> None:
        who = "LinearModule"
        in_features = whole_number(who, "in_features", in_features)
        out_features = whole_number(who, "out_features", out_features)
        input_layer, bias = flag(who, "input_layer", input_layer), flag(who, "bias", bias)
        dtype, shape, rng = float_dtype(who, dtype), (out_features, in_features), generator(rng)
        weight = start_values(who, init, rng, shape, dtype, input_layer=input_layer, default=normal())
        super().__init__(
            weight=np.asfortranarray(weight),
            **({"bias": start_bias(init, rng, shape, dtype)} if bias else {}),
        )
        self.in_features, self.out_features, self.bias = in_features, out_features, bias
        self.input_needed = not input_layer

    def _join_gradients(self, shards: Sequence[LinearModule]) -> None:
        """dW over the rows of all shards, this shard's columns of it; db is the sum over the shards."""
        super()._join_gradients(shards)
        x = whole([shard._remembered()["x"] for shard in shards])
        dout = whole([shard._dout.reshape(-1, self.out_features) for shard in shards if shard._dout is not None])
        columns = self.communicator.local.split(self.in_features)
        with np.errstate(invalid="ignore"):
            np.matmul(dout.T, x[:, columns], out=shards[0].grads["weight"][:, columns])

    def _repr_args(self) -> str:
        return f"{self.in_features}, {self.out_features}{'' if self.bias else ', bias=False'}"

    def _check_input(self, x: Array) -> None:
        if x.ndim < 2 or x.shape[-1] != self.in_features or x.size == 0:
            raise ShapeError(
                f"LinearModule({self.in_features} → {self.out_features}).forward: "
                f"x must be (N, …, {self.in_features}), got {x.shape}. Hint: flatten the images, or check the data set."
            )
