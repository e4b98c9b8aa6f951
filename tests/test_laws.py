"""The laws that every module obeys, held to every row of ``cases.py``."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from cases import CASES, Case
from law import hold

import mlp_numpy
from mlp_numpy import FlatParameters, LossModule, Module
from mlp_numpy.arrays import Array
from mlp_numpy.errors import CallOrderError, ShapeError
from mlp_numpy.gradcheck import gradcheck
from mlp_numpy.optim import SGD

BATCH = 6


def prepared(case: Case, n: int = BATCH, seed: int = 1) -> tuple[Module, Array, Array | None]:
    rng = np.random.default_rng(seed)
    module, x = case.make(rng), case.sample(rng, n)
    return module, x, None if case.labels is None else case.labels(rng, n)


def forward(module: Module, x: Array, y: Array | None) -> Array:
    return module.forward(x, y) if isinstance(module, LossModule) else module.forward(x)


def gradients(module: Module, x: Array, y: Array | None) -> dict[str, Array]:
    """All gradients of one forward and backward, with a fixed random dout."""
    out = forward(module, x, y)
    dout = np.random.default_rng(5).normal(size=np.shape(out)).astype(x.dtype)
    found = {"x": module.backward(dout)}
    for prefix, leaf in module.leaves():
        found |= {f"{prefix}.{name}": grad.copy() for name, grad in leaf.grads.items()}
    return found


def the_forward_is_what_elementary_steps_give(case: Case) -> None:
    for n in (1, BATCH):
        module, x, y = prepared(case, n)
        np.testing.assert_allclose(forward(module, x, y), case.slow(module, x, y), rtol=1e-13, atol=1e-14)


def the_backward_is_the_complex_step(case: Case) -> None:
    for n in (1, BATCH):
        report = gradcheck(*prepared(case, n), method="complex")
        assert report.worst.quotient <= 1e-14, str(report)


def the_backward_is_the_central_difference(case: Case) -> None:
    for n in (1, BATCH):
        report = gradcheck(*prepared(case, n), method="central")
        assert report.worst.quotient <= 1e-6, str(report)


def gradients_have_the_shape_of_their_array(case: Case) -> None:
    module, x, y = prepared(case)
    assert gradients(module, x, y)["x"].shape == x.shape
    for _, leaf in module.leaves():
        assert {k: v.shape for k, v in leaf.grads.items()} == {k: v.shape for k, v in leaf.params.items()}
        assert list(leaf.grads) == list(leaf.params)


def float32_in_float32_out_and_near_float64(case: Case) -> None:
    module, x, y = prepared(case)
    single = module.astype(np.float32)
    x32 = x.astype(np.float32)
    exact, rough = gradients(module, x, y), gradients(single, x32, y)
    assert np.asarray(forward(single, x32, y)).dtype == np.float32
    for name, gradient in rough.items():
        assert gradient.dtype == np.float32, name
        np.testing.assert_allclose(gradient, exact[name], rtol=1e-3, atol=1e-5)


def what_comes_in_is_left_as_it_was(case: Case) -> None:
    module, x, y = prepared(case)
    x_before, y_before = x.copy(), copy.deepcopy(y)
    dout = np.ones(np.shape(forward(module, x, y)))
    dout_before = dout.copy()
    module.backward(dout)
    np.testing.assert_array_equal(x, x_before)
    np.testing.assert_array_equal(dout, dout_before)
    if y is not None:
        np.testing.assert_array_equal(y, y_before)


def backward_twice_gives_the_same(case: Case) -> None:
    module, x, y = prepared(case)
    out = forward(module, x, y)
    dout = np.random.default_rng(2).normal(size=np.shape(out))
    first = module.backward(dout)
    grads = [{name: grad.copy() for name, grad in leaf.grads.items()} for _, leaf in module.leaves()]
    np.testing.assert_array_equal(module.backward(dout), first)
    for before, (_, leaf) in zip(grads, module.leaves(), strict=True):
        for name, grad in leaf.grads.items():
            np.testing.assert_array_equal(grad, before[name])


def backward_before_forward_is_refused(case: Case) -> None:
    module, x, y = prepared(case)
    dout = np.ones(np.shape(forward(module, x, y)))
    fresh, _, _ = prepared(case)
    with pytest.raises(CallOrderError, match="a forward must come first"):
        fresh.backward(dout)
    module.clear_cache()
    with pytest.raises(CallOrderError, match="a forward must come first"):
        module.backward(dout)


def a_wrong_shape_is_refused_by_name_and_changes_nothing(case: Case) -> None:
    module, x, y = prepared(case)
    state = module.state()
    before = gradients(module, x, y)
    refused = [np.empty((0, *x.shape[1:])), np.asarray(1.0)]
    if case.wrong is not None:
        refused.append(case.wrong)
    for wrong in refused:
        with pytest.raises(ShapeError) as caught:
            forward(module, wrong, y)
        assert str(wrong.shape) in str(caught.value)
        # a chain's error comes from the layer that noticed
        names = {type(module).__name__, *(type(leaf).__name__ for _, leaf in module.leaves())}
        assert any(name in str(caught.value) for name in names)
    with pytest.raises(ShapeError, match="dout must be"):
        module.backward(np.ones((BATCH + 1, 7)))
    module.load_state(state)
    after = gradients(module, x, y)
    for name, gradient in before.items():
        np.testing.assert_array_equal(after[name], gradient)


def rows_are_independent_in_evaluation(case: Case) -> None:
    module, x, y = prepared(case)
    if isinstance(module, LossModule) and module.reduction != "none":
        # A reduced loss is made of its rows: the mean of one-row losses, each as its row weighs, or their sum.
        rows, weights = np.zeros(BATCH), np.zeros(BATCH)
        for i in range(BATCH):
            rows[i], weights[i] = forward(module, x[i : i + 1], y[i : i + 1]), module.total_weight
        whole = np.average(rows, weights=weights) if module.reduction == "mean" else np.sum(rows)
        np.testing.assert_allclose(forward(module, x, y), whole, rtol=1e-13)
        return
    module.eval()
    out = forward(module, x, y).copy()
    if case.rows_meet:
        assert not np.allclose(forward(module, x[:1], y)[0], out[0])
        return
    for i in range(BATCH):
        alone = forward(module, x[i : i + 1], None if y is None else y[i : i + 1])
        np.testing.assert_allclose(alone[0], out[i], rtol=1e-12, atol=1e-14)


def state_round_trip(case: Case) -> None:
    module, x, y = prepared(case)
    other, _, _ = prepared(case, seed=99)
    other.load_state(module.state())
    np.testing.assert_array_equal(forward(other, x, y), forward(module, x, y))
    twin = copy.deepcopy(module)
    np.testing.assert_array_equal(forward(twin, x, y), forward(module, x, y))
    for (_, leaf), (_, copied) in zip(module.leaves(), twin.leaves(), strict=True):
        assert not any(np.shares_memory(leaf.params[name], copied.params[name]) for name in leaf.params)


def params_stay_views_of_the_flat_vector(case: Case) -> None:
    module, x, y = prepared(case)
    if not any(leaf.params for _, leaf in module.leaves()):
        return
    state = module.state()
    before = forward(module, x, y).copy()
    flat = FlatParameters(module)
    module.load_state(state)
    np.testing.assert_array_equal(forward(module, x, y), before)
    optimizer = SGD(flat, lr=0.01)
    for _ in range(10):
        gradients(module, x, y)
        optimizer.step()
    for _, leaf in module.leaves():
        leaf.params = {name: array * 2 for name, array in leaf.params.items()}
        for name in leaf.params:
            assert np.shares_memory(leaf.params[name], flat.values)
            assert np.shares_memory(leaf.grads[name], flat.grads)
    assert sum(leaf.params[name].sum() for _, leaf in module.leaves() for name in leaf.params) == pytest.approx(
        flat.values.sum()
    )


def repr_reads_like_the_constructor_call(case: Case) -> None:
    module, _, _ = prepared(case)
    names = {name: getattr(mlp_numpy, name) for name in mlp_numpy.__all__}
    again = eval(repr(module), names)
    assert repr(again) == repr(module)
    assert type(again) is type(module)


LAWS = [
    the_forward_is_what_elementary_steps_give,
    the_backward_is_the_complex_step,
    the_backward_is_the_central_difference,
    gradients_have_the_shape_of_their_array,
    float32_in_float32_out_and_near_float64,
    what_comes_in_is_left_as_it_was,
    backward_twice_gives_the_same,
    backward_before_forward_is_refused,
    a_wrong_shape_is_refused_by_name_and_changes_nothing,
    rows_are_independent_in_evaluation,
    state_round_trip,
    params_stay_views_of_the_flat_vector,
    repr_reads_like_the_constructor_call,
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_module_obeys_every_law(case: Case) -> None:
    hold(LAWS, case)
