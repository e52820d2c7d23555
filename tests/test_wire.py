"""Bytes that are truncated, altered, foreign or no bytes at all are refused."""

from functools import cache

import pytest
from helpers import assert_refused
from hypothesis import given, settings
from hypothesis import strategies as st

import helib_py as he
from helib_py import wire
from helib_py.errors import BadBytes, WrongKey

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
    message, load = messages("pyfhel")[kind]
    with pytest.raises(BadBytes) as error:
        load(message[: data.draw(st.integers(0, len(message) - 1))])
    assert_refused(error)


@few
@given(st.data())
@pytest.mark.parametrize("kind", ["ciphertext", "bundle"])
def test_altered_bytes_are_refused(kind, data):
    message, load = messages("pyfhel")[kind]
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
    message, load = messages("pyfhel")["ciphertext"]
    header, (payload,) = wire.unpack("ciphertext", message)
    cut = data.draw(st.integers(0, len(payload)))
    with pytest.raises(BadBytes):
        load(wire.pack("ciphertext", header, payload[:cut] + b"\xff" * (len(payload) - cut + 8)))


@pytest.mark.parametrize("field", ["level", "scale", "params", "engine", "key", "length"])
def test_a_label_that_lies_is_refused(owner, field):
    header, payloads = wire.unpack("ciphertext", owner.encrypt([0.5]).to_bytes())
    lies = {"level": 1, "scale": 2.0**30, "length": 10**6}
    header[field] = lies.get(field, "another")
    if owner.public.engine == "plain" and field in ("level", "scale"):
        pytest.skip("the clear twin's bytes hold no level of their own")
    with pytest.raises((BadBytes, WrongKey)) as error:
        owner.public.load(wire.pack("ciphertext", header, *payloads))
    assert_refused(error)


def test_a_ciphertext_of_other_parameters_is_refused(owner):
    other = he.DataOwner(he.CKKS(depth=1, rotations=()), owner.public.engine)
    with pytest.raises((BadBytes, WrongKey)) as error:
        owner.public.load(other.encrypt([0.5]).to_bytes())
    assert_refused(error)
