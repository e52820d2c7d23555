"""Linear layers on residues: exact against Python's numbers, bit for bit what SEAL computes."""

from functools import cache

import numpy as np
import pytest
from helpers import assert_refused, uniform
from hypothesis import given, settings
from hypothesis import strategies as st

import helib_py as he
from helib_py.batch.groups import groups, shares
from helib_py.batch.modular import EXACT, Cut, Scratch, cut, multiply
from helib_py.batch.server import residues_of
from helib_py.batch.steps import reach
from helib_py.engines.seal import Residues, layout
from helib_py.errors import BadBytes, Overflow

PARAMS = he.CKKS(ring=4096, prime_bits=(31, 30), special_bits=45, scale_bits=20, rotations=())
LARGE = he.CKKS(ring=8192, prime_bits=(60, 60), special_bits=60, scale_bits=30, rotations=())


@cache
def evaluator(library, params=PARAMS):
    return he.DataOwner(params, library).public.context.e


def exactly(weights, source, biases, moduli):
    """The same with Python's whole numbers."""
    rows = np.tensordot(weights.astype(object), source.astype(object), axes=1)
    rows[:, 0] += biases.astype(object)[:, :, None]
    return rows % np.array(moduli, dtype=object)[:, None]


def in_order(weights, found, out):
    """Rows as multiply gives them, in the order of the matrix."""
    ordered = np.empty_like(out)
    ordered[np.concatenate([group.rows for group in found])] = out
    return ordered


def product(weights, source, biases, moduli):
    found = groups(weights)
    rows = np.concatenate([group.rows for group in found])
    cuts = [cut(q, reach(weights)) for q in moduli]
    out = multiply(found, source, biases[rows], cuts, Scratch())
    return in_order(weights, found, out)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32),
    st.lists(st.integers(2**20, 2**60), min_size=1, max_size=3),
    st.integers(1, 7),
    st.integers(1, 40),
    st.sampled_from([0, 0.5, 0.9]),
    st.integers(1, 2**30),
)
def test_products_are_exact_modulo_every_modulus(seed, moduli, rows, inputs, zeros, largest):
    random = np.random.default_rng(seed)
    weights = random.integers(-largest, largest + 1, (rows, inputs))
    weights[random.random((rows, inputs)) < zeros] = 0
    source = random.integers(0, 2**63, (inputs, 3, len(moduli), 4), dtype=np.uint64)
    source %= np.array(moduli, dtype=np.uint64)[:, None]
    biases = random.integers(0, moduli, (rows, len(moduli)))
    got = product(weights, source, biases, moduli)
    assert np.array_equal(got.astype(object), exactly(weights, source, biases, moduli))


@pytest.mark.parametrize(("bits", "limbs"), [(42, 1), (60, 2), (60, 4)])
@pytest.mark.parametrize("sign", [1, -1])
def test_products_are_exact_up_to_the_very_bound(bits, limbs, sign):
    q = 2**bits - 93
    largest = EXACT // (min(q, 2 ** (64 // limbs)) - 1)  # the reach at which one more is too much
    assert cut(q, largest).limbs == limbs
    if limbs < 4:
        assert cut(q, largest + 1).limbs == 2 * limbs
    weights = sign * np.array([[largest - 7, 3, 4]])
    source = np.full((3, 2, 1, 8), q - 1, dtype=np.uint64)
    source[1:, 1] = 0
    biases = np.array([[q - 1]])
    got = product(weights, source, biases, [q])
    assert np.array_equal(got.astype(object), exactly(weights, source, biases, [q]))


def test_weights_that_no_limb_is_narrow_enough_for_are_refused():
    with pytest.raises(Overflow) as error:
        cut(2**60 - 93, 2**38)
    assert_refused(error)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 30), st.integers(1, 30), st.integers(1, 4))
def test_groups_and_shares_hold_every_weight_just_once(seed, rows, inputs, workers):
    random = np.random.default_rng(seed)
    matrix = random.integers(-3, 4, (rows, inputs)) * (random.random((rows, inputs)) < 0.3)
    found = groups(matrix)
    for pieces in (found, [g for share in shares(found, workers) for g in share]):
        again = np.zeros_like(matrix)
        for group in pieces:
            again[np.ix_(group.rows, group.inputs)] += group.weights.astype(int)
        assert np.array_equal(again, matrix)
        assert sorted(np.concatenate([group.rows for group in pieces])) == list(range(rows))
    assert len(shares(found, workers)) <= workers


def test_a_convolution_is_multiplied_window_by_window():
    """3×3 over 12×12, two maps: far from its dense matrix, and not one window at a time."""
    matrix = np.zeros((2, 10, 10, 12, 12))
    for y, x in np.ndindex(10, 10):
        matrix[:, y, x, y : y + 3, x : x + 3] = uniform((2, 3, 3))
    found = groups(matrix.reshape(200, 144))
    assert 1 < len(found) < 100
    assert sum(group.cost for group in found) < 144 * 216 / 3


def test_work_is_shared_out_evenly():
    for matrix in (np.ones((64, 256)), np.kron(np.eye(16), np.ones((4, 25)))):
        costs = [sum(group.cost for group in share) for share in shares(groups(matrix), 2)]
        assert len(costs) == 2
        assert max(costs) <= 1.3 * min(costs)


def test_scratch_is_reused():
    scratch = Scratch()
    first = scratch.take("a", (4, 4))
    assert np.shares_memory(first, scratch.take("a", (2, 8)))
    assert scratch.take("a", (5, 5)).shape == (5, 5)


def encrypted(e, count, level, scale):
    return [e.encrypt(uniform(e.params.slots, i), level, scale) for i in range(count)]


@pytest.mark.parametrize("level", [0, 1])
@pytest.mark.parametrize("parts", [2, 3, 5])
def test_a_ciphertext_becomes_an_array_and_again_the_same_bytes(library, level, parts):
    e = evaluator(library)
    a = e.encrypt(uniform(e.params.slots), level, 2.0**7)
    while e.lib.parts(a) < parts:
        a = e.square(a)
    residues = Residues(e).array(a, level)
    assert residues.shape == (parts, level + 1, 4096)
    again = Residues(e).handle(residues, e.lib.scale(a))
    assert e.lib.dump(again) == e.lib.dump(a)


def by_seal(e, xs, row, bias, place):
    """Σ weight·x + bias by a plaintext product for each weight."""
    level, scale = place
    total = None
    for x, weight in zip(xs, row.tolist(), strict=True):
        if weight:
            constant = e.encode(np.full(e.params.slots, float(weight)), level, 1.0)
            term = e.multiply_plain(x, constant)
            total = term if total is None else e.add(total, term)
    return e.add_plain(total, e.encode(np.full(e.params.slots, bias), level, scale))


@pytest.mark.parametrize("params", [PARAMS, LARGE], ids=["one limb", "two limbs"])
@pytest.mark.parametrize("squared", [False, True])
def test_it_is_bit_for_bit_what_seal_s_own_products_and_sums_give(library, params, squared):
    e, level, scale = evaluator(library, params), 1, 2.0**12
    xs = encrypted(e, 6, level, scale)
    if squared:
        xs, scale = [e.square(x) for x in xs], scale**2
    weights = np.random.default_rng(1).integers(-900, 900, (3, 6))
    weights[0, 2] = 0
    bias = np.array([0.5, -0.25, 3.0])
    source = np.stack([Residues(e).array(x, level) for x in xs])
    got = product(weights, source, residues_of(bias, scale, params.primes), params.primes)
    for row, b, ours in zip(weights, bias.tolist(), got, strict=True):
        theirs = by_seal(e, xs, row, b, (level, scale))
        assert np.array_equal(ours, Residues(e).array(theirs, level))


def test_constants_are_exact_residues_at_any_scale():
    scale, primes = 2.0**90 * 1.5, LARGE.primes
    got = residues_of(np.array([0.1, -2.0, 0.0]), scale, primes)
    numerator, denominator = (0.1).as_integer_ratio()
    for i, q in enumerate(primes):
        whole = numerator * (3 * 2**89) // denominator  # 0.1 has 55 bits after the point: no rest
        assert got[:, i].tolist() == [whole % q, (-6 * 2**89) % q, 0]


def test_numbers_that_are_no_residues_are_refused(library):
    e = evaluator(library)
    good = Residues(e).array(encrypted(e, 1, 1, 2.0**20)[0], 1).copy()
    for value in (PARAMS.primes[1], 2**64 - 1):
        bad = good.copy()
        bad[1, 1, 5] = value
        with pytest.raises(BadBytes) as error:
            Residues(e).handle(bad, 2.0**20)
        assert_refused(error)


@pytest.mark.parametrize("level", [0, 1])
def test_what_crosses_are_residues_and_nothing_else(library, level):
    e = evaluator(library)
    (a,) = encrypted(e, 1, level, 2.0**20)
    assert e.dump(a) == Residues(e).array(a, level).tobytes()
    assert len(e.dump(a)) == 2 * (level + 1) * 4096 * 8 == PARAMS.ciphertext_bytes(level)


def differences(ours, theirs, header):
    """Where two of SEAL's headers differ, but for the versions in the outer and inner one."""
    assert len(ours) == len(theirs)
    versions = (4, header - 24 + 4)
    pairs = enumerate(zip(ours, theirs, strict=True))
    return [i for i, (x, y) in pairs if x != y and i not in versions]


def test_the_headers_that_we_write_are_seal_s_own(library):
    """But for the version, which is the oldest that all can read."""
    e, parms = evaluator(library), layout.parms(PARAMS, 2)
    (a,) = encrypted(e, 1, 1, 2.0**20)
    ours = layout.ciphertext(Residues(e).array(a, 1), parms, True, 2.0**20)
    assert not differences(ours, e.lib.dump(a), layout.HEADER)
    theirs = e.lib.dump_plain(e.encode(uniform(e.params.slots), 1, 2.0**20))
    values = layout.numbers(theirs, layout.PLAIN_HEADER).reshape(2, -1)
    ours = layout.plaintext(values, parms, 2.0**20)
    assert not differences(ours, theirs, layout.PLAIN_HEADER)


def test_a_ciphertext_of_zero_is_fresh_each_time_and_in_its_place(library):
    e = evaluator(library)
    for level in (0, 1):
        first, second = (Residues(e).zero(level, 2.0**20) for _ in range(2))
        assert first.shape == (2, level + 1, 4096)
        assert (first == second).mean() < 0.01


def test_a_cut_fills_64_bits():
    assert [Cut(2**60 - 93, limbs).width for limbs in (1, 2, 4)] == [64, 32, 16]
