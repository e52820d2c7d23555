"""What notebook 08 builds by hand, run from the notebook itself, agrees with the package."""

import numpy as np
import pytest
from helpers import assert_bits, by_hand
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial import chebyshev

import helib_py as he
from helib_py.remez import remez

NAMES = {
    "alternating", "chebyshev_columns", "chebyshev_points", "exchange", "extrema", "horner",
    "interpolate", "least_squares", "paterson_stockmeyer", "split",
}  # fmt: skip
SMOOTH = {
    "exp": np.exp,
    "sigmoid": lambda t: 1 / (1 + np.exp(-5 * t - 1)),
    "softplus": lambda t: np.logaddexp(0, 6 * t + 2),
    "bump": lambda t: np.exp(-((t - 0.3) ** 2)),
}
T = np.linspace(-1, 1, 4001)
coefficients = st.lists(st.floats(-1, 1), min_size=8, max_size=8).map(np.array)


def notebook():
    return by_hand("08_polynomial_activations")


def test_every_function_by_hand_is_tested_here():
    assert set(vars(notebook())) == NAMES


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("degree", [1, 3, 7])
def test_least_squares_are_the_package_s(name, degree):
    fitted = he.fit(SMOOTH[name], degree, 1)
    assert np.allclose(notebook().least_squares(SMOOTH[name], degree, T), fitted.powers)


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("degree", [1, 3, 7])
def test_through_chebyshev_s_points_goes_the_package_s(name, degree):
    points = notebook().chebyshev_points(degree + 1)
    assert np.allclose(np.sort(points), chebyshev.chebpts1(degree + 1))
    fitted = he.fit(SMOOTH[name], degree, 1, "chebyshev")
    assert np.allclose(notebook().interpolate(SMOOTH[name], points), fitted.powers)


@settings(deadline=None)
@given(st.floats(-2, 2), st.integers(1, 20))
def test_the_columns_are_chebyshev_s_polynomials(t, degree):
    columns = notebook().chebyshev_columns(np.array([t]), degree)
    assert np.allclose(columns[0], chebyshev.chebvander(t, degree))


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("degree", [1, 2, 3, 5, 8])
def test_the_exchange_finds_the_package_s_polynomial(name, degree):
    f = SMOOTH[name]
    assert np.abs(notebook().exchange(f, degree) - remez(f, degree)).max() < 1e-6


@pytest.mark.parametrize("degree", [1, 4, 7])
def test_the_error_alternates_where_it_is_told_to(degree):
    points = np.sort(notebook().chebyshev_points(degree + 2))
    c, level = notebook().alternating(np.exp, points)
    error = np.exp(points) - chebyshev.chebval(points, c)
    assert np.allclose(error, level * (-1.0) ** np.arange(degree + 2))
    assert list(notebook().extrema(error, degree + 2)) == list(range(degree + 2))


@settings(deadline=None)
@given(coefficients)
def test_the_split_is_a_division_by_t4(c):
    q, r = notebook().split(c, 4)
    for ours, theirs in zip((q, r), chebyshev.chebdiv(c, [0, 0, 0, 0, 1]), strict=True):
        assert np.allclose(ours[: len(theirs)], theirs)
        assert np.allclose(ours[len(theirs) :], 0)


@settings(deadline=None)
@given(coefficients, st.floats(-1, 1))
def test_every_way_to_evaluate_gives_the_same(c, t):
    c = c + 2 * np.eye(8)[7]  # really of degree 7
    package = he.Polynomial(tuple(c))(t)
    assert notebook().horner(chebyshev.cheb2poly(c), t) == pytest.approx(package, abs=1e-9)
    assert notebook().paterson_stockmeyer(c, t) == pytest.approx(package, abs=1e-9)


def test_on_a_ciphertext_too():
    c = np.random.default_rng(0).uniform(-1, 1, 8)
    twin = he.DataOwner(he.CKKS(depth=4, rotations=()), "plain")
    x = twin.encrypt(T[::50])
    p = he.Polynomial(tuple(c))
    assert_bits(twin.decrypt(notebook().paterson_stockmeyer(c, x)), p(T[::50]), at_least=15)
    assert_bits(twin.decrypt(p(x)), p(T[::50]), at_least=15)
