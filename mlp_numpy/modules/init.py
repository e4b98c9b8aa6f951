"""Weight initializers: functions that return an Initializer.

Normal     wᵢⱼ ~ N(0, std²)                 the course of 2020's assignment: std = 1e-4
Kaiming    wᵢⱼ ~ N(0, g² / D)               g² = 2 / (1 + α²) after a LeakyReLU of slope α, 1 for the input layer
LeCun      wᵢⱼ ~ N(0, 1 / D)                for SELU
Glorot     wᵢⱼ ~ U(−r, r), r² = 6 g² / (D + M)
Uniform    wᵢⱼ ~ U(−r, r), r² = 1 / D       default of PyTorch's layers, a third of LeCun's variance
Biases     bᵢ = 0, except bᵢ ~ U(−r, r) for Uniform, as in PyTorch's layers, and for Glorot on request
Orthogonal W Wᵀ = g² I or Wᵀ W = g² I       as a matrix (out, rest), uniformly distributed among those
Zeros      wᵢⱼ = 0
Dirac      w of output channel k < min(out, in) passes input channel k on: 1 at its center, else 0; the others Uniform

Shapes     weight (out, in) of a LinearModule: D = in, M = out; weight (out, in, KH, KW) of a Conv2dModule: every output
           is a sum over D = in·KH·KW values, every input contributes to M = out·KH·KW
Reference  Kaiming: He et al. 2015, "Delving Deep into Rectifiers", eq. 10 and 15; checked against their text.
           Glorot: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural
           networks", eq. 16. LeCun: LeCun et al. 1998, "Efficient BackProp", eq. 16. Orthogonal: Saxe,
           McClelland and Ganguli 2014, "Exact solutions to the nonlinear dynamics of learning in deep linear
           neural networks"; drawn as in Mezzadri 2007, "How to generate random matrices from the classical
           compact groups". Dirac: torch.nn.init.dirac_; Zagoruyko and Komodakis 2017, "DiracNets", section 3; of the
           first channels only: Jordan 2024, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", section 3.2.
"""

from __future__ import annotations

import functools
import inspect
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np

from mlp_numpy.arrays import Array, Seed, all_finite, generator
from mlp_numpy.checks import NOT_NEGATIVE, allocatable, flag, number, numbers, shown
from mlp_numpy.errors import DTypeError, MlpNumpyError, OptionError, ShapeError


class Initializer(Protocol):
    """Draws the initial values of a weight (out, in, …); ``input_layer`` is True for a layer that reads the data."""

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], *, input_layer: bool) -> Array: ...


def start_values(
    who: str,
    init: Initializer | None,
    rng: Seed,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    *,
    input_layer: bool,
    default: Initializer,
) -> Array:
    """Draw a weight of ``shape`` and ``dtype`` by ``init``, or by ``default`` if that is None.

    Raises OptionError if ``init`` is not an initializer, the shape is too large, or a value is not finite in ``dtype``;
    ShapeError or DTypeError if the initializer returns another shape or no numbers.
    """
    if init is not None and not callable(init):
        raise OptionError(f"{who}: init must be an initializer, got {shown(init)}. Hint: init=kaiming().")
    draw, source = default if init is None else init, generator(rng)
    allocatable(who, shape)
    try:
        drawn = draw(source, shape, input_layer=input_layer)
    except TypeError as error:
        if isinstance(error, MlpNumpyError):
            raise
        raise OptionError(f"{who}: init must be an initializer, got {shown(init)}: {error}.") from error
    weight = numbers(who, "what init draws", drawn)
    if weight.shape != shape:
        raise ShapeError(f"{who}: init must draw a weight {shape}, got {weight.shape}.")
    if weight.dtype.kind == "c" and dtype.kind != "c":
        raise DTypeError(f"{who}: what init draws must be real as {dtype} is, got {weight.dtype}.")
    with np.errstate(over="ignore"):
        start = weight.astype(dtype)
    if not all_finite(start):
        raise OptionError(f"{who}: init must draw numbers within the range of {dtype}. Hint: a smaller std or gain.")
    return start


def gamma_and_beta(n_features: int, dtype: np.dtype[Any], *, bias: bool = True) -> dict[str, Array]:
    """The parameters of a normalization: "gamma" of ones, and "beta" of zeros unless ``bias`` is False."""
    gamma = {"gamma": np.ones(n_features, dtype)}
    return gamma | {"beta": np.zeros(n_features, dtype)} if bias else gamma


def start_bias(init: Initializer | None, rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Array:
    """The initial bias (out,) of a layer whose weight has this ``shape``: zeros, unless ``init`` draws biases too."""
    if isinstance(init, _Uniform) and init.bias:
        return init.within(rng, shape, shape[:1]).astype(dtype)
    return np.zeros(shape[0], dtype)


def normal(std: float = 1e-4) -> Initializer:
    """Normal initialization with mean 0 and standard deviation ``std`` ≥ 0."""
    std = number("normal", "std", std, NOT_NEGATIVE)

    def draw(rng: np.random.Generator, shape: tuple[int, ...], *, input_layer: bool) -> Array:
        return rng.normal(0.0, std, size=shape)

    return draw


def kaiming(neg_slope: float = 0.0) -> Initializer:
    """Kaiming's normal initialization, which preserves the variance after a LeakyReLU of slope ``neg_slope`` (0: a
    ReLU).

    The input layer has no activation before it, so there g = 1. Raises OptionError for a slope that is not finite.
    """
    neg_slope = number("kaiming", "neg_slope", neg_slope)

    def draw(rng: np.random.Generator, shape: tuple[int, ...], *, input_layer: bool) -> Array:
        # √2 / √(1 + α²) by hypot, which does not overflow for large α
        gain = 1.0 if input_layer else math.sqrt(2.0) / math.hypot(1.0, neg_slope)
        return rng.normal(0.0, gain / math.sqrt(math.prod(shape[1:])), size=shape)

    return draw


@dataclass(frozen=True)
class _Uniform:
    """U(−r, r) with a bound r that depends on the weight's shape; ``bias``: the biases are drawn as well."""

    bound: Callable[[tuple[int, ...]], float]
    bias: bool

    def __call__(self, rng: np.random.Generator, shape: tuple[int, ...], *, input_layer: bool) -> Array:
        return self.within(rng, shape, shape)

    def within(self, rng: np.random.Generator, shape: tuple[int, ...], size: tuple[int, ...]) -> Array:
        """Values of ``size`` within the bound of a weight of ``shape``."""
        r = self.bound(shape)
        return rng.uniform(-r, r, size=size)


def glorot(gain: float = 1.0, *, bias: bool = False) -> Initializer:
    """Glorot's uniform initialization, a compromise between the variances of forward signal and backward gradient.

    gain   g ≥ 0, for the activation before
    bias   draw the biases from the same interval
    """
    gain = number("glorot", "gain", gain, NOT_NEGATIVE)
    return _Uniform(functools.partial(_glorot_bound, gain), flag("glorot", "bias", bias))


def _glorot_bound(gain: float, shape: tuple[int, ...]) -> float:
    n_out, n_in, *kernel = shape
    return gain * math.sqrt(6.0 / ((n_in + n_out) * math.prod(kernel)))


def lecun() -> Initializer:
    """LeCun's normal initialization, which preserves the variance without an activation."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...], *, input_layer: bool) -> Array:
        return rng.normal(0.0, math.sqrt(1.0 / math.prod(shape[1:])), size=shape)

    return draw


def uniform(*, bias: bool = True) -> Initializer:
    """Uniform initialization up to one over the root of the number of inputs, as in PyTorch's layers, of the biases
    too unless ``bias`` is False."""
    return _Uniform(_uniform_bound, flag("uniform", "bias", bias))


def _uniform_bound(shape: tuple[int, ...]) -> float:
    return 1 / math.sqrt(math.prod(shape[1:]))


def orthogonal(gain: float = 1.0) -> Initializer:
    """Orthogonal initialization: the rows, or columns if there are fewer of them, are orthogonal with norm ``gain`` ≥
    0."""
    gain = number("orthogonal", "gain", gain, NOT_NEGATIVE)

    def draw(rng: np.random.Generator, shape: tuple[int, ...], *, input_layer: bool) -> Array:
        n_out, n_in = shape[0], math.prod(shape[1:])
        q, r = np.linalg.qr(rng.normal(size=(max(n_out, n_in), min(n_out, n_in))))
        # The signs of r's diagonal depend on the algorithm; after removing them q is uniformly distributed.
        q *= np.sign(np.diagonal(r))
        return gain * (q if n_out >= n_in else q.T).reshape(shape)

    return draw


def dirac() -> Initializer:
    """Partial identity of convolutions: the first output channels are copies of the input's, if the padding preserves
    the size; the other channels, and weights without a kernel, are drawn by ``uniform``."""
    others = uniform(bias=False)

    def draw(rng: np.random.Generator, shape: tuple[int, ...], *, input_layer: bool) -> Array:
        weight = others(rng, shape, input_layer=input_layer)
        if len(shape) > 2:
            same = np.arange(min(shape[:2]))
            weight[: len(same)] = 0
            center: tuple[Any, ...] = tuple(size // 2 for size in shape[2:])
            weight[(same, same, *center)] = 1
        return weight

    return draw


def zeros() -> Initializer:
    """Zero initialization. Warns when used: equal units have equal gradients, so they stay equal."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...], *, input_layer: bool) -> Array:
        warnings.warn(
            f"zeros: the {shape[0]} units of a weight {shape} start equal and will stay equal, as one unit would. "
            "Hint: this is an experiment, not a start; kaiming() or glorot() are.",
            stacklevel=3,
        )
        return np.zeros(shape)

    return draw


INITIALIZERS: Final[dict[str, Callable[..., Initializer]]] = {
    "normal": normal,
    "kaiming": kaiming,
    "glorot": glorot,
    "uniform": uniform,
    "lecun": lecun,
    "orthogonal": orthogonal,
    "dirac": dirac,
}
"""Every initialization under the name that a run's settings give it."""


def initializer(name: str, **options: Any) -> Initializer:
    """The initialization ``name``, with those of ``options`` that it takes."""
    make = INITIALIZERS[name]
    taken = inspect.signature(make).parameters
    return make(**{option: value for option, value in options.items() if option in taken})
