"""Paillier messages that lie: labels, numbers, keys; refused when loaded, not found out later."""

import hashlib
import pickle
import struct
from dataclasses import replace
from functools import partial

import pytest
from helpers import assert_refused, uniform
from hypothesis import given, settings
from hypothesis import strategies as st

import helib_py as he
from helib_py import wire
from helib_py.errors import BadBytes, HelibError, Overflow, WrongKey

few = settings(max_examples=12, deadline=None, derandomize=True)
X = uniform(4)


def forged(owner, **changes):
    """Encrypted [0.5, 0.25] under a label of which some fields are others, None leaves one out."""
    header, payloads = wire.unpack("ciphertext", owner.encrypt([0.5, 0.25]).to_bytes())
    header = {name: v for name, v in {**header, **changes}.items() if v is not None}
    return wire.pack("ciphertext", header, *payloads)


LIES = [
    {"params": "another"}, {"params": None}, {"format": "another"}, {"key": "another"},
    {"format": "SEAL residues"},
    {"length": 1}, {"length": 3}, {"length": 0}, {"length": -2}, {"length": 10**30},
    {"length": 2.0}, {"length": "2"}, {"length": None}, {"length": [2]},
    {"scale": -1}, {"scale": 24.0}, {"scale": None},
    {"limit": "0x0"}, {"limit": "-0x5"}, {"limit": 2.0**24}, {"limit": hex(2**509)},
    {"limit": None}, {"limit": "lots"}, {"limit": 5},
    {"error": -1.0}, {"error": float("nan")}, {"error": 1}, {"error": "0"}, {"error": None},
    {"matrix": 0}, {"matrix": None}, {"shield": "no"}, {"shield": None},
    {"slots": [510, 1]}, {"slots": [511, 1, 1]}, {"slots": [255, 3, 1]}, {"slots": [0, 1, 1]},
    {"slots": [510, -1, -1]}, {"slots": [510.0, 1, 1]}, {"slots": [True, 1, 1]},
    {"slots": [25, 1, 1]}, {"slots": None}, {"slots": 510}, {"slots": [255, 1, 2]},
]  # fmt: skip
LIES_MISSED = [
    {"format": None}, {"key": None}, {"scale": True}, {"limit": True}, {"scale": 10**9},
    {"error": float("inf")}, {"error": 0.0}, {"slots": [255, 2, 1]},
]  # fmt: skip


def refused_when_loaded(owner, message):
    with pytest.raises((BadBytes, WrongKey, Overflow)) as error:
        owner.public.load(message)
    assert_refused(error)


@pytest.mark.parametrize("lie", LIES, ids=repr)
def test_a_label_that_lies_is_refused(toy, lie):
    refused_when_loaded(toy, forged(toy, **lie))


@pytest.mark.parametrize("lie", LIES_MISSED, ids=repr)
def test_these_lies_are_refused_too(toy, lie):
    refused_when_loaded(toy, forged(toy, **lie))


@few
@given(limit=st.integers(1, 2**22))
def test_a_limit_below_the_numbers_is_found_out_when_decrypting(toy, limit):
    with pytest.raises(Overflow, match="broke the bound"):
        toy.decrypt(forged(toy, limit=hex(limit)))


def test_a_message_of_no_or_of_many_payloads_is_refused(toy):
    header, (payload,) = wire.unpack("ciphertext", toy.encrypt(X).to_bytes())
    for payloads in ((b"",), (payload[:-1],), (payload + b"0",), (payload * 2,)):
        refused_when_loaded(toy, wire.pack("ciphertext", header, *payloads))


@pytest.mark.parametrize("count", [0, 2])
def test_a_message_has_one_payload(toy, count):
    header, payloads = wire.unpack("ciphertext", toy.encrypt(X).to_bytes())
    refused_when_loaded(toy, wire.pack("ciphertext", header, *(payloads * count)))


def test_what_is_no_ciphertext_modulo_n_squared_is_refused(toy_key):
    """0, or what has a factor in common with n, would end every computation."""
    header, (payload,) = wire.unpack("ciphertext", toy_key.encrypt(X).to_bytes())
    p, q = toy_key._keys.primes
    for bad in (0, p, q, p * q, 3 * p, (p * q) ** 2):
        number = bad.to_bytes(128, "big")
        for where in (0, 128, 384):
            spoilt = payload[:where] + number + payload[where + 128 :]
            refused_when_loaded(toy_key, wire.pack("ciphertext", header, spoilt))


def test_a_clear_twin_does_not_pass_for_a_ciphertext(toy_key):
    twin = he.DataOwner(toy_key.public.params, "plain")
    header, payloads = wire.unpack("ciphertext", twin.encrypt(X).to_bytes())
    claimed = {**header, "key": toy_key.public.key_id}
    refused_when_loaded(toy_key, wire.pack("ciphertext", claimed, *payloads))


@pytest.mark.parametrize("parameters", [{"precision": 23}, {"factor_bound": 8.0}, {"bits": 520}])
def test_a_ciphertext_of_other_parameters_is_refused(toy, parameters):
    other = he.DataOwner(replace(toy.public.params, **parameters), toy.public.engine)
    refused_when_loaded(toy, other.encrypt(X).to_bytes())


def test_a_ciphertext_of_another_scheme_is_refused(toy):
    ckks = he.DataOwner(he.CKKS(depth=1), "plain")
    refused_when_loaded(toy, ckks.encrypt(X).to_bytes())
    refused_when_loaded(ckks, toy.encrypt(X).to_bytes())


def test_another_owner_s_ciphertext_is_refused_everywhere(toy_key, other_toy_key):
    x = toy_key.encrypt([0.5])
    for c in (x, x.to_bytes(), pickle.loads(pickle.dumps(x))):
        with pytest.raises(WrongKey) as error:
            other_toy_key.decrypt(c)
        assert_refused(error)
    refused_when_loaded(other_toy_key, x.to_bytes())


@few
@given(st.data())
@pytest.mark.parametrize("kind", ["ciphertext", "bundle"])
def test_truncated_and_altered_bytes_are_refused(toy, kind, data):
    message, load = toy.encrypt(X).to_bytes(), toy.public.load
    if kind == "bundle":
        message, load = toy.public.to_bytes(), partial(he.PublicBundle.from_bytes, insecure=True)
    place = data.draw(st.integers(0, len(message) - 1))
    altered = bytearray(message)
    altered[place] ^= data.draw(st.integers(1, 255))
    for bad in (message[:place], bytes(altered), message + b"\0"):
        with pytest.raises(BadBytes):
            load(bad)


def public_with(owner, **keys):
    """The owner's bundle with other keys, as whoever passes it on could make it."""
    return replace(owner.public, keys={**owner.public.keys, **keys})


@pytest.mark.parametrize("bits", [0, 511, 513, 1024])
def test_a_modulus_of_another_size_than_its_label_is_refused(toy_key, bits):
    forged = public_with(toy_key, public=((1 << bits) - 1).to_bytes(129, "big"))
    with pytest.raises(BadBytes) as error:
        forged.encrypt(X)
    assert_refused(error)


@pytest.mark.parametrize("generator", ["1", "-1", "n²", "n + 1"])
def test_a_generator_that_blinds_nothing_is_refused(toy_key, generator):
    n = int(toy_key.public.context.e.n)
    number = {"1": 1, "-1": n * n - 1, "n²": n * n, "n + 1": n + 1}[generator]
    with pytest.raises(HelibError):
        public_with(toy_key, blinding=number.to_bytes(128, "big")).encrypt(X)


def message(label):
    """A whole message, checksum and all, of any label."""
    body = wire.MAGIC + struct.pack("<I", len(label)) + label
    return body + hashlib.sha256(body).digest()[:16]


LABELS = [b"", b"\xff", b"{", b"[]", b"3", b"{}", b'{"kind": "ciphertext"}', b'{"sizes": []}',
          b'{"kind": "ciphertext", "sizes": 3}', b'{"kind": "ciphertext", "sizes": ["a"]}',
          b'{"kind": "ciphertext", "sizes": [], "limit": 1%s}' % (b"0" * 5000)]  # fmt: skip


@pytest.mark.parametrize("text", LABELS, ids=range(len(LABELS)))
def test_a_message_whose_label_makes_no_sense_is_refused(toy_twin, text):
    with pytest.raises(BadBytes):
        toy_twin.public.load(message(text))


def test_a_number_of_the_largest_modulus_survives_its_bytes():
    """Of 15,360 bits, 256-bit security, near the end of its capacity."""
    params = he.Paillier(bits=15360, factor_precision=40, factor_bound=1.0)
    twin = he.DataOwner(params, "plain")
    c = twin.encrypt([0.5])
    while c.limit.bit_length() < 15300:
        c = (c * 1).promise(1)
    assert twin.decrypt(c).tolist() == [0.5]
    assert twin.decrypt(c.to_bytes()).tolist() == [0.5]
