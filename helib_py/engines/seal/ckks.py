"""CKKS over SEAL."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ...flooding import embed
from ...params import CKKS
from .. import Bundle, Handle, Plain
from . import layout
from .keys import Keys
from .operations import Operations, guarded

_LIMB = 30  #: bits of whole coefficients that float64 transforms without an error


class SealKeys(Keys):
    """The secret key of CKKS."""

    @guarded
    def decrypt(self, a: Handle) -> np.ndarray:
        return self._secret.decrypt(a)

    def decrypt_complex(self, a: Handle) -> np.ndarray:
        return self._secret.decrypt_complex(a)


class SealEvaluator(Operations):
    """Evaluator made from public keys only."""

    def __init__(self, params: CKKS, bundle: Bundle, library: str) -> None:
        super().__init__(params, bundle, library)
        self.params = params

    @guarded
    def encode(self, values: np.ndarray, level: int, scale: float) -> Plain:
        return self.lib.plain(np.array(values, dtype=np.float64), scale, level)

    def encrypt(self, values: np.ndarray, level: int, scale: float) -> Handle:
        self.need("public")
        return self.lib.encrypt(self.encode(values, level, scale))

    @guarded
    def rescale(self, a: Handle) -> Handle:
        return self._masked(self.lib.rescale, a)

    @guarded
    def lower(self, a: Handle, level: int) -> Handle:
        return self._masked(self.lib.lower, a, level)

    def load(self, data: bytes, level: int, scale: float) -> Handle:
        return self._load(data, level, scale, ntt=True)

    def zero(self, level: int, scale: float) -> Handle:
        """A fresh encryption of 0."""
        self.need("public")
        return self.lib.zero(level, scale)

    def zero_like(self, a: Handle, scale: float) -> Handle:
        return self.zero(self.lib.level(a), scale)

    def _scale_of(self, p: Plain) -> float:
        return self.lib.scale(p)

    def add_integers(self, a: Handle, coefficients: np.ndarray) -> Handle:
        level = self.lib.level(a)
        primes = np.array(self.params.primes[: level + 1], dtype=np.uint64)[:, None]
        total = np.zeros((level + 1, self.params.ring), dtype=np.uint64)
        for limb in reversed(list(_limbs(coefficients))):
            total = (_shifted(total, primes) + self._residues(limb, level)) % primes
        written = layout.plaintext(total, self._parms[level], self.lib.scale(a))
        return self.add_plain(a, self.lib.load_plain(written))

    def _residues(self, coefficients: np.ndarray, level: int) -> np.ndarray:
        """Of small whole coefficients, in NTT form, uint64 (level + 1, N).

        SEAL rounds its own transform back to them.
        """
        plain = self.lib.plain(embed(coefficients.astype(np.float64)), 1.0, level)
        words = layout.numbers(self.lib.dump_plain(plain), layout.PLAIN_HEADER)
        return words.reshape(level + 1, -1)


def _limbs(numbers: np.ndarray) -> Iterator[np.ndarray]:
    """Whole numbers in pieces of some bits each, the lowest first; only the last has a sign."""
    while np.any(np.abs(numbers) >= 1 << _LIMB):
        yield numbers & ((1 << _LIMB) - 1)
        numbers = numbers >> _LIMB
    yield numbers


def _shifted(residues: np.ndarray, primes: np.ndarray) -> np.ndarray:
    """Residues times 2^_LIMB; what is below 2^60 can be shifted by four bits at a time."""
    for width in (4,) * (_LIMB // 4) + (_LIMB % 4,):
        residues = (residues << np.uint64(width)) % primes
    return residues
