"""An encrypted network that is not what was agreed on, and inputs and answers that do not fit."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import assert_refused
from sealed import TOY, WIDTHS, asked, examples, layers, owner, sealed

import helib_py as he
from helib_py import wire
from helib_py.errors import (
    BadBytes,
    BadValue,
    HelibError,
    NotPolynomial,
    Overflow,
    ShapeError,
    WrongKey,
)

X = examples(WIDTHS)


def forged(**changes):
    """A message that differs from an honest one in a field."""
    return replace(sealed(), **changes).to_bytes()


def exchanged(place, data):
    ciphertexts = list(sealed().sealed)
    ciphertexts[place] = data
    return forged(sealed=tuple(ciphertexts))


def with_keys(**changes):
    """Other public keys, None leaves one out."""
    keys = {k: v for k, v in (sealed().public.keys | changes).items() if v is not None}
    return forged(public=replace(sealed().public, keys=keys))


def own_public_key():
    """Attack: with an a of its owner's choice, such as 0, fresh zeros would mask nothing."""
    key = sealed().public.keys["public"]
    return with_keys(public=None, seed=None, pair=key + bytes(len(key)))


def bare_plaintext():
    """Weights in the clear: an attack on whoever answers with them, for all to read."""
    data = sealed().sealed[0]
    return data[: len(data) // 2].ljust(len(data), b"\0")


def three_parts():
    """A bias of the right level and scale that was never relinearised."""
    e, first = sealed().public.context.e, sealed().agreed.stages[0]
    root = e.encrypt(np.ones(first.folding.out.shape[1]), first.level - 1, first.sums**0.5)
    return e.dump(e.square(root))


CHEATS = {
    "a public key of which a was chosen": own_public_key,
    "both halves in the place of one": lambda: with_keys(
        public=2 * sealed().public.keys["public"]
    ),
    "a public key without its seed": lambda: with_keys(seed=None),
    "a seed too short": lambda: with_keys(seed=b"0" * 31),
    "a seed too long": lambda: with_keys(seed=b"0" * 33),
    "a key that nobody knows": lambda: with_keys(secret=b"0"),
    "half a relinearisation key": lambda: with_keys(
        relinearisation=sealed().public.keys["relinearisation"][:-8]
    ),
    "rotation keys that are none": lambda: with_keys(
        rotation=b"\xff" * len(sealed().public.keys["rotation"])
    ),
    "other terms": lambda: forged(agreed=replace(sealed().agreed, statistical_bits=20)),
    "other parameters": lambda: forged(public=he.DataOwner(he.CKKS(depth=1)).public),
    "the clear twin": lambda: sealed("plain").to_bytes(),
    "a ciphertext too few": lambda: forged(sealed=sealed().sealed[:-1]),
    "a ciphertext too many": lambda: forged(sealed=(*sealed().sealed, sealed().sealed[-1])),
    "a ciphertext at another level": lambda: exchanged(0, sealed().sealed[-1]),
    "half a ciphertext": lambda: exchanged(0, sealed().sealed[0][:-8]),
    "junk for a ciphertext": lambda: exchanged(0, b"junk"),
    "a ciphertext of three parts": lambda: exchanged(1, three_parts()),
    "a ciphertext without a mask": lambda: exchanged(0, bare_plaintext()),
    "a ciphertext of what are no residues": lambda: exchanged(
        0, b"\xff" * len(sealed().sealed[0])
    ),
    "no keys": lambda: wire.pack("sealed network", {"agreement": sealed().agreed.to_json()}),
    "junk": lambda: b"junk",
}


@pytest.mark.parametrize("name", CHEATS)
def test_what_was_not_agreed_on_is_refused(name):
    with pytest.raises(BadBytes) as error:
        he.SealedNetwork.from_bytes(CHEATS[name](), sealed().agreed)
    assert_refused(error)


REFUSED = {
    "too few inputs": (ShapeError, lambda n, o: n(X[0, 1:])),
    "two inputs": (ShapeError, lambda n, o: n(X[:2])),
    "an input over the bound": (Overflow, lambda n, o: n(2 * np.ones(WIDTHS[0]))),
    "NaN for an input": (BadValue, lambda n, o: n(np.full(WIDTHS[0], np.nan))),
    "junk for an answer": (BadBytes, lambda n, o: o.decrypt(b"junk")),
    "half an answer": (BadBytes, lambda n, o: o.decrypt(replace(asked(n, X[0]), payload=b"half"))),
    "another agreement's answer": (BadBytes, lambda n, o: o.decrypt(
        replace(asked(n, X[0]), agreed=replace(n.agreed, answers=2)))),
    "a network with ReLU": (NotPolynomial, lambda n, o: he.DeepModelOwner(relu(), X, **TOY)),
    "no network": (ShapeError, lambda n, o: he.DeepModelOwner([], X, **TOY)),
    "one example": (ShapeError, lambda n, o: he.DeepModelOwner(layers(WIDTHS), X[0], **TOY)),
    "an unknown security": (HelibError, lambda n, o: he.DeepModelOwner(
        layers(WIDTHS), X, security=100)),
    "an unknown engine": (HelibError, lambda n, o: he.DeepModelOwner(
        layers(WIDTHS), X, "fast", **TOY)),
}  # fmt: skip


def relu():
    from torch import nn

    return nn.Sequential(nn.Linear(WIDTHS[0], 4), nn.ReLU(), nn.Linear(4, 2))


def test_another_seed_is_another_owner_s_key():
    """It opens nothing: what is encrypted with it is noise."""
    forged = he.SealedNetwork.from_bytes(with_keys(seed=b"0" * 32), sealed().agreed)
    assert forged.public.key_id != sealed().public.key_id
    with pytest.raises(WrongKey):
        owner().decrypt(forged(X[0]))


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_with_a_fix(engine, name):
    kind, use = REFUSED[name]
    with pytest.raises(kind) as error:
        use(sealed(engine), owner(engine))
    assert_refused(error)
