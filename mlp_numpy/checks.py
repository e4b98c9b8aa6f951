"""Argument checks: one function per kind of setting, used by every constructor, with uniform error messages.

NumPy's scalars are accepted as numbers like Python's, bools are not, and anything else (None, strings, arrays) raises
an OptionError that names the argument. Each check returns the converted value.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterable
from typing import Any, Final, NamedTuple, TypeVar

import numpy as np

from mlp_numpy.errors import DTypeError, OptionError, unknown_name

Kind = TypeVar("Kind")

LARGEST: Final = 2**63 - 1
"""The largest size or count that an array index can hold."""


class Bounds(NamedTuple):
    """An interval from ``low`` to ``high``, with open or closed ends, and its description for error messages."""

    words: str
    low: float
    high: float
    low_included: bool = False
    high_included: bool = False

    def hold(self, value: float) -> bool:
        """True if ``value`` lies within; False for NaN."""
        above = value >= self.low if self.low_included else value > self.low
        return above and (value <= self.high if self.high_included else value < self.high)


FINITE: Final = Bounds("a finite number", -math.inf, math.inf)
POSITIVE: Final = Bounds("a number > 0", 0, math.inf)
NOT_NEGATIVE: Final = Bounds("a number ≥ 0", 0, math.inf, low_included=True)
FRACTION: Final = Bounds("a number in [0, 1)", 0, 1, low_included=True)
OPEN_FRACTION: Final = Bounds("a number in (0, 1)", 0, 1)
PROBABILITY: Final = Bounds("a number in [0, 1]", 0, 1, low_included=True, high_included=True)


def number(who: str, name: str, value: Any, bounds: Bounds = FINITE) -> float:
    """``value`` as a float; raises OptionError if it is not a real number within ``bounds``."""
    try:
        result = float(value) if isinstance(value, float | np.floating) or is_whole(value) else math.nan
    except OverflowError:  # a Python integer of more than 308 digits
        result = math.nan
    if not bounds.hold(result):
        raise OptionError(f"{who}: {name} must be {bounds.words}, got {shown(value)}.")
    return result


def whole_number(who: str, name: str, value: Any, least: int = 1, most: int = LARGEST) -> int:
    """``value`` as an int; raises OptionError if it is not an integer from ``least`` to ``most``."""
    if not (is_whole(value) and least <= value <= most):
        bounds = f"≥ {least}" if most == LARGEST else f"from {least} to {most}"
        if most == LARGEST and is_whole(value) and value > most:
            bounds += f" and at most {most}"
        raise OptionError(f"{who}: {name} must be an integer {bounds}, got {shown(value)}.")
    return int(value)


def is_whole(value: Any, least: float = -math.inf) -> bool:
    """True if a value is an integer ≥ ``least``, Python's or NumPy's, but not a bool or timedelta64."""
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool | np.timedelta64)
    return whole and bool(value >= least)


def sizes(who: str, name: str, value: Any) -> tuple[int, ...]:
    """``value``, a list of integers ≥ 1, as a tuple of ints; raises OptionError for anything else."""
    if not isinstance(value, list | tuple | np.ndarray) or (isinstance(value, np.ndarray) and not value.ndim):
        raise OptionError(f"{who}: {name} must be a list of integers, got {shown(value)}.")
    return tuple(whole_number(who, f"{name}[{i}]", size) for i, size in enumerate(value))


def allocatable(who: str, shape: tuple[int, ...], dtype: Any = np.float64) -> tuple[int, ...]:
    """Return ``shape``; raises OptionError if its size in bytes exceeds the memory of the machine."""
    n_bytes, most = math.prod(shape) * np.dtype(dtype).itemsize, _memory()
    if n_bytes > most:
        raise OptionError(f"{who}: an array of {shape} must have at most {most} bytes, the memory, got {n_bytes}.")
    return shape


@functools.cache
def _memory() -> int:
    """The bytes of memory of this machine, or LARGEST if the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return LARGEST


def plain_array(who: str, name: str, value: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """``value`` as an array; raises DTypeError if it is not one, or is masked, since masks would be lost silently."""
    if type(value) is np.ndarray:
        return value
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise DTypeError(f"{who}: {name} must be a plain array, got a masked one. Hint: fill it, or weigh its rows.")
    try:
        return np.asarray(value)
    except Exception as error:  # rows of different lengths, or any exception of a foreign __array__
        raise DTypeError(f"{who}: {name} must be an array of numbers, got {shown(value)}: {error}.") from error


def numbers(who: str, name: str, value: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """``value`` as a real, complex, integer or bool array; float16 is converted to float32.

    Raises DTypeError for anything but a numeric array, and for a masked array, whose mask would be lost silently.
    """
    array = plain_array(who, name, value)
    if array.dtype.kind not in "fciub":
        raise DTypeError(f"{who}: {name} must hold numbers, got {array.dtype}.")
    return array.astype(np.float32) if array.dtype == np.float16 else array


def flag(who: str, name: str, value: Any) -> bool:
    """``value`` as a bool; raises OptionError if it is neither True nor False."""
    if not isinstance(value, bool | np.bool_):
        raise OptionError(f"{who}: {name} must be True or False, got {shown(value)}.")
    return bool(value)


def choice(who: str, name: str, value: Any, known: Iterable[str]) -> str:
    """Return ``value``; raises OptionError if it is not one of the ``known`` strings."""
    known = list(known)
    if not isinstance(value, str):
        raise OptionError(f"{who}: {name} must be one of {', '.join(known)}, got {shown(value)}.")
    if value not in known:
        raise OptionError(f"{who}: {unknown_name(name, value, known)}")
    return value


def instance(who: str, name: str, value: Any, kind: type[Kind]) -> Kind:
    """Return ``value``; raises OptionError if it is not an instance of ``kind``."""
    if not isinstance(value, kind):
        raise OptionError(f"{who}: {name} must be a {kind.__name__}, got {shown(value)}.")
    return value


def float_dtype(who: str, dtype: Any) -> np.dtype[Any]:
    """``dtype`` as a NumPy dtype in native byte order; raises DTypeError if it is unsupported for computations.

    Supported are real and complex dtypes of at least 32 bits per part: in float16 the small constants of the formulas
    underflow (1e-8 is 0), so that Adam divides 0 by 0.
    """
    try:
        # NumPy accepts any object with a dtype, such as an array, as the name of that dtype
        known = np.dtype(dtype) if isinstance(dtype, str | type | np.dtype) else None
    except (TypeError, ValueError, DeprecationWarning):  # a deprecated name, if warnings are errors
        known = None
    if known is None or known.kind not in "fc":
        raise DTypeError(f"{who}: dtype must be a kind of real or complex numbers, got {shown(dtype)}. Hint: float32.")
    if known.itemsize < 4:
        raise DTypeError(
            f"{who}: dtype must have at least 32 bits, got {known}, in which small constants such as 1e-8 are 0. "
            "Hint: float32 for computing; float16 arrays are taken as data."
        )
    native: np.dtype[Any] = known.newbyteorder("=")
    return native


def shown(value: Any) -> str:
    """``value`` formatted for an error message, shortened to one line."""
    try:
        text = repr(value)
    except Exception:  # a foreign __repr__, or an integer with more digits than Python converts
        text = f"a {type(value).__name__}"
    text = " ".join(text.split())
    return text if len(text) <= 80 else f"{text[:77]}..."
