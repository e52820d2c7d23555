"""Polynomials for activations: what a fit promises, and that ciphertexts agree with it."""

import math

import numpy as np
import pytest
import torch
from helpers import assert_refused, on_twin
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial import chebyshev

import helib_py as he
from helib_py.activations import FUNCTIONS, Polynomial
from helib_py.ckks import CKKSVector
from helib_py.errors import BadValue, OutOfLevels, ParameterError

DEGREES = [1, 2, 3, 4, 5, 7, 8, 15, 31, 63]
METHODS = ["least squares", "chebyshev", "minimax"]
T = np.linspace(-1, 1, 4001)
X = np.concatenate([[-1.0, 1.0, 0.0], np.random.default_rng(5).uniform(-1, 1, 1021)])


# --- fits --------------------------------------------------------------------------------


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("method", METHODS)
def test_the_errors_are_what_they_say(function, method):
    p = he.fit(function, 6, (-3, 5), method)
    x = np.linspace(-3, 5, 4001)
    error = p(x) - FUNCTIONS[function](x)
    assert p.max_error == pytest.approx(np.abs(error).max())
    assert p.rms_error == pytest.approx(np.sqrt(np.mean(error**2)))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(-4, 4), min_size=1, max_size=8), st.sampled_from(METHODS))
def test_a_polynomial_is_its_own_fit(coefficients, method):
    p = he.fit(lambda t: chebyshev.chebval(t, coefficients), len(coefficients) - 1, 1, method)
    assert np.abs(np.array(p.coefficients) - coefficients).max() < 1e-8


@pytest.mark.parametrize("function", ["sigmoid", "relu", "gelu", "softplus"])
@pytest.mark.parametrize("degree", [2, 3, 4, 7, 15])
def test_each_method_is_best_at_what_it_minimises(function, degree):
    fits = {method: he.fit(function, degree, 8, method) for method in METHODS}
    assert min(fits.values(), key=lambda p: p.max_error) is fits["minimax"]
    assert min(fits.values(), key=lambda p: p.rms_error) is fits["least squares"]


def test_chebyshev_meets_the_function_at_chebyshev_s_points():
    p = he.fit("tanh", 8, 4, "chebyshev")
    nodes = 4 * chebyshev.chebpts1(9)
    assert np.abs(p(nodes) - np.tanh(nodes)).max() < 1e-12


def test_samples_draw_a_fit_and_its_range():
    data = np.random.default_rng(0).normal(0, 2, 5000).clip(-8, 8)
    drawn = he.fit("relu", 4, 8, samples=data)
    best = he.fit("relu", 4, 8, "minimax")

    def rms(p):
        return np.sqrt(np.mean((p(data) - np.maximum(data, 0)) ** 2))

    assert rms(drawn) < 0.8 * rms(best)
    assert drawn.max_error > best.max_error
    assert (he.fit("relu", 4, samples=data).low, drawn.low) == (data.min(), -8)


def test_a_uniform_share_tames_the_ends():
    data = np.random.default_rng(0).normal(0, 1, 5000).clip(-8, 8)
    shares = [he.fit("relu", 6, 8, samples=data, uniform=u) for u in (0, 0.05, 1)]
    none, some, only = (p.max_error for p in shares)
    assert none > 4 * some > some > only
    assert shares[2].coefficients == pytest.approx(he.fit("relu", 6, 8).coefficients)


def test_functions_of_one_number_and_constants_do_too():
    one, many = he.fit(math.tanh, 5, 2), he.fit("tanh", 5, 2)
    assert one.coefficients == pytest.approx(many.coefficients, abs=1e-12)
    assert he.fit(lambda x: 0.25, 0, 2).coefficients == pytest.approx((0.25,))
    assert he.fit("relu", np.int64(3), 2) == he.fit("relu", 3, 2)


def test_functions_with_branches_are_asked_number_by_number():
    branching = he.fit(lambda x: x if x > 0 else 0, 5, 2)
    assert branching.coefficients == pytest.approx(he.fit("relu", 5, 2).coefficients)


@pytest.mark.parametrize(
    ("arguments", "named", "refusal"),
    [
        (("swish", 3, 1), {}, ParameterError),
        (("relu", -1, 1), {}, ParameterError),
        (("relu", 256, 1), {}, ParameterError),
        (("relu", 2.5, 1), {}, ParameterError),
        (("relu", True, 1), {}, ParameterError),
        (("relu", 3), {}, ParameterError),
        (("relu", 3, 0), {}, ParameterError),
        (("relu", 3, (2, 1)), {}, ParameterError),
        (("relu", 3, (0, 1, 2)), {}, ParameterError),
        (("relu", 3, "wide"), {}, ParameterError),
        (("relu", 3, math.nan), {}, ParameterError),
        (("relu", 3, (0, math.inf)), {}, ParameterError),
        (("relu", 3, 1, "taylor"), {}, ParameterError),
        (("relu", 3), {"samples": []}, ParameterError),
        (("relu", 3), {"samples": [1, 1]}, ParameterError),
        (("relu", 3), {"samples": [0, 1], "uniform": 1.5}, ParameterError),
        (("relu", 3), {"samples": [0, 1], "uniform": math.nan}, ParameterError),
        (("relu", 3), {"samples": [0, 1], "uniform": 0}, BadValue),
        (("relu", 3), {"samples": [0, math.nan]}, BadValue),
        (("relu", 3, 1), {"samples": [0, 2]}, BadValue),
        (("relu", 3, 1), {"samples": []}, BadValue),
        ((np.log, 3, 1), {}, BadValue),
        ((torch.tanh, 3, 1), {}, BadValue),
        ((lambda x: 1 / x, 3, 1, "minimax"), {}, BadValue),
        ((lambda x: x + 1j, 3, 1), {}, BadValue),
    ],
)
@pytest.mark.filterwarnings("error")
def test_what_makes_no_sense_is_refused(arguments, named, refusal):
    with pytest.raises(refusal) as error:
        he.fit(*arguments, **named)
    assert_refused(error)


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        (((),), BadValue), (((1.0, math.nan),), BadValue), (((1.0,), 1.0, -1.0), ParameterError),
        (((1.0,), -math.inf, 1.0), ParameterError),
    ],
)  # fmt: skip
def test_no_polynomial_is_made_of_what_is_none(fields, refusal):
    with pytest.raises(refusal) as error:
        Polynomial(*fields)
    assert_refused(error)


# --- in the clear ------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.floats(-2, 2), min_size=1, max_size=7), st.floats(-9, 1), st.floats(2, 9))
def test_both_bases_and_numpy_agree(coefficients, low, high):
    p = Polynomial(tuple(coefficients), low, high)
    x = np.linspace(low, high, 50)
    assert np.allclose(p(x), chebyshev.chebval(np.linspace(-1, 1, 50), coefficients))
    assert np.allclose(p(x), np.polynomial.polynomial.polyval(x, p.powers), atol=1e-6)


def test_the_result_is_of_the_kind_that_x_is():
    p = he.fit("sigmoid", 5, 8)
    assert isinstance(p(0.5), float)
    assert p([0.5, 1]).shape == (2,)
    assert p(np.ones((2, 3))).shape == (2, 3)


def test_tensors_differentiate():
    torch = pytest.importorskip("torch")
    p = he.fit("tanh", 15, 4)
    x = torch.linspace(-4, 4, 101, dtype=torch.float64, requires_grad=True)
    p(x).sum().backward()
    slope = np.polynomial.Chebyshev(p.coefficients, (-4, 4)).deriv()
    assert np.allclose(x.grad.numpy(), slope(x.detach().numpy()))


def test_powers_of_x_explode_where_chebyshev_s_basis_does_not():
    p = he.fit("relu", 15, 1, "minimax")
    assert np.abs(p.coefficients).max() < 1
    assert np.abs(p.powers).max() > 100


# --- levels and products -----------------------------------------------------------------

COSTS = {1: (0, 1), 3: (2, 2), 7: (5, 3), 15: (7, 5), 31: (12, 6), 63: (16, 7)}


@pytest.mark.parametrize("degree", COSTS)
def test_the_cost_is_that_of_paterson_and_stockmeyer(degree):
    p = Polynomial(tuple(np.random.default_rng(0).uniform(0.1, 0.9, degree + 1)))
    products, depth = COSTS[degree]
    assert p.products <= products
    assert p.depth <= depth


@pytest.mark.parametrize("degree", [*range(1, 34), 63, 100, 127, 255])
def test_the_logarithm_of_the_degree_in_levels_and_its_root_in_products(degree):
    p = Polynomial(tuple(np.random.default_rng(degree).uniform(0.1, 0.9, degree + 1)))
    least = math.ceil(math.log2(degree + 1))
    assert least <= p.depth <= least + 1
    assert p.products <= 2 * math.sqrt(2 * degree) + math.log2(degree)
    mapped = Polynomial(p.coefficients, -8, 8)
    assert mapped.depth == p.depth + (degree > 1)


@pytest.fixture
def multiplied(monkeypatch):
    """A list that grows with each product of two ciphertexts."""
    made, multiply = [], CKKSVector._times_ciphertext

    def counted(a, b):
        made.append((a.level, b.level))
        return multiply(a, b)

    monkeypatch.setattr(CKKSVector, "_times_ciphertext", counted)
    return made


FITS = [
    *[("sigmoid", d, 8.0, m) for d in DEGREES for m in ("least squares", "minimax")],
    *[("relu", d, (-3.0, 5.0), "minimax") for d in DEGREES],
    ("tanh", 0, 1.0, "minimax"), ("gelu", 9, (0.0, 2.0), "chebyshev"),
    ("softplus", 6, (-0.25, 0.25), "chebyshev"), ("abs", 2, 1.0, "minimax"),
    (lambda x: 4 * x**3 - 3 * x, 3, 1.0, "chebyshev"), (lambda x: 3 * x - 2, 1, 8.0, "chebyshev"),
]  # fmt: skip


@pytest.mark.parametrize("fit", FITS)
def test_depth_and_products_are_what_is_really_used(fit, multiplied):
    p = he.fit(*fit)
    params = he.CKKS(depth=max(1, p.depth), precision=15, bound=8.0, rotations=())
    c = on_twin(params, X * p.high).promise(max(abs(p.low), abs(p.high)))
    with he.Ledger() as ledger:
        out = p.run(c)
    assert params.depth - out.level == p.depth
    assert len(multiplied) == p.products
    assert min(entry.level for entry in ledger) == out.level
    assert p(c, inside=True).level == out.level
    assert p.explain().column("value")[-4:-2] == [p.depth, p.products]


def test_one_level_too_few_is_refused():
    p = he.fit("sigmoid", 7, 8)
    c = on_twin(he.CKKS(depth=p.depth - 1, bound=8.0, rotations=()), X)
    with pytest.raises(OutOfLevels) as error:
        p(c)
    assert_refused(error)


def test_coefficients_that_vanish_cost_nothing():
    few = Polynomial((0.25, 0.5, 0, 0, 1e-18, 0, 1e-17, 0))
    assert (few.degree, few.depth, few.products) == (7, 1, 0)
    assert Polynomial((0.0, 0, 0, 0, 1)).depth == 2  # T_4 itself: 1 is a whole number
    assert he.fit("relu", 7, 1, "minimax").products < he.fit("sigmoid", 7, 1, "minimax").products


def test_the_repr_tells_degree_interval_error_and_cost():
    told = repr(he.fit("sigmoid", 7, 8, "minimax"))
    assert told == "sigmoid · degree 7 on [-8, 8] · error ≤ 0.019 · 4 levels, 5 products"


def test_other_coefficients_are_judged_anew():
    p = he.fit("tanh", 5, 2)
    assert p.retrained(p.coefficients).max_error == pytest.approx(p.max_error)
    worse = p.retrained([c + 0.1 for c in p.coefficients])
    assert worse.max_error > p.max_error
    assert math.isnan(he.fit(lambda x: x, 5, 2).retrained([1.0]).max_error)
