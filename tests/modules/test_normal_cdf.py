"""The normal distribution against the error function, and against its asymptotic series in the tail."""

from __future__ import annotations

from math import erf, exp, pi, sqrt

import numpy as np
import pytest

from mlp_numpy.arrays import blockwise
from mlp_numpy.modules import normal_cdf
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


@pytest.mark.parametrize(("tail", "kind"), [(normal_cdf._SINGLE, np.float32), (normal_cdf._DOUBLE, np.float64)])
def test_the_polynomials_reach_as_far_as_the_density(tail: normal_cdf.Tail, kind: type) -> None:
    """e^(−t²/2) is 0 at ``reach``, and is not at the integer before."""
    assert np.exp(kind(-(tail.reach**2) / 2)) == 0
    assert np.exp(kind(-((tail.reach - 1) ** 2) / 2)) > 0


def test_the_degrees_of_the_polynomials() -> None:
    """In float32 every term is needed; in float64 the last ones come near the rounding."""
    single, double = normal_cdf._SINGLE, normal_cdf._DOUBLE
    for tail, missing, least, most in ((single, 0, 0, 1.5e-6), (single, 1, 2e-6, 1), (double, 0, 0, 2e-14)):
        fit = normal_cdf._fit(tail.reach, len(tail.coefficients) - 2 - missing)
        t = np.linspace(0, tail.reach, 1000)
        exact = np.array([normal_cdf._scaled_tail(each) for each in t])
        value = np.polyval(fit.coefficients, fit.slope / (1 + t / 4) + fit.shift)
        assert least <= np.abs(value / exact - 1).max() < most
    assert len(double.coefficients) == 21
