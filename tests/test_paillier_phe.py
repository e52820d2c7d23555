"""Beside phe 1.5: the same keys, numbers and results; and each trap of phe's, closed here."""

import pickle
from dataclasses import replace
from functools import cache
from math import gcd, isqrt

import numpy as np
import phe
import pytest
from gmpy2 import is_prime, mpz
from helpers import assert_bits, assert_refused, uniform
from hypothesis import given, settings
from hypothesis import strategies as st
from phe import paillier

import helib_py as he
from helib_py import wire
from helib_py.errors import BadValue, HelibError, InsecureParameters, Overflow, ParameterError

TOY = he.Paillier(bits=512, insecure=True)
few = settings(max_examples=20, deadline=None, derandomize=True)
units = st.integers(-(2**24), 2**24)  # of encrypted values
steps = st.integers(-(2**20), 2**20)  # of plain factors


def same_key(owner):
    """phe's keys from an owner's primes."""
    p, q = owner._keys.primes
    public = paillier.PaillierPublicKey(p * q)
    return public, paillier.PaillierPrivateKey(public, p, q)


@cache
def primes(remainder=3, alone=True):
    """Two primes of 256 bits, of that remainder modulo 4, p-1 and q-1 with a factor or without."""
    p, *_ = primes_above(0xC0DE << 240 | remainder)
    found = primes_above(0xF00D << 240 | remainder)
    return p, next(q for q in found if (gcd(p - 1, q - 1) in (2, 4)) == alone)


def primes_above(start):
    return [n for n in range(start, start + 2**14, 4) if is_prime(n)]


# --- the same cryptosystem ---------------------------------------------------------------


@few
@given(st.lists(units, min_size=1, max_size=6), st.data())
def test_results_are_phe_s_own_to_the_last_unit(toy_key, x, data):
    weights, y = (
        data.draw(st.lists(numbers, min_size=len(x), max_size=len(x)))
        for numbers in (steps, units)
    )
    public, private = same_key(toy_key)
    ours = toy_key.encrypt(np.array(x) / 2**24) + np.array(y) / 2**24
    ours = ours @ (np.array(weights) / 2**16)
    theirs = sum(
        (public.encrypt(a) + public.encrypt(b)) * w for a, b, w in zip(x, y, weights, strict=True)
    )
    assert toy_key._keys.decrypt(ours.handle) == [private.decrypt(theirs)]


@pytest.mark.parametrize("key", ["toy_key", "real_key"])
def test_phe_decrypts_what_we_computed(request, key):
    """As its own EncryptedNumber too: our 2^-24 is its 16^-6."""
    owner = request.getfixturevalue(key)
    public, private = same_key(owner)
    x = uniform(3)
    party = he.PublicBundle.from_bytes(owner.public.to_bytes(), insecure=key == "toy_key")
    for c in (owner.encrypt(x), party.encrypt(x), -party.load(owner.encrypt(-x).to_bytes())):
        theirs = [paillier.EncryptedNumber(public, int(number), -6) for number in c.handle]
        assert_bits([private.decrypt(number) for number in theirs], x, at_least=c.bits)


@pytest.mark.parametrize("key", ["toy_key", "real_key"])
def test_we_decrypt_what_phe_encrypted(request, key):
    owner = request.getfixturevalue(key)
    public, _ = same_key(owner)
    numbers = [0, 1, -1, 2**24, -(2**24)]
    header, _ = wire.unpack("ciphertext", owner.encrypt(np.zeros(5)).to_bytes())
    size = owner.public.params.ciphertext_bytes
    payload = b"".join(public.encrypt(k).ciphertext().to_bytes(size, "big") for k in numbers)
    c = owner.public.load(wire.pack("ciphertext", header, payload))
    assert np.array_equal(owner.decrypt(c), np.array(numbers) / 2**24)
    assert np.array_equal(owner.decrypt(c - 2 * c), -np.array(numbers) / 2**24)


@pytest.mark.parametrize(
    ("found", "quick"), [(primes(3), True), (primes(1), False), (primes(3, alone=False), False)]
)
def test_any_two_primes_of_phe_s_make_an_owner(found, quick):
    """What the quick way needs of them not all have; the textbook's r^n needs nothing."""
    owner = he.DataOwner(TOY, primes=found)
    assert ("blinding" in owner.public.keys) == quick
    party = he.PublicBundle.from_bytes(owner.public.to_bytes(), insecure=True)
    x = uniform(4)
    for c in (owner.encrypt(x), party.encrypt(x), party.load(owner.encrypt(x).to_bytes())):
        assert_bits(owner.decrypt((np.eye(4) @ c).packed().shielded().to_bytes()), x, at_least=18)
        assert (1 * c).to_bytes() != (1 * c).to_bytes()
    assert_bits(owner.decrypt(owner.public.load(party.encrypt(x).to_bytes())), x)


def test_a_keypair_that_phe_made_is_an_owner_s():
    public, private = paillier.generate_paillier_keypair(n_length=512)
    owner = he.DataOwner(TOY, primes=(private.q, private.p))
    theirs = replace(owner.encrypt([0.0]), handle=(mpz(public.raw_encrypt(2**23)),))
    assert_bits(owner.decrypt(theirs), [0.5])
    assert private.raw_decrypt(int(owner.encrypt([0.5]).handle[0])) == 2**23


def test_a_revived_owner_decrypts_what_was_encrypted_before(toy_key):
    """By all that its public bundle says it is the same key, whichever prime is named first."""
    p, q = toy_key._keys.primes
    revived = he.DataOwner(toy_key.public.params, primes=(q, p))
    assert revived.public.to_bytes() == toy_key.public.to_bytes()
    assert_bits(revived.decrypt(toy_key.encrypt([0.5]).to_bytes()), [0.5])
    assert_bits(toy_key.decrypt(toy_key.encrypt([0.5]) + revived.encrypt([0.25])), [0.75])


def refused_as_primes(p, q):
    with pytest.raises(ParameterError) as error:
        he.DataOwner(TOY, primes=(p, q))
    assert_refused(error)


@pytest.mark.parametrize("change", [lambda p, q: (11, 13), lambda p, q: (p, 4 * q)])
def test_primes_of_another_size_are_refused(change):
    refused_as_primes(*change(*primes()))


def next_prime(start):
    return next(n for n in range(start | 1, 2 * start, 2) if is_prime(n))


NO_PRIMES = {
    "composite": lambda p, q: (p + 2, q),
    "negative": lambda p, q: (-p, -q),
    "one": lambda p, q: (1, p * q),
    "small": lambda p, q: (7, next_prime(p * q // 7)),
}


@pytest.mark.parametrize("name", NO_PRIMES)
def test_what_are_no_two_large_primes_are_refused(name):
    refused_as_primes(*NO_PRIMES[name](*primes()))


def test_a_prime_twice_is_refused():
    refused_as_primes(primes()[0], primes()[0])


def test_primes_close_to_each_other_are_refused():
    """Fermat: p·q = a² - b² with a the mean of the primes, so one tries a from √n upwards."""
    p = primes()[0]
    q = next_prime(p + 2)
    n, a = p * q, isqrt(p * q) + 1
    assert isqrt(a * a - n) ** 2 == a * a - n  # found at the first try
    refused_as_primes(p, q)
    refused_as_primes(next_prime(p + 2**155), p)
    he.DataOwner(TOY, primes=(p, next_prime(p + 2**157)))


# --- every trap of phe's -------------------------------------------------------------------


@cache
def pair():
    return paillier.generate_paillier_keypair(n_length=512)


def seen(c):
    return wire.unpack("ciphertext", c.to_bytes())[0]


def test_the_exponent_tells_magnitude_and_type_in_phe_and_nothing_here(toy_key):
    public, _ = pair()
    assert [public.encrypt(v).exponent for v in (0.001, 17.3, 1)] == [-16, -12, 0]
    labels = [seen(toy_key.encrypt(v, bound=32)) for v in (0.001, 17.3, 1)]
    assert labels[0] == labels[1] == labels[2]


def test_a_factor_changes_the_exponent_in_phe_and_here_only_its_bound_counts(toy_key):
    c, _ = pair()[0].encrypt(3), None
    assert (c * 0.1).exponent != (c * 2).exponent
    assert (c + 0.1).exponent != (c + 2).exponent
    x = toy_key.encrypt([0.5])
    assert seen(x * 0.1) == seen(x * 2) == seen(2 * x)
    assert (
        seen(x + 0.1) == seen(x + 2) == seen(x) | {"limit": hex((x + 2).limit), "error": 2.0**-24}
    )


def test_times_0_and_1_and_pickling_show_the_number_in_phe_and_not_here(toy_key):
    c = pair()[0].encrypt(3)
    assert (c * 0).ciphertext(be_secure=False) == 1
    assert (c * 1).ciphertext(be_secure=False) == c.ciphertext(be_secure=False)
    assert pickle.loads(pickle.dumps(c * 1)).__dict__ == (c * 1).__dict__
    x = toy_key.encrypt([0.5])
    for out in (0 * x, 1 * x):
        number = int(out.handle[0]).to_bytes(128, "big")
        assert number not in out.to_bytes()
        assert number not in pickle.dumps(out)


def test_overflow_is_seen_in_a_third_of_the_range_by_phe_and_in_advance_here(toy_key):
    public, private = pair()
    assert private.decrypt(public.encrypt(public.max_int) * 4) < public.max_int  # and no error
    x = toy_key.encrypt([1.0], bound=2.0**480)
    with pytest.raises(Overflow, match="promise") as error:
        4 * x
    assert_refused(error)


@pytest.mark.parametrize("number", [np.float32(0.5), np.int64(1), np.bool_(True), np.array(0.5)])
def test_numpy_s_numbers_are_refused_by_phe_and_welcome_here(toy_key, number):
    with pytest.raises(TypeError):
        pair()[0].encrypt(number)
    assert_bits(toy_key.decrypt(toy_key.encrypt(number) * number), [float(number) ** 2])


def test_what_vanishes_is_silently_0_in_phe_and_refused_here(toy_key):
    public, private = pair()
    assert private.decrypt(public.encrypt(1e-20, precision=1e-6)) == 0
    for use in (toy_key.encrypt, toy_key.encrypt(0.5).__mul__, toy_key.encrypt(0.5).__add__):
        with pytest.raises(BadValue, match="precision") as error:
            use(1e-20)
        assert_refused(error)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_nan_is_refused_by_phe_by_accident_and_here_with_a_word(toy_key, number):
    with pytest.raises((ValueError, OverflowError), match="cannot convert"):
        pair()[0].encrypt(number)
    with pytest.raises(BadValue) as error:
        toy_key.encrypt(number)
    assert_refused(error)


def test_gmpy2_s_numbers_are_refused_by_phe_and_never_asked_for_here(toy_key):
    public, private = pair()
    for use in (public.raw_encrypt, private.raw_decrypt):
        with pytest.raises(TypeError):
            use(mpz(3))
    for party in (toy_key._keys, toy_key.public.context.e):
        assert toy_key._keys.decrypt(party.encrypt([mpz(3), -5])) == [3, -5]


def test_1024_bits_are_silent_in_phe_and_refused_here():
    assert paillier.generate_paillier_keypair(n_length=1024)[0].n.bit_length() == 1024
    assert phe.paillier.DEFAULT_KEYSIZE == he.Paillier().bits == 3072
    with pytest.raises(InsecureParameters) as error:
        he.Paillier(bits=1024)
    assert_refused(error)


def test_every_refusal_is_ours():
    """phe's ValueError, OverflowError and TypeError do not come through."""
    assert not issubclass(HelibError, ValueError | OverflowError | TypeError)
