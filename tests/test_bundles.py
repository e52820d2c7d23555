"""Bundles and ciphertexts across: they stay what they are, and tell no more than they must."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from helpers import INSTALLED, assert_bits, assert_refused

import helib_py as he
from helib_py import noise
from helib_py.errors import BadBytes, InsecureParameters, Overflow, ParameterError, WrongKey


def test_a_bundle_survives_its_bytes(owner):
    back = he.PublicBundle.from_bytes(owner.public.to_bytes(), engine=owner.public.engine)
    assert (back.params, back.engine, back.keys) == (
        owner.public.params, owner.public.engine, owner.public.keys,
    )  # fmt: skip
    assert (back.key_id, back.fingerprint) == (owner.public.key_id, owner.public.fingerprint)
    assert_bits(owner.decrypt(back.encrypt([0.5]).to_bytes()), [0.5])


@pytest.mark.parametrize("bound", [None, 0.75])
def test_a_fresh_ciphertext_survives_its_bytes(owner, bound):
    x = owner.encrypt([0.5, 0.25, 0.125], bound)
    for y in (owner.public.load(x.to_bytes()), owner.public.load(pickle.loads(pickle.dumps(x)))):
        assert (y.level, y.scale, y.length, y.bits, y.bound) == (
            x.level, x.scale, 3, x.bits, x.bound,
        )  # fmt: skip
        assert_bits(owner.decrypt(y * y + x), [0.75, 0.3125, 0.140625])


def test_a_computed_ciphertext_brings_its_shape_and_nothing_of_its_past(owner):
    """Neither how precise it is nor how large: whoever knows promises that."""
    x = owner.encrypt([0.5, 0.25, 0.125])
    product = x * x
    y = owner.public.load(product.to_bytes())
    assert (y.level, y.scale, y.length) == (product.level, product.scale, 3)
    assert np.isnan(y.bits)
    assert "bits unknown" in repr(y)
    assert y.bound == noise.room(y.context.params, y.level, y.scale) > 2**10
    assert_bits(owner.decrypt(y + x), [0.75, 0.3125, 0.140625])
    with pytest.raises(Overflow, match="promise") as error:
        y * y
    assert_refused(error)
    assert_bits(owner.decrypt(y.promise(1) ** 2), [0.0625, 0.00390625, 0.000244140625])
    assert np.isnan((y.promise(1) ** 2).bits)


def test_a_public_bundle_in_use_can_be_pickled(owner):
    owner.public.encrypt([0.5])
    party = pickle.loads(pickle.dumps(owner.public))
    assert (party.engine, party.key_id) == (owner.public.engine, owner.public.key_id)
    assert_bits(owner.decrypt(party.encrypt([0.5]) + 0.5), [1.0])


def test_a_pickled_ciphertext_is_revived_by_a_party(owner):
    x = pickle.loads(pickle.dumps(owner.encrypt([0.5, 0.25])))
    assert "Ciphertext of 2" in repr(x)
    revived = owner.public.load(x)
    assert_bits(owner.decrypt(revived * revived), [0.25, 0.0625])
    assert_bits(owner.decrypt(x), [0.5, 0.25])


TOY = he.CKKS(ring=1024, depth=1, precision=12, rotations=(), insecure=True)


def test_a_toy_s_bundle_is_taken_only_where_its_receiver_says_so(engine):
    """What it says of itself is not read, and pickles are for one's own processes."""
    toy = he.DataOwner(TOY, engine)
    with pytest.raises(InsecureParameters) as error:
        he.PublicBundle.from_bytes(toy.public.to_bytes())
    assert_refused(error)
    party = he.PublicBundle.from_bytes(toy.public.to_bytes(), insecure=True, engine=engine)
    for taken in (party, pickle.loads(pickle.dumps(toy.public))):
        assert taken.params == TOY
        assert "INSECURE" in repr(taken)
        assert_bits(toy.decrypt(taken.encrypt([0.5]).to_bytes()), [0.5], at_least=10)


def test_only_its_receiver_can_accept_what_encrypts_nothing(library):
    """A stranger's clear twin would have whoever encrypts with it send numbers in the clear."""
    twin, real = he.DataOwner(TOY, "plain"), he.DataOwner(TOY, library)
    taken = he.PublicBundle.from_bytes(twin.public.to_bytes(), insecure=True, engine="plain")
    assert taken.engine == "plain"
    for owner, name in ((twin, library), (twin, None), (real, "plain")):
        with pytest.raises(BadBytes) as error:
            he.PublicBundle.from_bytes(owner.public.to_bytes(), insecure=True, engine=name)
        assert_refused(error)


def test_the_receiver_chooses_the_library(library):
    real = he.DataOwner(TOY, library)
    data = real.public.to_bytes()
    assert he.PublicBundle.from_bytes(data, insecure=True).engine == INSTALLED[0]
    for wrong in ("paillier", "another"):
        with pytest.raises(ParameterError) as error:
            he.PublicBundle.from_bytes(data, insecure=True, engine=wrong)
        assert_refused(error)


def test_bundles_with_one_fingerprint_are_one(owner, other_owner):
    """And a key in another place is another bundle; 128 bits tell them apart."""
    prints = {owner.public.fingerprint, other_owner.public.fingerprint}
    ids = {owner.public.key_id, other_owner.public.key_id}
    assert (len(prints), len(ids)) == (2, 2)
    assert all(len(text) == 32 and int(text, 16) for text in prints | ids)
    assert len(owner.public.params.fingerprint) == 32
    fewer = {k: v for k, v in owner.public.keys.items() if k != "rotation"}
    if len(fewer) < len(owner.public.keys):
        other = replace(owner.public, keys=fewer)
        assert other.fingerprint not in prints
        assert other.key_id == owner.public.key_id  # the same key, for fewer uses


def test_another_owner_s_ciphertext_is_refused_everywhere(owner, other_owner):
    x = owner.encrypt([0.5])
    uses = (
        lambda: other_owner.decrypt(x),
        lambda: other_owner.decrypt(x.to_bytes()),
        lambda: other_owner.public.load(x),
        lambda: other_owner.encrypt([0.5]) * x,
    )
    for use in uses:
        with pytest.raises(WrongKey) as error:
            use()
        assert_refused(error)
