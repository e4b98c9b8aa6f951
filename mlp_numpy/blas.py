"""One vector operation that NumPy does not offer: ``y ← y + a·x`` in one pass over memory (BLAS level 1, "axpy").

NumPy needs two passes and a temporary for it, which on 2.4 million float32 parameters takes three to five times as
long. The library that NumPy has already loaded for its matrix products has the operation, so it is called there, with
the same threads. (SciPy would offer it as well, from a second copy of the library with threads of its own; the two
pools then wait for each other, and a training step of 1.5 ms became one of 8 ms.) Where the library or its function
is not found, two NumPy passes over blocks that stay in the cache do the same.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import threadpoolctl

from mlp_numpy.arrays import Array

_BLOCK: Final = 65536
_Axpy = Callable[[int, float, int, int, int, int], None]
_LETTERS: Final[dict[str, tuple[np.dtype[Any], Any]]] = {
    "s": (np.dtype(np.float32), ctypes.c_float),
    "d": (np.dtype(np.float64), ctypes.c_double),
}
# The names under which NumPy's builds know the function, with the width of the whole numbers it takes.
_NAMES: Final[tuple[tuple[str, Any], ...]] = (
    ("scipy_cblas_{}axpy64_", ctypes.c_int64),
    ("cblas_{}axpy64_", ctypes.c_int64),
    ("scipy_cblas_{}axpy", ctypes.c_int32),
    ("cblas_{}axpy", ctypes.c_int32),
)


def axpy(a: float, x: Array, y: Array) -> None:
    """``y ← y + a·x``, in place, for two vectors of one length and one floating type."""
    routine = _ROUTINES.get(y.dtype)
    if routine is not None and x.dtype == y.dtype and x.flags.c_contiguous and y.flags.c_contiguous:
        routine(y.size, a, x.ctypes.data, 1, y.ctypes.data, 1)
    else:
        _axpy_in_blocks(a, x, y)


def _axpy_in_blocks(a: float, x: Array, y: Array) -> None:
    scratch = np.empty(min(_BLOCK, y.size), dtype=y.dtype)
    for start in range(0, y.size, _BLOCK):
        part = y[start : start + _BLOCK]
        step = np.multiply(x[start : start + _BLOCK], a, out=scratch[: part.size])
        np.add(part, step, out=part)


def _numpy_blas() -> str | None:
    """The file of the BLAS that NumPy itself uses; None where it cannot be told apart from another one."""
    libraries = [info["filepath"] for info in threadpoolctl.threadpool_info() if info["user_api"] == "blas"]
    own = [path for path in libraries if is_numpys(path)]
    return own[0] if own else libraries[0] if len(libraries) == 1 else None


def is_numpys(library: str) -> bool:
    """Whether a shared library is one that NumPy brought along: below its own folder, or ``numpy.libs`` beside it."""
    package = Path(np.__file__).parent
    folders = Path(library).parents
    return package in folders or package.with_name("numpy.libs") in folders


def _bind(library: ctypes.CDLL, letter: str) -> _Axpy | None:
    dtype, c_float = _LETTERS[letter]
    for name, c_int in _NAMES:
        routine: Any = getattr(library, name.format(letter), None)
        if routine is None:
            continue
        routine.argtypes = [c_int, c_float, ctypes.c_void_p, c_int, ctypes.c_void_p, c_int]
        routine.restype = None
        # Believed only after it has proven itself: another calling convention would show here.
        x, y = np.arange(1, 6, dtype=dtype), np.full(5, 0.5, dtype=dtype)
        routine(5, 2.0, x.ctypes.data, 1, y.ctypes.data, 1)
        if np.array_equal(y, 2 * x + np.asarray(0.5, dtype)):
            bound: _Axpy = routine
            return bound
    return None


def _find_routines() -> dict[np.dtype[Any], _Axpy]:
    path = _numpy_blas()
    if path is None:
        return {}
    try:
        library = ctypes.CDLL(path)
    except OSError:
        return {}
    bound = {dtype: _bind(library, letter) for letter, (dtype, _) in _LETTERS.items()}
    return {dtype: routine for dtype, routine in bound.items() if routine is not None}


_ROUTINES: Final = _find_routines()
