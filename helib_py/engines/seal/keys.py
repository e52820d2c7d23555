"""The secret key, and the public keys made with it, as bare residues."""

from __future__ import annotations

import hashlib

import numpy as np

from ... import randomness
from ...params import BFV, CKKS
from .. import Bundle
from . import layout
from .library import new_secret

SEED = 32  #: bytes from which the random half of a public key is hashed


class Keys:
    """The secret key, and the ``bundle`` of public keys, which are made once and together.

    Half of the public key is hashed from a seed, which crosses in its place: nobody chose it.
    """

    def __init__(self, params: CKKS | BFV, library: str) -> None:
        self._params, self._secret = params, new_secret(library, params)
        seed = randomness.token(SEED)
        self.bundle: Bundle = {"seed": seed, "public": self._seeded(seed).tobytes()}
        shape = switching_shape(params)
        if params.depth:
            written = self._secret.relinearisation_key()
            self.bundle["relinearisation"] = _bare(written, shape)
        if params.rotations:
            turned = (_bare(self._secret.rotation_key(k), shape) for k in params.rotations)
            self.bundle["rotation"] = b"".join(turned)

    def _seeded(self, seed: bytes) -> np.ndarray:
        """b = -(a·s + e) of a public key (b, a) for the a of a seed, with the e of a fresh one."""
        params, secret = self._params, self._secret
        shape = public_shape(params)
        written = layout.numbers(secret.public_key(), layout.HEADER)
        old_b, old_a = written.astype(object).reshape(2, *shape)
        s = layout.numbers(secret.secret_key(), layout.PLAIN_HEADER).astype(object).reshape(shape)
        moduli = np.array([*params.primes, params.special], dtype=object)[:, None]
        b = (old_b + (old_a - random_half(params, seed).astype(object)) * s) % moduli
        return np.asarray(b.astype("<u8"))

    def __reduce__(self) -> str:
        raise TypeError("a secret key is not pickled: send owner.public instead")


def public_shape(params: CKKS | BFV) -> tuple[int, int]:
    """Of the residues of one half of a public key."""
    return len(params.primes) + 1, params.ring


def switching_shape(params: CKKS | BFV) -> tuple[int, int, int, int]:
    """Of the residues of one relinearisation or rotation key: digits, halves, primes, N."""
    return len(params.primes), 2, *public_shape(params)


def random_half(params: CKKS | BFV, seed: bytes) -> np.ndarray:
    """a of a public key (-(a·s + e), a): uint64 (primes, N), uniform, hashed from a seed."""
    return np.stack([
        _uniform(q, params.ring, b"helib_py public key %d " % i + seed)
        for i, q in enumerate((*params.primes, params.special))
    ])  # fmt: skip


def _uniform(modulus: int, count: int, seed: bytes) -> np.ndarray:
    """Words of SHAKE-256 below the largest multiple of the modulus, reduced: exactly uniform."""
    limit = (1 << 64) // modulus * modulus
    drawn = count + count // 8 + 128  # a 60-bit modulus rejects one in sixteen at the most
    while True:
        words = np.frombuffer(hashlib.shake_256(seed).digest(8 * drawn), "<u8")
        kept = words[words <= np.uint64(limit - 1)]
        if len(kept) >= count:
            return kept[:count] % np.uint64(modulus)
        drawn *= 2


def _bare(written: bytes, shape: tuple[int, ...]) -> bytes:
    (key,) = layout.read_switching_keys(written, shape)
    return key.tobytes()
