"""What a module remembers: of one forward until its backward, and what of it goes along into a copy."""

from __future__ import annotations

import copy
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spec_cases
from spec_cases import EVERY_LINE, Line, dout_of, gradients

from mlp_numpy import (
    MLP,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    ConvNet,
    Dropout,
    FlatParameters,
    LinearModule,
    LossModule,
    Module,
    NAdam,
    ReLUModule,
    Residual,
    RMSprop,
    Sequential,
    SmallConvNet,
    SoftMaxCrossEntropyModule,
    TanhModule,
    WhitenedConvNet,
    kaiming,
)
from mlp_numpy.arrays import Array
from mlp_numpy.checking.sampler import Sample
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import CallOrderError, DTypeError, ShapeError, UnknownNameError
from mlp_numpy.models import Network
from mlp_numpy.optim import Average, Optimizer
from mlp_numpy.training import Trainer, Update

COPIES: list[Any] = [
    copy.deepcopy,
    *(lambda value, protocol=protocol: pickle.loads(pickle.dumps(value, protocol)) for protocol in (2, 3, 4, 5)),
]
TWICE = pytest.mark.parametrize("twin", COPIES, ids=["deepcopy", "pickle 2", "pickle 3", "pickle 4", "pickle 5"])
BY_CASE = pytest.mark.parametrize("case", [5, 2])  # labels of classes, and one-hot


def forward(module: Module, sample: Sample, x: Array | None = None) -> Array:
    """A forward that drops what every other forward drops."""
    for _, layer in module.leaves():
        if isinstance(layer, Dropout):
            layer.buffers["step"][...] = 0
    return spec_cases.forward(module, sample, x)


def sampled(line: Line, case: int) -> tuple[Module, Sample, Array]:
    """A module that has run a forward of its sample, with a dout for it."""
    sample = line.sample(case)
    return sample.module, sample, dout_of(forward(sample.module, sample))


@BY_CASE
@EVERY_LINE
def test_what_comes_out_may_be_edited_and_dout_is_not_kept(line: Line, case: int) -> None:
    module, sample, dout = sampled(line, case)
    expected = gradients(module, dout)
    out = forward(module, sample)
    if np.ndim(out) and not np.shares_memory(out, sample.x):  # an identity gives x itself
        out[...] = np.nan
    given = dout.copy()
    found = gradients(module, given)
    given[...] = np.nan
    np.testing.assert_equal(found, expected)
    np.testing.assert_equal(gradients(module, dout), expected)


@BY_CASE
@EVERY_LINE
def test_a_formula_that_keeps_x_says_so(line: Line, case: int) -> None:
    module, sample, dout = sampled(line, case)
    layers = [layer for _, layer in module.leaves()]
    if len(layers) > 1 or not hasattr(module, "op"):
        return
    expected = gradients(module, dout)
    x = sample.x.copy()
    forward(module, sample, x)
    x += 0.5
    try:
        same = all(np.array_equal(found, expected[name]) for name, found in gradients(module, dout).items())
    except FloatingPointError:
        same = False
    op = getattr(module, "_used", module.op)
    caches = re.search(r"Caches(.*?)Kinks", str(op.__doc__), re.DOTALL)
    assert same or (caches and re.search(r"\b[xX]\b|x_rows|centered", caches[1]))


@TWICE
@BY_CASE
@EVERY_LINE
def test_a_copy_is_whole_and_forgets_the_forward(line: Line, case: int, twin: Any) -> None:
    module, sample, dout = sampled(line, case)
    expected = gradients(module, dout)
    found = twin(module)
    assert repr(found) == repr(module)
    with pytest.raises(CallOrderError):
        found.backward(dout)
    for mine, theirs in zip(module.state().items(), found.state().items(), strict=True):
        np.testing.assert_equal(mine, theirs)
    for (_, mine), (_, theirs) in zip(module.named_parameters(), found.named_parameters(), strict=True):
        assert not np.shares_memory(mine.value, theirs.value)
        assert not np.shares_memory(mine.grad, theirs.grad)
        assert mine.value.strides == theirs.value.strides
    forward(found, sample)
    np.testing.assert_equal(gradients(found, dout), expected)


def test_a_cache_does_not_travel() -> None:
    net = Sequential(LinearModule(2, 2), ReLUModule(), Dropout(0.5, rng=0))
    small = len(pickle.dumps(net))
    net.forward(np.ones((50_000, 2)))
    assert len(pickle.dumps(net)) < small + 300
    assert len(pickle.dumps(copy.deepcopy(net))) < small + 300


NETS: list[Callable[[], Network]] = [
    lambda: MLP(12, [5, 4], 3, batch_norm=True, dropout=0.2, init=kaiming(), rng=0),
    lambda: SmallConvNet((1, 16, 16), 3, rng=0, dtype=np.float32),
    lambda: ConvNet((1, 8, 8), 3, n_first=2, rng=0),
    lambda: WhitenedConvNet((1, 9, 9), 3, n_first=2, rng=0),
]
OPTIMIZERS: list[Callable[[FlatParameters], Optimizer]] = [
    lambda flat: SGD(flat, 0.1, momentum=0.9),
    Adam,
    lambda flat: AdamW(flat, amsgrad=True, weight_decay=0.1, decay="weights"),
    NAdam,
    lambda flat: RMSprop(flat, momentum=0.5, centered=True),
    Adagrad,
]


def train(net: Network, optimizer: Optimizer, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(6, net.n_inputs)).astype(optimizer.parameters.values.dtype)
    loss, logits = SoftMaxCrossEntropyModule(), net.logits
    loss.forward(logits.forward(x), rng.integers(0, 3, 6))
    logits.backward(loss.backward())
    optimizer.step()


@TWICE
@pytest.mark.parametrize("make", OPTIMIZERS)
@pytest.mark.parametrize("build", NETS)
@pytest.mark.slow
def test_a_net_and_its_optimizer_stay_linked(
    build: Callable[[], Network], make: Callable[[FlatParameters], Optimizer], twin: Any
) -> None:
    for turned in (False, True):
        net = build()
        optimizer = make(FlatParameters(net))
        train(net, optimizer, 0)
        if turned:
            other_optimizer, other = twin((optimizer, net))
        else:
            both = twin({"net": net, "more": [optimizer]})
            other, (other_optimizer,) = both["net"], both["more"]
        for seed in (1, 2):
            train(net, optimizer, seed)
            train(other, other_optimizer, seed)
        np.testing.assert_array_equal(optimizer.parameters.values, other_optimizer.parameters.values)
        for (_, mine), (_, theirs) in zip(net.named_parameters(), other.named_parameters(), strict=True):
            np.testing.assert_array_equal(mine.value, theirs.value)
            assert np.shares_memory(theirs.value, other_optimizer.parameters.values)
            assert not np.shares_memory(mine.value, theirs.value)


@TWICE
def test_a_trainer_trains_on_as_its_copy_does(twin: Any) -> None:
    rng = np.random.default_rng(0)
    split = Split(rng.normal(size=(40, 4)), np.arange(40) % 3)
    net = MLP(4, [5], 3, batch_norm=True, dropout=0.1, init=kaiming(), rng=0).logits
    flat = FlatParameters(net)
    update = Update(Adam(flat), average=Average(flat, 0.9))
    batches = Batches(split, 7, Preprocessing.fit("raw", split.images, (1, 2, 2)), seed=0, dtype=float)
    trainer = Trainer(net, SoftMaxCrossEntropyModule(), update, batches, split, accumulate=2, select=True, eval_every=3)
    list(trainer.run(4))
    other = twin(trainer)
    assert list(trainer.run(9)) == list(other.run(9))
    np.testing.assert_equal(other.state(), trainer.state())
    other.model.forward(split.images)
    assert not np.shares_memory(other.parameters.values, trainer.parameters.values)


def test_a_pickle_trains_on_in_another_process(tmp_path: Path) -> None:
    net = MLP(12, [5], 3, init=kaiming(), rng=0)
    optimizer = Adam(FlatParameters(net))
    train(net, optimizer, 0)
    (tmp_path / "pair").write_bytes(pickle.dumps((net, optimizer)))
    train(net, optimizer, 1)
    script = (
        f"import pickle, sys; sys.path[:0] = {sys.path!r}; from {__name__} import train\n"
        f"net, optimizer = pickle.loads(open({str(tmp_path / 'pair')!r}, 'rb').read())\n"
        f"train(net, optimizer, 1)\n"
        f"open({str(tmp_path / 'values')!r}, 'wb').write(optimizer.parameters.values.tobytes())"
    )
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ, "PYTHONPATH": ":".join(sys.path)})
    assert (tmp_path / "values").read_bytes() == optimizer.parameters.values.tobytes()


def test_vectors_that_others_have_taken_over_take_nothing_back_in_a_copy() -> None:
    net = LinearModule(2, 2, rng=0)
    first = FlatParameters(net)
    second = FlatParameters(net)
    other, other_second, other_first = copy.deepcopy((net, second, first))
    assert np.shares_memory(other.params["weight"], other_second.values)
    assert not np.shares_memory(other.params["weight"], other_first.values)


def test_a_trunk_of_two_heads_is_guarded() -> None:
    trunk = LinearModule(3, 3, rng=0, init=kaiming())
    a, b = Sequential(trunk, ReLUModule()), Sequential(trunk, TanhModule())
    x, one = np.ones((1, 3)), np.ones((1, 3))
    a.forward(x)
    a.backward(one)
    right = trunk.grads["weight"].copy()
    a.forward(x)
    b.forward(2 * x)
    with pytest.raises(CallOrderError, match=r"LinearModule\(3, 3\) must have run no other forward"):
        a.backward(one)
    np.testing.assert_array_equal(trunk.grads["weight"], right)
    b.backward(one)
    a.forward(x)
    a.backward(one)
    np.testing.assert_array_equal(trunk.grads["weight"], right)


def test_the_guard_looks_into_nested_containers_before_it_writes() -> None:
    shared, last = LinearModule(3, 3, rng=0), LinearModule(3, 2, rng=1)
    net = Sequential(Residual(shared, ReLUModule()), last)
    net.forward(np.ones((1, 3)))
    shared.forward(np.ones((1, 3)))
    before = last.grads["weight"].copy()
    with pytest.raises(CallOrderError):
        net.backward(np.ones((1, 2)))
    np.testing.assert_array_equal(last.grads["weight"], before)
    # called one by one, layers are differentiated as they are
    other = Sequential(shared, ReLUModule())
    x = np.ones((1, 3))
    for module in other:
        x = module.forward(x)
    assert other.backward(np.ones((1, 3))) is not None
    other.forward(np.ones((1, 3)))
    other.clear_cache()
    with pytest.raises(CallOrderError):
        other.backward(np.ones((1, 3)))


def test_a_long_sequential_is_made_in_linear_time() -> None:
    layers = [ReLUModule() for _ in range(20_000)]
    assert len(Sequential(*layers)) == 20_000  # twenty seconds, if each were compared with all before it


@pytest.mark.parametrize("form", [lambda array: array.tolist(), tuple, lambda array: array.astype(np.float64)])
def test_a_state_may_come_as_lists(form: Callable[[Array], Any]) -> None:
    net = MLP(3, [4], 2, batch_norm=True, rng=0, dtype=np.float32)
    other = MLP(3, [4], 2, batch_norm=True, rng=1, dtype=np.float32)
    other.load_state({name: form(array) if array.ndim else array.item() for name, array in net.state().items()})
    np.testing.assert_equal(other.state(), net.state())
    optimizer = Adam(FlatParameters(net))
    optimizer.step()
    twin = Adam(FlatParameters(other))
    twin.load_state({name: array.tolist() for name, array in optimizer.state().items()})
    np.testing.assert_equal(twin.state(), optimizer.state())
    dropout = Dropout(0.5, rng=2**64 - 1)
    dropout.load_state({"seed": 7, "step": 3})
    assert (int(dropout.buffers["seed"]), int(dropout.buffers["step"])) == (7, 3)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"weight": None}, DTypeError),
        ({"weight": [[1], [1, 2]]}, DTypeError),
        ({"weight": "a"}, DTypeError),
        ({"weight": [[1j, 1], [1, 1]]}, DTypeError),
        ({"weight": 0}, ShapeError),
        ({"weight": np.full((2, 2), 1e39)}, DTypeError),
        ({"extra": 1}, UnknownNameError),
    ],
)
def test_a_state_that_does_not_fit_writes_nothing(change: dict[str, Any], error: type[Exception]) -> None:
    layer = LinearModule(2, 2, rng=0, dtype=np.float32)
    before = layer.state()
    for state in ({"bias": [5, 5], "weight": [[1, 1], [1, 1]]} | change, list(change)):
        with pytest.raises((error, UnknownNameError)):
            layer.load_state(state)
        np.testing.assert_equal(layer.state(), before)


@BY_CASE
@EVERY_LINE
def test_float16_is_taken_as_data_and_refused_for_computing(line: Line, case: int) -> None:
    module, sample, _ = sampled(line, case)
    with pytest.raises(DTypeError, match="at least 32 bits, got float16"):
        module.astype(np.float16)
    with np.errstate(over="ignore"):
        single = module.astype(np.float32)
        assert np.asarray(forward(single, sample, sample.x.astype(np.float16))).dtype == np.float32


@BY_CASE
@EVERY_LINE
def test_complex_numbers_are_for_the_forward_alone(line: Line, case: int) -> None:
    module, sample, dout = sampled(line, case)
    out = forward(module, sample, sample.x.astype(complex))
    assert np.iscomplexobj(out)
    if next(module.named_parameters(), None) is None and not isinstance(module, LossModule):
        return
    with pytest.raises(DTypeError):
        module.backward(dout)


def test_masks_and_lists_that_are_no_arrays_are_refused() -> None:
    layer = LinearModule(2, 1)
    for wrong in (np.ma.masked_equal([[1.0, 2.0]], 2.0), [[1], [1, 2]], None, "a", [[object(), 1]]):
        with pytest.raises(DTypeError):
            layer.forward(wrong)
    assert layer([[1, 2]]).shape == (1, 1)
    assert layer(np.array([[1.0, 2.0]]).astype(">f8")).shape == (1, 1)
