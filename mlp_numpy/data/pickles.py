"""A reader of pickles that runs nothing: what a pickle wants to have made comes back as a description of it.

A pickle is a small program that may call anything it can import, so opening a foreign one with ``pickle.load`` runs
foreign code. Here a name that is not needed for an array of bytes is refused, and the few that are needed are not
looked up either: each becomes an inert ``Described`` that only remembers what it was called with.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.errors import DataError

_NEEDED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class Described:
    """A name of the pickle with the arguments it was called with and the state it was given; nothing is made of it."""

    def __init__(self, name: str, arguments: tuple[Any, ...] = ()) -> None:
        self.name = name
        self.arguments = arguments
        self.state: Any = None

    def __call__(self, *arguments: Any) -> Any:
        # Python 3 writes bytes for Python 2 as text in Latin-1; they are needed at once, as keys
        if self.name == "encode":
            text, encoding = arguments
            if not isinstance(text, str) or encoding != "latin1":
                raise pickle.UnpicklingError("text in another encoding than Latin-1")
            return text.encode("latin-1")
        return Described(self.name, arguments)

    def __setstate__(self, state: Any) -> None:
        self.state = state


# To hash a tuple is to visit all that is in it, and forty tuples, each twice in the next, are 2⁴⁰ visits of a file of a
# hundred bytes. So nothing but text is hashed: as keys it is all that is needed, and sets are not needed. These are the
# instructions of a pickle that hash; ``reader`` is the unpickler.


def _set_items(reader: Any) -> None:
    pairs = reader.pop_mark()
    _update(reader.stack[-1], pairs)


def _set_item(reader: Any) -> None:
    value, key = reader.stack.pop(), reader.stack.pop()
    _update(reader.stack[-1], [key, value])


def _make_dict(reader: Any) -> None:
    made: dict[str | bytes, Any] = {}
    _update(made, reader.pop_mark())
    reader.append(made)


def _refuse_set(reader: Any) -> None:
    raise pickle.UnpicklingError("a set")


def _update(into: Any, pairs: list[Any]) -> None:
    if not isinstance(into, dict) or not all(isinstance(key, str | bytes) for key in pairs[::2]):
        raise pickle.UnpicklingError("a dictionary with other keys than text")
    into.update(zip(pairs[::2], pairs[1::2], strict=True))


# The unpickler written in Python, not the one in C: that one allocates a table as long as the largest number a pickle
# gives to a remembered value, so that a single flipped bit costs 32 GB. This one reads a CIFAR-10 batch in 40 ms.
class _InertUnpickler(pickle._Unpickler):
    def __init__(self, content: io.BytesIO, who: str) -> None:
        super().__init__(content, encoding="bytes", fix_imports=False)
        self._who = who

    def find_class(self, module: str, name: str) -> Described:
        if (module, name) not in _NEEDED:
            raise DataError(
                f"{self._who} must hold arrays, lists and text only, but tried to load {module}.{name} and was "
                "refused; nothing of it was run. Hint: this is no official file, do not open it elsewhere; get it anew "
                "from the place where the data set is published."
            )
        return Described(name)

    dispatch = {
        **pickle._Unpickler.dispatch,
        pickle.SETITEM[0]: _set_item,
        pickle.SETITEMS[0]: _set_items,
        pickle.DICT[0]: _make_dict,
        pickle.EMPTY_SET[0]: _refuse_set,
        pickle.FROZENSET[0]: _refuse_set,
    }


def read_dict(content: bytes, who: str) -> dict[str, Any]:
    """The dictionary that a pickle holds, its keys as text; arrays in it are ``Described``, see ``byte_array``.

    ``who`` opens the error messages and names the file.

    Raises
    ------
    DataError
        if the bytes are no whole pickle, ask for anything but an array, or hold no dictionary
    """
    stream = io.BytesIO(content)
    try:
        value = _InertUnpickler(stream, who).load()
    except DataError:
        raise
    except Exception as error:  # damaged instructions can fail in any way there is
        raise _damaged(who, "a whole pickle", f"{type(error).__name__}: {error}") from error
    surplus = len(content) - stream.tell()
    if surplus:
        raise _damaged(who, "a pickle and nothing after it", f"{surplus} more bytes")
    if not isinstance(value, dict):
        raise _damaged(who, "a dictionary", type(value).__name__)
    return {key.decode("latin-1") if isinstance(key, bytes) else key: item for key, item in value.items()}


def byte_array(value: Any, who: str) -> Array:
    """The uint8 array that a ``Described`` describes, without a copy.

    Raises
    ------
    DataError
        if it is no array, holds other numbers than bytes, or not as many as its shape says
    """
    state = value.state if isinstance(value, Described) and value.name == "_reconstruct" else None
    if not isinstance(state, tuple) or len(state) != 5:
        raise _damaged(who, "an array", type(value).__name__)
    _, shape, kind, is_fortran, content = state
    code = kind.arguments[0] if isinstance(kind, Described) and kind.name == "dtype" and kind.arguments else None
    if code not in ("u1", b"u1", "|u1", b"|u1"):
        found = f"numbers of kind {code!r}" if isinstance(code, bytes | str) else "another kind of number"
        raise _damaged(who, "an array of bytes (u1)", found)
    if not isinstance(shape, tuple) or not all(type(size) is int and 0 <= size < 1 << 31 for size in shape):
        raise _damaged(who, "an array with a shape", f"a {type(shape).__name__} in its place")
    if not isinstance(content, bytes) or len(content) != _product(shape):
        n_bytes = len(content) if isinstance(content, bytes) else "no"
        raise _damaged(who, f"{shape} bytes", f"{n_bytes} bytes")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape, order="F" if is_fortran else "C")


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product


def _damaged(who: str, wanted: str, found: str) -> DataError:
    return DataError(
        f"{who} must hold {wanted}, got {found}. Hint: the file is damaged or foreign; "
        "delete its folder so that the data set is downloaded again."
    )
