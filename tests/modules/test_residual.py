"""Shortcuts: what a sum of an input and a module's output is taken for by a loss."""

from __future__ import annotations

import pytest

from mlp_numpy import LinearModule, LogSoftMaxModule, ReLUModule, Residual, Sequential, SoftMaxModule


@pytest.mark.parametrize("last", [SoftMaxModule(), LogSoftMaxModule()], ids=repr)
def test_probabilities_and_their_logarithms_plus_x_are_scores(last: SoftMaxModule | LogSoftMaxModule) -> None:
    assert Residual(LinearModule(2, 2, rng=0), last).output_kind == "scores"
    assert Sequential(LinearModule(2, 2, rng=0), last).output_kind != "scores"


def test_what_declares_nothing_stays_so() -> None:
    for modules in ((ReLUModule(),), (LinearModule(2, 2, rng=0), ReLUModule())):
        declared = Sequential(*modules).output_kind
        assert Residual(*modules).output_kind == ("anything" if declared == "anything" else "scores")
