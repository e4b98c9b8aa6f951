"""The laws that every module obeys, held to every line of the table of specs."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from spec_cases import CASES, EVERY_CASE, EVERY_LINE, Line, dout_of, forward, gradients

import mlp_numpy
from mlp_numpy import FlatParameters, LossModule
from mlp_numpy.checking.checks import check_sample
from mlp_numpy.checking.specs.table import rows_interact, wrong_shapes
from mlp_numpy.errors import CallOrderError, ShapeError
from mlp_numpy.optim import SGD


@EVERY_CASE
@EVERY_LINE
@pytest.mark.slow
def test_the_audit_finds_nothing(line: Line, case: int) -> None:
    """The complex step, central differences, elementary formulas, float32, and the laws of checking/contract.py."""
    result = check_sample(line.sample(case), np.random.default_rng(case))
    errors, failures = result.errors.items(), result.failures
    assert not failures, [*result.broken, *(f"{name}: {found}" for name, found in errors if name in failures)]
    assert {"complex", "composed", "float32"} <= set(result.errors)
    assert "central" in result.errors or case == 7


@EVERY_LINE
def test_gradients_have_the_shape_and_order_of_their_arrays(line: Line) -> None:
    for case in CASES:
        sample = line.sample(case)
        gradients(sample.module, dout_of(forward(sample.module, sample)))
        for _, leaf in sample.module.leaves():
            assert [(k, v.shape) for k, v in leaf.grads.items()] == [(k, v.shape) for k, v in leaf.params.items()]


@EVERY_LINE
def test_backward_before_forward_is_refused(line: Line) -> None:
    sample = line.sample(5)
    dout = dout_of(forward(sample.module, sample))
    with pytest.raises(CallOrderError, match="a forward must come first"):
        line.sample(5).module.backward(dout)
    sample.module.clear_cache()
    with pytest.raises(CallOrderError, match="a forward must come first"):
        sample.module.backward(dout)


@EVERY_CASE
@EVERY_LINE
def test_a_wrong_shape_is_refused_by_name_and_changes_nothing(line: Line, case: int) -> None:
    sample = line.sample(case)
    module, dout = sample.module, dout_of(forward(sample.module, sample))
    before, state = gradients(module, dout), module.state()
    # a chain's error comes from the layer that noticed
    names = {type(module).__name__, *(type(leaf).__name__ for _, leaf in module.leaves())}
    for shape in [(0, *sample.x.shape[1:]), (), *wrong_shapes(module)]:
        with pytest.raises(ShapeError) as caught:
            forward(module, sample, np.full(shape, 0.5))
        assert str(shape) in str(caught.value)
        assert any(name in str(caught.value) for name in names)
    with pytest.raises(ShapeError, match="dout must be"):
        module.backward(np.ones((len(sample.x) + 1, 7)))
    np.testing.assert_equal(gradients(module, dout), before)
    np.testing.assert_equal(module.state(), state)


def test_wrong_shapes_are_known_of_all_that_do_not_take_any_batch() -> None:
    lines = [line for line in EVERY_LINE.args[1] if not wrong_shapes(line.sample(5).module)]
    for line in lines:
        op = line.sample(5).module._active_op()
        assert "any, all the same" in (op.__doc__ or "") or line.spec.name in ("dropout", "prelu"), line.spec.name
    assert len({line.spec.name for line in lines}) >= 12


@EVERY_LINE
@pytest.mark.slow
def test_rows_are_independent_where_the_spec_says_so(line: Line) -> None:
    moved = False
    for case in (*CASES, 4, 9):
        sample = line.sample(case, n_rows=4)
        module, interact = sample.module, rows_interact(sample.module)
        out = np.copy(forward(module, sample))
        weight = sample.options.get("weight", np.ones(4))
        if isinstance(module, LossModule) and module.reduction != "none":
            # A reduced loss is made of its rows: the mean of one-row losses, each as its row weighs, or their sum.
            rows, weights = np.zeros(4), np.zeros(4)
            for i in range(4):
                row = slice(i, i + 1)
                rows[i] = forward(module, sample, sample.x[row], sample.y[row], weight=weight[row])
                weights[i] = module.total_weight
            whole = sum(rows * weights) / (sum(weights) or 1) if module.reduction == "mean" else sum(rows)
            np.testing.assert_allclose(out, whole, rtol=1e-13, atol=1e-15)
            continue
        for i in range(4):
            row = slice(i, i + 1)
            labels = {} if sample.y is None else {"y": sample.y[row], "weight": weight[row]}
            alone = forward(module, sample, sample.x[row], **labels)
            if not interact:
                np.testing.assert_allclose(alone[0], out[i], rtol=1e-12, atol=1e-14)
            moved = moved or not np.allclose(alone[0], out[i])
    assert moved == interact


@EVERY_CASE
@EVERY_LINE
@pytest.mark.slow
def test_state_round_trip(line: Line, case: int) -> None:
    sample = line.sample(case)
    state, out = sample.module.state(), np.copy(forward(sample.module, sample))
    other = copy.deepcopy(sample.module)
    other.load_state({name: array + array.dtype.type(1) for name, array in state.items()})
    sample.module.load_state(state)
    assert all((array != state[name]).all() for name, array in other.state().items())
    other.load_state(state)
    np.testing.assert_equal(other.state(), state)
    np.testing.assert_array_equal(forward(other, sample), out)
    np.testing.assert_array_equal(forward(sample.module, sample), out)
    twin = copy.deepcopy(sample.module)
    np.testing.assert_array_equal(forward(twin, sample), forward(sample.module, sample))
    for (_, leaf), (_, copied) in zip(sample.module.leaves(), twin.leaves(), strict=True):
        for mine, theirs in ((leaf.params, copied.params), (leaf.grads, copied.grads), (leaf.buffers, copied.buffers)):
            assert not any(np.shares_memory(mine[name], theirs[name]) for name in mine)


@EVERY_LINE
def test_params_stay_views_of_the_flat_vector(line: Line) -> None:
    sample = line.sample(5)
    module = sample.module
    if not any(leaf.params for _, leaf in module.leaves()):
        return
    state = module.state()
    before = np.copy(forward(module, sample))
    flat = FlatParameters(module)
    module.load_state(state)
    np.testing.assert_array_equal(forward(module, sample), before)
    optimizer = SGD(flat, lr=0.01)
    for _ in range(3):
        gradients(module, dout_of(forward(module, sample)))
        optimizer.step()
    for _, leaf in module.leaves():
        leaf.params = {name: array * 2 for name, array in leaf.params.items()}
        for name in leaf.params:
            assert np.shares_memory(leaf.params[name], flat.values)
            assert np.shares_memory(leaf.grads[name], flat.grads)
    assert sum(leaf.params[name].sum() for _, leaf in module.leaves() for name in leaf.params) == pytest.approx(
        flat.values.sum()
    )


@EVERY_CASE
@EVERY_LINE
def test_repr_reads_like_the_constructor_call(line: Line, case: int) -> None:
    module = line.sample(case).module
    names = {name: getattr(mlp_numpy, name) for name in mlp_numpy.__all__}
    again = eval(repr(module), names)
    assert repr(again) == repr(module)
    assert type(again) is type(module)
    shapes = {name: array.shape for name, array in module.state().items()}
    assert {name: array.shape for name, array in again.state().items()} == shapes
