"""Shards of a Trainer: the same bits on any number of threads, and the gradient of the whole batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import threadpoolctl
from tiny import SHAPE, tiny

from mlp_numpy import MLP, FlatParameters, Module, SmallConvNet, SoftMaxCrossEntropyModule, kaiming
from mlp_numpy.arrays import Array
from mlp_numpy.blas import is_numpys
from mlp_numpy.data.augmentation import Augmentation
from mlp_numpy.data.batches import Batches
from mlp_numpy.data.dataset import Split
from mlp_numpy.data.preprocessing import Preprocessing
from mlp_numpy.errors import NonFiniteError, OptionError
from mlp_numpy.optim import SGD, Adam, Average, Muon, NAdam
from mlp_numpy.training import Trainer, Update

DATA = tiny()
F32: Any = np.float32


def plain_mlp() -> Module:
    return MLP(48, [16], 4, init=kaiming(), rng=0, dtype=F32, input_layer=True).scores


def full_mlp() -> Module:
    return MLP(48, [16, 12], 4, init=kaiming(), batch_norm=True, dropout=0.2, rng=0, dtype=F32, input_layer=True).scores


def conv_net() -> Module:
    return SmallConvNet((3, 16, 16), 4, rng=0, dtype=F32, input_layer=True).scores


def images(side: int) -> tuple[Split, tuple[int, int, int]]:
    if side == 4:
        return DATA.train, SHAPE
    draws = np.random.default_rng(3)
    return Split(draws.integers(256, size=(60, 3 * side * side), dtype=np.uint8), draws.integers(4, size=60)), (
        3,
        side,
        side,
    )


def trainer(
    make: Callable[[], Module], shards: int, threads: int, optimizer: Any = Adam, dtype: Any = F32, **options: Any
) -> Trainer:
    split, shape = images(16 if make is conv_net else 4)
    model = make().astype(dtype)
    parameters = FlatParameters(model)
    update = Update(optimizer(parameters, 1e-2), average=Average(parameters, 0.9), clip_norm=1.0)
    batches = Batches(
        split,
        30,
        Preprocessing.fit("standardize", split.images, shape),
        augmentation=Augmentation(shape, shift=1),
        dtype=dtype,
    )
    return Trainer(
        model, SoftMaxCrossEntropyModule(), update, batches, split, shards=shards, threads=threads, **options
    )


def bits(one: Trainer) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in one.state().items()}


@pytest.mark.parametrize(("make", "steps"), [(plain_mlp, 200), (full_mlp, 200), (conv_net, 20)])
def test_200_steps_are_the_same_bits_on_1_and_2_threads(make: Callable[[], Module], steps: int) -> None:
    one, two = trainer(make, 2, 1), trainer(make, 2, 2)
    assert list(one.run(steps)) == list(two.run(steps))
    assert bits(one) == bits(two)


@pytest.mark.parametrize("optimizer", [SGD, NAdam, Muon])
def test_updates_are_the_same_for_any_number_of_workers(optimizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlp_numpy.optim.blocks.BLOCK_BYTES", 64)  # many blocks
    found = []
    for shards in (1, 3):
        one = trainer(plain_mlp, shards, 3, optimizer)
        rng = np.random.default_rng(0)
        for _ in range(5):
            one.optimizer.parameters.grads[...] = rng.normal(size=len(one.optimizer.parameters))
            one.optimizer.step()
        found.append(one.optimizer.parameters.values.tobytes())
    assert found[0] == found[1]


def test_parts_of_an_update_begin_at_whole_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    # or what a kernel leaves over, which some round twice, would depend on the number of workers
    monkeypatch.setattr("mlp_numpy.optim.blocks.BLOCK_BYTES", 64)  # as many workers as there are
    one = trainer(plain_mlp, 3, 3, SGD)
    vector, starts, lengths = one.optimizer.parameters.values, [], []

    def recorded(_: float, __: Array, part: Array) -> None:
        starts.append((part.ctypes.data - vector.ctypes.data) // part.itemsize)
        lengths.append(len(part))

    monkeypatch.setattr("mlp_numpy.optim.sgd.axpy", recorded)
    one.optimizer.step()
    assert len(starts) == 3
    assert all(start % 64 == 0 for start in starts)
    assert sum(lengths) == len(vector)


@pytest.mark.parametrize("make", [plain_mlp, full_mlp])
def test_shards_train_as_the_whole_batch_does(make: Callable[[], Module]) -> None:
    whole, parts = (trainer(make, shards, 2, SGD, np.float64) for shards in (1, 4))
    for one, other in zip(whole.run(30), parts.run(30), strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-10)
        assert other.accuracy == one.accuracy
    np.testing.assert_allclose(parts.parameters.values, whole.parameters.values, rtol=1e-9, atol=1e-12)


def test_the_number_of_shards_decides_the_bits() -> None:
    # otherwise the tests above would hold for a trainer without shards
    one, two = trainer(full_mlp, 1, 2), trainer(full_mlp, 2, 2)
    list(one.run(20))
    list(two.run(20))
    assert bits(one) != bits(two)


def test_a_state_is_loaded_into_another_number_of_threads() -> None:
    one, two = trainer(full_mlp, 3, 3), trainer(full_mlp, 3, 1)
    list(one.run(7))
    two.load_state(one.state())
    list(one.run(15))
    list(two.run(15))
    assert bits(one) == bits(two)


def test_shards_follow_from_the_sizes_by_default_and_blas_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    model = MLP(48, [10_000], 4, rng=0, dtype=F32).scores
    batches = Batches(DATA.train, 200, Preprocessing.fit("raw", DATA.train.images, SHAPE))
    one = Trainer(model, SoftMaxCrossEntropyModule(), SGD(FlatParameters(model), 0.1), batches)
    assert (one.shards, one.workers.size) == (2, 2)
    small = trainer(plain_mlp, 1, 1)
    seen: list[int] = []
    forward = small.model.forward

    def spy(x: Array) -> Array:
        seen.extend(pool["num_threads"] for pool in threadpoolctl.threadpool_info() if is_numpys(pool["filepath"]))
        return forward(x)

    monkeypatch.setattr(small.engine, "forward", spy)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        small.advance()
        assert set(seen) == {1}
        assert all(p["num_threads"] == 2 for p in threadpoolctl.threadpool_info() if is_numpys(p["filepath"]))


def test_a_failure_in_shards_restores_what_one_in_the_whole_batch_does() -> None:
    one = trainer(full_mlp, 2, 2, SGD)
    list(one.run(5))
    before = {name: array.copy() for name, array in one.model.state().items()}
    one.update.optimizer.parameters.values[:10] = np.nan
    with pytest.raises(NonFiniteError, match="at step 6"):
        one.advance()
    for name, array in one.model.buffers.items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True])
def test_numbers_of_shards_and_threads_are_checked(wrong: Any) -> None:
    with pytest.raises(OptionError, match="shards must be"):
        trainer(plain_mlp, wrong, 1)
    with pytest.raises(OptionError, match="threads must be"):
        trainer(plain_mlp, 2, wrong)
