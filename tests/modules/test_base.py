"""Modules that were written for version 0.1 work under their names of then, with a warning."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

from mlp_numpy import LinearModule, Module
from mlp_numpy.autodiff import Context, Op


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
