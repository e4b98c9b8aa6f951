"""Arrays: types, checks, blockwise computation, and random streams."""

from __future__ import annotations

import functools
import math
import sys
import zlib
from collections.abc import Callable
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import numpy as np

from mlp_numpy.checks import is_whole, shown
from mlp_numpy.errors import OptionError

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
"""An array of any shape and dtype; docstrings state which."""
_F = TypeVar("_F", bound=Callable[..., Any])

Seed: TypeAlias = int | np.random.Generator | None
"""The type of ``rng`` arguments: a seed, a generator, or None for fresh entropy."""

BLOCK: Final = 1 << 18
"""The block size in bytes per array, so that blocks stay in the cache between passes."""

_FEW: Final = 4
"""The number of blocks up to which an array is computed whole: more calls would take longer than the cache saves."""

_CACHE_LINE: Final = 64
_SHORT: Final = 4096

# The C library of Linux gives the memory of a freed array back to the system, and the next array gets pages that have
# to be zeroed first, until it has seen the free of a larger one: then it keeps twice as much. This one is never written
# to, and costs nothing; a step of a small conv net took 7.9 ms without it and 5.3 with it.
if sys.platform == "linux":
    np.empty(31 << 20, np.uint8)


class Parameter(Protocol):
    """One parameter with its gradient: of a module, or a leaf node of a graph."""

    @property
    def value(self) -> Array:
        """The array."""

    @property
    def grad(self) -> Array:
        """∂L/∂value, of its shape and memory order."""

    def move(self, values: Array, grads: Array) -> None:
        """Move the array and its gradient into two vectors of the array's length, including their values."""


def generator(rng: Seed) -> np.random.Generator:
    """The generator of an ``rng`` argument: itself, or a new one from the seed."""
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is not None and not is_whole(rng, 0):
        raise OptionError(f"rng: must be an integer ≥ 0, a numpy Generator or None, got {shown(rng)}.")
    return np.random.default_rng(rng)


def stream(seed: int, name: str, step: int | None = None) -> np.random.Generator:
    """A named random stream of a seed: the same seed and name always give the same values.

    With a ``step`` ≥ 0, each step of the stream is independent of the others.

    Raises OptionError for a seed or a step that is not an integer ≥ 0.
    """
    for what, value in (("seed", seed), ("step", 0 if step is None else step)):
        if not is_whole(value, 0):
            raise OptionError(f"stream({name!r}): {what} must be an integer ≥ 0, got {shown(value)}.")
    key = zlib.crc32(name.encode())
    # the name is last, since trailing zeros of a seed sequence are ignored: [s, n, 0] equals [s, n]
    return np.random.default_rng([seed, key] if step is None else [seed, step, key])


def one_hot(labels: Array, n_classes: int, dtype: Any = np.float64) -> Array:
    """One-hot encoding of labels: (N,) integers → (N, n_classes)."""
    rows = np.zeros((len(labels), n_classes), dtype=dtype)
    rows[np.arange(len(labels)), labels] = 1
    return rows


def first_outside(labels: Array, n_classes: int) -> int | None:
    """The index of the first label (N,) outside 0 … n_classes − 1, or None."""
    if labels.size == 0:
        return None
    if labels.dtype == np.int64:  # one pass: as an unsigned number, a negative one is large
        unsigned = labels.view(np.uint64)
        if unsigned.item(unsigned.argmax()) < n_classes:
            return None
    elif labels.min() >= 0 and labels.max() < n_classes:
        return None
    return int(np.flatnonzero((labels < 0) | (labels >= n_classes))[0])


def row_maxima(x: Array) -> Array:
    """The maximum of each row: (N, C) → (N, 1).

    Computed by argmax: NumPy's maximum along rows takes three times as long for (200, 10) float32.
    """
    maxima: Array = x.take(entries(x.argmax(axis=1), x.shape[1]))
    return maxima[:, np.newaxis]


def column_sums(rows: Array) -> Array:
    """The sum of each column: (N, C) → (C,). Computed as a product, which is faster than a sum."""
    sums: Array = np.ones(len(rows), rows.dtype) @ rows
    return sums


def entries(columns: Array, n_columns: int) -> Array:
    """The positions in flattened rows (N, C) of one entry per row, (n, columnsₙ): x.take(entries(y, C)) is
    x[np.arange(N), y] in a third of its time.

    ``columns`` are integers (N,) in [0, C), which is not checked.
    """
    at: Array = _row_starts(len(columns), n_columns) + columns.astype(np.intp, casting="same_kind", copy=False)
    return at


@functools.lru_cache(maxsize=4)
def _row_starts(n_rows: int, n_columns: int) -> Array:
    return np.arange(n_rows) * n_columns


@np.errstate(all="ignore")
def _sum_of_squares(vector: Array) -> float:
    return float(vector.dot(vector))


def all_finite(array: Array) -> bool:
    """True if an array contains no NaN and no infinity."""
    # For a short vector, the sum of its squares takes a third of the time; if it overflows, the values are inspected.
    if array.ndim == 1 and array.size < _SHORT and array.dtype.char in "fd" and math.isfinite(_sum_of_squares(array)):
        return True
    return bool(np.isfinite(array).all())


def kept(mask: Array, x: Array, out: Array | None = None) -> Array:
    """``x`` where ``mask`` is True, else 0, even for ∞ and NaN.

    ``mask`` is boolean, of the same shape; ``out`` must be neither of the two. The bits are masked, which is as fast as
    a product with 0 or 1, where 0 · ∞ would be NaN; ``np.where`` takes two to ten times as long.
    """
    if out is None:
        out = np.empty_like(mask, x.dtype)
    kind = _BITS.get(out.dtype)
    if kind is None or x.dtype != out.dtype:
        out[...] = 0
        np.copyto(out, x, where=mask)
        return out
    bits = out.view(kind)
    bits[...] = np.negative(mask.view(np.int8))  # −1, all bits, where True
    np.bitwise_and(bits, x.view(kind), bits)
    return out


def positive_part(out: Array, x: Array) -> None:
    """Write max(0, x) to ``out``, by the real part if complex; a NaN stays one.

    The maximum of two arrays is four times as fast as that of an array and a scalar.
    """
    out[...] = 0
    if x.dtype.kind == "c":
        np.copyto(out, x, where=~(x.real <= 0))
    else:
        np.maximum(x, out, out=out)


def negative_part(out: Array, x: Array) -> None:
    """Write min(0, x) to ``out``, by the real part if complex; a NaN stays one."""
    out[...] = 0
    if x.dtype.kind == "c":
        np.copyto(out, x, where=~(x.real > 0))
    else:
        np.minimum(x, out, out=out)


def magnitude(out: Array, x: Array) -> None:
    """Write x where its real part is positive, else −x, to ``out``: |x|, or its analytic form if complex."""
    if x.dtype.kind == "c":
        np.multiply(x, np.where(x.real > 0, 1, -1), out=out)
    else:
        np.abs(x, out=out)


def one_or(mask: Array, other: float, out: Array) -> Array:
    """Write 1 where ``mask`` is True, else ``other``, to ``out``, by masking bits as in ``kept``."""
    kind = _BITS.get(out.dtype)
    if kind is None:
        out[...] = other
        np.copyto(out, 1, where=mask)
        return out
    change, base = _bits_of_one_and(other, out.dtype)
    bits = out.view(kind)
    bits[...] = np.negative(mask.view(np.int8))
    np.bitwise_and(bits, change, bits)
    np.bitwise_xor(bits, base, bits)
    return out


_BITS: Final[dict[np.dtype[Any], np.dtype[Any]]] = {
    np.dtype(np.float32): np.dtype(np.int32),
    np.dtype(np.float64): np.dtype(np.int64),
}
"""The integers of the same bits, for floats in the order of bytes of this machine."""


@functools.lru_cache
def _bits_of_one_and(other: float, kind: np.dtype[Any]) -> tuple[Array, Array]:
    """The bits in which 1 and another value differ, and the bits of the other."""
    with np.errstate(over="ignore"):  # overflow is ∞
        one, base = (np.array(value, kind).view(_BITS[kind]) for value in (1, other))
    return np.asarray(one ^ base), base


def holds_nan(x: Array) -> bool:
    """True if ``x`` contains a NaN real part, by its maximum."""
    return x.size > 0 and math.isnan(np.maximum.reduce(x.real, axis=None))


def mark_nans(out: Array, x: Array) -> None:
    """Copy the NaN of ``x`` to ``out``, of the same shape, since comparisons select no branch for NaN."""
    if holds_nan(x):
        np.copyto(out, np.nan, where=np.isnan(x.real))


def quiet_products(formula: _F) -> _F:
    """Decorator of a formula with matrix products that suppresses their "invalid value" warnings.

    On some processors and for some sizes, BLAS kernels raise the floating-point flag for unused vector lanes if the
    input contains ∞, although no NaN results; an actual NaN is visible in the result.
    """
    return np.errstate(invalid="ignore")(formula)


def product(a: Array, b: Array | float, out: Array | None = None) -> Array:
    """a ⊙ b with 0 · ±∞ = 0: a slope of 0 blocks an infinity. ``out`` must be neither a nor b.

    As fast as NumPy's product; the floating-point flag indicates 0 · ∞.
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
    """a / b with 0 / 0 = 0: an infinite slope has no effect where the gradient is 0."""
    try:
        with np.errstate(invalid="raise"):
            return np.divide(a, b)
    except FloatingPointError:
        with np.errstate(invalid="ignore"):
            return np.where((a == 0) & (b == 0), 0, np.divide(a, b))


def within_range(formula: Callable[..., Array], *arrays: Array) -> Array:
    """``formula(*arrays)``, recomputed in NumPy's widest dtype if an intermediate result overflows or underflows.

    So a result that is representable in the arrays' dtype is not lost to an intermediate that is not.
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
    """x − max x of each row, (N, C) → (N, C), compared by real parts: 0 for values equal to the maximum, also ∞.

    A difference that overflows is −∞, whose exp is 0.
    """
    maxima = row_maxima(x.real)
    try:
        with np.errstate(invalid="raise", over="ignore"):
            return np.subtract(x, maxima)
    except FloatingPointError:
        with np.errstate(invalid="ignore", over="ignore"):
            return np.where(x == maxima, 0, x - maxima).astype(x.dtype)


def probability_floor(x: Array) -> Any:
    """The lower bound of probabilities in logarithms: 1/floor times anything up to 1/ε is finite."""
    limits = np.finfo(x.dtype)
    return limits.tiny / limits.eps


def floored(p: Array) -> Array:
    """``p`` in place, with 0 for probabilities below ``probability_floor``, for the products of a backward.

    Their products with other small numbers would be subnormal, which takes matrix products up to 70 times as long.
    """
    p *= p.real >= probability_floor(p)
    return p


def aligned(shape: tuple[int, ...], dtype: Any) -> Array:
    """An empty array aligned to a cache line.

    Arithmetic in the cache is up to twice as fast as on arrays of ``np.empty``.
    """
    kind = np.dtype(dtype)
    size = int(np.prod(shape)) * kind.itemsize
    memory = np.empty(size + _CACHE_LINE, np.uint8)
    start = -memory.ctypes.data % _CACHE_LINE
    array: Array = memory[start : start + size].view(kind).reshape(shape)
    return array


def blockwise(formula: Callable[..., None], *arrays: Array, n_out: int = 1, n_scratch: int = 0) -> tuple[Array, ...]:
    """Apply an elementwise formula to ``arrays`` of one shape, block by block.

    ``formula(*outs, *scratch, *arrays)`` gets a block of each and writes to the first ``n_out``; the next ``n_scratch``
    are workspace. Returns the ``n_out`` new arrays, of the arrays' shape and common dtype. A formula of many steps then
    passes through memory once instead of once per step.
    """
    first = arrays[0]
    kind = first.dtype if len(arrays) == 1 and first.dtype.kind in "fc" else np.result_type(*arrays, 1.0)
    size = BLOCK // kind.itemsize
    if first.size <= _FEW * size:
        # One block: no further overhead.
        whole = [np.empty_like(first, kind) for _ in range(n_out + n_scratch)]
        formula(*whole, *arrays)
        return tuple(whole[:n_out])
    # Axes in memory order, outermost first, so that a block is contiguous.
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


def row_blocks(rows: Array) -> list[slice]:
    """Slices of the rows (N, …), of a megabyte or one row each."""
    size = max(1, _FEW * BLOCK // max(1, rows[:1].nbytes))
    return [slice(start, start + size) for start in range(0, len(rows), size)]


def _stride_of(array: Array) -> Callable[[int], int]:
    return lambda axis: -abs(array.strides[axis])
