"""Arrays: their type, common predicates and operations, and random number streams."""

from __future__ import annotations

import functools
import math
import zlib
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import numpy as np

from mlp_numpy.checks import is_whole, shown
from mlp_numpy.errors import OptionError

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
"""An array of any shape and dtype; docstrings specify them."""

_F = TypeVar("_F", bound=Callable[..., Any])

Seed: TypeAlias = int | np.random.Generator | None
"""Type of ``rng`` arguments: a seed, a generator, or None for fresh entropy."""

BLOCK: Final = 1 << 18
"""Bytes per block of an array in blockwise formulas, small enough for the processor's cache."""

_CACHE_LINE: Final = 64


class Parameter(Protocol):
    """A trainable array with its gradient: a parameter of a module, or a leaf node of a graph."""

    @property
    def value(self) -> Array:
        """The array."""

    @property
    def grad(self) -> Array:
        """∂L/∂value, of its shape and memory order."""

    def move(self, values: Array, grads: Array) -> None:
        """Move the array and its gradient, with their values, into two vectors of the array's length."""


def generator(rng: Seed) -> np.random.Generator:
    """The generator for a ``rng`` argument: itself, or a new one from the seed."""
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is not None and not is_whole(rng, 0):
        raise OptionError(f"rng: must be a whole number ≥ 0, a numpy Generator or None, got {shown(rng)}.")
    return np.random.default_rng(rng)


def stream(seed: int, name: str, step: int | None = None) -> np.random.Generator:
    """A named stream of random numbers: the same seed and name always give the same numbers.

    With a ``step`` ≥ 0, each step has its own numbers, independent of all other steps.

    Raises OptionError for a seed or a step that is not an integer ≥ 0.
    """
    for what, value in (("seed", seed), ("step", 0 if step is None else step)):
        if not is_whole(value, 0):
            raise OptionError(f"stream({name!r}): {what} must be a whole number ≥ 0, got {shown(value)}.")
    key = zlib.crc32(name.encode())
    # the name comes last, because trailing zeros of a seed sequence are ignored: [s, n, 0] would equal [s, n]
    return np.random.default_rng([seed, key] if step is None else [seed, step, key])


def one_hot(labels: Array, n_classes: int, dtype: Any = np.float64) -> Array:
    """One-hot rows of labels: (N,) integers → (N, n_classes)."""
    rows = np.zeros((len(labels), n_classes), dtype=dtype)
    rows[np.arange(len(labels)), labels] = 1
    return rows


def first_outside(labels: Array, n_classes: int) -> int | None:
    """The index of the first label (N,) outside 0 … n_classes − 1, or None."""
    if labels.size == 0 or (labels.min() >= 0 and labels.max() < n_classes):
        return None
    return int(np.flatnonzero((labels < 0) | (labels >= n_classes))[0])


def row_maxima(x: Array) -> Array:
    """The maximum of each row: (N, C) → (N, 1).

    By argmax and indexing, because NumPy's maximum along rows takes three times as long for (200, 10) float32.
    """
    maxima: Array = x[np.arange(len(x)), x.argmax(axis=1)]
    return maxima[:, np.newaxis]


def all_finite(array: Array) -> bool:
    """True if an array holds no NaN and no infinity."""
    return bool(np.isfinite(array).all())


def kept(mask: Array, x: Array, out: Array | None = None) -> Array:
    """``x`` where ``mask`` is True, else 0, even if ``x`` is ∞ or NaN there.

    ``mask`` is a boolean array of the same shape; ``out`` must be another array. Masking bits takes as long as a
    product with 0 or 1, in which 0 · ∞ would be NaN; ``np.where`` takes two to ten times as long.
    """
    if out is None:
        out = np.empty_like(mask, x.dtype)
    kind = _BITS.get(out.dtype.char)
    if kind is None or x.dtype != out.dtype:
        out[...] = 0
        np.copyto(out, x, where=mask)
        return out
    bits = out.view(kind)
    bits[...] = np.negative(mask.view(np.int8))  # −1, all bits, where True
    np.bitwise_and(bits, x.view(kind), bits)
    return out


def one_or(mask: Array, other: float, out: Array) -> Array:
    """Write 1 where ``mask`` is True, else ``other``, into ``out``, by masking bits as ``kept`` does."""
    kind = _BITS.get(out.dtype.char)
    if kind is None:
        out[...] = other
        np.copyto(out, 1, where=mask)
        return out
    change, base = _bits_of_one_and(other, out.dtype.char)
    bits = out.view(kind)
    bits[...] = np.negative(mask.view(np.int8))
    np.bitwise_and(bits, change, bits)
    np.bitwise_xor(bits, base, bits)
    return out


_BITS: Final[dict[str, np.dtype[Any]]] = {"f": np.dtype(np.int32), "d": np.dtype(np.int64)}


@functools.lru_cache
def _bits_of_one_and(other: float, kind: str) -> tuple[Array, Array]:
    """The bits in which 1 and ``other`` differ, and the bits of ``other``."""
    with np.errstate(over="ignore"):  # a number beyond the range is ∞
        one, base = (np.array(value, kind).view(_BITS[kind]) for value in (1, other))
    return np.asarray(one ^ base), base


def holds_nan(x: Array) -> bool:
    """True if the real part of any entry of ``x`` is NaN, as their maximum then is."""
    return x.size > 0 and math.isnan(np.maximum.reduce(x.real, axis=None))


def mark_nans(out: Array, x: Array) -> None:
    """Set ``out`` to NaN where ``x``, of the same shape, is NaN: a comparison with NaN selects no branch."""
    if holds_nan(x):
        np.copyto(out, np.nan, where=np.isnan(x.real))


def quiet_products(formula: _F) -> _F:
    """Decorator for a formula with matrix products, which suppresses "invalid value" warnings.

    The vector kernels of a BLAS compute lanes that they discard. On some processors and for some sizes, an ∞ there
    raises the invalid flag although the result has no NaN; a real NaN shows in the result.
    """
    return np.errstate(invalid="ignore")(formula)


def product(a: Array, b: Array | float, out: Array | None = None) -> Array:
    """a ⊙ b with 0 · ±∞ = 0, so that a slope of 0 blocks an infinity. ``out`` must be neither a nor b.

    As fast as NumPy's product: the processor's invalid flag signals a 0 · ∞.
    """
    try:
        with np.errstate(invalid="raise"):
            return np.multiply(a, b, out=out)
    except FloatingPointError:
        with np.errstate(invalid="ignore"):
            result: Array = np.asarray(np.multiply(a, b, out=out))
    result[((a == 0) & np.isinf(b)) | (np.isinf(a) & (b == 0))] = 0
    return result


def quotient(a: Array, b: Array) -> Array:
    """a / b with 0 / 0 = 0, so that an unbounded slope with a gradient of 0 contributes 0."""
    try:
        with np.errstate(invalid="raise"):
            return np.divide(a, b)
    except FloatingPointError:
        with np.errstate(invalid="ignore"):
            return np.where((a == 0) & (b == 0), 0, np.divide(a, b))


def within_range(formula: Callable[..., Array], *arrays: Array) -> Array:
    """``formula(*arrays)``, recomputed in NumPy's widest float dtype if an intermediate overflows or underflows.

    So a result that the arrays' own dtype can represent is not lost to an intermediate that it cannot.
    """
    try:
        with np.errstate(over="raise", under="raise"):
            return formula(*arrays)
    except FloatingPointError:
        pass
    widest = np.result_type(np.longdouble, *arrays)
    with np.errstate(over="ignore", under="ignore"):
        wide: Array = formula(*(array.astype(widest) for array in arrays))
        return wide.astype(np.result_type(*arrays))


def less_row_maxima(x: Array) -> Array:
    """x − max x of each row, (N, C) → (N, C), by real parts; 0 for entries equal to the maximum, even if that is ∞.

    A difference that overflows is −∞, whose exp is 0.
    """
    maxima = row_maxima(x.real)
    try:
        with np.errstate(invalid="raise", over="ignore"):
            return np.subtract(x, maxima)
    except FloatingPointError:
        with np.errstate(invalid="ignore", over="ignore"):
            return np.where(x == maxima, 0, x - maxima).astype(x.dtype)


def aligned(shape: tuple[int, ...], dtype: Any) -> Array:
    """An empty array aligned to a cache line.

    Arithmetic within the cache is up to twice as fast on such arrays as on those of ``np.empty``.
    """
    kind = np.dtype(dtype)
    size = int(np.prod(shape)) * kind.itemsize
    memory = np.empty(size + _CACHE_LINE, np.uint8)
    start = -memory.ctypes.data % _CACHE_LINE
    array: Array = memory[start : start + size].view(kind).reshape(shape)
    return array


def blockwise(formula: Callable[..., None], *arrays: Array, n_out: int = 1, n_scratch: int = 0) -> tuple[Array, ...]:
    """Apply an elementwise formula to ``arrays`` of one shape, block by block.

    ``formula(*outs, *scratch, *arrays)`` gets a block of each; it writes into the ``n_out`` outs and may use the
    ``n_scratch`` scratch arrays. Returns the ``n_out`` new arrays, of the arrays' shape and their common dtype. A
    formula of many steps then reads main memory once, not once per step.
    """
    first, kind = arrays[0], np.result_type(*arrays, 1.0)
    size = BLOCK // kind.itemsize
    if first.size <= size:
        # A single block: skip the overhead.
        whole = [np.empty_like(first, kind) for _ in range(n_out + n_scratch)]
        formula(*whole, *arrays)
        return tuple(whole[:n_out])
    # Sort the axes from outermost to innermost in memory, so that a block is contiguous.
    axes = range(first.ndim) if first.flags.c_contiguous else sorted(range(first.ndim), key=_stride_of(first))
    ordered = [array.transpose(axes) for array in arrays]
    outs = [aligned(ordered[0].shape, kind) for _ in range(n_out)]
    if all(array.flags.c_contiguous for array in ordered):
        scratch = [aligned((size,), kind) for _ in range(n_scratch)]
        flat = [array.reshape(-1) for array in (*outs, *ordered)]
        for start in range(0, first.size, size):
            parts = [array[start : start + size] for array in flat]
            spare = [array[: len(parts[0])] for array in scratch]
            formula(*parts[:n_out], *spare, *parts[n_out:])
    else:
        formula(*outs, *(aligned(ordered[0].shape, kind) for _ in range(n_scratch)), *ordered)
    back = np.argsort(axes)
    return tuple(out.transpose(back) for out in outs)


def _stride_of(array: Array) -> Callable[[int], int]:
    return lambda axis: -abs(array.strides[axis])
