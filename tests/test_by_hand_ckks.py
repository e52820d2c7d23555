"""What notebook 06 builds by hand, run from the notebook itself, agrees with package and SEAL.

With either library over it. SEAL keeps a polynomial as its values modulo every prime; `opened`
gives the coefficients back.
"""

from functools import cache
from random import Random

import numpy as np
import pytest
from helpers import INSTALLED, assert_bits, by_hand, uniform
from hypothesis import given, settings
from hypothesis import strategies as st

import helib_py as he

RING = 1024
PARAMS = he.CKKS(
    ring=RING, prime_bits=(40, 30), special_bits=45, scale_bits=30, rotations=(), insecure=True
)
Q0, Q1 = PARAMS.primes
Q = Q0 * Q1
SCALE = PARAMS.scales[-1]
NAMES = {
    "points", "evaluation", "coefficients", "encode", "decode", "product", "rescale", "centred",
    "uniform", "small", "make_key", "encrypt", "decrypt", "add", "multiply_plain", "multiply",
    "make_relin_key", "relinearise",
}  # fmt: skip
SEEDS = st.integers(0, 2**32 - 1)
few = settings(deadline=None, max_examples=10)


def notebook():
    return by_hand("06_ckks_encoding_and_levels")


@cache
def owner(library=INSTALLED[0]):
    return he.DataOwner(PARAMS, library)


def evaluator(library):
    return owner(library).public.context.e


def root(q):
    """SEAL's choice: the smallest primitive 2N-th root of unity."""
    found = next(
        r for g in range(2, q) if pow(r := pow(g, (q - 1) // (2 * RING), q), RING, q) == q - 1
    )
    return min(pow(found, k, q) for k in range(1, 2 * RING, 2))


@cache
def inverse(q):
    """The matrix from SEAL's values modulo a prime to coefficients."""
    bits = RING.bit_length() - 1
    places = [int(f"{i:0{bits}b}"[::-1], 2) for i in range(RING)]
    powers, step = [1], pow(root(q), -1, q)
    for _ in range(2 * RING - 1):
        powers.append(powers[-1] * step % q)
    exponents = np.outer(np.arange(RING), 2 * np.array(places) + 1) % (2 * RING)
    return np.array(powers, dtype=object)[exponents], pow(RING, -1, q)


def opened(residues, primes):
    """The coefficients modulo the product of the primes, around zero."""
    total, modulus = np.zeros(RING, dtype=object), 1
    for values, q in zip(residues, primes, strict=True):
        matrix, one_nth = inverse(q)
        part = matrix @ values.astype(object) * one_nth % q
        total += modulus * ((part - total) * pow(modulus, -1, q) % q)
        modulus *= q
    return (total + modulus // 2) % modulus - modulus // 2


def polynomials(data, primes):
    """What SEAL wrote: at the end of it are its polynomials' values."""
    count = len(data) // (8 * RING * len(primes)) * len(primes)
    numbers = np.frombuffer(data[-8 * RING * count :], dtype=np.uint64)
    return tuple(opened(p, primes) for p in numbers.reshape(-1, len(primes), RING))


def parts(e, handle, primes=PARAMS.primes):
    return polynomials(e.dump(handle), primes)


@cache
def secret(library):
    key = owner(library)._keys._secret.secret_key()
    (s,) = polynomials(key, (*PARAMS.primes, PARAMS.special))
    return s


def test_every_function_by_hand_is_tested_here():
    assert set(vars(notebook())) == NAMES


def test_the_points_are_half_of_the_roots_and_their_conjugates_the_other_half():
    for n in (2, 8, 64):
        points = notebook().points(n)
        np.testing.assert_allclose(points**n, -1, atol=1e-12)
        angles = np.angle(np.concatenate([points, points.conj()]))
        assert len(set(np.round(angles * n / np.pi).astype(int) % (2 * n))) == n


@few
@given(SEEDS)
def test_the_encoding_is_seal_s_to_the_last_bit(library, seed):
    values, e = uniform(RING // 2, seed), evaluator(library)
    (theirs,) = polynomials(e.lib.dump_plain(e.encode(values, 1, SCALE)), PARAMS.primes)
    assert (notebook().encode(values, SCALE) == theirs).all()


@few
@given(SEEDS)
def test_the_coefficients_have_the_values_they_should(seed):
    values = uniform(16, seed) + 1j * uniform(16, seed + 1)
    coefficients = notebook().coefficients(values)
    np.testing.assert_allclose(notebook().evaluation(32) @ coefficients, values, atol=1e-12)


def test_the_rounding_error_is_the_package_s():
    values = uniform(RING // 2, 1)
    off = notebook().decode(notebook().encode(values, SCALE), SCALE).real - values
    assert np.std(off) == pytest.approx(he.noise.encoding_std(PARAMS, SCALE), rel=0.2)


@few
@given(SEEDS, st.integers(1, 5))
def test_products_and_rescaling_compute_slot_by_slot(seed, log_n):
    n = 2 ** (log_n + 1)
    a, b = uniform(n // 2, seed), uniform(n // 2, seed + 1)
    product = notebook().product(notebook().encode(a, 2**30), notebook().encode(b, 2**30))
    assert_bits(notebook().decode(product, 2.0**60).real, a * b, at_least=24)
    q = 2**30 - 35
    low = notebook().rescale(product, q)
    assert_bits(notebook().decode(low, 2.0**60 / q).real, a * b, at_least=24)


def test_by_hand_one_opens_what_the_package_encrypted(library):
    values, key = uniform(RING // 2, 2), secret(library)
    c = owner(library).encrypt(values)
    assert set(key) == {-1, 0, 1}
    m = notebook().decrypt(parts(c.e, c.handle), key, Q)
    opened = owner(library).decrypt(c)
    np.testing.assert_allclose(notebook().decode(m, SCALE).real, opened, atol=1e-12)
    assert_bits(notebook().decode(m, SCALE).real, values, at_least=15)


def same(ours, theirs):
    return all((x == y).all() for x, y in zip(ours, theirs, strict=True))


def test_products_of_ciphertexts_and_rescaling_are_seal_s_to_the_last_bit(library):
    e = evaluator(library)
    a, b = (owner(library).encrypt(uniform(512, seed)).handle for seed in (3, 4))
    ours, product = notebook().multiply(parts(e, a), parts(e, b), Q), e.multiply(a, b)
    assert same(ours, parts(e, product))
    rescaled = [notebook().centred(notebook().rescale(x, Q1), Q0) for x in ours]
    assert same(rescaled, parts(e, e.rescale(product), (Q0,)))


def test_products_with_plaintexts_and_sums_are_seal_s_to_the_last_bit(library):
    e, values = evaluator(library), uniform(512, 6)
    c = owner(library).encrypt(uniform(512, 5)).handle
    ours = notebook().multiply_plain(parts(e, c), notebook().encode(values, SCALE), Q)
    assert same(ours, parts(e, e.multiply_plain(c, e.encode(values, 1, SCALE))))
    assert same(notebook().add(parts(e, c), parts(e, c), Q), parts(e, e.add(c, c)))


@few
@given(SEEDS)
def test_a_whole_level_by_hand_gives_what_the_package_gives(seed):
    """Keys, encryption, product, relinearisation and rescaling, in a ring of 32."""
    it, random, n = notebook(), Random(seed), 32
    x, y = uniform(n // 2, seed), uniform(n // 2, seed + 1)
    s = it.make_key(n, random)
    assert set(s) <= {-1, 0, 1}
    c, d = (it.encrypt(it.encode(v, SCALE), s, Q, random) for v in (x, y))
    key = it.make_relin_key(s, Q, 2**89 - 1, random)
    three = it.multiply(c, d, Q)
    two = it.relinearise(three, key, Q, 2**89 - 1)
    assert (len(three), len(two)) == (3, 2)
    low = tuple(it.rescale(part, Q1) for part in two)
    by_us = it.decode(it.decrypt(low, s, Q0), SCALE**2 / Q1).real
    cx, cy = (owner().encrypt(np.resize(v, RING // 2)) for v in (x, y))
    product = cx * cy
    assert product.scale == pytest.approx(SCALE**2 / Q1)
    assert_bits(by_us, x * y, at_least=20)
    assert_bits(owner().decrypt(product)[: n // 2], by_us, at_least=15)


@few
@given(SEEDS)
def test_noise_is_small_and_masks_are_spread_out(seed):
    it, random = notebook(), Random(seed)
    noise = it.small(RING, random).astype(float)
    assert noise.std() == pytest.approx(he.params.NOISE_STD, rel=0.15)
    mask = it.uniform(RING, Q, random)
    assert min(mask) >= 0
    assert Q * 0.9 < max(mask) < Q
    assert abs(it.centred(mask, Q)).max() <= Q // 2
    assert ((it.centred(mask, Q) - mask) % Q == 0).all()
