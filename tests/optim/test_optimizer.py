"""What holds for every optimizer, whatever its equation."""

from __future__ import annotations

import inspect
import math
from typing import Any

import numpy as np
import pytest
from optim_table import CLASSES, TABLE, Variant

from mlp_numpy import (
    MLP,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    FlatParameters,
    LinearModule,
    Muon,
    NAdam,
    RAdam,
    RMSprop,
)
from mlp_numpy.errors import DTypeError, OptionError, ShapeError
from mlp_numpy.optim import Optimizer, blocks

MAIN = [Variant(kind, {"weight_decay": 0.1, "decay": "weights"}) for kind in CLASSES]


def flat_mlp(dtype: type = np.float64) -> FlatParameters:
    return FlatParameters(MLP(5, [9], 3, rng=0, dtype=dtype))


def step(optimizer: Optimizer, seed: int) -> None:
    optimizer.parameters.grads[:] = np.random.default_rng(seed).normal(size=len(optimizer.parameters))
    optimizer.step()


@pytest.mark.parametrize("variant", TABLE, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_saved_state_goes_on_bit_for_bit(variant: Variant, dtype: type) -> None:
    whole, resumed = (variant.make(flat_mlp(dtype)) for _ in range(2))
    for seed in range(3):
        step(whole, seed)
    resumed.parameters.values[:] = whole.parameters.values
    state = whole.state()
    resumed.load_state(state)
    for seed in range(3, 6):
        step(whole, seed)
        step(resumed, seed)
    np.testing.assert_array_equal(resumed.parameters.values, whole.parameters.values)
    assert resumed.steps == whole.steps == 6
    assert state["steps"] == 3, "a state is a copy"
    for name, array in whole.state().items():
        np.testing.assert_array_equal(resumed.state()[name], array)
        vector = array.shape == whole.parameters.values.shape
        assert array.dtype == dtype if vector else array.shape == (), name


@pytest.mark.parametrize("variant", TABLE, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_step_leaves_types_gradients_and_views_alone(variant: Variant, dtype: type) -> None:
    model = MLP(5, [9], 3, rng=0, dtype=dtype)
    flat = FlatParameters(model)
    values, before = flat.values, flat.values.copy()
    optimizer = variant.make(flat)
    for seed in range(3):
        step(optimizer, seed)
    assert flat.values is values
    assert values.dtype == dtype
    assert (values != before).all()
    np.testing.assert_array_equal(flat.grads, np.random.default_rng(2).normal(size=len(flat)).astype(dtype))
    for layer in (model[0], model[2]):
        assert all(np.shares_memory(array, values) for array in layer.params.values())


@pytest.mark.parametrize("variant", [*MAIN, *(Variant(kind, {}) for kind in CLASSES)], ids=str)
def test_blocks_change_nothing(variant: Variant, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = variant.make(flat_mlp())
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 7 * 8)
    in_blocks = variant.make(flat_mlp())
    assert len(whole._parts) <= 4
    assert len(whole._parts) < len(in_blocks._parts)
    for seed in range(3):
        for optimizer in (whole, in_blocks):
            step(optimizer, seed)
    np.testing.assert_array_equal(in_blocks.parameters.values, whole.parameters.values)


@pytest.mark.parametrize("variant", MAIN, ids=str)
def test_decay_of_the_weights_leaves_biases_as_they_are_without(variant: Variant) -> None:
    decayed, plain = variant.make(flat_mlp()), variant.kind(flat_mlp(), variant.make(flat_mlp()).lr, weight_decay=0.0)
    for seed in range(3):
        step(decayed, seed)
        step(plain, seed)
    for name, part in plain.parameters.slices.items():
        same = np.isclose(decayed.parameters.values[part], plain.parameters.values[part], rtol=1e-14, atol=1e-15)
        assert same.all() if name.endswith("bias") else not same.any(), name


@pytest.mark.parametrize("variant", TABLE, ids=str)
def test_repr_is_the_constructor_call(variant: Variant) -> None:
    flat = flat_mlp()
    optimizer = variant.make(flat)
    words = repr(optimizer)
    kinds = {kind.__name__: kind for kind in CLASSES}
    again = eval(words.replace("(", "(flat, ", 1), {"flat": flat, **kinds})
    assert repr(again) == words
    assert vars(again).keys() == vars(optimizer).keys()
    assert all(getattr(again, name) == value for name, value in variant.options.items())


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("options", [{"weight_decay": 0.0}, {"weight_decay": 0.1}])
def test_to_maximize_is_to_minimize_the_negative(kind: type[Optimizer], options: dict[str, float]) -> None:
    up, down = kind(flat_mlp(), 0.01, maximize=True, **options), kind(flat_mlp(), 0.01, **options)
    for seed in range(3):
        up.parameters.grads[:] = np.random.default_rng(seed).normal(size=len(up.parameters))
        down.parameters.grads[:] = -up.parameters.grads
        up.step()
        down.step()
        assert (up.parameters.grads == -down.parameters.grads).all(), "gradients are not changed"
    np.testing.assert_array_equal(up.parameters.values, down.parameters.values)


def test_repr_names_only_what_differs() -> None:
    assert repr(Adam(flat_mlp())) == "Adam(lr=0.001)"
    assert repr(AdamW(flat_mlp())) == "AdamW(lr=0.001)"
    assert repr(SGD(flat_mlp(), 0.1, momentum=0.9, nesterov=True)) == "SGD(lr=0.1, momentum=0.9, nesterov=True)"


@pytest.mark.parametrize("variant", MAIN, ids=str)
def test_a_learning_rate_may_change_between_steps(variant: Variant) -> None:
    optimizer = variant.make(flat_mlp())
    step(optimizer, 0)
    before = optimizer.parameters.values.copy()
    optimizer.lr = 1e-300
    step(optimizer, 1)
    np.testing.assert_array_equal(optimizer.parameters.values, before)


def test_a_variance_that_rounding_made_negative_is_zero() -> None:
    optimizer = RMSprop(flat_mlp(), 1e-3, eps=0.5, centered=True)
    before, ones = optimizer.parameters.values.copy(), np.ones(len(optimizer.parameters))
    optimizer.load_state({"steps": np.array(9), "v": (1 - 1e-12) * ones, "m": ones})
    optimizer.parameters.grads[...] = 1
    optimizer.step()
    np.testing.assert_allclose(optimizer.parameters.values, before - 1e-3 / 0.5, rtol=0, atol=1e-15)


def test_a_foreign_state_is_refused_whole() -> None:
    optimizer = Adam(flat_mlp())
    step(optimizer, 0)
    before = optimizer.state()
    other = {name: array + 1 for name, array in before.items()}
    for wrong, kind in (
        ({name: array for name, array in other.items() if name != "v"}, KeyError),
        ({**other, "u": other["v"]}, KeyError),
        ({**other, "v": other["v"][1:]}, ShapeError),
        ({**other, "steps": np.array([4])}, ShapeError),
        ({**other, "v": other["v"] + 1j}, DTypeError),
        ({**other, "steps": np.array(4.5)}, DTypeError),
        ({**other, "steps": np.array(-1)}, OptionError),
    ):
        with pytest.raises(kind, match=r"Adam\(lr=0.001\).load_state"):
            optimizer.load_state(wrong)
        for name, array in optimizer.state().items():
            np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize(
    ("kind", "setting", "words"),
    [
        (SGD, {"momentum": 1.0}, r"SGD: momentum must be a number in \[0, 1\), got 1.0"),
        (SGD, {"momentum": 0.9, "dampening": -0.1}, "dampening must be a number"),
        (SGD, {"dampening": 0.1}, "must come with a momentum > 0"),
        (SGD, {"nesterov": True}, "must come with a momentum > 0"),
        (SGD, {"momentum": 0.9, "nesterov": True, "dampening": 0.1}, "must come without dampening"),
        (SGD, {"decay": "weights"}, "decay='weights' must come with a weight_decay > 0"),
        (SGD, {"weight_decay": 0.1, "decay": "weight"}, "Did you mean 'weights'"),
        (SGD, {"weight_decay": math.inf}, "weight_decay must be a number ≥ 0"),
        (SGD, {"weight_decay": "0.1"}, "weight_decay must be a number ≥ 0, got '0.1'"),
        (Adagrad, {"lr_decay": -1}, "Adagrad: lr_decay must be a number ≥ 0"),
        (Adagrad, {"initial_accumulator_value": -1}, "initial_accumulator_value must be a number ≥ 0"),
        (Adagrad, {"eps": 0}, "eps must be a number > 0"),
        (RMSprop, {"alpha": 1.0}, "RMSprop: alpha must be a number"),
        (RMSprop, {"eps": math.nan}, "eps must be a number > 0"),
        (RMSprop, {"momentum": -0.1}, "momentum must be a number"),
        (AdamW, {"beta1": 1.0}, "AdamW: beta1 must be a number"),
        (AdamW, {"weight_decay": 0, "decay": "weights"}, "AdamW: decay='weights' must come with"),
        (NAdam, {"momentum_decay": -1}, "NAdam: momentum_decay must be a number ≥ 0"),
        (NAdam, {"decoupled_weight_decay": True}, "decoupled_weight_decay must come with a weight_decay > 0"),
        (RAdam, {"decoupled_weight_decay": True}, "RAdam: decoupled_weight_decay must come with a weight_decay > 0"),
        (RAdam, {"decoupled_weight_decay": 1}, "RAdam: decoupled_weight_decay must be True or False, got 1"),
        (RAdam, {"beta2": 1}, "RAdam: beta2 must be a number"),
        (Adamax, {"eps": 0}, "Adamax: eps must be a number > 0"),
        (Adadelta, {"rho": 1}, r"Adadelta: rho must be a number in \[0, 1\), got 1"),
        (Muon, {"momentum": 1}, "Muon: momentum must be a number"),
        (Muon, {"ns_steps": 0}, "Muon: ns_steps must be an integer ≥ 1, got 0"),
        (Muon, {"scale": "rms"}, "Muon: unknown scale 'rms'"),
        (Muon, {"adamw_lr_factor": 0}, "Muon: adamw_lr_factor must be a number > 0"),
        (Muon, {"adamw_on": "0.weight"}, "Muon: adamw_on must be a list of names of arrays, got '0.weight'"),
        (Muon, {"adamw_on": ["0.weigth"]}, "Muon: adamw_on: unknown array '0.weigth'. Did you mean '0.weight'"),
        (
            Muon,
            {"adamw_on": ["0.weight", "2.weight"]},
            "must hold a matrix that is not in adamw_on, got .* Hint: AdamW",
        ),
        (SGD, {"maximize": 1}, "SGD: maximize must be True or False, got 1"),
    ],
)
def test_settings_are_checked(kind: type[Optimizer], setting: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        kind(flat_mlp(), 0.1, **setting)


@pytest.mark.parametrize("kind", CLASSES)
def test_the_first_two_arguments_are_checked(kind: type[Optimizer]) -> None:
    with pytest.raises(OptionError, match=f"{kind.__name__}: lr must be a number > 0, got True"):
        kind(flat_mlp(), True)
    with pytest.raises(OptionError, match=f"{kind.__name__}: parameters must be FlatParameters, got LinearModule"):
        kind(LinearModule(1, 1), 0.1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [kind for kind in CLASSES if "eps" in inspect.signature(kind).parameters])
def test_an_eps_that_acts_as_0_is_refused(kind: type[Optimizer], dtype: type) -> None:
    least = float(np.finfo(dtype).tiny)
    for small in (least / 2, least / 1e12):
        message = f"{kind.__name__}: eps must be a number > 0, at least .* in {np.dtype(dtype)}, got {small!r}"
        with pytest.raises(OptionError, match=message):
            kind(FlatParameters(LinearModule(2, 2, dtype=dtype)), eps=small)
    flat = FlatParameters(LinearModule(2, 2, dtype=dtype))
    before = flat.values.copy()
    kind(flat, eps=least, weight_decay=0.0).step()
    np.testing.assert_array_equal(flat.values, before)


def test_the_base_alone_updates_nothing() -> None:
    flat = flat_mlp()
    optimizer = Optimizer(flat, 0.1, slots=(), weight_decay=0.0, decay="all")
    with pytest.raises(OptionError, match="subclasses must implement `_update`"):
        optimizer.step()
