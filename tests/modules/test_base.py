"""Modules that were written for version 0.1 work under their names of then, with a warning."""

from __future__ import annotations

import copy
import warnings
from typing import Any

import numpy as np
import pytest
from spec_cases import LINES, Line, dout_of

from mlp_numpy import LinearModule, LossModule, Module
from mlp_numpy.autodiff import Context, Op
from mlp_numpy.errors import OptionError

LAYERS = [line for line in LINES if not issubclass(line.spec.module, LossModule)]


class Times(Op):
    """out = k x."""

    @staticmethod
    def forward(context: Context, x: np.ndarray, *, factor: float) -> np.ndarray:
        context["factor"] = factor
        return factor * x

    @staticmethod
    def backward(context: Context, dout: np.ndarray) -> np.ndarray:
        return context["factor"] * dout


def test_hooks_under_their_old_names() -> None:
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")

        class OldTimes(Module):
            op = Times
            gives = "scores"

            def _constants(self) -> dict[str, Any]:
                return {"factor": 3.0}

    assert [str(each.message).split(";")[0] for each in found] == [
        "OldTimes._constants is now called _op_kwargs",
        "OldTimes.gives is now called output_kind",
    ]
    module = OldTimes()
    assert module.output_kind == "scores"
    assert module.forward(np.ones((1, 2))).tolist() == [[3.0, 3.0]]
    assert module.backward(np.ones((1, 2))).tolist() == [[3.0, 3.0]]


def test_learned_is_named_parameters() -> None:
    layer = LinearModule(2, 3)
    with pytest.warns(DeprecationWarning, match="now called named_parameters"):
        names = [name for name, _ in layer.learned()]
    assert names == [name for name, _ in layer.named_parameters()] == ["weight", "bias"]


def test_a_subclass_without_a_formula_is_told_so() -> None:
    with pytest.raises(OptionError, match=r"^Module\.forward: a subclass must have a formula, got none\. Hint: set"):
        Module().forward(np.ones((1, 2)))


@pytest.mark.parametrize("line", LAYERS, ids=str)
def test_bytes_in_the_other_order_are_the_same_numbers(line: Line) -> None:
    sample = line.sample(0, 5)
    x = np.asarray(sample.x)
    plain, other = copy.deepcopy(sample.module), copy.deepcopy(sample.module)
    out, swapped = plain.forward(x), other.forward(x.astype(x.dtype.newbyteorder()))
    np.testing.assert_array_equal(swapped, out)
    dout = dout_of(out)
    dx, swapped_dx = plain.backward(dout), other.backward(dout.astype(dout.dtype.newbyteorder()))
    np.testing.assert_array_equal(swapped_dx, dx)
