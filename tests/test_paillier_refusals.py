"""What a Paillier ciphertext refuses: it is linear, bounded, of one shape and under one key."""

from contextlib import suppress

import numpy as np
import pytest
from helpers import assert_bits, assert_refused, uniform

import helib_py as he
from helib_py.errors import (
    BadValue,
    NotLinear,
    NotPolynomial,
    Overflow,
    ParameterError,
    ShapeError,
    WrongKey,
)

SHAPES = {
    "another length": lambda x: x + np.ones(2),
    "rows for a vector": lambda x: x + np.ones((2, 3)),
    "a matrix by entries": lambda x: x * np.ones((3, 3)),
    "factors of another length": lambda x: x * np.ones(2),
    "columns that do not fit": lambda x: np.ones((3, 4)) @ x,
    "rows that do not fit": lambda x: x @ np.ones((4, 3)),
    "three dimensions": lambda x: np.ones((2, 2, 3)) @ x,
    "no rows": lambda x: np.ones((0, 3)) @ x,
    "an empty summand": lambda x: x + np.ones(0),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_that_do_not_fit_are_refused(toy, name):
    with pytest.raises(ShapeError) as error:
        SHAPES[name](toy.encrypt([0.5, 0.25, 0.125]))
    assert_refused(error)


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 2), (2, 2, 2)])
def test_only_vectors_and_matrices_are_encrypted(toy, shape):
    with pytest.raises(ShapeError) as error:
        toy.encrypt(np.zeros(shape))
    assert_refused(error)


def test_a_sum_of_two_lengths_is_refused_with_a_fix(toy):
    with pytest.raises(ShapeError) as error:
        toy.encrypt([0.5, 0.25]) + toy.encrypt([0.5, 0.25, 1])
    assert_refused(error)


@pytest.mark.parametrize("rows", [30, 510])
def test_more_rows_than_fit_side_by_side_are_refused(toy, rows):
    with pytest.raises((Overflow, ShapeError)) as error:
        toy.encrypt(np.zeros((rows, 2)))
    assert_refused(error)


def test_more_rows_than_the_modulus_has_bits_are_refused(toy):
    with pytest.raises((Overflow, ShapeError)) as error:
        toy.encrypt(np.zeros((511, 2)))
    assert_refused(error)


@pytest.mark.parametrize("width", [256, 20, 10**6])
def test_a_width_that_does_not_fit_is_refused(toy, width):
    with pytest.raises((Overflow, ShapeError)) as error:
        toy.encrypt(np.zeros((2, 2)), width=width)
    assert_refused(error)
    with pytest.raises(ShapeError):
        toy.encrypt(np.zeros(2), width=width)


@pytest.mark.parametrize("width", [-30, 40.0])
def test_a_width_that_is_no_number_of_bits_is_refused(toy, width):
    with pytest.raises((Overflow, ParameterError, ShapeError)):
        toy.encrypt(np.zeros((2, 2)), width=width)


NONLINEAR = {
    "ciphertext × ciphertext": lambda x, y: x * y,
    "square": lambda x, y: x * x,
    "dot product": lambda x, y: x @ y,
    "dot product with itself": lambda x, y: x @ x,
    "power 2": lambda x, y: x**2,
    "power 1": lambda x, y: x**1,
    "power -1": lambda x, y: x**-1,
    "root": lambda x, y: x**0.5,
}
UNSEEN = {
    "quotient": lambda x, y: x / y,
    "reciprocal": lambda x, y: 1 / x,
    "exponential": lambda x, y: 2**x,
    "ReLU": lambda x, y: x * (x > 0),
    "maximum": lambda x, y: max(x, y),
    "equality": lambda x, y: x == x,
    "inequality": lambda x, y: x != 0,
    "sorting": lambda x, y: sorted([x, y]),
    "absolute value": lambda x, y: abs(x),
    "truth": lambda x, y: bool(x),
    "float": lambda x, y: float(x),
    "int": lambda x, y: int(x),
    "rounding down": lambda x, y: x // 2,
    "remainder": lambda x, y: x % 2,
    "an entry": lambda x, y: x[0],
    "its entries": lambda x, y: list(x),
    "an array": lambda x, y: np.asarray(x),
    "array ≥ ciphertext": lambda x, y: np.ones(2) >= x,
}


@pytest.mark.parametrize("name", NONLINEAR)
def test_what_is_not_linear_is_refused(toy, name):
    x, y = toy.encrypt([0.5, 0.25]), toy.encrypt([0.5, 0.25])
    with pytest.raises(NotLinear, match=r"he\.CKKS") as error:
        NONLINEAR[name](x, y)
    assert_refused(error)


@pytest.mark.parametrize("name", UNSEEN)
def test_what_would_look_into_a_ciphertext_is_refused(toy, name):
    x, y = toy.encrypt([0.5, 0.25]), toy.encrypt([0.5, 0.25])
    with pytest.raises(NotPolynomial) as error:
        UNSEEN[name](x, y)
    assert_refused(error)


def test_numpy_s_own_functions_do_not_reach_inside(toy):
    x = toy.encrypt([0.5, 0.25])
    for use in (np.abs, np.exp, np.sign, lambda x: np.maximum(x, 0)):
        with pytest.raises(NotPolynomial) as error:
            use(x)
        assert_refused(error)
    with pytest.raises(TypeError):
        hash(x)


USES = {
    "encrypted": lambda x, v, owner: owner.encrypt(v),
    "added": lambda x, v, owner: x + v,
    "subtracted from": lambda x, v, owner: v - x,
    "multiplied": lambda x, v, owner: v * x,
    "combined": lambda x, v, owner: np.atleast_1d(v) @ x,
}


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize(
    "value",
    [np.nan, np.inf, -np.inf, [0.5, np.nan], 1j, "1", None, [1, None], b"1", {"a": 1}],
    ids=repr,
)
def test_what_is_no_real_number_meets_no_ciphertext(toy, use, value):
    with pytest.raises(BadValue) as error:
        USES[use](toy.encrypt([0.5, 0.5]), value, toy)
    assert_refused(error)


@pytest.mark.parametrize("use", [name for name in USES if "ed" in name])
def test_numbers_that_would_all_vanish_are_refused(toy, use):
    with pytest.raises(BadValue, match="precision") as error:
        USES[use](toy.encrypt([0.5, 0.5]), [1e-20, -1e-20], toy)
    assert_refused(error)


def test_some_numbers_may_vanish_within_the_stated_error(toy):
    c = toy.encrypt([1e-20, 0.5])
    assert_bits(toy.decrypt(c), [1e-20, 0.5], at_least=c.bits)
    assert_bits(toy.decrypt(toy.encrypt([0.0, -0.0]) * 0), [0, 0], at_least=60)


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("value", [16.001, -17, 1e300])
def test_numbers_over_the_promised_bound_are_refused(toy, use, value):
    with pytest.raises(Overflow, match="promised") as error:
        USES[use](toy.encrypt([0.5, 0.5]), [0.0, value], toy)
    assert_refused(error)


def test_a_wider_bound_is_promised_for_one_ciphertext(toy):
    with pytest.raises(Overflow, match="bound=2"):
        toy.encrypt([0.5, 1.5])
    assert_bits(toy.decrypt(toy.encrypt([0.5, -1000.0], bound=1000)), [0.5, -1000.0])


@pytest.mark.parametrize("bound", [np.nan, -1.0, 0.0, np.inf])
def test_a_bound_is_positive_and_finite(toy, bound):
    for use in (lambda: toy.encrypt([0.0], bound=bound), lambda: toy.encrypt(0.0).promise(bound)):
        with pytest.raises(BadValue) as error:
            use()
        assert_refused(error)


@pytest.mark.parametrize("bound", [1e200, 1e308])
def test_a_bound_that_the_modulus_cannot_hold_is_refused(toy, bound):
    with pytest.raises(Overflow) as error:
        toy.encrypt([1.0], bound=bound)
    assert_refused(error)


def test_a_promise_only_tightens(toy):
    c = toy.encrypt([0.5])
    assert c.promise(1e300).limit == c.limit
    assert 0.75 <= c.promise(0.75).bound < 0.75 + 2**-20
    assert (3 * c).promise(1.5).limit < (3 * c).limit


@pytest.mark.parametrize(
    "grow",
    [
        lambda x: x * 1.0,  # bound × 16 each time, past a double's range
        lambda x: (x * 1.0).promise(1.0),  # scale + 16 each time
    ],
    ids=["values", "scale"],
)
def test_numbers_past_a_double_s_range_are_right_or_refused(grow):
    """Only refusals of ours, whatever the size of the modulus."""
    twin = he.DataOwner(he.Paillier(bits=4096, factor_precision=40), "plain")
    c = twin.encrypt([0.5])
    with suppress(Overflow):
        for _ in range(60):
            c = grow(c)
            assert_bits(twin.decrypt(c + 0.5), [1.0])
            assert_bits(twin.decrypt(twin.public.load(c.to_bytes())), [0.5])
            assert "Ciphertext of 1" in repr(c)


def test_ciphertexts_of_two_owners_do_not_meet(toy_key, other_toy_key, toy_twin):
    x = toy_key.encrypt([0.5])
    for other in (other_toy_key, toy_twin, he.DataOwner(x.params, "plain")):
        y = other.encrypt([0.5])
        for use in (lambda: x + y, lambda: y - x, lambda: other.decrypt(x)):  # noqa: B023
            with pytest.raises(WrongKey) as error:
                use()
            assert_refused(error)


def test_ciphertexts_of_two_schemes_do_not_meet(toy):
    x, y = toy.encrypt([0.5]), he.DataOwner(he.CKKS(depth=1), "plain").encrypt([0.5])
    for use in (lambda: x + y, lambda: y + x, lambda: x * y, lambda: y * x, lambda: x @ y):
        with pytest.raises((NotPolynomial, WrongKey)) as error:
            use()
        assert_refused(error)


PACKED = {
    "a vector of factors": lambda x: x * np.ones(3),
    "a matrix": lambda x: np.ones((2, 3)) @ x,
    "a matrix from the right": lambda x: x @ np.ones((3, 2)),
    "sum": lambda x: x.sum(),
    "rotate": lambda x: x.rotate(1),
    "prepared": lambda x: x.prepared(),
}


@pytest.mark.parametrize("name", PACKED)
def test_what_is_packed_is_not_taken_apart(toy, name):
    values = uniform(3)
    for c in (toy.encrypt(values).packed(), toy.encrypt(values, packed=True)):
        with pytest.raises(ShapeError, match="pack at the end") as error:
            PACKED[name](c)
        assert_refused(error)


def test_nothing_about_a_ciphertext_can_be_assigned(toy):
    c = toy.encrypt([0.5])
    for name in ("limit", "scale", "handle", "length", "error", "slots", "fresh", "shield"):
        with pytest.raises(AttributeError):
            setattr(c, name, 1)


def test_the_repr_tells_the_format_and_no_value(toy):
    shown = repr(toy.encrypt([[0.123, 0.2, 0.3]] * 2))
    assert "Ciphertext of 2×3 · Paillier 512 · fixed point 2^-24 · ≥25 bits · 2 a pl" in shown
    assert ("NOT ENCRYPTED" in shown) == (toy.public.engine == "plain")
    assert "0.123" not in shown
