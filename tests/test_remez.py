"""The exchange finds the polynomial with the smallest largest error, and known ones at that."""

import numpy as np
import pytest
from helpers import assert_refused
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial import chebyshev

import helib_py as he
from helib_py.errors import ParameterError
from helib_py.remez import exchange, remez

T = np.linspace(-1, 1, 20001)
SMOOTH = {
    "exp": np.exp,
    "shifted": lambda t: 1 / (1 + np.exp(-3 * t - 1)),
    "kink": lambda t: np.abs(t - 0.3),
}


def error_of(function, coefficients):
    return chebyshev.chebval(T, coefficients) - function(T)


def largest(function, coefficients):
    return float(np.abs(error_of(function, coefficients)).max())


KNOWN = {  # largest error on [-8, 8]
    "sigmoid": {3: 0.089, 7: 0.019, 15: 8.8e-4, 31: 1.9e-6},
    "relu": {3: 0.50, 7: 0.18, 15: 0.080, 31: 0.037},
    "gelu": {3: 0.50, 7: 0.16, 15: 0.019, 31: 4.8e-5},
}


@pytest.mark.parametrize("function", KNOWN)
def test_the_errors_are_the_known_ones(function):
    for degree, known in KNOWN[function].items():
        found = he.fit(function, degree, 8, "minimax").max_error
        assert found == pytest.approx(known, rel=0.035), degree


@pytest.mark.parametrize("degree", [1, 2, 3, 7, 12])
def test_of_a_power_one_higher_what_is_left_is_a_chebyshev_polynomial(degree):
    power = degree + 1
    left = largest(lambda t: t**power, remez(lambda t: t**power, degree))
    assert left == pytest.approx(2.0**-degree, rel=1e-4)


def test_the_best_line_for_the_exponential_is_chebyshev_s():
    slope = np.sinh(1)
    line = remez(np.exp, 1)
    assert line[1] == pytest.approx(slope, abs=1e-6)
    assert largest(np.exp, line) == pytest.approx((np.exp(-1) + slope * np.log(slope)) / 2)


def test_the_best_constant_is_halfway():
    assert remez(np.exp, 0) == pytest.approx([np.cosh(1)])


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("degree", [1, 2, 5, 8])
def test_the_error_alternates_once_more_than_there_are_coefficients(name, degree):
    error = error_of(SMOOTH[name], remez(SMOOTH[name], degree))
    top = np.abs(error).max()
    signs = np.sign(error[np.abs(error) > top * (1 - 1e-2)])
    assert 1 + np.count_nonzero(np.diff(signs)) >= degree + 2


@settings(deadline=None, max_examples=30)
@given(st.sampled_from(sorted(SMOOTH)), st.integers(1, 12), st.integers(0, 2**32 - 1))
def test_no_other_polynomial_is_better(name, degree, seed):
    best = remez(SMOOTH[name], degree)
    top = largest(SMOOTH[name], best)
    step = np.random.default_rng(seed).normal(0, top, degree + 1)
    for size in (1e-3, 1e-1, 1):
        assert largest(SMOOTH[name], best + size * step) >= top * (1 - 1e-5)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats(-4, 4), min_size=1, max_size=9), st.integers(0, 3))
def test_a_polynomial_is_its_own_best(coefficients, more):
    found = remez(lambda t: chebyshev.chebval(t, coefficients), len(coefficients) - 1 + more)
    assert np.abs(found[: len(coefficients)] - coefficients).max() < 1e-8
    assert np.abs(found[len(coefficients) :]).max(initial=0) < 1e-8


@pytest.mark.parametrize(("function", "odd"), [(np.tanh, True), (np.abs, False), (np.cos, False)])
@pytest.mark.parametrize("degree", [2, 3, 8, 9])
def test_odd_functions_have_odd_and_even_ones_even_terms(function, odd, degree):
    assert not np.any(remez(function, degree)[0 if odd else 1 :: 2])


@pytest.mark.parametrize("degree", [3, 4, 10, 11])
def test_half_odd_half_even_functions_are_fitted_too(degree):
    best = remez(lambda t: np.maximum(t, 0), degree)
    of_abs = remez(np.abs, degree) / 2
    of_abs[1] += 0.5
    assert np.abs(best - of_abs).max() < 1e-6


@pytest.mark.parametrize("function", [np.sign, lambda t: np.where(t > 0.3, 1.0, 0.0)])
@pytest.mark.parametrize("degree", [3, 9])
def test_at_a_jump_no_polynomial_gets_below_half_of_it(function, degree):
    jump = np.ptp(function(T))
    assert largest(function, remez(function, degree)) == pytest.approx(jump / 2, rel=0.01)


def test_a_gap_may_be_left_out():
    """The sign on ±[1/2, 1]: only there does the error count."""
    t = np.linspace(0.5, 1, 501)
    odd = [1, 3, 5]
    found = exchange(t, np.ones_like(t), odd)
    p = sum(c * chebyshev.chebval(t, np.eye(6)[k]) for c, k in zip(found, odd, strict=True))
    error = p - 1
    assert error.max() == pytest.approx(-error.min(), rel=1e-4)


@pytest.mark.parametrize("size", [1e-9, 1e12])
def test_the_size_of_a_function_does_not_matter(size):
    assert np.allclose(remez(lambda t: size * np.exp(t), 6) / size, remez(np.exp, 6), atol=1e-9)


@pytest.mark.parametrize("degree", [1, 8])
def test_what_does_not_settle_is_refused(degree):
    noise = np.random.default_rng(0)
    with pytest.raises(ParameterError) as error:
        remez(lambda t: noise.normal(size=t.shape), degree)
    assert_refused(error)
