"""Whitening kernels: what the convolution with them gives is uncorrelated."""

from __future__ import annotations

import numpy as np
import pytest

from mlp_numpy import Conv2dModule
from mlp_numpy.errors import DTypeError, OptionError, ShapeError
from mlp_numpy.modules import whitening_kernels


def images(shape: tuple[int, ...] = (40, 2, 9, 8)) -> np.ndarray:
    """Correlated images of mean 0 in every place of a window."""
    rng = np.random.default_rng(0)
    smooth = rng.normal(size=(*shape[:2], shape[2] + 2, shape[3] + 2)).cumsum(axis=2)
    mixed = smooth[:, :, 2:, 2:] - smooth[:, :, :-2, :-2]
    mixed[:, 1] += 2 * mixed[:, 0]
    return np.concatenate([mixed, -mixed])


@pytest.mark.parametrize("kernel", [2, (1, 3)])
def test_the_outputs_are_white(kernel: int | tuple[int, int]) -> None:
    x = images()
    kernels = whitening_kernels(x, kernel, eps=1e-9)
    n = len(kernels) // 2
    conv = Conv2dModule(2, 2 * n, kernel, bias=False)
    conv.params["weight"] = kernels
    out = conv.forward(x).transpose(0, 2, 3, 1).reshape(-1, 2 * n)
    np.testing.assert_allclose(out[:, :n].T @ out[:, :n] / len(out), np.eye(n), atol=1e-6)
    np.testing.assert_allclose(out[:, n:], -out[:, :n], rtol=1e-12)


def test_eps_limits_the_gain_of_what_does_not_occur() -> None:
    kernels = whitening_kernels(np.zeros((2, 1, 3, 3)), 2, eps=0.25)
    np.testing.assert_allclose(np.linalg.norm(kernels.reshape(8, -1), axis=1), 2)


def test_the_signs_do_not_depend_on_the_algorithm() -> None:
    first = whitening_kernels(images(), 2).reshape(16, -1)[:8]
    largest = first[np.arange(8), np.abs(first).argmax(axis=1)]
    assert (largest > 0).all()
    np.testing.assert_allclose(first, whitening_kernels(images()[::-1], 2).reshape(16, -1)[:8], rtol=1e-9, atol=1e-9)


def test_invalid_arguments() -> None:
    with pytest.raises(ShapeError, match="at least 2 × 2"):
        whitening_kernels(np.zeros((3, 1, 1, 4)), 2)
    with pytest.raises(OptionError, match="finite"):
        whitening_kernels(np.full((1, 1, 2, 2), np.nan), 2)
    with pytest.raises(OptionError, match="eps"):
        whitening_kernels(images(), 2, eps=0)
    with pytest.raises(OptionError, match="kernel_size"):
        whitening_kernels(images(), 0)
    for wrong in (np.array([["a"]]), images() + 1j):
        with pytest.raises(DTypeError):
            whitening_kernels(wrong, 2)
    with pytest.raises(ShapeError):
        whitening_kernels(np.zeros((1, 0, 2, 2)), 2)


def test_pixels_whose_squares_overflow() -> None:
    huge = whitening_kernels(np.ldexp(images(), 900), 2)
    np.testing.assert_allclose(np.ldexp(huge, 900), whitening_kernels(images(), 2, eps=1e-300), rtol=1e-9, atol=1e-9)
    constant = np.full((2, 1, 2, 2), 1e300)
    kernels = whitening_kernels(constant, 2, eps=0.25).reshape(8, -1)
    np.testing.assert_allclose(kernels[0], 2.5e-301, rtol=1e-9)
    assert np.isfinite(kernels).all()
