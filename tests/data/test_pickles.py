"""Pickles that would keep the reader busy for ever, or lead it elsewhere."""

from __future__ import annotations

import gc
import pickle
import time
import tracemalloc
from typing import Any

import numpy as np
import pytest

from mlp_numpy.data.pickles import Described, byte_array, read_dict
from mlp_numpy.errors import DataError

# a tuple of a tuple twice, forty times over: a hundred bytes to write, 2⁴⁰ visits to hash or to print
NESTED = b")" + b"2\x86" * 40


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        (b"\x80\x02}" + NESTED + b"K\x01s.", "a dictionary with other keys than text"),
        (b"\x80\x02}(" + NESTED + b"K\x01u.", "a dictionary with other keys than text"),
        (b"\x80\x02(" + NESTED + b"K\x01d.", "a dictionary with other keys than text"),
        (b"\x80\x02](U\x01aK\x01u.", "a dictionary with other keys than text"),
        (b"\x80\x04\x8f(" + NESTED + b"\x90.", "a set"),
        (b"\x80\x04(" + NESTED + b"\x91.", "a set"),
        (b"\x80\x02c_codecs\nencode\n" + NESTED + b"X\x06\x00\x00\x00latin1\x86R.", "text in another encoding"),
        (b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00a" + NESTED + b"\x86R.", "text in another encoding"),
    ],
)
def test_a_small_pickle_cannot_keep_the_reader_busy(payload: bytes, message: str) -> None:
    started = time.perf_counter()
    with pytest.raises(DataError, match=f"a file must hold a whole pickle, got UnpicklingError: {message}"):
        read_dict(payload, "a file")
    assert time.perf_counter() - started < 2


def test_nested_values_are_no_arrays() -> None:
    started = time.perf_counter()
    values = read_dict(b"\x80\x02}U\x04data" + NESTED + b"s.", "a file")
    with pytest.raises(DataError, match="must hold an array, got tuple"):
        byte_array(values["data"], "a file")
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_dictionaries_come_back(protocol: int) -> None:
    for value in ({}, {"a": 1}, {"a": [1, 2], "b": {"c": "d"}, "e": None}):
        assert read_dict(pickle.dumps(value, protocol=protocol), "a file") == value


@pytest.mark.parametrize("name", ["dtype", "ndarray"])
@pytest.mark.parametrize("arguments", [("u1",), (b"|u1",), ("i1",), ("f8",), ()])
def test_an_array_is_of_bytes(name: str, arguments: tuple[str | bytes, ...]) -> None:
    array = Described("_reconstruct", None)
    array.state = (1, (2, 3), Described(name, None, arguments), True, bytes(range(6)))
    if name == "dtype" and arguments and arguments[0] in ("u1", b"|u1"):
        assert byte_array(array, "a file").tolist() == [[0, 2, 4], [1, 3, 5]]
    else:
        with pytest.raises(DataError, match=r"a file must hold an array of bytes \(u1\), got "):
            byte_array(array, "a file")


@pytest.mark.parametrize("kind", [None, "u1", ("u1",)])
def test_an_array_whose_dtype_is_none_is_refused(kind: Any) -> None:
    array = Described("_reconstruct", None)
    array.state = (1, (1,), kind, False, b"a")
    with pytest.raises(DataError, match=r"an array of bytes \(u1\), got another kind of number"):
        byte_array(array, "a file")


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_what_was_read_is_freed_at_once(protocol: int) -> None:
    content = pickle.dumps({"data": np.zeros((1000, 1000), np.uint8)}, protocol=protocol)
    gc.collect()
    gc.disable()
    tracemalloc.start()
    try:
        assert byte_array(read_dict(content, "who")["data"], "who").shape == (1000, 1000)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()
    # as text, the pixels of older protocols must be converted; as bytes they are a view of the file
    assert peak > 900_000 if protocol < 4 else peak < 100_000
    assert kept < 100_000
