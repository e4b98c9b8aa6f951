"""Named arrays and their metadata as a safetensors file, which other programs can read.

safetensors itself detects damage in the header only, not in the arrays. So the metadata hold, next to a JSON string
under ``about``, the SHA-256 of all content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.atomic_io import written_whole
from mlp_numpy.data.reading import as_path, said
from mlp_numpy.errors import DataError, ExtraMissingError
from mlp_numpy.exchange.archive import parsed, read_bytes

SUFFIX: Final = ".safetensors"
"""File name suffix."""

_LENGTH: Final = 8
"""Bytes of the header length at the start of the file."""
_LONGEST_HEADER: Final = 4_000_000
_MOST_ARRAYS: Final = 10_000


def write_safetensors(path: Path, arrays: Mapping[str, Array], about: Mapping[str, Any]) -> None:
    """Write a file atomically.

    Raises ExtraMissingError without the library, OSError if it cannot be written.
    """
    library = _library("write_safetensors", path)
    # The library writes raw memory: arrays in another memory order would come back with wrong values.
    plain = {name: np.asarray(array, order="C") for name, array in arrays.items()}
    text = json.dumps(about, ensure_ascii=False)
    content: bytes = library.save(plain, {"about": text, "sha256": _digest(plain, text)})
    with written_whole(path) as file:
        file.write(content)


def read_safetensors(who: str, path: Any, kind: str) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays of a file of ``write_safetensors`` and its metadata. ``who`` and ``kind`` name the caller and the file
    type in errors.

    Raises ExtraMissingError without the library, DataNotFoundError if the file is missing, DataError if it is
    unreadable, truncated, damaged or of another type, OptionError if ``path`` is not a path.
    """
    arrays, known = read_tensors(who, path, kind)
    try:
        if known["sha256"] != _digest(arrays, known["about"]):
            raise ValueError("the digest inside does not fit the content")
        about = parsed(known["about"])
    except Exception as error:  # a foreign file can raise anything
        raise DataError(
            f"{who}: {path} must be a {kind} that export wrote, whole and undamaged, got {said(error)}. "
            "Hint: export it again."
        ) from error
    return arrays, about


def read_tensors(who: str, path: Any, kind: str) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays of any safetensors file, in the order of its header, and its metadata; raises as
    ``read_safetensors``."""
    path = as_path(who, path)
    library = _library(who, path)
    content = read_bytes(who, path, kind)
    try:
        length = int.from_bytes(content[:_LENGTH], "little")
        if length > min(len(content) - _LENGTH, _LONGEST_HEADER):
            raise ValueError(f"a header of {length:,} bytes in a file of {len(content):,}")
        header = parsed(content[_LENGTH : _LENGTH + length].decode())
        if len(header) > _MOST_ARRAYS:
            raise ValueError(f"more than {_MOST_ARRAYS:,} arrays in it")
        arrays: dict[str, Array] = library.load(content)
        known = header.pop("__metadata__", None) or {}
        return {name: arrays[name] for name in header}, known
    except Exception as error:  # a foreign file can raise anything
        raise DataError(
            f"{who}: {path} must be a {kind}, whole and undamaged, got {said(error)}. Hint: save it again."
        ) from error


def _digest(arrays: Mapping[str, Array], about: str) -> str:
    """The SHA-256 of the names, dtypes, shapes and values, in order of name, and of ``about``."""
    found = hashlib.sha256()
    for name in sorted(arrays):
        array = arrays[name]
        found.update(json.dumps([name, array.dtype.name, array.shape]).encode())
        found.update(array.tobytes())
    found.update(about.encode())
    return found.hexdigest()


def _library(who: str, path: Path) -> Any:
    try:
        # an optional extra
        import safetensors.numpy
    except Exception as error:
        raise ExtraMissingError(
            f"{who}: safetensors must be installed for {path.name}, got {type(error).__name__}: {error}. "
            "Hint: pip install 'mlp_numpy[safetensors]'."
        ) from error
    return safetensors.numpy
