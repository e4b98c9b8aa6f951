"""A safe unpickler that executes nothing: objects become inert descriptions of their construction.

A pickle is a program that may call anything importable, so ``pickle.load`` of an untrusted file runs untrusted code.
Here every name that is not needed for an array of bytes is refused, and the needed ones are not imported either: each
becomes an inert ``Described`` that only stores its arguments.

A pickle may also request far more memory than its size. Opcodes that allocate by a declared length are refused, and the
number of opcodes and of bytes converted from text is limited.
"""

from __future__ import annotations

import io
import math
import pickle
import re
import struct
from typing import Any, Final

import numpy as np

from mlp_numpy.arrays import Array
from mlp_numpy.checks import LARGEST, shown
from mlp_numpy.data.reading import said
from mlp_numpy.errors import DataError

MOST_INSTRUCTIONS: Final = 1_000_000
"""Limit on the number of opcodes. The training batch of CIFAR-100 has 200,000; a one-byte opcode can make a list of 64
bytes."""

_LONGEST_KEY: Final = 1000
_LONG: Final = 1 << 16
"""Bytes of a piece of the file that is not copied."""
_MOST_AXES: Final = 8

_NEEDED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class Described:
    """A name in the pickle with its call arguments and state; nothing is constructed."""

    def __init__(self, name: str, reader: Any, arguments: tuple[Any, ...] = ()) -> None:
        self.name = name
        self.arguments = arguments
        self.state: Any = None
        self._reader = reader

    def __call__(self, *arguments: Any) -> Any:
        # Python 3 pickles bytes for Python 2 as Latin-1 text; they are needed at once, as keys
        if self.name == "encode":
            text, encoding = arguments
            if not isinstance(text, str) or encoding != "latin1":
                raise pickle.UnpicklingError("text in another encoding than Latin-1")
            self._reader.take(len(text))
            return text.encode("latin-1")
        return Described(self.name, self._reader, arguments)

    def __setstate__(self, state: Any) -> None:
        self.state = state


# Hashing a tuple visits all its elements, and forty tuples, each twice in the next, are 2⁴⁰ visits from a file of a
# hundred bytes. So only short strings are hashed, which suffices for keys; sets are not supported. These are the
# opcodes that hash; ``reader`` is the unpickler.


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


def _update(into: Any, pairs: list[Any]) -> None:
    keys = pairs[::2]
    if not isinstance(into, dict) or not all(isinstance(key, str | bytes) and len(key) <= _LONGEST_KEY for key in keys):
        raise pickle.UnpicklingError("a dictionary with other keys than text, or long ones")
    into.update(zip(keys, pairs[1::2], strict=True))


# A Python string takes four bytes per character if any of them is not in Latin-1. Bytes pickled as text are Latin-1.


def _read_text(reader: Any, length: int) -> None:
    content = reader.read(length)
    if length > _LONGEST_KEY and re.search(rb"[\xc4-\xff]", content):
        raise pickle.UnpicklingError("long text that is no Latin-1")
    reader.append(str(content, "utf-8", "surrogatepass"))


def _text(reader: Any) -> None:
    _read_text(reader, *struct.unpack("<I", reader.read(4)))


def _long_text(reader: Any) -> None:
    _read_text(reader, *struct.unpack("<Q", reader.read(8)))


def _text_line(reader: Any) -> None:
    line = reader.readline()[:-1]
    if len(line) > _LONGEST_KEY and re.search(rb"\\U|\\u(?!00)", line):
        raise pickle.UnpicklingError("long text that is no Latin-1")
    reader.append(str(line, "raw-unicode-escape"))


def _skip_frame(reader: Any) -> None:
    reader.read(8)  # a frame only announces a read-ahead, which is not used here


def _refuse(what: str) -> Any:
    def refuse(reader: Any) -> None:
        raise pickle.UnpicklingError(what)

    return refuse


class _Counted(io.BytesIO):
    """A stream that limits the number of opcodes: each starts with a read of one byte.

    The pixels of a batch are read as a view of its file: a copy would be the most memory that a training needs.
    """

    n_left = MOST_INSTRUCTIONS

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self._content = memoryview(content)

    def read(self, size: int | None = -1) -> Any:
        if size == 1:
            self.n_left -= 1
            if self.n_left < 0:
                raise pickle.UnpicklingError(f"more than {MOST_INSTRUCTIONS:,} instructions")
        if size is not None and size >= _LONG:
            start = self.tell()
            return self._content[start : self.seek(min(start + size, len(self._content)))]
        return super().read(size)


# The Python unpickler instead of the C one, which allocates a memo table as long as the largest memo index, so that a
# single flipped bit can cost 32 GB. This one reads a CIFAR-10 batch in 40 ms.
class _InertUnpickler(pickle._Unpickler):
    memo: dict[int, Any]

    def __init__(self, content: bytes, stream: _Counted, who: str) -> None:
        super().__init__(stream, encoding="bytes", fix_imports=False)
        self._who = who
        self._n_left = len(content)

    def take(self, n_bytes: int) -> None:
        """Limit the bytes converted from text to the size of the file."""
        self._n_left -= n_bytes
        if self._n_left < 0:
            raise pickle.UnpicklingError("more bytes made of text than the file is long")

    def find_class(self, module: str, name: str) -> Described:
        if (module, name) not in _NEEDED:
            raise DataError(
                f"{self._who} must hold arrays, lists and text only, but tried to load {module[:80]}.{name[:80]} and "
                "was refused; nothing of it was run. Hint: this is no official file, do not open it elsewhere; get it "
                "anew from the place where the data set is published."
            )
        return Described(name, self)

    dispatch = {
        **pickle._Unpickler.dispatch,
        pickle.SETITEM[0]: _set_item,
        pickle.SETITEMS[0]: _set_items,
        pickle.DICT[0]: _make_dict,
        pickle.BINUNICODE[0]: _text,
        pickle.BINUNICODE8[0]: _long_text,
        pickle.UNICODE[0]: _text_line,
        pickle.FRAME[0]: _skip_frame,
        pickle.EMPTY_SET[0]: _refuse("a set"),
        pickle.FROZENSET[0]: _refuse("a set"),
        pickle.BYTEARRAY8[0]: _refuse("an array of bytes that can be changed"),
        pickle.NEXT_BUFFER[0]: _refuse("a buffer beside the file"),
        **{code[0]: _refuse("a registered class") for code in (pickle.EXT1, pickle.EXT2, pickle.EXT4)},
        **{code[0]: _refuse("an object") for code in (pickle.INST, pickle.OBJ, pickle.NEWOBJ, pickle.NEWOBJ_EX)},
    }


def read_dict(content: bytes, who: str) -> dict[str, Any]:
    """Read the dictionary in a pickle, with string keys; arrays in it are ``Described``, see ``byte_array``.

    ``who`` is the prefix of the error messages and names the file.

    Raises
    ------
    DataError
        if the bytes are not a complete pickle of a dictionary, or construct anything but arrays
    """
    stream = _Counted(content)
    reader = _InertUnpickler(content, stream, who)
    try:
        value = reader.load()
    except DataError:
        raise
    except Exception as error:  # damaged opcodes can raise any exception
        raise _damaged(who, "a whole pickle", said(error)) from error
    finally:
        # it holds what was read, which holds the reader: a circle in which each file would stay in memory
        reader.memo.clear()
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
        if it is not an array, not uint8, or its size does not match its shape
    """
    state = value.state if isinstance(value, Described) and value.name == "_reconstruct" else None
    if not isinstance(state, tuple) or len(state) != 5:
        raise _damaged(who, "an array", type(value).__name__)
    _, shape, kind, is_fortran, content = state
    code = kind.arguments[0] if isinstance(kind, Described) and kind.name == "dtype" and kind.arguments else None
    if code not in ("u1", b"u1", "|u1", b"|u1"):
        found = f"numbers of kind {shown(code)}" if isinstance(code, bytes | str) else "another kind of number"
        raise _damaged(who, "an array of bytes (u1)", found)
    if not isinstance(shape, tuple) or not all(type(size) is int and 0 <= size < 1 << 31 for size in shape):
        raise _damaged(who, "an array with a shape", f"a {type(shape).__name__} in its place")
    if len(shape) > _MOST_AXES or math.prod(size or 1 for size in shape) > LARGEST:
        raise _damaged(who, "an array that can be", f"{len(shape)} axes of {shown(shape)}")
    if not isinstance(content, bytes | memoryview) or len(content) != math.prod(shape):
        n_bytes = len(content) if isinstance(content, bytes | memoryview) else "no"
        raise _damaged(who, f"{shape} bytes", f"{n_bytes} bytes")
    return np.frombuffer(content, dtype=np.uint8).reshape(shape, order="F" if is_fortran else "C")


def _damaged(who: str, wanted: str, found: str) -> DataError:
    return DataError(
        f"{who} must hold {wanted}, got {found}. Hint: the file is damaged or foreign; "
        "delete its folder so that the data set is downloaded again."
    )
