"""A Paillier key proves that its modulus is proper; without that, nothing is computed with it."""

from dataclasses import replace
from functools import cache
from math import gcd

import pytest
from gmpy2 import invert, is_prime, mpz, powmod
from helpers import assert_refused

import helib_py as he
from helib_py.engines.proper import ROOTS, _challenges, is_proper, prove
from helib_py.errors import BadBytes

BITS = 512
SIZE = BITS // 8


@pytest.fixture(scope="module")
def n(toy_key):
    return toy_key.public.context.e.modulus


@pytest.fixture(scope="module")
def proof(toy_key):
    return toy_key.public.keys["proof"]


def cut(proof):
    return [int.from_bytes(proof[i : i + SIZE], "big") for i in range(0, len(proof), SIZE)]


def written(roots):
    return b"".join(int(root).to_bytes(SIZE, "big") for root in roots)


def test_whoever_has_the_primes_proves_and_anyone_can_check(toy_key, n, proof):
    assert is_proper(n, proof)
    assert proof == prove(*toy_key._keys.primes)
    assert len(proof) == ROOTS * SIZE
    assert [powmod(root, n, n) for root in cut(proof)] == _challenges(n)


FALSE = {
    "empty": lambda roots, n: b"",
    "a root too few": lambda roots, n: written(roots[:-1]),
    "a root too many": lambda roots, n: written([*roots, roots[0]]),
    "another order": lambda roots, n: written(roots[::-1]),
    "one root for all": lambda roots, n: written(roots[:1] * ROOTS),
    "a root that is none": lambda roots, n: written([*roots[:-1], roots[-1] + 1]),
    "the challenges themselves": lambda roots, n: written(_challenges(n)),
    "zeros": lambda roots, n: bytes(ROOTS * SIZE),
}


@pytest.mark.parametrize("name", FALSE)
def test_a_false_proof_is_found_out(n, proof, name):
    assert not is_proper(n, FALSE[name](cut(proof), n))


def test_there_is_one_way_to_write_a_proof():
    """A root and n more is a root, too; else anyone could give a key another identity."""
    p, q = (next_prime(start << 240 | 1, 2) for start in (0xC0DE, 0xC1DE))
    n, proof = p * q, prove(p, q)
    place, root = next((i, r) for i, r in enumerate(cut(proof)) if r + n < 2**BITS)
    assert powmod(root + n, n, n) == powmod(root, n, n)
    assert is_proper(n, proof)
    other = written([*cut(proof)[:place], root + n, *cut(proof)[place + 1 :]])
    assert not is_proper(n, other)


def test_a_proof_is_for_one_modulus_only(other_toy_key, n, proof):
    other = other_toy_key.public
    assert not is_proper(other.context.e.modulus, proof)
    assert not is_proper(n, other.keys["proof"])


def test_challenges_are_spread_over_all_of_the_modulus(n):
    found = _challenges(n)
    assert len(set(found)) == ROOTS
    assert all(0 < challenge < n for challenge in found)
    assert max(found) > n // 4


# --- moduli made to carry something out ---------------------------------------------------------


def next_prime(start, step=1):
    return next(n for n in range(start, 2**600, step) if is_prime(n))


@cache
def improper():
    """p and q with p a divisor of q - 1, so that gcd(n, φ(n)) = p."""
    p = next_prime(0xC0DE << 176 | 1, 2)
    start = (1 << BITS - 1) // p + (1 << 316)
    q = next_prime(start // p * p + 1, p)
    n = p * q
    assert (q - 1) % p == 0
    assert n.bit_length() == BITS
    return n, p, q


def test_with_an_improper_modulus_re_randomising_leaves_something_as_it_is():
    """Attack: (q-1)/p-th powers modulo q tell what no r^n can change."""
    n, p, q = improper()
    c = powmod(mpz(2), 3, n * n)
    seen = {int(powmod(c * powmod(r, n, n * n), (q - 1) // p, q)) for r in (3, 5, 7, 11)}
    assert len(seen) == 1


def test_not_even_whoever_made_an_improper_modulus_can_prove_it():
    n, p, q = improper()
    assert gcd(n, (p - 1) * (q - 1)) == p
    with_a_root = [powmod(c, (q - 1) // p, q) == 1 for c in _challenges(n)]
    assert not all(with_a_root)


@pytest.mark.parametrize("small", [3, 5, 65_521])
def test_a_modulus_with_a_small_factor_is_not_proper_whatever_its_roots(small):
    """A cheat about small primes would succeed too often."""
    q = next_prime((1 << BITS) // small - (1 << 300))
    n = small * q
    assert n.bit_length() == BITS
    at = [powmod(c, invert(n, (small - 1) * (q - 1)), n) for c in _challenges(n)]
    assert [powmod(root, n, n) for root in at] == _challenges(n)  # every one is a root
    assert not is_proper(n, written(at))


# --- in bundles ----------------------------------------------------------------------------------


def without(keys, name):
    return {k: v for k, v in keys.items() if k != name}


KEYS = {
    "no proof": lambda keys, other: without(keys, "proof"),
    "another's proof": lambda keys, other: keys | {"proof": other["proof"]},
    "another's modulus": lambda keys, other: keys | {"public": other["public"]},
    "an altered proof": lambda keys, other: keys | {"proof": keys["proof"][:-1] + b"\0"},
    "an improper modulus": lambda keys, other: keys | {"public": improper()[0].to_bytes(SIZE)},
    "no modulus": lambda keys, other: without(keys, "public"),
    "a zero before the modulus": lambda keys, other: keys | {"public": b"\0" + keys["public"]},
}


@pytest.mark.parametrize("name", KEYS)
def test_no_party_takes_a_key_without_its_proof(toy_key, other_toy_key, name):
    keys = KEYS[name](toy_key.public.keys, other_toy_key.public.keys)
    bundle = replace(toy_key.public, keys=keys)
    server = he.LinearServer([([[1]], [0])], bundle)
    for use in (
        lambda: he.PublicBundle.from_bytes(bundle.to_bytes(), insecure=True),
        lambda: he.LinearServer([([[1]], [0])], bundle.to_bytes(), insecure=True),
        lambda: bundle.encrypt([0.5]),
        lambda: server.linear(0, toy_key.encrypt([0.5]).to_bytes()),
    ):
        with pytest.raises(BadBytes) as error:
            use()
        assert_refused(error)


def test_a_model_under_a_key_without_its_proof_is_refused():
    owner = he.ModelOwner(he.Paillier(bits=BITS, insecure=True))
    public = replace(owner.public, keys=without(owner.public.keys, "proof"))
    message = replace(owner.encrypt_model([0.5]), public=public).to_bytes()
    with pytest.raises(BadBytes, match="proper") as error:
        he.SealedModel.from_bytes(message, owner.params)
    assert_refused(error)


def test_the_clear_twin_has_nothing_to_prove(toy_twin):
    assert "proof" not in toy_twin.public.keys
