"""What notebook 01 builds by hand, run from the notebook itself, agrees with the package."""

from functools import cache, reduce
from math import ldexp

import numpy as np
import pytest
from gmpy2 import mpz
from helpers import by_hand
from hypothesis import given, settings
from hypothesis import strategies as st

import helib_py as he
from helib_py.encoding import Slots, quantise
from helib_py.engines import powers
from helib_py.engines.paillier import PaillierEvaluator, PaillierKeys

PARAMS = he.Paillier(bits=512, insecure=True)
VALUES = st.integers(-(2**400), 2**400)
NAMES = {
    "make_key", "encrypt", "decrypt", "dot", "rerandomise", "encode", "signed", "decode", "pack",
    "unpack", "straus", "table_of", "power_by",
}  # fmt: skip


def notebook():
    return by_hand("01_paillier_encoding")


@cache
def keys():
    return PaillierKeys(PARAMS)


@cache
def key():
    """The same key by hand: n and λ."""
    return notebook().make_key(*keys().primes)


@cache
def evaluator():
    return PaillierEvaluator(PARAMS, keys().bundle)


def test_every_function_by_hand_is_tested_here():
    assert set(vars(notebook())) == NAMES


def test_the_modulus_is_the_package_s_public_key():
    assert key()[0] == int.from_bytes(keys().bundle["public"], "big") == evaluator().n


@settings(deadline=None)
@given(VALUES, st.integers(1, 2**500))
def test_each_decrypts_what_the_other_encrypts(value, r):
    by_hand, (n, lam) = notebook(), key()
    assert keys().decrypt((mpz(by_hand.encrypt(n, value, r)),)) == [value]
    for encrypts in (keys(), evaluator()):
        (c,) = encrypts.encrypt([value])
        assert by_hand.signed(by_hand.decrypt(n, lam, int(c)), n) == value


@settings(deadline=None)
@given(VALUES, st.integers(1, 2**500))
def test_rerandomising_changes_the_ciphertext_and_not_the_value(value, r):
    by_hand, (n, _) = notebook(), key()
    (c,) = keys().encrypt([value])
    fresh = by_hand.rerandomise(n, int(c), r)
    assert keys().decrypt((mpz(fresh),)) == [value]
    assert fresh != c or r == 1


FACTORS = st.lists(st.integers(-(2**20), 2**20), min_size=1, max_size=8)


@settings(deadline=None)
@given(FACTORS)
def test_dot_products_are_the_same_ciphertext(factors):
    by_hand, (n, _) = notebook(), key()
    c = keys().encrypt(list(range(len(factors))))
    (ours,) = evaluator().combine(np.array([factors]), c)
    assert by_hand.dot(n, [int(v) for v in c], factors) == ours


@settings(deadline=None)
@given(st.floats(-1, 1), st.integers(0, 40))
def test_fixed_point_is_the_same(value, precision):
    by_hand, (n, _) = notebook(), key()
    units = round(ldexp(value, precision))
    if units or not value:  # the package refuses what would vanish
        assert quantise(np.array([value]), precision)[0] == units
    encoded = by_hand.encode(value, precision, n)
    assert by_hand.signed(encoded, n) == units
    assert by_hand.decode(encoded, precision, n) == units / 2**precision


def test_a_product_at_a_scale_is_the_same():
    by_hand, (n, lam) = notebook(), key()
    owner = he.DataOwner(PARAMS, primes=keys().primes)
    c = owner.encrypt(-0.7) * 2.5
    plaintext = by_hand.decrypt(n, lam, int(c.handle[0]))
    assert by_hand.decode(plaintext, c.scale, n) == owner.decrypt(c)[0]


@settings(deadline=None)
@given(st.lists(st.integers(-127, 127), min_size=1, max_size=20))
def test_packing_is_the_same_and_unpacking_undoes_it(numbers):
    by_hand, slots = notebook(), Slots(8, per=len(numbers))
    packed = by_hand.pack(numbers, 8)
    assert slots.pack(np.array([numbers], dtype=object)) == [packed]
    count = len(numbers)
    assert by_hand.unpack(packed, count, 8) == numbers
    assert slots.unpack([packed], count, 127).tolist() == [numbers]


@settings(deadline=None)
@given(st.lists(st.integers(1, 2**20), min_size=1, max_size=8))
def test_shared_squarings_give_the_package_s_product(exponents):
    by_hand, modulus = notebook(), key()[0] ** 2
    bases = [mpz(3 + 2 * i) for i in range(len(exponents))]
    product, count = by_hand.straus(bases, exponents, modulus)
    assert product == powers.textbook(bases, exponents, modulus)
    assert [product] == powers.multiply_out(bases, np.array([exponents]), modulus)
    assert count == max(exponents).bit_length() + sum(k.bit_count() for k in exponents)


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1))
def test_a_table_of_squares_gives_the_comb_s_power(exponent):
    by_hand, modulus = notebook(), key()[0] ** 2
    table = by_hand.table_of(mpz(7), 64, modulus)
    assert by_hand.power_by(table, exponent, modulus) == comb().power(exponent)


@cache
def comb():
    return powers.Comb(mpz(7), mpz(key()[0]) ** 2, 64)


def test_by_hand_too_large_a_number_wraps_around_and_the_package_refuses():
    by_hand, (n, lam) = notebook(), key()
    c = by_hand.encrypt(n, n // 2, 3)
    doubled = by_hand.signed(by_hand.decrypt(n, lam, c * c % n**2), n)
    assert doubled != n // 2 * 2
    owner = he.DataOwner(PARAMS, primes=keys().primes)
    with pytest.raises(he.errors.Overflow):
        reduce(lambda c, _: c * 0.5, range(30), owner.encrypt(0.5))
