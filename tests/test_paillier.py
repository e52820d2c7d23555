"""Paillier arithmetic: one expression on numpy and on ciphertexts, right to the stated bits."""

import re
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from helpers import assert_bits, assert_refused, uniform
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import helib_py as he
from helib_py.errors import BadValue, HelibError, Overflow, ShapeError

few = settings(max_examples=20, deadline=None, derandomize=True)
HALF = 2.0**-25  # half a unit of the encrypted values: rounding is worst there
values = st.floats(-1, 1) | st.sampled_from([-1.0, 1.0, HALF, -3 * HALF, 1 - HALF, 0.0])
factors = st.floats(-16, 16) | st.sampled_from([-16.0, 16.0, 2.0**-17, 1 - 2.0**-17, 0.0])
shapes = array_shapes(min_dims=1, max_dims=2, max_side=5)


def assert_as_stated(owner, c, expected):
    """Shape, error and bound are those that the label states; a double's own error is let pass."""
    assert c.shape == np.atleast_1d(expected).shape
    top = max(1.0, np.abs(expected).max(initial=0))
    assert c.bound * (1 + 1e-12) + c.error >= np.abs(expected).max(initial=0)
    assert_bits(owner.decrypt(c), expected, -np.log2(c.error + top * 2.0**-50) - 1e-6)


# x and y are encrypted, W, b and the numbers are not; all work on a vector and on rows alike
LINEAR = [
    lambda x, y, b: x,
    lambda x, y, b: x + y,
    lambda x, y, b: x - y,
    lambda x, y, b: x - x,
    lambda x, y, b: x + x + x,
    lambda x, y, b: -x,
    lambda x, y, b: x + b,
    lambda x, y, b: b + x,
    lambda x, y, b: b.tolist() + x,
    lambda x, y, b: b - x,
    lambda x, y, b: x - b,
    lambda x, y, b: x + 1,
    lambda x, y, b: 1.5 - x,
    lambda x, y, b: x - True,
    lambda x, y, b: x * b,
    lambda x, y, b: b * x,
    lambda x, y, b: x * 0.3,
    lambda x, y, b: -3 * x,
    lambda x, y, b: x * 0,
    lambda x, y, b: 0 * b * x,
    lambda x, y, b: x / 3,
    lambda x, y, b: x / (b + 2),
    lambda x, y, b: 0.5 * x + y,
    lambda x, y, b: y - 0.5 * (x * b),
    lambda x, y, b: 2 * (3 * x - b) + 0.25 * y - 7,
]
# of vectors only
NUMBERS = [
    np.float64(0.3), np.float32(0.3), np.float16(0.3), np.int64(-3), np.uint8(3), np.bool_(True),
    np.array(0.3), np.array(2), np.array([0.3]), 0.3, -3, True, [0.3],
]  # fmt: skip
MATRICES = [
    lambda x, y, W, b: W @ x,
    lambda x, y, W, b: W @ x + b,
    lambda x, y, W, b: W.tolist() @ x if isinstance(x, he.Ciphertext) else W @ x,
    lambda x, y, W, b: W[:1] @ x,
    lambda x, y, W, b: np.vstack([W, W, W]) @ x,
    lambda x, y, W, b: x @ W,
    lambda x, y, W, b: x @ W[:, :2],
    lambda x, y, W, b: x @ b,
    lambda x, y, W, b: b @ x,
    lambda x, y, W, b: (0 * W) @ x,
    lambda x, y, W, b: np.eye(len(b)) @ x,
    lambda x, y, W, b: W @ (W @ x + b) - y,
    lambda x, y, W, b: (W > 0) @ x,
    lambda x, y, W, b: np.rint(9 * W).astype(np.int8) @ x,
    lambda x, y, W, b: W.astype(np.float32) @ x,
    lambda x, y, W, b: np.asfortranarray(W)[::-1] @ x,
    lambda x, y, W, b: x.sum(),
    lambda x, y, W, b: (x * b).sum() - 1,
]


def numbered(cases):
    return [pytest.param(case, id=f"{i}") for i, case in enumerate(cases)]


@pytest.mark.parametrize("shape", [(5,), (1,), (2, 3), (1, 4)])
@pytest.mark.parametrize("expression", numbered(LINEAR))
def test_addition_and_scaling_agree_with_numpy(toy, shape, expression):
    x, y, b = (uniform(shape, seed) for seed in (1, 2, 3))
    b = b[-1] if b.ndim == 2 else b
    x_enc, y_enc = toy.encrypt(x), toy.encrypt(y)
    handles = x_enc.handle, y_enc.handle
    assert_as_stated(toy, expression(x_enc, y_enc, b), expression(x, y, b))
    assert (x_enc.handle, y_enc.handle) == handles


@pytest.mark.parametrize("number", NUMBERS, ids=repr)
def test_every_kind_of_number_meets_a_ciphertext_from_either_side(toy, number):
    x, plain = uniform(4), np.asarray(number, dtype=np.float64)
    c = toy.encrypt(x)
    uses = (
        lambda x, n: x + n, lambda x, n: n + x, lambda x, n: x - n, lambda x, n: n - x,
        lambda x, n: x * n, lambda x, n: n * x, lambda x, n: x / n,
    )  # fmt: skip
    for use in uses:
        out = use(c, number)
        assert isinstance(out, he.Ciphertext)
        assert_as_stated(toy, out, use(x, plain))
    assert_as_stated(toy, toy.encrypt(number, bound=4), plain)


@pytest.mark.parametrize("size", [5, 1])
@pytest.mark.parametrize("expression", numbered(MATRICES))
def test_matrix_products_agree_with_numpy(toy, size, expression):
    x, y, b = (uniform(size, seed) for seed in (1, 2, 3))
    W = uniform((size, size), 4)
    out = expression(toy.encrypt(x), toy.encrypt(y), W, b)
    assert_as_stated(toy, out, np.atleast_1d(expression(x, y, W, b)))


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_matrix_is_multiplied_from_the_right_row_by_row(toy, rows):
    X, M, v = uniform((rows, 4)), uniform((4, 3), 1), uniform(4, 2)
    c = toy.encrypt(X)
    assert_as_stated(toy, c @ M, X @ M)
    assert_as_stated(toy, (c * v) @ M - 0.5, (X * v) @ M - 0.5)
    assert_as_stated(toy, c @ v, X @ v[:, None])
    assert_as_stated(toy, c.sum(-1), X.sum(axis=1, keepdims=True))
    assert_as_stated(toy, c + X[::-1], X + X[::-1])
    with pytest.raises(ShapeError, match="side by side") as error:
        M.T @ c
    assert_refused(error)


@pytest.mark.parametrize("steps", [-7, -1, 0, 1, 3, 5, 12, np.int64(2)])
def test_rotation_is_np_roll_the_other_way(toy, steps):
    x, X = uniform(5), uniform((2, 5))
    assert_as_stated(toy, toy.encrypt(x).rotate(steps), np.roll(x, -steps))
    assert_as_stated(toy, toy.encrypt(X).rotate(steps), np.roll(X, -steps, axis=1))


@few
@given(st.data())
def test_any_numbers_in_their_bounds_are_right_to_the_stated_bits(toy, data):
    shape = data.draw(shapes)
    x, y = (data.draw(arrays(np.float64, shape, elements=values)) for _ in range(2))
    M = data.draw(arrays(np.float64, (shape[-1], 3), elements=factors))
    b = data.draw(arrays(np.float64, 3, elements=factors))
    number = data.draw(factors)
    everything = (x, y, M, M[:, 0], b, np.array(number))
    if any(a.any() and np.abs(a).max() <= 2.0**-17 for a in everything):
        return  # vanishes: refused, and tested so below
    x_enc, y_enc = toy.encrypt(x), toy.encrypt(y)
    assert_as_stated(toy, x_enc @ M + b, x @ M + b)
    assert_as_stated(toy, number * x_enc - y_enc, number * x - y)
    assert_as_stated(toy, (x_enc + y_enc + number) * M[:, 0], (x + y + number) * M[:, 0])


step = st.tuples(
    st.sampled_from(["add", "subtract", "negate", "scale", "vector", "matrix", "shift", "rotate"]),
    st.integers(0, 15),
    st.integers(0, 15),
)


def apply(name, a, b, number):
    """One operation, on numpy arrays or on ciphertexts of four."""
    return {
        "add": lambda: a + b,
        "subtract": lambda: a - b,
        "negate": lambda: -a,
        "scale": lambda: (number / 4 - 2) * a,
        "vector": lambda: uniform(4, number) * a,
        "matrix": lambda: uniform((4, 4), number) @ a,
        "shift": lambda: uniform(4, number) - a,
        "rotate": lambda: a.rotate(number) if hasattr(a, "rotate") else np.roll(a, -number),
    }[name]()


@few
@given(steps=st.lists(step, min_size=4, max_size=12))
def test_a_random_circuit_agrees_with_numpy_and_with_the_clear_twin(toy_key, toy_twin, steps):
    """The twin has the very same whole numbers under the very same label."""
    clear = [uniform(4, seed) for seed in (100, 101)]
    pairs = [(toy_key.encrypt(x), toy_twin.encrypt(x)) for x in clear]
    for name, i, j in steps:
        a, b = i % len(clear), -1 - j % 2
        made = [apply(name, x, y, j) for x, y in zip(pairs[a], pairs[b], strict=True)]
        pairs.append(tuple(made))
        clear.append(apply(name, clear[a], clear[b], j))
    for (real, twin), expected in zip(pairs, clear, strict=True):
        assert_as_stated(toy_key, real, expected)
        assert np.array_equal(toy_twin.decrypt(twin), toy_key.decrypt(real))
        for name in ("length", "scale", "limit", "error", "slots", "matrix", "nbytes"):
            assert getattr(real, name) == getattr(twin, name)


@pytest.mark.parametrize("bound", [1.0, 0.1, 0.3, 3.7, 1e-6, 1e6])
@pytest.mark.parametrize("sign", [1, -1])
def test_numbers_at_their_bounds_are_in_the_stated_limit(bound, sign):
    """An off-by-one anywhere would raise Overflow when decrypting."""
    owner = he.DataOwner(
        he.Paillier(bits=1024, bound=bound, factor_bound=0.3, insecure=True), "plain"
    )
    top = sign * bound
    x, most = owner.encrypt([top, -top, top]), np.full(3, 0.3)
    tops = np.array([top, -top, top])
    assert_as_stated(owner, x, tops)
    assert_as_stated(owner, x + sign * 0.3, tops + sign * 0.3)
    assert_as_stated(owner, (x + sign * 0.3) * 0.3, (tops + sign * 0.3) * 0.3)
    assert_as_stated(owner, np.sign(tops) * most @ x, [3 * bound * 0.3])
    assert_as_stated(owner, (x - x.rotate(1)).sum(), [0.0])


def test_a_promise_kept_to_the_bound_is_not_called_broken(toy):
    """2/3 is rounded up: the product is larger than 1 by less than its stated error."""
    out = (toy.encrypt([2 / 3]) * 1.5).promise(1.0)
    assert_bits(toy.decrypt(out), [1.0], at_least=out.bits)


@pytest.mark.parametrize("rows", [0, 1, 5, 9])
def test_overflow_is_refused_before_it_happens_in_one_slot_and_in_many(toy, rows):
    """At the largest numbers of all: right until the refusal, and refused in time."""
    x = np.ones((rows, 1)) if rows else np.ones(1)
    x[::2] *= -1
    c, products = toy.encrypt(x), 0
    with pytest.raises(Overflow, match="promise") as error:  # noqa: PT012
        while True:
            c, x, products = -16 * c, -16 * x, products + 1
            assert np.array_equal(toy.decrypt(c), x)
            c = c.promise(16.0**products)  # true, and the tightest
    assert_refused(error)
    assert (
        20 * (products - 1) + 25
        < toy.public.params.capacity // max(rows, 1)
        <= 20 * (products + 1) + 30
    )
    while True:
        try:
            c = c + c
        except Overflow:
            break
        x = x + x
        assert np.array_equal(toy.decrypt(c), x)


WHOLE = [
    2**53 + 1, 2**100, -(2**100) - 1, [2**53 + 1, -3], [2**63, -1], np.int64(2**62 + 1),
    np.uint64(2**64 - 1), np.array([2**53 + 1, 5]), np.array([2**100 + 1], dtype=object),
    np.array([np.int64(2**53 + 1)], dtype=object), [Decimal(2**60 + 1)],
    np.array([[2**80 + 1, 1], [2, 3]], dtype=object),
]  # fmt: skip


@pytest.mark.parametrize("value", WHOLE, ids=str)
@pytest.mark.parametrize("precision", [0, 24])
@pytest.mark.parametrize("engine", ["paillier", "plain"])
def test_whole_numbers_of_any_size_are_exact(value, precision, engine):
    params = he.Paillier(bits=512, precision=precision, bound=2.0**120, insecure=True)
    owner, k = he.DataOwner(params, engine), 2**60 + 1
    c, x = owner.encrypt(value), np.array(np.atleast_1d(value).tolist(), dtype=object)
    x = np.atleast_1d(np.array(value, dtype=object)) if isinstance(value, list | int) else x
    for y, right in ((c, x), (c + k, x + k), (c - k, x - k), (k - c, k - x), (3 * c - c, 2 * x)):
        got = owner.decrypt(y.to_bytes())
        assert [int(v) for v in got.ravel()] == [int(v) for v in right.ravel()]


def test_beside_a_large_whole_number_a_fraction_stays_one():
    owner = he.DataOwner(he.Paillier(bits=2048, bound=2.0**60), "plain")
    assert owner.decrypt(owner.encrypt([2**53 + 1, 0.5])).tolist() == [2**53 + 1, 0.5]


def test_a_whole_number_beyond_what_can_be_promised_is_refused(toy):
    for value in (2**60, 10**400, [1, 10**400]):
        with pytest.raises(HelibError) as error:
            toy.encrypt(value)
        assert_refused(error)


def test_small_numbers_stay_float64(toy):
    assert toy.decrypt(toy.encrypt([1, 0])).dtype == np.float64


@pytest.mark.parametrize("divisor", [2, 3, 250, 1000, 40000, 1e6, 1e12, [1, 40000]])
def test_a_quotient_is_right_or_its_refusal_names_a_fix_that_works(divisor):
    params = he.Paillier(bits=2048, bound=40000)
    x, right = np.full(2, 20000.0), 20000 / np.asarray(divisor)
    owner = he.DataOwner(params, "plain")
    try:
        y = owner.encrypt(x) / divisor
    except BadValue as refused:
        found = re.search(r"factor_precision=(\d+), …", str(refused))
        assert found or divisor == 1e12, "only the smallest factors have no fix but afterwards"
        if not found:
            return
        owner = he.DataOwner(replace(params, factor_precision=int(found[1])), "plain")
        y = owner.encrypt(x) / divisor
    assert np.all(np.abs(owner.decrypt(y) / right - 1) < 2**-8)


@pytest.mark.parametrize("use", [lambda c, f: f * c, lambda c, f: c @ [f, f / 3]])
def test_factors_that_keep_few_significant_bits_are_refused(toy, use):
    c = toy.encrypt([0.5, 0.25])
    with pytest.raises(BadValue, match="significant") as error:
        use(c, 1e-4)
    assert_refused(error)
    use(c, 2**-16)  # exactly one unit


@pytest.mark.parametrize("count", [1, 3, 7, 300])
def test_a_mean_is_as_precise_however_many_there_are(toy, count):
    x = uniform(count)
    mean = toy.encrypt(x).mean()
    assert_bits(toy.decrypt(mean), [x.mean()], at_least=16)
    assert mean.bound <= 1.001
    assert_bits(
        toy.decrypt(toy.encrypt(np.stack([x, -x])).mean(-1)), [[x.mean()], [-x.mean()]], 16
    )


def test_a_promise_never_loosens_a_bound(toy):
    assert toy.encrypt([0.5]).promise(100).bound == 1
    ckks = he.DataOwner(he.CKKS(), "plain").encrypt([0.5])
    assert ckks.promise(100).bound == ckks.bound == 1
    bfv = he.DataOwner(he.BFV(bound=5), "plain").encrypt([3])
    assert bfv.promise(100).bound == bfv.bound == 5
