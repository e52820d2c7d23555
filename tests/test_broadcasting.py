"""One encrypted value meets many, and numpy's functions meet ciphertexts, as numpy has it."""

import numpy as np
import pytest
import torch
from helpers import assert_refused

import helib_py as he
from helib_py.errors import HelibError, NotPolynomial, OutOfLevels, ShapeError

SCHEMES = {
    "CKKS": he.CKKS(ring=8192, depth=3, bound=8),
    "BFV": he.BFV(ring=8192, depth=2, plain_bits=22, bound=100),
    "Paillier": he.Paillier(bits=1024, bound=8, factor_bound=8, insecure=True),
}
LENGTHS = (2, 5, 8)
SCALAR, LIST = 3, [3, -1, 2, 5, 1, -4, 2, 7]


@pytest.fixture(scope="module", params=SCHEMES)
def scheme(request):
    return request.param


@pytest.fixture(scope="module")
def owner(scheme):
    return he.DataOwner(SCHEMES[scheme], "plain")


def numbers(n):
    return np.arange(n) - 2


def agrees(owner, c, expected):
    assert c.shape == np.shape(np.atleast_1d(expected))
    assert np.allclose(owner.decrypt(c), expected, atol=1e-3)


SUMS = {
    "x + s": lambda x, s: x + s,
    "s + x": lambda x, s: s + x,
    "x - s": lambda x, s: x - s,
    "s - x": lambda x, s: s - x,
    "x - sum": lambda x, s: x - x.sum(),
    "s + plain": lambda x, s: s + numbers(len(x)),
    "plain - s": lambda x, s: numbers(len(x)) - s,
    "s * plain": lambda x, s: s * numbers(len(x)),
}
PRODUCTS = {
    "x * s": lambda x, s: x * s,
    "s * x": lambda x, s: s * x,
    "x * sum": lambda x, s: x * x.sum(),
}


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("formula", SUMS)
def test_one_value_is_repeated_in_sums(owner, formula, n):
    x, s = numbers(n), np.array([SCALAR])
    found = SUMS[formula](owner.encrypt(x), owner.encrypt(s))
    agrees(owner, found, SUMS[formula](x, s))
    # nothing is left behind the values that a sum would find
    agrees(owner, found.sum(), SUMS[formula](x, s).sum())


@pytest.mark.parametrize("n", LENGTHS)
@pytest.mark.parametrize("formula", PRODUCTS)
def test_one_value_is_repeated_in_products(scheme, owner, formula, n):
    if scheme == "Paillier":
        pytest.skip("Paillier multiplies no ciphertexts")
    x, s = numbers(n), np.array([SCALAR])
    found = PRODUCTS[formula](owner.encrypt(x), owner.encrypt(s))
    agrees(owner, found.sum(), PRODUCTS[formula](x, s).sum())


def test_a_product_with_one_value_takes_one_level_and_a_sum_none_at_a_power_of_two():
    owner = he.DataOwner(SCHEMES["CKKS"], "plain")
    x, s = owner.encrypt(numbers(8)), owner.encrypt([2])
    assert (x + s).level == x.level
    assert (x * s).level == (owner.encrypt(numbers(5)) + s).level == x.level - 1
    with pytest.raises(OutOfLevels) as error:
        owner.encrypt(numbers(5)).lower(0) + s.lower(0)
    assert_refused(error)


def test_what_is_centred_is_centred(scheme, owner):
    if scheme == "BFV":
        pytest.skip("whole numbers are not divided")
    x = numbers(5)
    c = owner.encrypt(x)
    agrees(owner, c - c.sum() / 5, x - x.mean())
    agrees(owner, c - c.mean(), x - x.mean())


@pytest.mark.parametrize("n", [0, 3, 9])
def test_other_lengths_are_refused(owner, n):
    c = owner.encrypt(numbers(5))
    for use in (lambda: c + np.zeros(n), lambda: c * np.zeros(n)):
        with pytest.raises(ShapeError) as error:
            use()
        assert_refused(error)
    if n:
        with pytest.raises(ShapeError) as error:
            c + owner.encrypt(numbers(n))
        assert_refused(error)


def test_a_dot_product_repeats_nothing(owner):
    with pytest.raises(HelibError) as error:
        owner.encrypt(numbers(5)) @ owner.encrypt([1])
    assert_refused(error)


FUNCTIONS = {
    "np.dot(W, c)": lambda W, v, c: (np.dot(W, c), W @ numbers(8)),
    "np.dot(list, c)": lambda W, v, c: (np.dot(LIST, c), np.atleast_1d(v @ numbers(8))),
    "np.dot(c, v)": lambda W, v, c: (np.dot(c, v), np.atleast_1d(v @ numbers(8))),
    "np.dot(2, c)": lambda W, v, c: (np.dot(2, c), 2 * numbers(8)),
    "np.dot(c, 2)": lambda W, v, c: (np.dot(c, 2), 2 * numbers(8)),
    "c.dot(2)": lambda W, v, c: (c.dot(2), 2 * numbers(8)),
    "c.dot(v)": lambda W, v, c: (c.dot(v), np.atleast_1d(v @ numbers(8))),
    "np.matmul(W, c)": lambda W, v, c: (np.matmul(W, c), W @ numbers(8)),
    "np.sum(c)": lambda W, v, c: (np.sum(c), np.atleast_1d(numbers(8).sum())),
    "np.sum(c, axis=0)": lambda W, v, c: (np.sum(c, axis=0), np.atleast_1d(numbers(8).sum())),
    "np.add(v, c)": lambda W, v, c: (np.add(v, c), v + numbers(8)),
    "np.subtract(c, v)": lambda W, v, c: (np.subtract(c, v), numbers(8) - v),
    "np.multiply(v, c)": lambda W, v, c: (np.multiply(v, c), v * numbers(8)),
    "np.negative(c)": lambda W, v, c: (np.negative(c), -numbers(8)),
    "np.roll(c, 3)": lambda W, v, c: (np.roll(c, 3), np.roll(numbers(8), 3)),
    "torch @": lambda W, v, c: (torch.tensor(W) @ c, W @ numbers(8)),
    "torch.matmul": lambda W, v, c: (torch.matmul(torch.tensor(W), c), W @ numbers(8)),
    "grad *": lambda W, v, c: (torch.ones(8, requires_grad=True) * c, numbers(8)),
    "bfloat16 +": lambda W, v, c: (c + torch.ones(8).bfloat16(), numbers(8) + 1),
    "sparse +": lambda W, v, c: (c + torch.ones(8).to_sparse(), numbers(8) + 1),
    "np.float32 *": lambda W, v, c: (np.float32(2) * c, 2 * numbers(8)),
    "+c": lambda W, v, c: (+c, numbers(8)),
}


@pytest.mark.parametrize("call", FUNCTIONS)
def test_functions_of_numpy_and_torch_run_on_ciphertexts(owner, call):
    W = np.array([LIST, LIST[::-1], np.ones(8)]).astype(int)
    found, expected = FUNCTIONS[call](W, W[0], owner.encrypt(numbers(8)))
    agrees(owner, found, expected)


REFUSED = {
    "np.exp": np.exp,
    "np.array": np.array,
    "W.dot": np.ones((2, 8)).dot,  # which asks for an array and nothing else
    "np.maximum": lambda c: np.maximum(c, 0),
    "np.outer": lambda c: np.outer(c, c),
    "np.sum(where=)": lambda c: np.sum(c, where=np.ones(8, bool)),
    "np.concatenate": lambda c: np.concatenate([c, c]),
    "torch.exp": torch.exp,
    "2 / c": lambda c: 2 / c,
    "2 ** c": lambda c: 2**c,
    "np.add.reduce": np.add.reduce,
}


@pytest.mark.parametrize("call", REFUSED)
def test_other_functions_say_what_to_write(owner, call):
    with pytest.raises(NotPolynomial) as error:
        REFUSED[call](owner.encrypt(numbers(8)))
    assert_refused(error)


@pytest.mark.parametrize("function", ["sum", "mean"])
def test_of_a_matrix_rows_are_summed_where_that_is_said(function):
    """numpy would sum all of it: nothing else may come of the same words."""
    owner, M = he.DataOwner(SCHEMES["Paillier"], "plain"), np.arange(12).reshape(3, 4) / 4
    c = owner.encrypt(M)
    with pytest.raises(ShapeError, match="axis=-1") as error:
        getattr(c, function)()
    assert_refused(error)
    rows = owner.decrypt(getattr(c, function)(-1))
    assert np.allclose(rows, getattr(M, function)(-1, keepdims=True), atol=1e-3)


@pytest.mark.parametrize(
    "call", [lambda c: np.sum(c, keepdims=True), lambda c: np.add(c, 1, out=np.ones(8))]
)
def test_what_a_function_cannot_be_told_is_named(owner, call):
    with pytest.raises(NotPolynomial, match=r"takes no (keepdims|out)=") as error:
        call(owner.encrypt(numbers(8)))
    assert_refused(error)
