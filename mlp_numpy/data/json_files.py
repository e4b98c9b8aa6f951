"""Strict JSON parsing: strings, files, and validation of the content.

Python's parser accepts invalid JSON (NaN, duplicate names), converts large numbers to infinity, and raises various
exceptions for deep nesting or too many digits. Here every failure is a DataError that names the file.
"""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from mlp_numpy.checks import LARGEST, shown
from mlp_numpy.data.reading import check_regular, said
from mlp_numpy.errors import DataError, DataNotFoundError, MlpNumpyError, unreadable

_MOST_LISTS: Final = 500_000


def read_json(who: str, path: Path, wanted: str) -> Any:
    """Read a JSON file. ``who`` and ``wanted``, such as "a history that a run wrote", are used in error messages.

    Raises DataNotFoundError if the file does not exist, DataError if it is unreadable or not valid JSON.
    """
    check_regular(who, path)
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise DataNotFoundError(f"{who}: there must be {wanted} at {path}, found none.") from error
    except OSError as error:
        raise unreadable(who, path, error) from error
    with understood(who, f"{path} must be {wanted}"):
        return parsed_json(content)


@contextlib.contextmanager
def understood(who: str, wanted: str) -> Iterator[None]:
    """Convert every exception inside the context to a DataError: ``who: wanted, got ….``

    For validating the content of a file, which may be arbitrary.
    """
    try:
        yield
    except Exception as error:
        found = said(error) if isinstance(error, MlpNumpyError) else _named(error)
        raise DataError(f"{who}: {wanted}, got {found}.") from error


def _named(error: Exception) -> str:
    try:
        text = " ".join(repr(error).split())
    except Exception:  # an integer with more digits than Python converts
        text = type(error).__name__
    return text if len(text) <= 200 else f"{text[:197]}..."


def parsed_json(content: bytes | str) -> Any:
    """Parse a JSON string. Raises ValueError or RecursionError if it is invalid.

    Also refused: NaN, infinities, numbers that overflow to one, duplicate names, and more lists and objects than any
    file of the library has (an empty list is two characters and takes 56 bytes of memory).
    """
    text = content.decode("utf-8") if isinstance(content, bytes) else content
    if text.count("[") + text.count("{") > _MOST_LISTS:
        raise ValueError(f"more than {_MOST_LISTS:,} lists and objects")
    return json.loads(text, parse_constant=_constant, parse_float=_float, object_pairs_hook=_object)


def _constant(name: str) -> float:
    raise ValueError(f"{name}, which JSON has not")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:20]}, a number too large")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("one name twice in an object")
    return found


# Each returns the value or raises ValueError or TypeError, which ``understood`` converts to DataError.


def text_of(name: str, value: Any) -> str:
    """A printable string: JSON may contain lone surrogates, which cannot be encoded."""
    if not isinstance(value, str) or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise TypeError(f"{name} {shown(value)}, which is no text")
    return value


def number_of(name: str, value: Any) -> float:
    """A number; NaN for null, which encodes values that are not finite."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} {shown(value)}, which is no number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name} {shown(value)}, a number too large") from None


def count_of(name: str, value: Any) -> int:
    """An integer ≥ 0."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= LARGEST:
        raise ValueError(f"{name} {shown(value)}, which is not an integer ≥ 0")
    return value


def object_of(name: str, value: Any) -> dict[str, Any]:
    """A JSON object."""
    if not isinstance(value, dict):
        raise TypeError(f"{name} {shown(value)}, which is no object")
    return value


def list_of(name: str, value: Any) -> list[Any]:
    """A list."""
    if not isinstance(value, list):
        raise TypeError(f"{name} {shown(value)}, which is no list")
    return value
