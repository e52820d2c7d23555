"""What leaves a party: labels that depend on nothing secret, bytes under fresh randomness."""

import ast
import copy
import pickle
import random

import numpy as np
import pytest
from gmpy2 import legendre, mpz, powmod
from helpers import PACKAGE, assert_bits, assert_refused, uniform

import helib_py as he
from helib_py import randomness, wire
from helib_py.errors import InsecureParameters, MissingKey, NoSecretKey

X = uniform(4)

# computed without any randomness of its own: re-randomising is what hides x, W and b
COMPUTED = {
    "0 * c": lambda c, W: 0 * c,
    "1 * c": lambda c, W: 1 * c,
    "c + 0": lambda c, W: c + 0,
    "c - c": lambda c, W: c - c,
    "-c": lambda c, W: -c,
    "c + W": lambda c, W: c + W[0],
    "rotate": lambda c, W: c.rotate(0),
    "promise": lambda c, W: c.promise(2.0),
    "W @ c": lambda c, W: W @ c,
    "0 @ c": lambda c, W: (0 * W) @ c,
    "prepared": lambda c, W: W @ c.prepared(),
    "sum": lambda c, W: c.sum(),
    "packed": lambda c, W: c.packed(),
    "packed scores": lambda c, W: (W @ c + W[1]).packed(),
    "shielded": lambda c, W: (W @ c).packed().shielded(),
}


def numbers(c):
    """The ciphertexts themselves, as they are computed on."""
    return [int(number).to_bytes(c.params.ciphertext_bytes, "big") for number in c.handle]


def label(c):
    """All that is seen of a ciphertext without the key."""
    header, _ = wire.unpack("ciphertext", c.to_bytes())
    return header, c.shape, c.bits, c.bound, c.nbytes, len(c.to_bytes()), repr(c)


@pytest.mark.parametrize("name", COMPUTED)
def test_a_label_depends_on_neither_the_data_nor_the_weights(toy, name):
    labels = []
    for seed, size in ((1, 1.0), (2, 1e-3), (3, 0.0)):
        c, W = toy.encrypt(size * uniform(4, seed)), size * 16 * uniform((4, 4), seed + 7)
        labels.append(label(COMPUTED[name](c, W)))
    assert labels[0] == labels[1] == labels[2]


@pytest.mark.parametrize("options", [{}, {"packed": True}, {"bound": 3.0}])
def test_the_label_of_fresh_numbers_tells_their_count_only(toy, options):
    """Whole numbers and fractions, large and tiny ones, all alike."""
    shown = [
        label(toy.encrypt(x, **options))
        for x in ([1, 0], [0.001, 0.5], [-1e-7, 1 / 3], [False, True])
    ]
    assert all(other == shown[0] for other in shown)


@pytest.mark.parametrize("name", COMPUTED)
def test_a_result_leaves_under_fresh_randomness_every_time(toy_key, name):
    out = COMPUTED[name](toy_key.encrypt(X), 3 * uniform((4, 4), 1))
    once, again = out.to_bytes(), pickle.loads(pickle.dumps(out)).to_bytes()
    assert once != again
    for number in numbers(out):
        assert number not in once
        assert number not in pickle.dumps(out)
    assert bytes(127) not in once  # nor the number 1, an encryption of 0 for everyone to see
    assert np.array_equal(toy_key.decrypt(once), toy_key.decrypt(again))


@pytest.mark.parametrize("copying", [copy.copy, copy.deepcopy])
def test_a_copy_goes_the_same_way_out(toy_key, copying):
    out = 1 * toy_key.encrypt(X)
    assert not any(number in copying(out).to_bytes() for number in numbers(out))


def test_what_was_loaded_does_not_leave_as_it_came(toy_key):
    came = toy_key.encrypt(X).to_bytes()
    (payload,) = wire.unpack("ciphertext", came)[1]
    party = he.PublicBundle.from_bytes(toy_key.public.to_bytes(), insecure=True)
    left = party.load(came).to_bytes()
    pieces = [payload[i : i + 128] for i in range(0, len(payload), 128)]
    assert not any(piece in left for piece in pieces)
    assert np.array_equal(toy_key.decrypt(left), toy_key.decrypt(came))


def test_encrypting_twice_gives_different_bytes(toy_key):
    for party in (toy_key, toy_key.public):
        assert party.encrypt(X).to_bytes() != party.encrypt(X).to_bytes()
        assert len(set(numbers(party.encrypt(np.zeros(50))))) == 50


@pytest.mark.parametrize("name", COMPUTED)
def test_a_ciphertext_survives_its_bytes(toy, name):
    out = COMPUTED[name](toy.encrypt(X), uniform((4, 4), 1))
    back = toy.public.load(out.to_bytes())
    assert label(back) == label(out)
    assert np.array_equal(toy.decrypt(back), toy.decrypt(out))


def test_a_bundle_survives_its_bytes_and_its_pickle(toy):
    toy.public.encrypt(X)
    sent = toy.public.to_bytes()
    for back in (he.PublicBundle.from_bytes(sent, insecure=True, engine=toy.public.engine),
                 pickle.loads(pickle.dumps(toy.public))):  # fmt: skip
        assert (back.params, back.engine, back.keys, back.key_id) == (
            toy.public.params, toy.public.engine, toy.public.keys, toy.public.key_id,
        )  # fmt: skip
        assert back.fingerprint == toy.public.fingerprint
        assert_bits(toy.decrypt(back.encrypt(X) + 0.5), X + 0.5)


def test_a_toy_s_bundle_is_taken_only_where_its_receiver_says_so(toy):
    data = toy.public.to_bytes()
    for take in (he.PublicBundle.from_bytes, lambda d: he.LinearServer([([[1]], [0])], d)):
        with pytest.raises(InsecureParameters) as error:
            take(data)
        assert_refused(error)


def test_a_pickled_ciphertext_is_revived_by_a_party(toy):
    x = pickle.loads(pickle.dumps(toy.encrypt(X)))
    assert x.context.evaluator is None
    assert "Ciphertext of 4" in repr(x)
    assert_bits(toy.decrypt(2 * toy.public.load(x)), 2 * X)
    assert_bits(toy.decrypt(x), X)


KEYLESS = {
    "x + x": lambda x: x + x,
    "-x": lambda x: -x,
    "1 - x": lambda x: 1 - x,
    "2 * x": lambda x: 2 * x,
    "sum": lambda x: x.sum(),
    "W @ x": lambda x: np.eye(4) @ x,
    "packed": lambda x: x.packed(),
    "prepared": lambda x: x.prepared(),
    "rerandomised": lambda x: x.rerandomised(),
}
KEYLESS_MISSED = {
    "rotate": lambda x: x.rotate(1),
    "promise": lambda x: x.promise(0.5),
    "shielded": lambda x: x.shielded(),
}


def refused_without_keys(toy, use):
    with pytest.raises(MissingKey) as error:
        use(pickle.loads(pickle.dumps(toy.encrypt(X))))
    assert_refused(error)


@pytest.mark.parametrize("name", KEYLESS)
def test_a_pickled_ciphertext_computes_nothing(toy, name):
    refused_without_keys(toy, KEYLESS[name])


@pytest.mark.parametrize("name", KEYLESS_MISSED)
def test_nor_is_it_rotated_promised_or_shielded(toy, name):
    refused_without_keys(toy, KEYLESS_MISSED[name])


@pytest.mark.parametrize("copying", [pickle.dumps, copy.copy, copy.deepcopy])
def test_an_owner_is_not_copied_by_accident(toy_key, copying):
    with pytest.raises(NoSecretKey) as error:
        copying(toy_key)
    assert_refused(error)


def test_nor_are_its_primes(toy_key):
    with pytest.raises((NoSecretKey, TypeError)):
        pickle.dumps(toy_key._keys)


def test_no_repr_shows_key_material_or_a_value(toy_key):
    things = (toy_key, toy_key._keys, toy_key.public, toy_key.public.context, toy_key.encrypt(X))
    shown = [text(thing) for thing in things for text in (repr, str)]
    assert all("b'" not in text and len(text) < 400 for text in shown)
    assert not any(str(p)[:12] in text for p in toy_key._keys.primes for text in shown)


def test_only_the_system_s_randomness_is_used():
    """``secrets`` alone where something is hidden; the clear twin hides nothing."""
    for file in ("engines/paillier.py", "paillier/vector.py", "paillier/sealing.py"):
        nodes = ast.walk(ast.parse((PACKAGE / file).read_text()))
        imports = {n.module for n in nodes if isinstance(n, ast.ImportFrom)}
        assert "random" not in imports
        assert "default_rng" not in (PACKAGE / file).read_text()


def test_seeding_a_generator_repeats_no_ciphertext(toy_key):
    seen = set()
    for _ in range(3):
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002
        seen |= {toy_key.encrypt([0.5]).to_bytes(), toy_key.public.encrypt([0.5]).to_bytes()}
        seen.add((0 * toy_key.encrypt([0.5])).to_bytes())
    assert len(seen) == 9


def test_whoever_blinds_draws_half_a_modulus_of_bits_and_gets_the_same_power(toy_key, monkeypatch):
    """The owner's short cut modulo p² and q², the party's comb and plain powmod agree."""
    drawn, n_squared = [], toy_key.public.context.e.n_squared
    monkeypatch.setattr(randomness, "bits", lambda bits: drawn.append(bits) or 3**150)
    generator = int.from_bytes(toy_key.public.keys["blinding"], "big")
    expected = powmod(generator, 3**150, n_squared)
    assert toy_key._keys.blind() == toy_key.public.context.e.blind() == expected
    assert drawn == [256, 256]


def test_every_blind_is_another_encryption_of_zero(toy_key):
    party = toy_key.public.context.e
    for blind in (toy_key._keys.blind, party.blind, party.textbook_blind):
        blinds = [blind() for _ in range(40)]
        assert len(set(blinds)) == 40
        assert toy_key._keys.decrypt(tuple(blinds)) == [0] * 40


def test_the_generator_of_blinds_is_damgard_jurik_and_nielsen_s(toy_key):
    """h = -x² modulo n, to the power n: no square modulo either prime, of Jacobi symbol 1."""
    generator = mpz(int.from_bytes(toy_key.public.keys["blinding"], "big"))
    p, q = toy_key._keys.primes
    assert (p % 4, q % 4, np.gcd.reduce([p - 1, q - 1])) == (3, 3, 2)
    assert (legendre(generator, p), legendre(generator, q)) == (-1, -1)
    assert powmod(generator, (p - 1) * (q - 1) // 2, mpz(p * q) ** 2) == 1
