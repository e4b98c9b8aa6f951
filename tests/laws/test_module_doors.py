"""Doors of layers and initializers: every argument of every constructor, given what it can and what it cannot mean."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mlp_numpy import (
    AdaptiveAvgPool2dModule,
    AvgPool2dModule,
    BatchNorm,
    Conv2dModule,
    ELUModule,
    GELUModule,
    GroupNorm,
    HardswishModule,
    HardtanhModule,
    IdentityModule,
    LayerNorm,
    LeakyReLUModule,
    LinearModule,
    LogSigmoidModule,
    LogSoftMaxModule,
    MaxPool2dModule,
    MishModule,
    PReLUModule,
    ReLU6Module,
    ReLUModule,
    RMSNorm,
    SELUModule,
    SigmoidModule,
    SiLUModule,
    SoftMaxModule,
    SoftplusModule,
    TanhModule,
    kaiming,
    orthogonal,
)
from mlp_numpy.errors import DTypeError, MlpNumpyError, OptionError
from mlp_numpy.modules.init import normal

NUMBERS: dict[str, Any] = {"np.float32": np.float32(0.1), "np.int64": np.int64(2), "-1": -1, "0": 0}
JUNK: dict[str, Any] = {
    "None": None,
    "text": "a",
    "bytes": b"x",
    "True": True,
    "np.True_": np.True_,
    "nan": np.nan,
    "inf": np.inf,
    "10**400": 10**400,
    "10**5000": 10**5000,
    "[]": [],
    "(0, 0)": (0, 0),
    "(True, 1)": (True, 1),
    "three": (1, 2, 3),
    "array": np.array([1, 2]),
    "complex": 1j,
    "object": object(),
    "dict": {},
}
CALLS: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (PReLUModule, {}),
    (LeakyReLUModule, {"neg_slope": 0.1}),
    (ReLUModule, {}),
    (ELUModule, {}),
    (SoftplusModule, {}),
    (GELUModule, {}),
    (BatchNorm, {"n_features": 3}),
    (LayerNorm, {"n_features": 3}),
    (GroupNorm, {"n_groups": 1, "n_features": 3}),
    (RMSNorm, {"n_features": 3}),
    (HardtanhModule, {}),
    (LinearModule, {"in_features": 2, "out_features": 3}),
    (AdaptiveAvgPool2dModule, {"output_size": 2}),
    (MaxPool2dModule, {"kernel": 2}),
    (AvgPool2dModule, {"kernel": 2}),
    (Conv2dModule, {"in_channels": 2, "out_channels": 3, "kernel_size": 3}),
    (normal, {}),
    (kaiming, {}),
    (orthogonal, {}),
]
ARGUMENTS = [
    pytest.param(make, options, name, id=f"{make.__name__}-{name}")
    for make, options in CALLS
    for name in inspect.signature(make).parameters
]
FLAGS = dict.fromkeys(
    ("bias", "running", "input_layer", "affine", "elementwise_affine", "ceil_mode", "count_include_pad"),
    ["True", "np.True_"],
)
MEANT = {
    "momentum": ["None"],
    "padding": ["(0, 0)"],
    "init": ["None"],
    "winograd": ["None", "True", "np.True_"],
    "strips": ["None", "True", "np.True_"],
    "rng": ["None", "10**400", "10**5000"],
    **FLAGS,
}
"""What of the junk is none for arguments of these names."""


@pytest.mark.parametrize(("make", "options", "name"), ARGUMENTS)
def test_junk_is_refused_by_the_name_of_the_argument(make: Any, options: dict[str, Any], name: str) -> None:
    for word, value in JUNK.items():
        if word in MEANT.get(name, []) or (word == "None" and name == "stride" and make is not Conv2dModule):
            make(**options | {name: value})
            continue
        with pytest.raises((OptionError, DTypeError)) as caught:
            make(**options | {name: value})
        assert name in str(caught.value), word
        assert len(str(caught.value)) < 400


@pytest.mark.parametrize(("make", "options", "name"), ARGUMENTS)
def test_numbers_are_taken_or_refused_by_name(make: Any, options: dict[str, Any], name: str) -> None:
    for value in (*NUMBERS.values(), 2**63, 2**70, 1e300, "float16", np.dtype(">f4"), np.float64):
        try:
            made = make(**options | {name: value})
        except MlpNumpyError as error:
            assert name in str(error), value
        else:
            assert repr(made)


@pytest.mark.parametrize(
    "make",
    [
        lambda number: BatchNorm(3, eps=number(0.5), momentum=number(0.5)),
        lambda number: LayerNorm(3, eps=number(0.5)),
        lambda number: GroupNorm(1, 3, eps=number(0.5)),
        lambda number: RMSNorm(3, eps=number(0.5)),
        lambda number: HardtanhModule(number(-0.5), number(0.5)),
        lambda number: PReLUModule(neg_slope=number(0.5)),
        lambda number: LeakyReLUModule(number(0.5)),
        lambda number: ReLUModule(number(0.5)),
        lambda number: ELUModule(number(0.5)),
        lambda number: SoftplusModule(number(0.5)),
    ],
)
def test_the_scalars_of_numpy_are_numbers(make: Callable[[Any], Any]) -> None:
    assert repr(make(np.float32)) == repr(make(float)) == repr(make(np.float64))


def test_the_whole_numbers_of_numpy_are_sizes() -> None:
    assert repr(MaxPool2dModule(np.int64(2), (np.int8(2), np.uint16(1)))) == repr(MaxPool2dModule(2, (2, 1)))
    assert repr(Conv2dModule(np.int64(2), np.uint8(3), np.int32(3))) == repr(Conv2dModule(2, 3, 3))
    assert LayerNorm(np.int64(3)).params["gamma"].shape == (3,)


@pytest.mark.parametrize(
    "make",
    [
        *(
            SELUModule,
            SiLUModule,
            MishModule,
            HardswishModule,
            ReLU6Module,
            LogSigmoidModule,
            SigmoidModule,
            TanhModule,
            IdentityModule,
            SoftMaxModule,
            LogSoftMaxModule,
        ),
    ],
)
def test_modules_without_arguments_take_none(make: Any) -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'alpha'"):
        make(alpha=np.ones(1))


def test_a_slope_lies_within_the_range_of_the_dtype() -> None:
    with pytest.raises(OptionError, match="neg_slope must be within the range of float32"):
        PReLUModule(neg_slope=1e300, dtype=np.float32)


@pytest.mark.parametrize("dtype", [int, object, bool, "S3", "U2", "M8[s]", "zz", None, np.float16, "e", 3])
@pytest.mark.parametrize(
    "make",
    [
        lambda dtype: BatchNorm(3, dtype=dtype),
        lambda dtype: LayerNorm(3, dtype=dtype),
        lambda dtype: GroupNorm(1, 3, dtype=dtype),
        lambda dtype: RMSNorm(3, dtype=dtype),
        lambda dtype: PReLUModule(dtype=dtype),
        lambda dtype: Conv2dModule(1, 1, 1, dtype=dtype),
    ],
)
def test_kinds_of_numbers_that_one_cannot_compute_in(make: Callable[[Any], Any], dtype: Any) -> None:
    with pytest.raises(DTypeError, match="dtype must"):
        make(dtype)
