"""The normal distribution against the error function, and against its asymptotic series in the tail."""

from __future__ import annotations

from math import erf, exp, pi, sqrt

import numpy as np
import pytest

from mlp_numpy.arrays import blockwise
from mlp_numpy.modules.normal_cdf import gaussian


@pytest.mark.parametrize(("kind", "bound"), [(np.float32, 5e-7), (np.float64, 1e-15)])
def test_probability_and_density(kind: type, bound: float) -> None:
    x = np.linspace(-6, 6, 2401).astype(kind)
    probability, density = blockwise(gaussian, x, n_out=2, n_scratch=2)
    assert probability.dtype == density.dtype == kind
    np.testing.assert_allclose(probability, [0.5 * (1 + erf(t / sqrt(2))) for t in x.tolist()], rtol=0, atol=bound)
    np.testing.assert_allclose(density, [exp(-t * t / 2) / sqrt(2 * pi) for t in x.tolist()], rtol=0, atol=bound)


@pytest.mark.parametrize(("kind", "least", "bound"), [(np.float32, -12, 1e-5), (np.float64, -37, 1e-12)])
def test_the_tail_keeps_its_digits(kind: type, least: float, bound: float) -> None:
    x = np.linspace(least, -10, 500).astype(kind)
    probability, _ = blockwise(gaussian, x, n_out=2, n_scratch=2)
    # Φ(−t) = φ(t)/t (1 − 1/t² + 1·3/t⁴ − …), whose terms fall until the number of them comes near t²/2
    t = -x.astype(float)
    term, series = np.ones_like(t), np.ones_like(t)
    for k in range(30):
        term *= -(2 * k + 1) / (t * t)
        series += term
    np.testing.assert_allclose(probability, np.exp(-t * t / 2) / sqrt(2 * pi) / t * series, rtol=bound)


def test_the_complex_step_gives_the_density() -> None:
    x = np.linspace(-8, 8, 161)
    probability, density = blockwise(gaussian, x + 1e-30j, n_out=2, n_scratch=2)
    np.testing.assert_allclose(probability.imag / 1e-30, density.real, rtol=1e-12, atol=1e-15)
