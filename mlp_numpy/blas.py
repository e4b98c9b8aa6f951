"""NumPy's BLAS: its threads, and three operations that NumPy lacks, each in one pass over memory: for vectors
``y ← y + a·x`` and ``y ← b·y + a·x`` (BLAS level 1, "axpy", and its extension "axpby"), for matrices ``C ← C + A B``
(level 3, "gemm").

For vectors NumPy needs two or three passes and a temporary, which on 2.4 million float32 parameters takes three to five
times as long. The BLAS that NumPy has loaded provides all three, so it is called directly: "axpy" with the same
threads, "axpby" on the caller's thread, "gemm" as NumPy's own products are. (SciPy has them too, but from a second copy
of the library with its own threads; the two pools then wait for each other, and a training step of 1.5 ms took 8 ms.)
If the library or its function is not found, NumPy operations are used instead.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import threadpoolctl

from mlp_numpy.arrays import Array

_BLOCK: Final = 65536
_ROWS, _AS_IT_IS, _TRANSPOSED = 101, 111, 112  # of enumerations of the C interface
_Routine = Callable[..., None]
_LETTERS: Final[dict[str, tuple[np.dtype[Any], Any]]] = {
    "s": (np.dtype(np.float32), ctypes.c_float),
    "d": (np.dtype(np.float64), ctypes.c_double),
}
# The symbol names of a function in NumPy's builds, with the width of its integers.
_NAMES: Final[tuple[tuple[str, Any], ...]] = (
    ("scipy_cblas_{}64_", ctypes.c_int64),
    ("cblas_{}64_", ctypes.c_int64),
    ("scipy_cblas_{}", ctypes.c_int32),
    ("cblas_{}", ctypes.c_int32),
)


def axpy(a: float, x: Array, y: Array) -> None:
    """``y ← y + a·x``, in place, for two vectors of one length and one floating type."""
    routine = _routine("axpy", x, y)
    if routine is not None:
        routine(y.size, a, _address(x), 1, _address(y), 1)
    else:
        _add_in_blocks(a, x, y)


def axpby(a: float, x: Array, b: float, y: Array) -> None:
    """``y ← b·y + a·x``, in place, for two vectors of one length and one floating type."""
    routine = _routine("axpby", x, y)
    if routine is not None:
        routine(y.size, a, _address(x), 1, b, _address(y), 1)
    else:
        np.multiply(y, b, out=y)
        _add_in_blocks(a, x, y)


def add_product(a: Array, b: Array, out: Array) -> None:
    """``out ← out + a b``, in place, for matrices (M, K), (K, N) and (M, N); ``a`` and ``b`` may be transposed."""
    routine = _ROUTINES.get(("gemm", out.dtype)) if a.dtype == b.dtype == out.dtype and out.size and b.size else None
    layouts = [_layout(matrix) for matrix in (a, b, out)]
    if routine is None or None in layouts or layouts[2][0] != _AS_IT_IS:
        out += a @ b
        return
    (of_a, a_step), (of_b, b_step), (_, out_step) = layouts
    first, second, result = a.ctypes.data, b.ctypes.data, out.ctypes.data
    routine(_ROWS, of_a, of_b, *out.shape, len(b), 1.0, first, a_step, second, b_step, 1.0, result, out_step)


def _layout(matrix: Array) -> Any:
    """How BLAS sees a matrix: whether its rows or its columns are contiguous, and the distance of two of them in
    elements; None for other matrices."""
    (height, width), (down, right), size = matrix.shape, matrix.strides, matrix.itemsize
    for order, n, length, step, inner in (
        (_AS_IT_IS, height, width, down, right),
        (_TRANSPOSED, width, height, right, down),
    ):
        # The stride of an axis with one entry has no meaning.
        step = length * size if n == 1 else step
        if (inner == size or length == 1) and step % size == 0 and step >= length * size:
            return order, step // size
    return None


@contextmanager
def one_thread() -> Iterator[None]:
    """Context in which NumPy's BLAS computes each product in the thread that asks for it.

    The number of threads belongs to the whole process: the first to enter sets it, the last to leave restores it.
    """
    mine = False
    try:
        with _SINGLE.lock:
            _SINGLE.entered += 1
            mine = True  # no handler of a signal runs in between
            if _SINGLE.entered == 1:
                _SINGLE.before = _SINGLE.before or [(pool, pool.get_num_threads()) for pool in _pools()]
                for pool, _ in _SINGLE.before:
                    pool.set_num_threads(1)
        yield
    finally:
        with _SINGLE.lock:
            _SINGLE.entered -= mine
            if mine and _SINGLE.entered == 0:
                for pool, n_threads in _SINGLE.before:
                    pool.set_num_threads(n_threads)
                _SINGLE.before = []  # until then, what is not restored yet is known


class _Single:
    """Who asks for one thread at present, and the numbers of threads before."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.entered = 0
        self.before: list[tuple[Any, int]] = []


_SINGLE: Final = _Single()


@functools.cache
def _pools() -> list[Any]:
    """threadpoolctl's controllers of the BLAS that NumPy has loaded."""
    found = threadpoolctl.ThreadpoolController().lib_controllers
    return [pool for pool in found if pool.user_api == "blas" and pool.filepath == _numpy_blas()]


def _address(array: Array) -> int:
    """The address of an array's data; a quarter of the time of ``array.ctypes.data``, which makes three objects."""
    try:
        return ctypes.addressof(_char_at(array))
    except (TypeError, ValueError, BufferError):  # read-only, or empty
        return int(array.ctypes.data)


def _routine(operation: str, x: Array, y: Array) -> _Routine | None:
    """The library's function for two such vectors, if any."""
    if x.dtype != y.dtype or not (x.flags.c_contiguous and y.flags.c_contiguous):
        return None
    return _ROUTINES.get((operation, y.dtype))


def _add_in_blocks(a: float, x: Array, y: Array) -> None:
    scratch = np.empty(min(_BLOCK, y.size), dtype=y.dtype)
    for start in range(0, y.size, _BLOCK):
        part = y[start : start + _BLOCK]
        step = np.multiply(x[start : start + _BLOCK], a, out=scratch[: part.size])
        np.add(part, step, out=part)


def _numpy_blas() -> str | None:
    """The file of the BLAS used by NumPy; None if it is ambiguous."""
    libraries = [info["filepath"] for info in threadpoolctl.threadpool_info() if info["user_api"] == "blas"]
    own = [path for path in libraries if is_numpys(path)]
    return own[0] if own else libraries[0] if len(libraries) == 1 else None


def is_numpys(library: str) -> bool:
    """True if a shared library is bundled with NumPy: below its folder, or in ``numpy.libs``."""
    package = Path(np.__file__).parent
    folders = Path(library).parents
    return package in folders or package.with_name("numpy.libs") in folders


def _bind(library: ctypes.CDLL, letter: str, operation: str) -> _Routine | None:
    dtype, c_float = _LETTERS[letter]
    for name, c_int in _NAMES:
        routine: Any = getattr(library, name.format(letter + operation), None)
        if routine is None:
            continue
        vector, order = [ctypes.c_void_p, c_int], [ctypes.c_int] * 3
        routine.argtypes = {
            "axpy": [c_int, c_float, *vector, *vector],
            "axpby": [c_int, c_float, *vector, c_float, *vector],
            "gemm": [*order, c_int, c_int, c_int, c_float, *vector, *vector, c_float, *vector],
        }[operation]
        routine.restype = None
        # Tested before use, to detect another calling convention.
        if (_multiplies if operation == "gemm" else _adds)(routine, dtype, operation):
            bound: _Routine = routine
            return bound
    return None


def _adds(routine: _Routine, dtype: Any, operation: str) -> bool:
    x, y = np.arange(1, 6, dtype=dtype), np.full(5, 0.5, dtype=dtype)
    b = [3.0] if operation == "axpby" else []
    routine(5, 2.0, x.ctypes.data, 1, *b, y.ctypes.data, 1)
    return np.array_equal(y, 2 * x + np.asarray(0.5 * sum(b or [1.0]), dtype))


def _multiplies(routine: _Routine, dtype: Any, operation: str) -> bool:
    a, b, out = (
        np.arange(size, dtype=dtype).reshape(shape) for size, shape in ((6, (3, 2)), (15, (3, 5)), (10, (2, 5)))
    )
    expected = out[:, :4] + a.T @ b[:, :4]
    first, second, result = (matrix.ctypes.data for matrix in (a, b, out))
    routine(_ROWS, _TRANSPOSED, _AS_IT_IS, 2, 4, 3, 1.0, first, 2, second, 5, 1.0, result, 5)
    return np.array_equal(out, np.column_stack([expected, np.asarray([4, 9], dtype)]))


def _find_routines() -> dict[tuple[str, np.dtype[Any]], _Routine]:
    path = _numpy_blas()
    if path is None:
        return {}
    try:
        library = ctypes.CDLL(path)
    except OSError:
        return {}
    bound = {
        (operation, dtype): _bind(library, letter, operation)
        for operation in ("axpy", "axpby", "gemm")
        for letter, (dtype, _) in _LETTERS.items()
    }
    return {key: routine for key, routine in bound.items() if routine is not None}


_ROUTINES: Final = _find_routines()
_char_at: Final[Callable[[Any], ctypes.c_char]] = ctypes.c_char.from_buffer
