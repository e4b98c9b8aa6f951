"""Batch normalization of a batch in shards: the statistics and gradients of the whole batch."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from shards import Shard, in_shards

from mlp_numpy import BatchNorm
from mlp_numpy.arrays import Array
from mlp_numpy.parallel import ALONE

SIZES = [(7,), (3, 4), (1, 6), (2, 1, 4)]


def drawn(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(3, 2, shape)


def odd_batches() -> dict[str, Array]:
    """Batches of 7 rows whose shards, looked at one by one, would go different ways."""
    x = drawn(7, 3)
    far, far_in_one, huge_in_one, tiny, constant = (x.copy() for _ in range(5))
    far[:, 1] += 1e6
    far_in_one[:, 1] = [1e6, 1e6 + 1, 1e6, 1e6 + 1, 1e6, 1e6, 1e6 + 2]
    far_in_one[4:, 2] += 1e9
    huge_in_one[5, 0] = 1e200
    huge_in_one[6, 2] = np.finfo(float).max
    tiny[:, 0] *= 1e-200
    constant[:, 1] = 0.1
    return {"plain": x, "far": far, "far in one": far_in_one, "huge": huge_in_one, "tiny": tiny, "constant": constant}


def run(shard: Shard, module: BatchNorm, x: Array, dout: Array) -> tuple[Array, Array | None, dict[str, Array]]:
    """A forward and backward of a shard in a module of its own, whose buffers are those of ``module``."""
    mine = copy.deepcopy(module)
    mine.buffers, mine.communicator = module.buffers, shard
    place, _ = shard.rows(shard.sizes[shard.rank])
    return mine.forward(x[place]), mine.backward(dout[place]), dict(mine.grads)


def agree(sizes: tuple[int, ...], whole: BatchNorm, x: Array, dout: Array) -> None:
    rtol = 1e-12
    module = copy.deepcopy(whole)
    out, dx = whole.forward(x), whole.backward(dout)
    results = in_shards(sizes, lambda shard: run(shard, module, x, dout))
    unit = abs(dx).max(axis=(0, *range(2, x.ndim)), keepdims=True)
    unit[unit == 0] = 1
    np.testing.assert_allclose(np.concatenate([each[0] for each in results]), out, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(np.concatenate([each[1] for each in results]) / unit, dx / unit, rtol=rtol, atol=rtol)
    for name, grad in whole.grads.items():
        np.testing.assert_allclose(sum(each[2][name] for each in results), grad, rtol=rtol, atol=rtol)
    for name, array in whole.buffers.items():
        np.testing.assert_allclose(module.buffers[name], array, rtol=rtol)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("shape", [(7, 3), (7, 3, 2), (7, 3, 2, 4)], ids=str)
@pytest.mark.parametrize("options", [{}, {"affine": False}, {"momentum": None}, {"running": False}], ids=str)
def test_shards_have_the_statistics_of_the_whole_batch(
    sizes: tuple[int, ...], shape: tuple[int, ...], options: dict[str, object]
) -> None:
    module = BatchNorm(3, **options)
    for name in module.params:
        module.params[name] = drawn(3, seed=1)
    agree(sizes, module, drawn(*shape), drawn(*shape, seed=2))


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("eps", [0.0, 1e-5])
@pytest.mark.parametrize("kind", odd_batches())
def test_shards_choose_the_same_unit_and_origin(sizes: tuple[int, ...], eps: float, kind: str) -> None:
    agree(sizes, BatchNorm(3, eps=eps), odd_batches()[kind], drawn(7, 3, seed=2))


def test_a_nan_of_one_shard_is_one_of_all() -> None:
    x = drawn(7, 3)
    x[6, 1] = np.nan
    outputs = in_shards((2, 1, 4), lambda shard: run(shard, BatchNorm(3), x, x)[0])
    expected = np.isnan(BatchNorm(3).forward(x))
    np.testing.assert_array_equal(np.isnan(np.concatenate(outputs)), expected)
    assert expected[:, 1].all()


def test_only_the_first_shard_updates_the_running_statistics() -> None:
    x = drawn(7, 3)

    def buffers_of(shard: Shard) -> dict[str, Array]:
        module = BatchNorm(3, momentum=None)
        run(shard, module, x, x)
        return module.buffers

    first, *others = in_shards((3, 4), buffers_of)
    assert first["n_batches"] == 1
    np.testing.assert_allclose(first["running_mean"], x.mean(axis=0), rtol=1e-12)
    for each in others:
        np.testing.assert_equal(each, BatchNorm(3, momentum=None).buffers)


def test_a_copy_is_no_shard() -> None:
    module = BatchNorm(3)
    assert module.communicator is ALONE

    def copies(shard: Shard) -> None:
        mine = BatchNorm(3)
        mine.communicator = shard
        mine.clear_cache()
        assert mine.communicator is shard
        for other in (copy.copy(mine), copy.deepcopy(mine), mine.astype(np.float32)):
            assert other.communicator is ALONE

    in_shards((1, 1), copies)
    assert pickle.loads(pickle.dumps(module)).communicator is ALONE
