"""BFV's clear twin: the same numbers modulo t, with the noise that the model predicts.

Nothing is encrypted. What is multiplied by is looked at, so the noise is that of this very
plaintext's shape; a ciphertext's label knows no more than its length.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from ..errors import BadBytes, OutOfLevels
from ..params import BFV, dependent, independent
from . import Bundle, rotation_path


@dataclass(frozen=True)
class Residues:
    """Numbers modulo t in every slot, as Python ints, and log2 of their noise's deviation."""

    slots: np.ndarray
    noise: float


class PlainModular:
    """Modular on clear numbers."""

    def __init__(self, params: BFV) -> None:
        self.params = params
        self._model = params.model

    def encode(self, values: np.ndarray) -> Residues:
        slots = np.asarray(values, dtype=np.int64).astype(object)
        return Residues(self._reduced(slots), self._model.shift)

    def encrypt(self, values: np.ndarray) -> Residues:
        return replace(self.encode(values), noise=self._model.fresh)

    def add(self, a: Residues, b: Residues) -> Residues:
        together = dependent if a is b else independent
        return Residues(self._reduced(a.slots + b.slots), together(a.noise, b.noise))

    def subtract(self, a: Residues, b: Residues) -> Residues:
        return self.add(a, self.negate(b))

    def negate(self, a: Residues) -> Residues:
        return Residues(self._reduced(-a.slots), a.noise)

    add_plain = add

    def multiply_plain(self, a: Residues, p: Residues) -> Residues:
        period = _period(p.slots)
        noise = self._model.plain_product(a.noise, period)
        if period == 1:  # as SEAL does, which multiplies by t - 1 where -1 is meant
            noise = self._model.scaled(a.noise, int(p.slots[0]))
        return Residues(self._reduced(a.slots * p.slots), noise)

    def multiply(self, a: Residues, b: Residues) -> Residues:
        noise = self._model.product(a.noise, b.noise)
        return Residues(self._reduced(a.slots * b.slots), noise)

    def square(self, a: Residues) -> Residues:
        return self.multiply(a, a)

    def relinearise(self, a: Residues) -> Residues:
        return a  # its noise is counted with the product

    def rotate(self, a: Residues, steps: int) -> Residues:
        path = rotation_path(steps, self.params.rotations or (), self.params.slots)
        return Residues(np.roll(a.slots, -steps), self._model.turned(a.noise, len(path)))

    def rerandomise(self, a: Residues) -> Residues:
        return replace(a, noise=dependent(a.noise, self._model.fresh))

    def dump(self, a: Residues) -> bytes:
        return struct.pack("<d", a.noise) + a.slots.astype(np.int64).tobytes()

    def load(self, data: bytes) -> Residues:
        if len(data) != 8 * (1 + self.params.slots):
            raise BadBytes("these bytes are no clear-twin ciphertext: send them again")
        (noise,) = struct.unpack_from("<d", data)
        slots = np.frombuffer(data[8:], dtype=np.int64).astype(object)
        if not isfinite(noise):
            raise BadBytes("this clear-twin ciphertext has no noise that can be: send it again")
        return Residues(self._reduced(slots), noise)

    def _reduced(self, numbers: np.ndarray) -> np.ndarray:
        reduced: np.ndarray = numbers % self.params.modulus
        return reduced


class PlainModularKeys:
    """Stands where a secret key would be; decrypting only looks."""

    def __init__(self, params: BFV) -> None:
        self.bundle: Bundle = {"public": np.random.default_rng().bytes(32)}
        self._params = params

    def budget(self, a: Residues) -> int:
        return max(0, self._params.model.left(a.noise))

    def decrypt(self, a: Residues) -> np.ndarray:
        if not self.budget(a):
            raise OutOfLevels("no noise budget would be left: multiply less, or raise depth")
        return _centred(a.slots, self._params.modulus)


def _centred(numbers: np.ndarray, modulus: int) -> np.ndarray:
    """Residues as numbers in (-t/2, t/2), int64."""
    return np.where(numbers > modulus // 2, numbers - modulus, numbers).astype(np.int64)


def _period(numbers: np.ndarray) -> int:
    """The smallest power of two after which numbers repeat."""
    period = len(numbers)
    while period > 1 and np.array_equal(numbers[: period // 2], numbers[period // 2 : period]):
        period //= 2
    return period
