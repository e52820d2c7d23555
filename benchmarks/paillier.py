"""Paillier at 2048 bits, ours against phe as its examples use it: lists of numbers, floats."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle

import numpy as np
from phe import EncryptedNumber, PaillierPublicKey

import helib_py as he

from .harness import Result, alternate, result

BITS = 2048


def measure(rounds: int = 2) -> Iterator[Result]:
    """Encryption, a dense layer on encrypted inputs, scores of an encrypted model."""
    yield from _encryption(rounds)
    yield from _layer(rounds)
    yield from _score(rounds)


def _phe(owner: he.DataOwner) -> PaillierPublicKey:
    return PaillierPublicKey(int.from_bytes(owner.public.keys["public"], "big"))


def _dot(
    encrypted: Sequence[EncryptedNumber], factors: np.ndarray, start: float | EncryptedNumber
) -> EncryptedNumber:
    """As in phe's examples: one product after the other, added up."""
    total = start
    for c, factor in zip(encrypted, factors.tolist(), strict=True):
        total += c * factor
    return total


def _encryption(rounds: int) -> Iterator[Result]:
    owner = he.DataOwner(he.Paillier(BITS))
    key, x = _phe(owner), np.random.default_rng(0).uniform(-1, 1, 30)
    peer = lambda: [key.encrypt(value) for value in x.tolist()]  # noqa: E731
    wall, _ = zip(*alternate(lambda: owner.public.encrypt(x), peer, rounds, 5), strict=True)
    yield result("Paillier-2048: encrypt 30 numbers, public key", *wall, "s", "ratio ≥ 10")
    wall, _ = zip(*alternate(lambda: owner.encrypt(x), peer, rounds, 5), strict=True)
    yield result("Paillier-2048: encrypt 30 numbers, key's owner", *wall, "s", "ratio ≥ 10")


def _layer(rounds: int) -> Iterator[Result]:
    """784 encrypted inputs, 64 outputs, weights of 8 bits."""
    random = np.random.default_rng(1)
    owner = he.DataOwner(he.Paillier(BITS, precision=16, factor_precision=7, factor_bound=1))
    x = random.uniform(0, 1, 784)
    W, b = np.clip(random.normal(0, 0.25, (64, 784)), -0.99, 0.99), random.uniform(-1, 1, 64)
    c, key = owner.encrypt(x), _phe(owner)
    theirs = [EncryptedNumber(key, int(handle), -4) for handle in c.handle]
    peer = lambda: [_dot(theirs, row, bias) for row, bias in zip(W, b, strict=True)]  # noqa: E731
    wall, _ = zip(*alternate(lambda: W @ c + b, peer, rounds, 3), strict=True)
    yield result("Paillier-2048: 784→64 layer on encrypted inputs", *wall, "s", "ratio ≥ 50")


def _score(rounds: int) -> Iterator[Result]:
    """30 plain features, encrypted weights; bare, and with all that makes it safe to return."""
    random = np.random.default_rng(2)
    params = he.Paillier(BITS, precision=16, bound=4, factor_precision=8, factor_bound=8)
    owner = he.ModelOwner(params)
    w = random.normal(0, 1, 30)
    model = he.SealedModel.from_bytes(owner.encrypt_model(w, 0.5).to_bytes(), params)
    key = PaillierPublicKey(int.from_bytes(owner.public.keys["public"], "big"))
    theirs, bias = [key.encrypt(value) for value in w.tolist()], key.encrypt(0.5)
    # Tables of 36 MB that pay for themselves over thousands of mails; a new mail each time.
    weights, mails = model.weights.prepared(window=11), cycle(random.normal(0, 1, (997, 30)))
    peer = lambda: _dot(theirs, next(mails), bias)  # noqa: E731
    wall, _ = zip(
        *alternate(lambda: weights @ np.append(next(mails), 1.0), peer, rounds * 3, 5), strict=True
    )
    yield result(
        "Paillier-2048: encrypted weights, 30 features, large tables", *wall, "s", "ratio ≥ 40"
    )
    peer = lambda: _dot(theirs, next(mails), bias).ciphertext()  # noqa: E731
    wall, _ = zip(
        *alternate(lambda: model(next(mails)).to_bytes(), peer, rounds * 3, 5), strict=True
    )
    yield result("the same, re-randomised, shielded, as bytes", *wall, "s", "—")
