"""The checks of arguments: what each takes, what it gives, and what it says of the rest."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from mlp_numpy import checks
from mlp_numpy.errors import DTypeError, OptionError

JUNK: list[Any] = [None, "a", b"1", True, np.bool_(1), [1], np.array([1.0, 2.0]), 1j, np.complex64(1), Fraction(1, 2)]


@pytest.mark.parametrize("value", [0.5, np.float16(0.5), np.float32(0.5), np.float64(0.5), np.longdouble(0.5)])
def test_a_number_is_any_real_scalar(value: Any) -> None:
    found = checks.number("Who", "size", value, checks.POSITIVE)
    assert type(found) is float
    assert found == 0.5


@pytest.mark.parametrize("value", [3, np.int8(3), np.uint64(3)])
def test_whole_numbers_are_numbers(value: Any) -> None:
    assert type(checks.number("Who", "size", value)) is float
    assert type(checks.whole_number("Who", "size", value)) is int


@pytest.mark.parametrize("value", [*JUNK, float("nan"), np.nan, 10**400, np.inf, np.longdouble("1e400")], ids=str)
def test_what_is_no_finite_number_is_refused_by_name(value: Any) -> None:
    with pytest.raises(OptionError, match="^Who: size must be a finite number, got "):
        checks.number("Who", "size", value)


NOT_WHOLE: list[Any] = [*JUNK, 1.0, np.float32(1), 0, -1, 2**63, 10**5000, np.timedelta64(3)]


@pytest.mark.parametrize("value", NOT_WHOLE, ids=lambda value: str(type(value)))
def test_what_is_no_whole_number_is_refused_by_name(value: Any) -> None:
    with pytest.raises(OptionError, match="^Who: size must be an integer ≥ 1( and at most [0-9]+)?, got "):
        checks.whole_number("Who", "size", value)


@pytest.mark.parametrize(
    ("bounds", "inside", "outside"),
    [
        (checks.POSITIVE, [5e-324, 1.0], [0, -1, np.inf]),
        (checks.NOT_NEGATIVE, [0, 0.0], [-5e-324, np.inf]),
        (checks.FRACTION, [0, 1 - 1e-16], [1, -1e-300]),
        (checks.OPEN_FRACTION, [1e-300], [0, 1]),
        (checks.PROBABILITY, [0, 1], [-1e-300, 1 + 1e-15]),
    ],
)
def test_bounds(bounds: checks.Bounds, inside: list[float], outside: list[float]) -> None:
    for value in inside:
        assert checks.number("Who", "x", value, bounds) == value
    for value in outside:
        with pytest.raises(OptionError, match="x must be a number"):
            checks.number("Who", "x", value, bounds)


def test_flags_are_bools_of_either_library() -> None:
    assert checks.flag("Who", "on", np.bool_(True)) is True
    assert checks.flag("Who", "on", False) is False
    for value in (0, 1, None, "a", np.float32(1)):
        with pytest.raises(OptionError, match="^Who: on must be True or False, got "):
            checks.flag("Who", "on", value)


def test_a_choice_is_one_of_the_known_words() -> None:
    assert checks.choice("Who", "mode", "max", ["min", "max"]) == "max"
    with pytest.raises(OptionError, match="unknown mode 'mx'. Did you mean 'max'"):
        checks.choice("Who", "mode", "mx", ["min", "max"])
    for value in (None, 1, ["max"], np.array(["max", "min"])):
        with pytest.raises(OptionError, match="^Who: mode must be one of min, max, got "):
            checks.choice("Who", "mode", value, ["min", "max"])


def test_sizes_are_lists_of_whole_numbers() -> None:
    assert checks.sizes("Who", "n_hidden", np.array([3, 4])) == (3, 4)
    assert checks.sizes("Who", "n_hidden", []) == ()
    for value in (None, 3, "34", {3: 4}):
        with pytest.raises(OptionError, match="n_hidden must be a list"):
            checks.sizes("Who", "n_hidden", value)
    with pytest.raises(OptionError, match=r"n_hidden\[1\] must be an integer"):
        checks.sizes("Who", "n_hidden", [3, None])


def test_an_array_larger_than_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.allocatable("Who", (2, 3)) == (2, 3)
    for shape in ((2**40, 2**40), (10**12, 3072)):
        with pytest.raises(OptionError, match=r"Who: an array of \(.*\) must have at most \d+ bytes, the memory, got"):
            checks.allocatable("Who", shape, np.float32)
    monkeypatch.setattr(checks, "_memory", lambda: 24)
    assert checks.allocatable("Who", (2, 3), np.float32) == (2, 3)
    with pytest.raises(OptionError, match=r"\(2, 3\) must have at most 24 bytes, the memory, got 48"):
        checks.allocatable("Who", (2, 3))


def test_a_system_that_does_not_tell_its_memory_has_no_less_than_an_index_reaches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("os.sysconf")
    assert checks._memory.__wrapped__() == checks.LARGEST


@pytest.mark.parametrize("dtype", [float, np.float32, "f8", complex, np.complex64, np.longdouble])
def test_dtypes_to_compute_in(dtype: Any) -> None:
    assert checks.float_dtype("Who", dtype) == np.dtype(dtype)


def test_a_foreign_byte_order_becomes_the_machines() -> None:
    assert checks.float_dtype("Who", np.dtype("f4").newbyteorder()).isnative


OTHERS: list[Any] = [None, int, bool, object, "S3", "U2", "M8[s]", "zz", 3, np.ones(2), np.float32(1), [("a", float)]]


@pytest.mark.parametrize("dtype", OTHERS, ids=str)
def test_other_dtypes_are_refused(dtype: Any) -> None:
    with pytest.raises(DTypeError, match="^Who: dtype must be a kind of real or complex numbers"):
        checks.float_dtype("Who", dtype)


def test_float16_is_refused_by_name() -> None:
    with pytest.raises(DTypeError, match="at least 32 bits, got float16"):
        checks.float_dtype("Who", np.float16)


def test_what_is_shown_fits_a_line() -> None:
    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    assert checks.shown(Broken()) == "a Broken"
    assert len(checks.shown(np.zeros((50, 50)))) == 80
    assert checks.shown(10**5000) == "a int"
