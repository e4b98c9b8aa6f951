"""Sharded: what the whole batch gives, from parts of it, on any number of threads."""

from __future__ import annotations

import copy
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from spec_cases import LINES, Line, dout_of, gradients

from mlp_numpy import (
    MLP,
    BatchNorm,
    Conv2dModule,
    FlatParameters,
    LinearModule,
    LossModule,
    Module,
    ReLUModule,
    Sequential,
    Sharded,
    SmallConvNet,
    SoftMaxModule,
    kaiming,
)
from mlp_numpy.arrays import Array
from mlp_numpy.autodiff import Op
from mlp_numpy.errors import CallOrderError, OptionError, ShapeError
from mlp_numpy.modules import default_shards
from mlp_numpy.modules.conv import Conv2d
from mlp_numpy.modules.layout import whole
from mlp_numpy.modules.windows import Size
from mlp_numpy.modules.winograd import WinogradConv2d

LAYERS = [line for line in LINES if not issubclass(line.spec.module, LossModule)]


def net(dropout: float = 0.0, batch_norm: bool = False, dtype: Any = np.float64) -> Sequential:
    options: dict[str, Any] = {"dropout": dropout, "batch_norm": batch_norm, "init": kaiming(), "dtype": dtype}
    return MLP(12, (9, 8), 3, rng=0, **options).scores


def batch(n: int, dtype: Any = np.float64) -> tuple[Array, Array]:
    draws = np.random.default_rng(n)
    return draws.normal(size=(n, 12)).astype(dtype), draws.normal(size=(n, 3)).astype(dtype)


@pytest.mark.parametrize("shards", [2, 3])
@pytest.mark.parametrize("line", LAYERS, ids=str)
def test_shards_give_what_the_whole_batch_gives(line: Line, shards: int) -> None:
    for case in (2, 5):
        sample = line.sample(case, 5)
        plain, split = copy.deepcopy(sample.module), Sharded(copy.deepcopy(sample.module), shards, 2)
        out = plain.forward(sample.x)
        np.testing.assert_allclose(split.forward(sample.x), out, rtol=1e-12, atol=1e-12)
        dout = dout_of(out)
        wanted, found = gradients(plain, dout), gradients(split, dout)
        assert found.keys() == wanted.keys()
        for name, array in wanted.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-11, atol=1e-11, err_msg=name)
        for name, array in plain.state().items():
            np.testing.assert_allclose(split.state()[name], array, rtol=1e-12, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("n_rows", [1, 2, 3, 7])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_ragged_batches_and_fewer_rows_than_shards(n_rows: int, threads: int) -> None:
    plain, split = net(0.3, True), Sharded(net(0.3, True), 3, threads)
    for _ in range(3):
        x, dout = batch(n_rows)
        np.testing.assert_allclose(split.forward(x), plain.forward(x), rtol=1e-12)
        wanted, found = gradients(plain, dout), gradients(split, dout)
        for name, array in wanted.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-10, atol=1e-12, err_msg=name)


def _mlp() -> Module:
    return net(0.4, True, np.float32)


def _conv_net() -> Module:
    return SmallConvNet((3, 16, 16), 3, rng=0, dtype=np.float32).scores


@pytest.mark.parametrize("make", [_mlp, _conv_net])
def test_threads_do_not_change_a_bit(make: Callable[[], Module]) -> None:
    n_inputs = 12 if make is _mlp else 768
    draws = np.random.default_rng(1)
    results = []
    for threads in (1, 2, 3):
        module = make()
        split, parameters = Sharded(module, 3, threads), FlatParameters(module)
        draws = np.random.default_rng(1)
        for _ in range(8):
            out = split.forward(draws.normal(size=(20, n_inputs)).astype(np.float32))
            split.backward((out - draws.normal(size=out.shape)).astype(np.float32))
            parameters.values -= 1e-4 * parameters.grads
        results.append(b"".join(array.tobytes() for array in module.state().values()))
    assert results[0] == results[1] == results[2]


def test_parameters_buffers_and_gradients_are_those_of_the_module() -> None:
    module = net(0.2, True)
    split = Sharded(module, 2, 2)
    assert [name for name, _ in split.named_parameters()] == [name for name, _ in module.named_parameters()]
    assert list(split.state()) == list(module.state())
    parameters = FlatParameters(module)  # made after the replicas, it moves what they share
    x, dout = batch(8)
    before = split.forward(x)
    split.backward(dout)
    assert np.any(parameters.grads)
    parameters.values[...] = 0
    module.buffers.clear()
    assert not np.any(split.forward(x)[:, :0]) and np.any(before)
    assert not np.any(split.forward(x))


def test_changes_of_the_module_reach_the_shards() -> None:
    module = net(0.5, True)
    split = Sharded(module, 2, 2)
    x, _ = batch(6)
    split.forward(x)
    module.eval()
    np.testing.assert_array_equal(split.forward(x), np.concatenate([module.forward(x[:3]), module.forward(x[3:])]))
    split.train()
    assert module.training
    split.eval()
    assert not module.training
    module.layers[0].input_needed = False
    module.train()
    out = split.forward(x)
    assert split.backward(np.ones_like(out)) is None


def test_state_written_to_one_is_the_others_too() -> None:
    module, other = net(), Sharded(net(), 2, 2)
    split = Sharded(module, 2, 2)
    state = {name: array + 1 for name, array in module.state().items()}
    split.load_state(state)
    other.load_state(module.state())
    x, _ = batch(4)
    np.testing.assert_array_equal(split.forward(x), other.forward(x))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda split: pickle.loads(pickle.dumps(split))])
def test_copies_are_complete_and_independent(copied: Callable[[Sharded], Sharded]) -> None:
    split = Sharded(net(0.3, True), 2, 2)
    x, dout = batch(6)
    split.forward(x)
    twin = copied(split)
    with pytest.raises(CallOrderError, match="a forward must come first"):
        twin.backward(dout)
    np.testing.assert_array_equal(split.forward(x), twin.forward(x))
    split.backward(dout)
    twin.backward(dout)
    for (name, mine), (_, theirs) in zip(split.named_parameters(), twin.named_parameters(), strict=True):
        np.testing.assert_array_equal(mine.grad, theirs.grad, err_msg=name)
        assert not np.shares_memory(mine.value, theirs.value)


def test_the_replicas_of_a_layer_take_no_second_gradient_of_its_weight() -> None:
    split = Sharded(LinearModule(12, 3, rng=0), 2, 2)
    x, dout = batch(6)
    split.forward(x)
    split.backward(dout)
    np.testing.assert_allclose(split.module.grads["weight"], dout.T @ x, rtol=1e-12)
    grads = [replica.grads["weight"] for replica in split._replicas]
    assert all(np.shares_memory(grad, split.module.grads["weight"]) for grad in grads)


@pytest.mark.parametrize("shards", [2, 3, 5])
@pytest.mark.parametrize("kernel, size, op", [(3, 8, WinogradConv2d), (3, 2, Conv2d), ((1, 2), 5, Conv2d)])
def test_the_kernels_of_a_large_convolution_have_their_gradient_from_the_whole_batch(
    kernel: Size, size: int, op: type[Op], shards: int
) -> None:
    def made() -> Conv2dModule:
        winograd = True if op is WinogradConv2d else None
        conv = Conv2dModule(3, 4, kernel, padding=int(kernel == 3), winograd=winograd, rng=0)
        conv.joint_gradients = ("weight",)  # as one of many channels has it
        return conv

    plain, split = made(), Sharded(made(), shards, 2)
    for n_images, odd in ((7, None), (2, None), (7, np.inf), (7, 1e200)):
        x = np.random.default_rng(n_images).normal(size=(n_images, 3, size, size))
        x[-1, 0, 1, 1] = x[-1, 0, 1, 1] if odd is None else odd
        with np.errstate(all="ignore"):
            out = plain.forward(x)
            assert plain._active_op() is op
            np.testing.assert_allclose(split.forward(x), out, rtol=1e-12, atol=1e-12)
            dout = np.random.default_rng(1).normal(size=out.shape)
            wanted, found = gradients(plain, dout), gradients(split, dout)
        for name, array in wanted.items():
            np.testing.assert_allclose(found[name], array, rtol=1e-10, atol=1e-12, err_msg=name)
    grads = [replica.grads["weight"] for replica in split._replicas]
    assert all(np.shares_memory(grad, split.module.grads["weight"]) for grad in grads)


def test_which_convolutions_are_large() -> None:
    def joint(*sizes: Any, **options: Any) -> tuple[str, ...]:
        return Conv2dModule(*sizes, rng=0, **options).joint_gradients

    assert joint(256, 512, 1) == joint(512, 256, 3) == ("weight",)
    assert joint(256, 511, 1) == joint(256, 512, 3, groups=2) == joint(256, 512, 3, strips=True) == ()


def test_rows_in_one_piece_of_memory_are_joined_without_a_copy() -> None:
    x = np.arange(24.0).reshape(6, 4)
    for parts in ([x[:2], x[2:5], x[5:]], [x[1:3], x[3:4]]):
        joined = whole(parts)
        assert np.shares_memory(joined, x)
        np.testing.assert_array_equal(joined, np.concatenate(parts))
    for parts in ([x[2:], x[:2]], [x[:2], x[3:]], [x[:2], x[2:].copy()], [x.copy(), x[:1]], [x[:3, :2], x[3:, :2]]):
        joined = whole(parts)
        assert not np.shares_memory(joined, x)
        np.testing.assert_array_equal(joined, np.concatenate(parts))


class _RowSum(Op):
    @staticmethod
    def forward(context: Any, x: Array) -> Array:
        return x.sum(axis=0, keepdims=True)

    @staticmethod
    def backward(context: Any, dout: Array) -> Any:
        return dout


class RowSumModule(Module):
    """A module that joins rows."""

    op = _RowSum


def test_a_module_that_joins_rows_is_refused() -> None:
    with pytest.raises(
        ShapeError, match=r"Sharded: there must be one row per row of x, got \(1, 12\) for 3 rows\. Hint"
    ):
        Sharded(RowSumModule(), 2, 2).forward(batch(6)[0])


@pytest.mark.parametrize("shards", [1, 2, 3])
def test_after_a_refused_forward_the_one_before_is_still_known(shards: int) -> None:
    split = Sharded(Sequential(BatchNorm(3), LinearModule(3, 2, rng=0)), shards, 2)
    x, dout = batch(6)[0][:, :3], np.ones((6, 2))
    split.forward(x)
    wanted = gradients(split, dout)
    split.forward(x)
    with pytest.raises(ShapeError, match=r"BatchNorm\(3\)\.forward"):
        split.forward(np.ones((6, 5)))
    found = gradients(split, dout)
    for name, array in wanted.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_a_forward_that_fails_halfway_leaves_no_batch_to_go_back_from() -> None:
    split = Sharded(Sequential(BatchNorm(3), LinearModule(4, 2, rng=0)), 2, 2)
    with pytest.raises(ShapeError, match="LinearModule"):
        split.forward(np.ones((6, 3)))
    split = Sharded(Sequential(LinearModule(3, 2, rng=0), BatchNorm(2)), 2, 2)
    x, dout = batch(6)[0][:, :3], np.ones((6, 2))
    for refused in (np.ones((7, 5)), np.ones((1, 2))):  # of another size than the batch before
        split.forward(x)
        with pytest.raises(ShapeError, match="LinearModule"):
            split.forward(refused)
        with pytest.raises(CallOrderError, match="a forward must come first"):
            split.backward(dout)


INTERRUPTED = """
import copy, signal, sys, time
import numpy as np
from mlp_numpy import BatchNorm, LinearModule, Sequential, Sharded

split = Sharded(Sequential(LinearModule(8, 8, rng=0), BatchNorm(8), LinearModule(8, 4, rng=0)), 2, int(sys.argv[1]))
draws = np.random.default_rng(0)
x, dout = draws.normal(size=(32, 8)), draws.normal(size=(32, 4))
signal.signal(signal.SIGALRM, signal.default_int_handler)
interrupted, end = 0, time.monotonic() + 1.5
while time.monotonic() < end:
    try:
        # again and again, since Python drops what is raised while it frees an object
        signal.setitimer(signal.ITIMER_REAL, draws.uniform(1e-4, 3e-3), 0.05)
        while time.monotonic() < end:
            split.forward(x)
            split.backward(dout)
    except KeyboardInterrupt:
        interrupted += 1
signal.signal(signal.SIGALRM, signal.SIG_IGN)
plain = copy.deepcopy(split.module)
out, dx = split.forward(x), split.backward(dout)
np.testing.assert_allclose(out, plain.forward(x), rtol=1e-12, atol=1e-12)
np.testing.assert_allclose(dx, plain.backward(dout), rtol=1e-10, atol=1e-12)
for (_, one), (_, other) in zip(split.named_parameters(), plain.named_parameters()):
    np.testing.assert_allclose(one.grad, other.grad, rtol=1e-10, atol=1e-12)
print(interrupted)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_interrupts_at_any_moment_leave_it_usable(threads: str) -> None:
    """What a handler raises comes between any two steps of Python in the caller's thread, also in a wait or a lock."""
    command = [sys.executable, "-c", INTERRUPTED, threads]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


def test_shards_of_shards_are_refused() -> None:
    inner = Sharded(LinearModule(3, 2, rng=0), 2)
    for module in (inner, Sequential(inner, ReLUModule())):
        with pytest.raises(OptionError, match="must hold no Sharded"):
            Sharded(module, 2)
        assert default_shards(module, 10**9) == 1
        x, dout = batch(4)[0][:, :3], np.ones((4, 2))
        np.testing.assert_array_equal(Sharded(module, 1).forward(x), module.forward(x))
        np.testing.assert_array_equal(Sharded(module, 1).module.backward(dout), module.backward(dout))


def test_wrong_calls() -> None:
    no_module: Any = "net"
    with pytest.raises(OptionError, match="Sharded: module must be a Module"):
        Sharded(no_module, 2)
    with pytest.raises(OptionError, match="Sharded: shards must be"):
        Sharded(net(), 0)
    split = Sharded(net(), 2, 2)
    with pytest.raises(CallOrderError, match="backward: a forward must come first"):
        split.backward(np.ones((4, 3)))
    split.forward(batch(4)[0])
    with pytest.raises(ShapeError, match=r"dout must be \(4, 3\)"):
        split.backward(np.ones((3, 3)))
    split.clear_cache()
    with pytest.raises(CallOrderError, match="backward: a forward must come first"):
        split.backward(np.ones((4, 3)))
    with pytest.raises(ShapeError, match=r"x must be \(N, …, 12\)"):
        split.forward(np.ones((4, 5)))
    assert repr(Sharded(ReLUModule(), 2)) == "Sharded(ReLUModule(), shards=2)"


def test_the_default_number_of_shards_follows_from_sizes() -> None:
    wide = LinearModule(1000, 500)
    assert (default_shards(wide, 300), default_shards(wide, 200), default_shards(wide, 199)) == (2, 2, 1)
    assert default_shards(LinearModule(3072, 100), 200) == 1
    wider = LinearModule(2000, 2000)
    assert (default_shards(wider, 32), default_shards(wider, 31)) == (2, 1)
    assert default_shards(LinearModule(64, 10), 200) == 1
    conv = Sequential(Conv2dModule(30, 60, 3, bias=False), ReLUModule())
    assert (default_shards(conv, 32), default_shards(conv, 31)) == (2, 1)
    assert (default_shards(SmallConvNet(), 126), default_shards(SmallConvNet(), 125)) == (2, 1)
    assert default_shards(Sequential(wide, RowSumModule()), 300) == 1


def test_what_its_outputs_mean_is_that_of_the_module() -> None:
    for module in (LinearModule(3, 2), Sequential(LinearModule(3, 2), SoftMaxModule()), ReLUModule()):
        assert Sharded(module, 2).output_kind == module.output_kind
    assert Sharded(LinearModule(3, 2), 2).output_kind == "scores"
