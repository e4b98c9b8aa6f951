"""The convolutional layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal

import numpy as np

from mlp_numpy.arrays import Array, Seed, generator
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.checks import flag, float_dtype, whole_number
from mlp_numpy.errors import OptionError
from mlp_numpy.modules.base import Module
from mlp_numpy.modules.conv import Conv2d
from mlp_numpy.modules.depthwise_conv import DepthwiseConv2d
from mlp_numpy.modules.grouped_conv import GroupedConv2d
from mlp_numpy.modules.init import Initializer, kaiming, start_bias, start_values
from mlp_numpy.modules.layout import whole_images
from mlp_numpy.modules.strip_conv import StripConv2d, slides, strips_pay
from mlp_numpy.modules.windows import Size, windows
from mlp_numpy.modules.winograd import WinogradConv2d, is_tiled, winograd_pays

_JOINT: Final = 1 << 17
"""The least M·C for which dW is formed over the whole batch, by kernels, and not in each shard: the work that each
shard does for itself, on as many numbers as the kernels have, then takes longer than to read the images again."""


class Conv2dModule(Module):
    """Slides ``out_channels`` kernels over images (N, in_channels, H, W) → (N, out_channels, H′, W′).

    kernel_size, stride, padding   one integer, or (height, width); zero padding on all four sides. padding "same", for
                                   stride 1: H′ = H and W′ = W; of an odd number of rows or columns, one more is after
                                   the image, as in PyTorch
    dilation                       the distance of neighbouring places of a kernel, one integer, or (height, width)
    groups                         the channels are in so many groups, and each kernel sees one of them; in_channels:
                                   a depthwise convolution
    bias                           False: no bias, as before a BatchNorm, which would cancel it
    init                           initializer of the weight, see ``mlp_numpy.modules.init``; Kaiming by default
    winograd                       True: WinogradConv2d, for 3×3 kernels and stride 1, with a quarter of the
                                   multiplications; False: without; None: the faster one by ``winograd_pays``
    strips                         True: StripConv2d, for stride 1, no dilation: a faster backward; False: Conv2d;
                                   None: Winograd's, or the faster one by ``strips_pay``. All differ by rounding
    rng, dtype, input_layer        as in LinearModule

    ``params``: "weight" (out_channels, in_channels / groups, KH, KW), stored with the channels innermost, and "bias"
    (out_channels,). H′ = ⌊(H + 2·padding − dilation·(KH − 1) − 1) / stride⌋ + 1, and W′ likewise.

    Raises OptionError for invalid sizes, "same" with another stride, groups that do not divide both numbers of
    channels, and ``winograd=True`` or ``strips=True`` for other kernels, several groups, or together; ShapeError in
    ``forward`` for images of another shape.
    """

    op = Conv2d
    winograd: bool | None = None
    strips: bool | None = None
    _out_size: tuple[int, int] = (0, 0)
    """H′ and W′ of the last input."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | Literal["same"] = 0,
        *,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        winograd: bool | None = None,
        strips: bool | None = None,
        init: Initializer | None = None,
        rng: Seed = None,
        dtype: Any = np.float64,
        input_layer: bool = False,
    ) -> None:
        who = "Conv2dModule"
        in_channels = whole_number(who, "in_channels", in_channels)
        out_channels = whole_number(who, "out_channels", out_channels)
        bias, input_layer = flag(who, "bias", bias), flag(who, "input_layer", input_layer)
        dtype = float_dtype(who, dtype)
        self.windows = windows(who, kernel_size, stride, padding, dilation=dilation, kernel_name="kernel_size")
        groups = whole_number(who, "groups", groups)
        if in_channels % groups or out_channels % groups:
            raise OptionError(
                f"{who}: groups must divide in_channels and out_channels, got {groups}, {in_channels} and "
                f"{out_channels}."
            )
        self.groups, self.winograd = groups, None if winograd is None else flag(who, "winograd", winograd)
        self.strips = None if strips is None else flag(who, "strips", strips)
        self._check_formulas(who)
        shape, rng = (out_channels, in_channels // groups, *self.windows.kernel), generator(rng)
        weight = start_values(who, init, rng, shape, dtype, input_layer=input_layer, default=kaiming())
        inner = np.ascontiguousarray(weight.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        super().__init__(weight=inner, **({"bias": start_bias(init, rng, shape, dtype)} if bias else {}))
        self.in_channels, self.out_channels, self.bias = in_channels, out_channels, bias
        self.input_needed = not input_layer
        if groups == 1 and not strips and in_channels * out_channels >= _JOINT:
            self.joint_gradients = ("weight",)

    def _check_formulas(self, who: str) -> None:
        """Raise OptionError if ``winograd`` or ``strips`` ask for a formula that is not for these windows."""
        if self.winograd and (self.groups != 1 or not is_tiled(self.windows)):
            raise OptionError(f"{who}: winograd must be None or False but for 3 × 3 kernels, got {self.windows}.")
        if self.strips and (self.groups != 1 or self.winograd or not slides(self.windows)):
            raise OptionError(
                f"{who}: strips must be None or False with winograd=True, several groups, or another stride or "
                f"dilation than 1, got {self.windows}."
            )

    def _join_gradients(self, shards: Sequence[Conv2dModule]) -> None:
        """dW over the images of all shards, this shard's kernels of it; db is the sum over the shards."""
        super()._join_gradients(shards)
        if not self.joint_gradients:
            return
        kernels, contexts = self.communicator.local.split(self.out_channels), [s._remembered() for s in shards]
        into, douts = shards[0].grads["weight"][kernels], [s._dout[:, kernels] for s in shards if s._dout is not None]
        if len(into):
            context = Context()
            context.update(contexts[0], x=whole_images([each["x"] for each in contexts]), biased=False)
            context["weight"] = self._params["weight"][kernels]
            context.needs, context.into = (False, True), (None, into)
            dweight = self._used.backward(context, whole_images(douts))[1]
            if dweight is not into:
                into[...] = dweight

    def _active_op(self) -> type[Op]:
        if self.groups > 1:
            return DepthwiseConv2d if self.groups == self.in_channels else GroupedConv2d
        sizes = self.out_channels, self.in_channels, self.windows, self._out_size
        if self.winograd or (self.winograd is None and not self.strips and winograd_pays(*sizes)):
            return WinogradConv2d
        return StripConv2d if self.strips or (self.strips is None and strips_pay(*sizes)) else self.op

    def _op_kwargs(self) -> dict[str, Any]:
        groups = {"groups": self.groups} if issubclass(self._active_op(), GroupedConv2d) else {}
        return {"over": self.windows, **groups}

    def _repr_args(self) -> str:
        options = f"{'' if self.groups == 1 else f', groups={self.groups}'}{'' if self.bias else ', bias=False'}"
        for name in ("winograd", "strips"):
            options += "" if getattr(self, name) is None else f", {name}={getattr(self, name)}"
        return f"{self.in_channels}, {self.out_channels}, {self.windows.arguments}{options}"

    def _check_input(self, x: Array) -> None:
        who = f"Conv2dModule({self.in_channels} → {self.out_channels}).forward"
        self.windows.check(who, x, self.in_channels)
        self._check_formulas(who)  # the attributes may have been changed
        self._out_size = self.windows.out_size(*x.shape[2:])
