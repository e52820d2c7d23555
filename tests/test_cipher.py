"""One expression, run on numpy and on ciphertexts of every engine."""

from math import isclose

import numpy as np
import pytest
from helpers import assert_bits, assert_refused, true_scale, uniform

import helib_py as he
from helib_py.errors import BadValue, NotPolynomial, OutOfLevels, ShapeError


def rotate(x, steps):
    return x.rotate(steps) if isinstance(x, he.Ciphertext) else np.roll(x, -steps)


# (levels it takes, the expression); x and y are encrypted, W and b are not
ADDITIONS = [
    (0, lambda x, y, W, b: x + y),
    (0, lambda x, y, W, b: x + b),
    (0, lambda x, y, W, b: b + x),
    (0, lambda x, y, W, b: b.tolist() + x),
    (0, lambda x, y, W, b: x + 1),
    (0, lambda x, y, W, b: 1.5 + x),
    (0, lambda x, y, W, b: np.float64(0.25) + x),
    (0, lambda x, y, W, b: x + np.array(0.25)),
    (0, lambda x, y, W, b: np.array(0.25) + x),
    (0, lambda x, y, W, b: x + b.astype(np.float32)),
    (0, lambda x, y, W, b: x - y),
    (0, lambda x, y, W, b: x - b),
    (0, lambda x, y, W, b: b - x),
    (0, lambda x, y, W, b: 1 - x),
    (0, lambda x, y, W, b: np.float64(1) - x),
    (0, lambda x, y, W, b: np.array(1) - x),
    (0, lambda x, y, W, b: x - 0.5),
    (0, lambda x, y, W, b: -x),
    (0, lambda x, y, W, b: x - x),
    (0, lambda x, y, W, b: x + x),
]
PRODUCTS = [
    (1, lambda x, y, W, b: x * y),
    (1, lambda x, y, W, b: x * x),
    (1, lambda x, y, W, b: x * b),
    (1, lambda x, y, W, b: b * x),
    (1, lambda x, y, W, b: x * 0.3),
    (1, lambda x, y, W, b: 0.3 * x),
    (1, lambda x, y, W, b: np.float64(0.3) * x),
    (1, lambda x, y, W, b: np.array(0.3) * x),
    (1, lambda x, y, W, b: x / 3),
    (1, lambda x, y, W, b: x / (b + 2)),
    (0, lambda x, y, W, b: 3 * x),
    (0, lambda x, y, W, b: x * -2),
    (0, lambda x, y, W, b: np.int64(2) * x),
    (1, lambda x, y, W, b: x * 2.0),
    (0, lambda x, y, W, b: np.array(2) * x),
    (0, lambda x, y, W, b: 0 * x),
    (1, lambda x, y, W, b: x * 0.0),
    (1, lambda x, y, W, b: x * (0 * b)),
    (1, lambda x, y, W, b: 1 - x * x),
    (1, lambda x, y, W, b: 2 * x * y - 3 * y + b),
    (0, lambda x, y, W, b: x**1),
    (1, lambda x, y, W, b: x**2),
    (2, lambda x, y, W, b: x**3),
    (2, lambda x, y, W, b: x**4),
    (3, lambda x, y, W, b: x**5),
    (3, lambda x, y, W, b: x**7),
    (3, lambda x, y, W, b: x**8),
    (2, lambda x, y, W, b: x ** np.int64(3)),
    (2, lambda x, y, W, b: x * x * x + x),
    (2, lambda x, y, W, b: (x * y + b) * (1 - y)),
    (3, lambda x, y, W, b: 0.5 * x * y * x - 0.25 * y + 1),
    (3, lambda x, y, W, b: x * x * x * x + y * y + x),
]
MATRICES = [
    (1, lambda x, y, W, b: W @ x),
    (1, lambda x, y, W, b: W @ x + b),
    (1, lambda x, y, W, b: W[:3] @ x + b[:3]),
    (1, lambda x, y, W, b: W[:1] @ x),
    (1, lambda x, y, W, b: np.vstack([W, W[:4]]) @ x),
    (1, lambda x, y, W, b: np.vstack([W, W, W, 1 - W]) @ x),
    (1, lambda x, y, W, b: x @ W),
    (1, lambda x, y, W, b: x @ W[:, :2]),
    (1, lambda x, y, W, b: x @ y),
    (1, lambda x, y, W, b: x @ x),
    (1, lambda x, y, W, b: x @ b),
    (1, lambda x, y, W, b: b @ x),
    (1, lambda x, y, W, b: np.diag(b) @ x),
    (1, lambda x, y, W, b: (0 * W) @ x),
    (2, lambda x, y, W, b: W @ (W @ x + b)),
    (3, lambda x, y, W, b: W[:3] @ (W @ x + b) ** 2),
    (0, lambda x, y, W, b: x.sum()),
    (1, lambda x, y, W, b: (x * x).sum() - 1),
    (0, lambda x, y, W, b: (x + b).sum()),
]
ROTATIONS = [
    (0, lambda x, y, W, b: rotate(x, 1)),
    (0, lambda x, y, W, b: rotate(x, -1)),
    (0, lambda x, y, W, b: rotate(x, 3)),
    (0, lambda x, y, W, b: rotate(x, 0)),
    (0, lambda x, y, W, b: rotate(x, 8)),
    (0, lambda x, y, W, b: rotate(x, 13)),
    (0, lambda x, y, W, b: x + rotate(x + 1, 2)),
    (1, lambda x, y, W, b: rotate(x * y, 5) + rotate(b * x, 2)),
]


def named(cases):
    return [pytest.param(*case, id=f"{i}") for i, case in enumerate(cases)]


def check(owner, size, levels, expression):
    """The same on numpy and on ciphertexts, at the documented cost, and nothing has changed."""
    x, y, b = (uniform(size, seed) for seed in (1, 2, 3))
    W = uniform((size, size), 4, bound=0.5)
    x_enc, y_enc = owner.encrypt(x), owner.encrypt(y)
    before = x_enc.to_bytes(), y_enc.to_bytes(), W.copy(), b.copy()
    out = expression(x_enc, y_enc, W, b)
    assert_bits(owner.decrypt(out), expression(x, y, W, b), at_least=20)
    assert x_enc.level - out.level == levels
    scale = owner.public.params.scales[out.level]
    assert isclose(out.scale, scale, rel_tol=1e-12)
    assert isclose(true_scale(out), scale, rel_tol=1e-12)
    assert (x_enc.to_bytes(), y_enc.to_bytes()) == before[:2]
    assert np.array_equal(W, before[2])
    assert np.array_equal(b, before[3])


@pytest.mark.parametrize("size", [8, 5])
@pytest.mark.parametrize(("levels", "expression"), named(ADDITIONS))
def test_addition_agrees_with_numpy(owner, size, levels, expression):
    check(owner, size, levels, expression)


@pytest.mark.parametrize("size", [8, 5])
@pytest.mark.parametrize(("levels", "expression"), named(PRODUCTS))
def test_multiplication_agrees_with_numpy(owner, size, levels, expression):
    check(owner, size, levels, expression)


@pytest.mark.parametrize("size", [8, 5])
@pytest.mark.parametrize(("levels", "expression"), named(MATRICES))
def test_matrix_product_agrees_with_numpy(owner, size, levels, expression):
    check(owner, size, levels, expression)


@pytest.mark.parametrize(("levels", "expression"), named(ROTATIONS))
def test_rotation_is_np_roll_the_other_way(owner, levels, expression):
    check(owner, 8, levels, expression)


def test_one_number_is_a_vector_of_one(owner):
    x = owner.encrypt(0.25)
    assert len(x) == 1
    assert_bits(owner.decrypt(2 * x * x + 1), [1.125])


def test_any_power_takes_as_many_levels_as_documented():
    twin = he.DataOwner(he.CKKS(depth=6), "plain")
    x = twin.encrypt([0.9])
    spent = [x.level - (x**k).level for k in range(1, 33)]
    assert spent == [int(np.ceil(np.log2(k))) for k in range(1, 33)]


def test_a_lowered_ciphertext_holds_the_same_values(owner):
    values = uniform(8)
    x = owner.encrypt(values)
    for level in range(x.level, -1, -1):
        lowered = x.lower(level)
        assert lowered.level == level
        assert isclose(true_scale(lowered), owner.public.params.scales[level], rel_tol=1e-12)
        assert_bits(owner.decrypt(lowered), values)


def test_levels_only_go_down(owner):
    x = owner.encrypt([1.0]).lower(1)
    for level in (2, -1):
        with pytest.raises(OutOfLevels) as error:
            x.lower(level)
        assert_refused(error)


@pytest.mark.parametrize(
    "use", [lambda x: x * x, lambda x: 0.5 * x, lambda x: np.eye(2) @ x, lambda x: x / 3]
)
def test_the_last_level_is_followed_by_a_refusal_that_says_what_to_raise(owner, use):
    with pytest.raises(OutOfLevels, match="raise depth to ≥4") as error:
        use(owner.encrypt([0.5, 0.25]).lower(0))
    assert_refused(error)


def test_a_whole_number_is_a_factor_even_at_the_last_level(owner):
    assert_bits(owner.decrypt(3 * owner.encrypt([0.5]).lower(0) - 1), [0.5])


@pytest.mark.parametrize(
    "use",
    [
        lambda x: x + np.array([1, 2]),
        lambda x: x * np.ones((2, 2)),
        lambda x: np.ones((3, 4)) @ x,
        lambda x: np.ones((2, 2, 3)) @ x,
        lambda x: x @ np.ones(4),
        lambda x: x.rotate(1),
        lambda x: np.ones((5000, 3)) @ x,
        lambda x: np.ones((0, 3)) @ x,
    ],
)
def test_shapes_that_do_not_fit_are_refused(owner, use):
    with pytest.raises(ShapeError) as error:
        use(owner.encrypt([0.5, 0.25, 0.125]))
    assert_refused(error)


@pytest.mark.parametrize(
    "use",
    [
        lambda x: bool(x),
        lambda x: float(x),
        lambda x: int(x),
        lambda x: x < 1,
        lambda x: x == x,
        lambda x: x != 0,
        lambda x: abs(x),
        lambda x: x[0],
        lambda x: list(x),
        lambda x: np.asarray(x),
        lambda x: 1 / x,
        lambda x: x / x,
        lambda x: 2**x,
        lambda x: x**-1,
        lambda x: x**0.5,
        lambda x: x % 2,
        lambda x: x // 2,
    ],
)
def test_what_is_no_polynomial_is_refused(owner, use):
    with pytest.raises(NotPolynomial) as error:
        use(owner.encrypt([0.5]))
    assert_refused(error)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1j, "1", None, [1, None]])
def test_what_is_no_real_number_meets_no_ciphertext(owner, value):
    x = owner.encrypt([0.5, 0.5])
    for use in (lambda: x + value, lambda: value * x, lambda: owner.encrypt(value)):
        with pytest.raises(BadValue) as error:
            use()
        assert_refused(error)
