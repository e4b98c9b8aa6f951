"""Named arrays: how they are shown."""

from __future__ import annotations

from mlp_numpy import LinearModule


def test_parameters_are_shown_as_a_dictionary_of_arrays() -> None:
    layer = LinearModule(2, 1, rng=0)
    assert repr(layer.params) == repr({"weight": layer.params["weight"], "bias": layer.params["bias"]})
