"""Parameter groups: every optimizer gives a group what it would give the whole model with the group's settings."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from optim_table import TABLE, Variant

from mlp_numpy import MLP, SGD, FlatParameters, ParameterGroup
from mlp_numpy.errors import OptionError, UnknownNameError
from mlp_numpy.optim import Optimizer

BLOCK = 3 * 8
HEAD = ("2.weight", "2.bias")


def net() -> MLP:
    return MLP(4, [3], 2, rng=0, init=None)


def stepped(optimizer: Optimizer, steps: int = 4) -> np.ndarray:
    """The weights after some steps on fixed gradients."""
    flat = optimizer.parameters
    flat.values[:] = np.random.default_rng(9).normal(size=len(flat))
    for step in range(steps):
        flat.grads[:] = np.random.default_rng(step).normal(size=len(flat))
        optimizer.step()
    return flat.values.copy()


@pytest.mark.parametrize("variant", TABLE, ids=str)
def test_a_group_is_updated_as_a_model_with_its_settings(variant: Variant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlp_numpy.optim.blocks.BLOCK_BYTES", BLOCK)
    grouped = FlatParameters(net(), [ParameterGroup(HEAD, 3.0, 0.5)])
    found = make(variant, grouped)
    alone = make(variant, FlatParameters(net()))
    other = make(variant, FlatParameters(net()), lr_factor=3.0, decay_factor=0.5)
    head = np.zeros(len(grouped), bool)
    for name in HEAD:
        head[grouped.slices[name]] = True
    expected = np.where(head, stepped(other), stepped(alone))
    np.testing.assert_allclose(stepped(found), expected, rtol=1e-13, atol=1e-15)


def make(variant: Variant, flat: FlatParameters, lr_factor: float = 1.0, decay_factor: float = 1.0) -> Optimizer:
    options = dict(variant.options)
    if options.get("weight_decay"):
        options["weight_decay"] *= decay_factor
    elif "weight_decay" not in options:
        options.pop("decay", None)
        if variant.kind.__name__ == "AdamW":
            options["weight_decay"] = 1e-2 * decay_factor
    return variant.kind(flat, 0.01 * lr_factor, **options)


@pytest.mark.parametrize("variant", TABLE, ids=str)
def test_a_factor_of_zero_freezes(variant: Variant) -> None:
    flat = FlatParameters(net(), [ParameterGroup(("0.weight", "0.bias"), 0.0)])
    optimizer = make(variant, flat)
    start = np.random.default_rng(9).normal(size=len(flat))
    found = stepped(optimizer)
    np.testing.assert_array_equal(found[:15], start[:15])
    assert (found[15:] != start[15:]).all()


def test_plain_sgd_obeys_groups_as_well() -> None:
    flat = FlatParameters(net(), [ParameterGroup(("0.bias",), 0.0), ParameterGroup(HEAD, 2.0)])
    before, _ = flat.values.copy(), flat.grads.fill(1.0)
    SGD(flat, 0.5).step()
    change = before - flat.values
    assert not change[12:15].any()
    np.testing.assert_allclose(change[:12], 0.5)
    np.testing.assert_allclose(change[15:], 1.0)


def test_copies_keep_their_groups_and_the_stretches_cover_everything() -> None:
    model = net()
    flat = FlatParameters(model, [ParameterGroup(HEAD, 2.0, 0.25)])
    copy = pickle.loads(pickle.dumps((model, flat)))[1]
    assert copy.stretches == flat.stretches
    assert [(part.where.start, part.where.stop, part.lr_factor, part.decay_factor) for part in flat.stretches] == [
        (0, 15, 1.0, 1.0), (15, 23, 2.0, 0.25),
    ]  # fmt: skip
    assert FlatParameters(net()).stretches == []


def test_invalid_groups() -> None:
    for names, factor, part in (((), 1.0, "names"), ("0.weight", 1.0, "names"), (HEAD, -1.0, "lr_factor")):
        with pytest.raises(OptionError, match=part):
            ParameterGroup(names, factor)  # type: ignore[arg-type]
    with pytest.raises(UnknownNameError, match=r"0\.wait"):
        FlatParameters(net(), [ParameterGroup(("0.wait",))])
    with pytest.raises(OptionError, match=r"2\.bias twice"):
        FlatParameters(net(), [ParameterGroup(HEAD), ParameterGroup(("2.bias",))])
    with pytest.raises(OptionError, match="list of ParameterGroup"):
        FlatParameters(net(), [HEAD])  # type: ignore[list-item]
