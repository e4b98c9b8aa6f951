"""Muon: what it orthogonalizes, and what it leaves to AdamW."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy import MLP, AdamW, Conv2dModule, FlatParameters, LayerNorm, LinearModule, Muon
from mlp_numpy.errors import OptionError, ShapeError, UnknownNameError
from mlp_numpy.optim.muon import orthogonalized


@pytest.mark.parametrize("shape", [(5, 5), (3, 8), (8, 3), (1, 4), (4, 1)])
@pytest.mark.parametrize("size", [1e-3, 1.0, 1e6])
def test_singular_values_become_about_1_and_vectors_stay(shape: tuple[int, int], size: float) -> None:
    rng = np.random.default_rng(sum(shape))
    u, _, vt = np.linalg.svd(rng.normal(size=shape), full_matrices=False)
    s = np.linspace(1, 0.2, min(shape))
    found = orthogonalized(size * (u * s) @ vt)
    middle = u.T @ found @ vt.T
    np.testing.assert_allclose(middle, np.diag(np.diag(middle)), atol=1e-12)
    assert 0.65 < np.diag(middle).min() <= np.diag(middle).max() < 1.25


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matrices_whose_squares_overflow(dtype: type) -> None:
    u = np.random.default_rng(0).normal(size=(3, 4)).astype(dtype)
    for size in (1, np.sqrt(np.finfo(dtype).max), np.finfo(dtype).max / 8):
        np.testing.assert_allclose(orthogonalized(u * dtype(size)), orthogonalized(u), atol=1e-5)


def test_no_gradient_is_no_step() -> None:
    assert not orthogonalized(np.zeros((3, 2))).any()


@pytest.mark.parametrize("options", [{}, {"weight_decay": 0.1}, {"weight_decay": 0.1, "decay": "weights"}])
def test_vectors_and_named_matrices_go_to_adamw(options: dict[str, float]) -> None:
    ours, theirs = (FlatParameters(MLP(5, [4], 3, rng=0)) for _ in range(2))
    muon = Muon(ours, 0.02, adamw_on=["2.weight"], adamw_lr_factor=0.5, **options)
    adamw = AdamW(theirs, 0.01, **{"weight_decay": 0.0} | options)
    for seed in range(3):
        for flat, optimizer in ((ours, muon), (theirs, adamw)):
            flat.grads[:] = np.random.default_rng(seed).normal(size=len(flat))
            optimizer.step()
    for name, where in ours.slices.items():
        same = np.isclose(ours.values[where], theirs.values[where], rtol=1e-13)
        assert not same.any() if name == "0.weight" else same.all(), name


def test_a_convolution_is_the_matrix_of_its_kernels() -> None:
    layer, rng = Conv2dModule(2, 3, 2, rng=0), np.random.default_rng(0)
    before, g = layer.params["weight"].copy(), rng.normal(size=(3, 2, 2, 2))
    flat = FlatParameters(layer)
    optimizer = Muon(flat, 0.1, nesterov=False, momentum=0.0)
    layer.grads["weight"] = g
    layer.grads["bias"] = 0
    optimizer.step()
    step = 0.1 * orthogonalized(g.reshape(3, 8)).reshape(g.shape)
    np.testing.assert_allclose(layer.params["weight"], before - step, rtol=1e-14)


def test_the_scale_of_a_tall_matrix() -> None:
    for scale, factor in (("original", 2.0), ("match_rms_adamw", 0.2 * np.sqrt(8))):
        layer = LinearModule(2, 8)
        optimizer = Muon(FlatParameters(layer), 1.0, momentum=0.0, scale=scale)
        layer.params["weight"] = 0
        layer.grads["weight"] = g = np.random.default_rng(0).normal(size=(8, 2))
        layer.grads["bias"] = 0
        optimizer.step()
        np.testing.assert_allclose(layer.params["weight"], -factor * orthogonalized(g), rtol=1e-13)


def test_vectors_alone_are_refused() -> None:
    with pytest.raises(OptionError, match="Muon: parameters must hold a matrix"):
        Muon(FlatParameters(LayerNorm(3)))


def test_views_of_parts() -> None:
    layer = LinearModule(3, 2, rng=0)
    flat = FlatParameters(layer)
    for name, where in flat.slices.items():
        leaf = name.lstrip(".")
        np.testing.assert_array_equal(flat.view(name, flat.values[where]), layer.params[leaf])
        assert np.shares_memory(flat.view(name, flat.grads[where]), flat.grads)
    with pytest.raises(UnknownNameError, match="view: unknown array 'weigth'. Did you mean 'weight'"):
        flat.view("weigth", flat.values)
    with pytest.raises(ShapeError, match="view: part must be a vector of 6"):
        flat.view("weight", flat.values)
