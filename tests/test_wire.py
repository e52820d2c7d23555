"""Bytes that are truncated, altered, foreign or no bytes at all are refused."""

import hashlib
import struct
import zlib
from functools import cache

import pytest
from helpers import INSTALLED, assert_refused
from hypothesis import given, settings
from hypothesis import strategies as st

import helib_py as he
from helib_py import wire
from helib_py.errors import BadBytes, EngineFailed, InsecureParameters, WrongKey

few = settings(max_examples=12, deadline=None, derandomize=True)


@cache
def messages(engine):
    owner = he.DataOwner(he.CKKS(depth=1, rotations=(1,)), engine)
    x = owner.encrypt([0.5, 0.25])
    return {
        "ciphertext": (x.to_bytes(), owner.public.load),
        "bundle": (owner.public.to_bytes(), he.PublicBundle.from_bytes),
    }


@few
@given(st.data())
@pytest.mark.parametrize("kind", ["ciphertext", "bundle"])
def test_truncated_bytes_are_refused(kind, data):
    message, load = messages(INSTALLED[0])[kind]
    with pytest.raises(BadBytes) as error:
        load(message[: data.draw(st.integers(0, len(message) - 1))])
    assert_refused(error)


@few
@given(st.data())
@pytest.mark.parametrize("kind", ["ciphertext", "bundle"])
def test_altered_bytes_are_refused(kind, data):
    message, load = messages(INSTALLED[0])[kind]
    altered = bytearray(message)
    altered[data.draw(st.integers(0, len(message) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(BadBytes):
        load(bytes(altered))


@few
@given(st.binary(max_size=300))
def test_random_bytes_are_refused(data):
    for kind, (_, load) in messages("plain").items():
        for junk in (data, wire.MAGIC + data, wire.pack(kind, {}), wire.pack("note", {}, data)):
            with pytest.raises(BadBytes):
                load(junk)


@pytest.mark.parametrize("junk", ["text", None, 5, 1.5, [], {}])
def test_what_is_not_bytes_is_refused(owner, junk):
    for load in (owner.public.load, he.PublicBundle.from_bytes, he.Plan.from_bytes):
        with pytest.raises(BadBytes):
            load(junk)


@few
@given(st.data())
def test_a_ciphertext_whose_residues_were_altered_does_not_crash(data):
    """With its checksum made anew, it is refused or decrypts to something; nothing worse."""
    message, load = messages(INSTALLED[0])["ciphertext"]
    header, (payload,) = wire.unpack("ciphertext", message)
    cut = data.draw(st.integers(0, len(payload)))
    with pytest.raises(BadBytes):
        load(wire.pack("ciphertext", header, payload[:cut] + b"\xff" * (len(payload) - cut + 8)))


LIES = [
    {"level": -1}, {"level": 4}, {"level": 1.0}, {"level": True}, {"level": "1"},
    {"scale": 0.5}, {"scale": 0.0}, {"scale": -1.0}, {"scale": 2.0**200}, {"scale": 2**30},
    {"length": 0}, {"length": 10**6}, {"length": 1.0}, {"stride": 0}, {"stride": -1},
    {"stride": 5000}, {"length": 100, "stride": 100}, {"fresh": 1}, {"fresh": "yes"},
    {"bound": 0.0}, {"bound": -1.0}, {"bound": 1e40}, {"bound": 1}, {"bound": "1"},
    {"params": "another"}, {"params": 1}, {"format": "another"}, {"format": "Paillier numbers"},
    {"key": "another"}, {"key": 5},
]  # fmt: skip


@pytest.mark.parametrize("lie", LIES, ids=str)
def test_a_label_that_lies_is_refused(owner, lie):
    header, payloads = wire.unpack("ciphertext", owner.encrypt([0.5]).to_bytes())
    missing = {name: value for name, value in header.items() if name not in lie}
    for label in (header | lie, missing, header | dict.fromkeys(lie)):
        with pytest.raises((BadBytes, WrongKey)) as error:
            owner.public.load(wire.pack("ciphertext", label, *payloads))
        assert_refused(error)


def test_a_level_that_the_bytes_do_not_have_is_refused(real_owner):
    header, payloads = wire.unpack("ciphertext", real_owner.encrypt([0.5]).to_bytes())
    for level in range(3):
        with pytest.raises(BadBytes) as error:
            real_owner.public.load(wire.pack("ciphertext", header | {"level": level}, *payloads))
        assert_refused(error)


def test_a_scale_that_meets_another_is_refused_in_our_words(real_owner):
    """Bare residues have no scale, so a label may lie about it; the values are then others."""
    x = real_owner.encrypt([0.5])
    header, payloads = wire.unpack("ciphertext", x.to_bytes())
    lie = {"scale": header["scale"] / 2}
    y = real_owner.public.load(wire.pack("ciphertext", header | lie, *payloads))
    assert real_owner.decrypt(y) == pytest.approx([1.0])
    for use in (lambda: x + y, lambda: x - y):
        with pytest.raises(EngineFailed) as error:
            use()
        assert_refused(error)


SPOILED = {
    "too short": lambda p: p[:-8],
    "twice": lambda p: p + p,
    "empty": lambda p: b"",
    "three parts": lambda p: p + p[: len(p) // 2],
    "a residue that is none": lambda p: b"\xff" * 8 + p[8:],
    "the last residue that is none": lambda p: p[:-8] + b"\xff" * 8,
    "no mask": lambda p: p[: len(p) // 2].ljust(len(p), b"\0"),
    "a compressed one": lambda p: zlib.compress(p),
}


@pytest.mark.parametrize("name", SPOILED)
def test_residues_that_no_encryption_gives_are_refused(real_owner, name):
    header, (data,) = wire.unpack("ciphertext", real_owner.encrypt([0.5]).to_bytes())
    with pytest.raises(BadBytes) as error:
        real_owner.public.load(wire.pack("ciphertext", header, SPOILED[name](data)))
    assert_refused(error)


@pytest.mark.parametrize("count", [0, 2])
def test_a_ciphertext_has_one_payload(owner, count):
    header, payloads = wire.unpack("ciphertext", owner.encrypt([0.5]).to_bytes())
    with pytest.raises(BadBytes) as error:
        owner.public.load(wire.pack("ciphertext", header, *payloads * count))
    assert_refused(error)


BUNDLES = {
    "another scheme": lambda h, k: (h | {"scheme": "BFV"}, k),
    "an unknown scheme": lambda h, k: (h | {"scheme": "BGV"}, k),
    "no scheme": lambda h, k: (h | {"scheme": None}, k),
    "parameters that are none": lambda h, k: (h | {"params": "[]"}, k),
    "other parameters": lambda h, k: (h | {"params": he.CKKS(depth=2).to_json()}, k),
    "an unknown format": lambda h, k: (h | {"format": "OpenFHE"}, k),
    "Paillier's format": lambda h, k: (h | {"format": "Paillier numbers"}, k),
    "keys that are no list": lambda h, k: (h | {"keys": "public"}, k),
    "more names than keys": lambda h, k: (h | {"keys": [*h["keys"], "rotation"]}, k),
    "more keys than names": lambda h, k: (h, {**k, "rotation": b""}),
    "a key that is no public one": lambda h, k: (h | {"keys": ["secret", *h["keys"][1:]]}, k),
    "both halves of the public key": lambda h, k: (
        h | {"keys": ["pair"]}, {"pair": k["public"] + k["public"]}),
    "names that are none": lambda h, k: (h | {"keys": [[], *h["keys"][1:]]}, k),
    "a public key without its seed": lambda h, k: (h, {**k, "seed": b""}),
    "a public key too short": lambda h, k: (h, {**k, "public": k["public"][:-8]}),
    "a public key too long": lambda h, k: (h, {**k, "public": 2 * k["public"]}),
    "no residues": lambda h, k: (h, {**k, "public": b"\xff" * len(k["public"])}),
    "a relinearisation key too long": lambda h, k: (
        h, {**k, "relinearisation": 2 * k["relinearisation"]}),
    "a relinearisation key of no residues": lambda h, k: (
        h, {**k, "relinearisation": b"\xff" * len(k["relinearisation"])}),
    "a rotation key too few": lambda h, k: (h, {**k, "rotation": k["rotation"][:-8]}),
    "a rotation key too many": lambda h, k: (h, {**k, "rotation": 2 * k["rotation"]}),
    "a rotation key of no residues": lambda h, k: (
        h, {**k, "rotation": k["rotation"][:-8] + b"\xff" * 8}),
}  # fmt: skip


@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_that_no_honest_owner_makes_is_refused(library, name):
    data, _ = messages(library)["bundle"]
    header, payloads = wire.unpack("public bundle", data)
    header, keys = BUNDLES[name](header, dict(zip(header["keys"], payloads, strict=True)))
    with pytest.raises(BadBytes) as error:
        he.PublicBundle.from_bytes(
            wire.pack("public bundle", header, *keys.values()), engine=library
        )
    assert_refused(error)


def sealed(label, *payloads):
    """A whole message, checksum and all, of any label."""
    body = wire.MAGIC + struct.pack("<I", len(label)) + label + b"".join(payloads)
    return body + hashlib.sha256(body).digest()[:16]


LABELS = {
    "nothing": b"", "no text": b"\xff", "half a label": b"{", "a list": b"[]", "a number": b"3",
    "an empty one": b"{}", "no sizes": b'{"kind": "note"}', "no kind": b'{"sizes": []}',
    "a number of sizes": b'{"kind": "note", "sizes": 3}',
    "sizes as text": b'{"kind": "note", "sizes": ["3"]}',
    "fractions of bytes": b'{"kind": "note", "sizes": [3.0]}',
    "a truth for a size": b'{"kind": "note", "sizes": [true]}',
    "negative sizes": b'{"kind": "note", "sizes": [5, -2]}',
    "sizes that do not add up": b'{"kind": "note", "sizes": [2]}',
    "more payloads than there are": b'{"kind": "note", "sizes": [%s3]}' % (b"0, " * 2**17),
    "endless brackets": b"[" * 10**6,
    "endless digits": b'{"kind": "note", "sizes": [3], "n": %s}' % (b"9" * 10**5),
    "NaN": b'{"kind": "note", "sizes": [3], "n": NaN}',
    "infinity": b'{"kind": "note", "sizes": [3], "n": 1e999}',
    "more than a label is ever long": b'{"kind": "note", "sizes": [3]%s}' % (b" " * 2**24),
}  # fmt: skip


@pytest.mark.parametrize("name", LABELS)
def test_a_message_whose_label_makes_no_sense_is_refused(name):
    assert wire.unpack("note", sealed(b'{"kind": "note", "sizes": [3]}', b"abc")) == ({}, [b"abc"])
    with pytest.raises(BadBytes) as error:
        wire.unpack("note", sealed(LABELS[name], b"abc"))
    assert_refused(error)


def test_a_message_of_another_version_is_refused():
    data = wire.pack("note", {})
    old = b"HELIBPY1" + data[8:-16]
    with pytest.raises(BadBytes, match="this helib_py") as error:
        wire.unpack("note", old + hashlib.sha256(old).digest()[:16])
    assert_refused(error)


def test_what_fails_while_a_message_is_put_together_is_ours():
    kinds = (KeyError, IndexError, TypeError, ValueError, OverflowError, RecursionError)
    for kind in (*kinds, MemoryError, AttributeError, zlib.error, struct.error):
        with pytest.raises(BadBytes) as found, wire.rebuilding("note"):
            raise kind("x")
        assert_refused(found)
    with pytest.raises(InsecureParameters), wire.rebuilding("note"):
        raise InsecureParameters("a refusal of ours stays what it is")


def test_a_ciphertext_of_other_parameters_is_refused(owner):
    other = he.DataOwner(he.CKKS(depth=1, rotations=()), owner.public.engine)
    with pytest.raises((BadBytes, WrongKey)) as error:
        owner.public.load(other.encrypt([0.5]).to_bytes())
    assert_refused(error)
