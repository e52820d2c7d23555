"""BFV agrees with exact whole-number arithmetic, on every engine."""

from functools import cache

import numpy as np
import pytest
from helpers import ENGINES, INSTALLED, run_python
from hypothesis import given, settings
from hypothesis import strategies as st

import helib_py as he

PARAMS = he.BFV(depth=3, plain_bits=24, bound=8, ring=1024, insecure=True)  # quick: tests only
HALF = PARAMS.modulus // 2


@cache
def new_owner(engine, _number=0):
    return he.DataOwner(PARAMS, engine)


@pytest.fixture(params=ENGINES)
def owner(request):
    return new_owner(request.param)


def whole(count, seed=0, bound=3):
    return np.random.default_rng(seed).integers(-bound, bound + 1, count)


def rotate(x, steps):
    return x.rotate(steps) if isinstance(x, he.Ciphertext) else np.roll(x, -steps)


# x and y are encrypted, W, b and k are not
EXPRESSIONS = [
    lambda x, y, W, b: x + y,
    lambda x, y, W, b: x - y,
    lambda x, y, W, b: x + b,
    lambda x, y, W, b: b + x,
    lambda x, y, W, b: b.tolist() + x,
    lambda x, y, W, b: b - x,
    lambda x, y, W, b: 1 - x,
    lambda x, y, W, b: x - 1,
    lambda x, y, W, b: -x,
    lambda x, y, W, b: np.int8(3) - x,
    lambda x, y, W, b: np.array(3) + x,
    lambda x, y, W, b: x - x,
    lambda x, y, W, b: (x + 2) - x,
    lambda x, y, W, b: x * y,
    lambda x, y, W, b: x * x,
    lambda x, y, W, b: x * b,
    lambda x, y, W, b: b * x,
    lambda x, y, W, b: x * b.astype(float),
    lambda x, y, W, b: x * 3,
    lambda x, y, W, b: -3 * x,
    lambda x, y, W, b: np.int64(-1) * x,
    lambda x, y, W, b: 2.0 * x,
    lambda x, y, W, b: 0 * x,
    lambda x, y, W, b: x * (0 * b),
    lambda x, y, W, b: x * (0 * b - 2),
    lambda x, y, W, b: 1 - x * x,
    lambda x, y, W, b: 2 * x * y - 3 * y + b,
    lambda x, y, W, b: (x * y + b) * (1 - y),
    lambda x, y, W, b: x**1,
    lambda x, y, W, b: x**2,
    lambda x, y, W, b: x**5,
    lambda x, y, W, b: x ** np.int64(6),
    lambda x, y, W, b: W @ x,
    lambda x, y, W, b: W.tolist() @ x,
    lambda x, y, W, b: W[:3] @ x + b[:3],
    lambda x, y, W, b: W[:1] @ x,
    lambda x, y, W, b: np.vstack([W, W, W[:2]]) @ x,
    lambda x, y, W, b: x @ W,
    lambda x, y, W, b: x @ W[:, :2],
    lambda x, y, W, b: x @ y,
    lambda x, y, W, b: x @ b,
    lambda x, y, W, b: b @ x,
    lambda x, y, W, b: np.diag(b) @ x,
    lambda x, y, W, b: (0 * W) @ x,
    lambda x, y, W, b: W @ (W @ x + b),
    lambda x, y, W, b: x.sum(),
    lambda x, y, W, b: (x * x).sum() - 1,
]
ROTATIONS = [
    lambda x, y, W, b: rotate(x, 1),
    lambda x, y, W, b: rotate(x, -1),
    lambda x, y, W, b: rotate(x, 0),
    lambda x, y, W, b: rotate(x, 13),
    lambda x, y, W, b: rotate(x * y, 5) + rotate(b * x, 2),
]


def check(owner, size, expression):
    """Exactly what numpy says, with a bound that holds, and nothing has changed."""
    x, y, b, W = whole(size, 1), whole(size, 2), whole(size, 3), whole((size, size), 4)
    x_enc, y_enc = owner.encrypt(x), owner.encrypt(y)
    before = x_enc.to_bytes(), y_enc.to_bytes()
    out, expected = expression(x_enc, y_enc, W, b), np.atleast_1d(expression(x, y, W, b))
    got = owner.decrypt(out)
    assert got.dtype == np.int64
    assert np.array_equal(got, expected), f"{got}\n{expected}"
    assert np.abs(expected).max() <= out.bound <= HALF
    assert 1 <= out.budget <= owner.budget(out)
    assert (x_enc.to_bytes(), y_enc.to_bytes()) == before


def named(cases):
    return [pytest.param(case, id=f"{i}") for i, case in enumerate(cases)]


@pytest.mark.parametrize("size", [8, 5])
@pytest.mark.parametrize("expression", named(EXPRESSIONS))
def test_every_expression_is_exact(owner, size, expression):
    check(owner, size, expression)


@pytest.mark.parametrize("expression", named(ROTATIONS))
def test_rotation_is_np_roll_the_other_way(owner, expression):
    check(owner, 8, expression)


here = st.sampled_from([*INSTALLED, "plain"])
numbers = st.lists(st.integers(-HALF, HALF), min_size=4, max_size=4).map(np.array)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(x=numbers, y=numbers, engine=here)
def test_numbers_are_centred_residues_modulo_t_and_so_is_what_wraps_around(x, y, engine):
    """Bounds that are not true let sums and products wrap; then they do it modulo t."""
    owner = new_owner(engine)
    x_enc, y_enc = (owner.encrypt(v, bound=HALF) for v in (x, y))
    assert np.array_equal(owner.decrypt(x_enc), x)
    x_enc, y_enc = x_enc.promise(1), y_enc.promise(1)
    for out, expected in [(x_enc * y_enc, x * y), (x_enc + y_enc, x + y), (x_enc @ y_enc, x @ y)]:
        residue = (np.atleast_1d(expected) + HALF) % PARAMS.modulus - HALF
        assert np.array_equal(owner._keys.decrypt(out.handle)[: len(out)], residue)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data(), size=st.integers(1, 9), engine=here)
def test_the_laws_of_a_ring_hold_exactly(data, size, engine):
    small = st.lists(st.integers(-8, 8), min_size=size, max_size=size).map(np.array)
    owner, (x, y, z) = new_owner(engine), (data.draw(small) for _ in range(3))
    a, b, c = (owner.encrypt(v) for v in (x, y, z))
    for out in ((a + b) * c, a * c + b * c, c * a + z * b):
        assert np.array_equal(owner.decrypt(out), (x + y) * z)
    assert np.array_equal(owner.decrypt((a - b) ** 2), owner.decrypt(a * a - 2 * a * b + b * b))


def test_a_combination_is_the_sum_of_products(owner):
    x, y = (owner.encrypt(whole(4, seed)) for seed in (1, 2))
    out = x.combine([x, y, x], np.array([2.0, -1.0, 1.0]))
    assert np.array_equal(owner.decrypt(out), 3 * whole(4, 1) - whole(4, 2))


@pytest.mark.parametrize("size", [1, 3, PARAMS.slots])
def test_any_length_up_to_the_slots_is_encrypted_and_summed(owner, size):
    x = whole(size)
    c = owner.encrypt(x)
    assert len(c) == size
    assert np.array_equal(owner.decrypt(c.sum()), [x.sum()])
    assert np.array_equal(owner.decrypt(c + c), 2 * x)


@pytest.mark.parametrize(
    "view",
    [
        np.arange(16)[::2],
        np.arange(8)[::-1],
        np.asfortranarray(np.arange(16).reshape(8, 2))[:, 1],
        np.broadcast_to(5, 8),
        np.arange(8, dtype=np.float32),
        np.arange(8) % 2 == 0,
        np.frombuffer(np.arange(8).tobytes(), dtype=np.int64),
    ],
)
def test_any_memory_layout_is_read_right(owner, view):
    assert np.array_equal(owner.decrypt(owner.encrypt(view, bound=16)), view)
    assert np.array_equal(owner.decrypt(owner.encrypt(np.zeros(8)) + view), view)
    assert np.array_equal(owner.decrypt(owner.encrypt(np.ones(8)) * view), view)


def test_the_clear_twin_needs_no_library():
    code = """if True:
        import sys, helib_py as he
        sys.modules.update(seal=None, Pyfhel=None, torch=None, phe=None, gmpy2=None)
        twin = he.DataOwner(he.BFV(), "plain")
        x = he.PublicBundle.from_bytes(twin.public.to_bytes(), engine="plain").encrypt([3])
        print(twin.decrypt((x * x - 10).to_bytes())[0])
    """
    assert run_python(code) == "-1"
