"""Doors: every public constructor takes what can be meant and refuses all else with an error of the library's own."""

from __future__ import annotations

import inspect
import warnings
from typing import Any

import numpy as np
import pytest
from doors_table import BASE, JUNK, NOT_CHECKED, calls, public

from mlp_numpy.errors import DTypeError, MlpNumpyError, OptionError


def attempt(name: str, argument: str, value: Any) -> Exception | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zeros() and others warn of what is allowed
        try:
            public()[name](**BASE[name]() | {argument: value})
        except MlpNumpyError as error:
            return error
        except MemoryError:  # a size that could be, on a larger machine
            return None
    return None


def test_every_public_class_has_a_call_that_works() -> None:
    assert set(public()) <= set(BASE) | set(NOT_CHECKED)
    for name, thing in public().items():
        if name not in NOT_CHECKED:
            thing(**BASE[name]())


@pytest.mark.parametrize(("name", "argument"), calls(), ids=str)
@pytest.mark.slow
def test_whatever_comes_only_errors_of_the_library_go_out(name: str, argument: str) -> None:
    for value in JUNK:
        attempt(name, argument, value)


NUMBERS = [
    (name, parameter)
    for name, parameter in calls()
    if "float" in str(inspect.signature(public()[name]).parameters[parameter].annotation)
    and isinstance(inspect.signature(public()[name]).parameters[parameter].default, float)
]
WHOLE = [
    (name, parameter)
    for name, parameter in calls()
    if isinstance(BASE[name]().get(parameter, inspect.signature(public()[name]).parameters[parameter].default), int)
    and not isinstance(
        BASE[name]().get(parameter, inspect.signature(public()[name]).parameters[parameter].default), bool
    )
    and str(inspect.signature(public()[name]).parameters[parameter].annotation) in ("int", "int | None")
]


def test_there_are_numbers_to_try() -> None:
    assert len(NUMBERS) > 60
    assert len(WHOLE) > 30


@pytest.mark.parametrize(("name", "argument"), NUMBERS, ids=str)
def test_a_number_is_a_number_of_either_library_and_nothing_else(name: str, argument: str) -> None:
    default = inspect.signature(public()[name]).parameters[argument].default
    for kind in (np.float32, np.float64):
        found = attempt(name, argument, kind(default))
        assert found is None or "must come with" in str(found) or "has no effect" in str(found), found
    optional = "None" in str(inspect.signature(public()[name]).parameters[argument].annotation)
    for value in ("a", True, np.bool_(True), np.nan, [], object(), *([] if optional else [None])):
        error = attempt(name, argument, value)
        assert isinstance(error, OptionError), (value, error)
        assert argument in str(error)


@pytest.mark.parametrize(("name", "argument"), WHOLE, ids=str)
def test_a_whole_number_is_one_of_either_library_and_nothing_else(name: str, argument: str) -> None:
    parameter = inspect.signature(public()[name]).parameters[argument]
    good = BASE[name]().get(argument, parameter.default)
    found = attempt(name, argument, np.int64(good))
    assert found is None, found
    optional = "None" in str(parameter.annotation)
    for value in (
        "a",
        True,
        np.nan,
        1.5,
        np.float32(1),
        [],
        object(),
        *([] if optional else [None]),
        *([] if argument == "axis" else [-1]),
    ):
        error = attempt(name, argument, value)
        assert isinstance(error, OptionError), (value, error)
        assert argument in str(error)


# the dtype of these two is a name
@pytest.mark.parametrize("name", sorted({name for name, at in calls() if at == "dtype"} - {"Config", "OwnData"}))
@pytest.mark.slow
def test_dtypes_that_cannot_be_computed_with_are_refused(name: str) -> None:
    for value in (None, int, bool, object, "S3", "U2", "M8[s]", "zz", 3, np.float16):
        assert isinstance(attempt(name, "dtype", value), DTypeError), value
    for value in (np.float32, "f8", np.dtype("float64")):
        assert attempt(name, "dtype", value) is None
