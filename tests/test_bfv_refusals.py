"""What BFV refuses, on every engine."""

import numpy as np
import pytest
from bfv_case import HALF, PARAMS, VALUES, new_owner, refused
from helpers import ENGINES, assert_refused

import helib_py as he
from helib_py.errors import (
    BadValue,
    NotPolynomial,
    Overflow,
    ParameterError,
    ShapeError,
)


@pytest.fixture(params=ENGINES)
def owner(request):
    return new_owner(request.param)


@pytest.fixture
def x(owner):
    return owner.encrypt(VALUES)


# --- values ------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [0.5, [1, 2, 3, 0.25], np.nan, np.inf, 1j, "1", None, [1, None]])
def test_what_is_no_whole_number_is_refused_everywhere(owner, x, bad):
    for use in (lambda: owner.encrypt(bad), lambda: x + bad, lambda: bad - x, lambda: x * bad):
        refused(BadValue, use)


def test_a_matrix_of_fractions_is_refused(x):
    refused(BadValue, lambda: np.full((4, 4), 0.5) @ x)
    refused(BadValue, lambda: x @ np.full(4, 0.5))


def test_fractions_are_refused_with_what_to_do_instead(owner):
    with pytest.raises(BadValue, match=r"0\.5 at index \(1,\) is no whole number: multiply"):
        owner.encrypt([1, 0.5])


def test_a_broken_promise_is_refused(owner):
    with pytest.raises(Overflow, match="bound=8") as error:
        owner.encrypt([5])
    assert_refused(error)
    assert owner.decrypt(owner.encrypt([5], bound=8)) == [5]


@pytest.mark.parametrize("bound", [-1, np.nan, np.inf])
def test_a_bound_that_bounds_nothing_is_refused(owner, x, bound):
    refused(BadValue, lambda: owner.encrypt([0], bound=bound))
    refused(BadValue, lambda: x.promise(bound))


def test_a_promise_only_tightens(x):
    assert x.promise(2.5).bound == 2
    assert x.promise(100).bound == x.bound


WRAPS = [
    lambda x: x + HALF,
    lambda x: x - HALF,
    lambda x: (HALF // 4 + 1) * x,
    lambda x: x * np.full(4, HALF),
    lambda x: x * [HALF // 4 + 1, 0, 0, 0],
    lambda x: (9 * x) ** 4,
    lambda x: (x * (HALF // 4)) + x,
    lambda x: (x * (HALF // 4)).sum(),
    lambda x: np.full((4, 4), HALF // 8) @ x,
    lambda x: (x * 500) * (x * 500),
    lambda x: x + 10**9,
    lambda x: x * 2.0**60,
]


@pytest.mark.parametrize("number", range(len(WRAPS)))
def test_wrapping_around_modulo_t_is_refused_before_it_happens(x, number):
    refused(Overflow, lambda: WRAPS[number](x))


def test_the_largest_numbers_that_cannot_wrap_are_allowed(owner):
    x = owner.encrypt([1, -1])
    assert owner.decrypt(x.promise(1) * HALF).tolist() == [HALF, -HALF]
    assert owner.decrypt(owner.encrypt([HALF, -HALF], bound=HALF)).tolist() == [HALF, -HALF]
    refused(Overflow, lambda: owner.encrypt([0], bound=HALF + 1))


def test_a_result_outside_the_promised_bound_is_refused_by_its_owner(owner, x):
    refused(Overflow, lambda: owner.decrypt(x.promise(1) * 2))


# --- shapes and polynomials --------------------------------------------------------------


@pytest.mark.parametrize(
    "use",
    [
        lambda x: x + np.array([1, 2]),
        lambda x: x * np.ones((2, 2)),
        lambda x: np.ones((3, 5)) @ x,
        lambda x: np.ones((2, 2, 4)) @ x,
        lambda x: x @ np.ones(5),
        lambda x: np.ones((5000, 4)) @ x,
        lambda x: np.ones((0, 4)) @ x,
        lambda x: (np.ones((3, 4)) @ x).rotate(1),
    ],
)
def test_shapes_that_do_not_fit_are_refused(x, use):
    refused(ShapeError, lambda: use(x))


@pytest.mark.parametrize("values", [[], np.ones((2, 2)), np.ones(PARAMS.slots + 1)])
def test_what_is_no_vector_of_at_most_the_slots_is_refused(owner, values):
    refused(ShapeError, lambda: owner.encrypt(values))


@pytest.mark.parametrize(
    "use",
    [
        bool, float, int, abs, list, np.asarray, lambda x: x < 1, lambda x: x == x,
        lambda x: x[0], lambda x: 1 / x, lambda x: x / x, lambda x: 2**x, lambda x: x**-1,
        lambda x: x**0.5, lambda x: x % 2, lambda x: x // 2,
    ],
)  # fmt: skip
def test_what_is_no_polynomial_is_refused(x, use):
    refused(NotPolynomial, lambda: use(x))


def test_division_is_refused_even_where_it_would_come_out_even(x):
    for divisor in (1, 2, [1, 1, 1, 1], 0):
        refused(BadValue, lambda d=divisor: x / d)


def test_plans_and_linear_models_say_which_scheme_they_take(owner):
    refused(ParameterError, lambda: he.ModelOwner(PARAMS))
    refused(ParameterError, lambda: he.LinearServer([(np.eye(2), np.zeros(2))], owner.public))
    refused(ParameterError, lambda: he.DataOwner(PARAMS, "paillier"))
    refused(ParameterError, lambda: he.DataOwner(PARAMS, primes=(3, 5)))
