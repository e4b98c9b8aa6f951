"""Arrays: their type, the questions every room asks about them, and where random numbers come from."""

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
_F = TypeVar("_F", bound=Callable[..., Any])
"""An array of any shape and kind of number; docstrings say which."""

Seed: TypeAlias = int | np.random.Generator | None
"""What every random choice takes: a seed, a generator to draw on, or None for fresh entropy."""

BLOCK: Final = 1 << 18
"""So many bytes of each array are worked on at a time: the passes over them meet them in the processor's cache."""

_CACHE_LINE: Final = 64


class Parameter(Protocol):
    """One learned array with its gradient: a parameter of a module, or a leaf node of a graph."""

    @property
    def value(self) -> Array:
        """The array."""

    @property
    def grad(self) -> Array:
        """∂L/∂value, of its shape and memory order."""

    def move(self, values: Array, grads: Array) -> None:
        """Let two vectors of the array's length hold it and its gradient from now on; the numbers go with them."""


def generator(rng: Seed) -> np.random.Generator:
    """The generator that a ``rng`` argument means: itself, or a new one below the seed."""
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is not None and not is_whole(rng, 0):
        raise OptionError(f"rng: must be an integer ≥ 0, a numpy Generator or None, got {shown(rng)}.")
    return np.random.default_rng(rng)


def stream(seed: int, name: str, step: int | None = None) -> np.random.Generator:
    """A named stream of random numbers below one seed: the same seed and name give the same numbers, always.

    With a ``step`` ≥ 0, each step of the stream has numbers of its own, which no other step need be drawn for.

    Raises OptionError for a seed or a step that is not an integer ≥ 0.
    """
    for what, value in (("seed", seed), ("step", 0 if step is None else step)):
        if not is_whole(value, 0):
            raise OptionError(f"stream({name!r}): {what} must be an integer ≥ 0, got {shown(value)}.")
    key = zlib.crc32(name.encode())
    # the name stands last, as zeros at the end of a seed sequence count for nothing: [s, n, 0] would be [s, n]
    return np.random.default_rng([seed, key] if step is None else [seed, step, key])


def one_hot(labels: Array, n_classes: int, dtype: Any = np.float64) -> Array:
    """Rows of zeros with a one at each label: (N,) integers → (N, n_classes)."""
    rows = np.zeros((len(labels), n_classes), dtype=dtype)
    rows[np.arange(len(labels)), labels] = 1
    return rows


def first_outside(labels: Array, n_classes: int) -> int | None:
    """The first row of labels (N,) that names none of the classes 0 … n_classes − 1, or None if all name one."""
    if labels.size == 0 or (labels.min() >= 0 and labels.max() < n_classes):
        return None
    return int(np.flatnonzero((labels < 0) | (labels >= n_classes))[0])


def row_maxima(x: Array) -> Array:
    """The largest number of each row: (N, C) → (N, 1).

    Its place is found first: NumPy's own maximum along the rows takes three times as long for (200, 10) float32.
    """
    maxima: Array = x[np.arange(len(x)), x.argmax(axis=1)]
    return maxima[:, np.newaxis]


def all_finite(array: Array) -> bool:
    """Whether an array holds no NaN and no infinity."""
    return bool(np.isfinite(array).all())


def kept(mask: Array, x: Array, out: Array | None = None) -> Array:
    """``x`` where ``mask`` is True, else 0: what is not chosen does not count, not even ∞ or NaN.

    ``mask`` holds booleans, one a number; ``out`` is neither of the two. The bits are masked, which takes as long as a
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
    """Write 1 where ``mask`` is True, else the number ``other``, into ``out``, by their bits as ``kept`` does."""
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
    """The bits in which 1 and another number differ, and those of the other."""
    with np.errstate(over="ignore"):  # a number beyond the range is ∞
        one, base = (np.array(value, kind).view(_BITS[kind]) for value in (1, other))
    return np.asarray(one ^ base), base


def holds_nan(x: Array) -> bool:
    """Whether the real part of a number of ``x`` is NaN, as their maximum then is."""
    return x.size > 0 and math.isnan(np.maximum.reduce(x.real, axis=None))


def mark_nans(out: Array, x: Array) -> None:
    """Make NaN in ``out`` what is NaN in ``x``, of the same shape: no comparison chooses a branch for it."""
    if holds_nan(x):
        np.copyto(out, np.nan, where=np.isnan(x.real))


def quiet_products(formula: _F) -> _F:
    """Decorator of a formula with matrix products: their "invalid value" warnings are not shown.

    The vector kernels of a BLAS compute lanes that they then throw away. Of an ∞ there they raise the processor's flag
    though no NaN comes out, on some processors and for some sizes; a NaN that does come out is seen in the result.
    """
    return np.errstate(invalid="ignore")(formula)


def product(a: Array, b: Array | float, out: Array | None = None) -> Array:
    """a ⊙ b, in which 0 · ±∞ is 0: a slope of 0 does not let an infinity through. ``out`` is neither a nor b.

    It is NumPy's product, and as quick; the processor itself tells when a 0 has met an ∞.
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
    """a / b, in which 0 / 0 is 0: where nothing is wanted of it, a slope without bound does not count."""
    try:
        with np.errstate(invalid="raise"):
            return np.divide(a, b)
    except FloatingPointError:
        with np.errstate(invalid="ignore"):
            return np.where((a == 0) & (b == 0), 0, np.divide(a, b))


def within_range(formula: Callable[..., Array], *arrays: Array) -> Array:
    """``formula(*arrays)``, computed again in NumPy's widest numbers if one of its steps leaves the range.

    So a result that the arrays' own kind of number holds is not lost to an intermediate that it does not hold.
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
    """x − max x of each row, (N, C) → (N, C), real parts deciding: 0 for what equals its row's maximum, ∞ too.

    A difference beyond the range is −∞, which exp takes to 0.
    """
    maxima = row_maxima(x.real)
    try:
        with np.errstate(invalid="raise", over="ignore"):
            return np.subtract(x, maxima)
    except FloatingPointError:
        with np.errstate(invalid="ignore", over="ignore"):
            return np.where(x == maxima, 0, x - maxima).astype(x.dtype)


def aligned(shape: tuple[int, ...], dtype: Any) -> Array:
    """An empty array that begins with a line of the cache, where vectors of numbers are read and written whole.

    Arithmetic in the cache is up to twice as quick on such arrays as on those of ``np.empty``.
    """
    kind = np.dtype(dtype)
    size = int(np.prod(shape)) * kind.itemsize
    memory = np.empty(size + _CACHE_LINE, np.uint8)
    start = -memory.ctypes.data % _CACHE_LINE
    array: Array = memory[start : start + size].view(kind).reshape(shape)
    return array


def blockwise(formula: Callable[..., None], *arrays: Array, n_out: int = 1, n_scratch: int = 0) -> tuple[Array, ...]:
    """Apply a formula of each number by itself to ``arrays`` of one shape, block by block.

    ``formula(*outs, *scratch, *arrays)`` is handed a block of each and writes into the first ``n_out``; the next
    ``n_scratch`` are its to use. Returns the ``n_out`` new arrays, of the shape of the arrays and of a kind of number
    that holds theirs. A formula of many steps then goes through the memory once and not once a step.
    """
    first, kind = arrays[0], np.result_type(*arrays, 1.0)
    size = BLOCK // kind.itemsize
    if first.size <= size:
        # One block, and no time to lose: nothing but the arrays.
        whole = [np.empty_like(first, kind) for _ in range(n_out + n_scratch)]
        formula(*whole, *arrays)
        return tuple(whole[:n_out])
    # From the outermost axis in memory to the innermost, so that a block is a piece of memory.
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
