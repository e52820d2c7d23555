"""Paillier's clear twin: the same whole numbers modulo 2^bits, not encrypted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..errors import BadBytes
from ..params import Paillier
from . import Bundle

Numbers = tuple[int, ...]


class PlainIntegers:
    """Integers on clear numbers."""

    def __init__(self, params: Paillier) -> None:
        self.params = params
        self.modulus = self._n = 1 << params.bits

    def encrypt(self, values: Sequence[int]) -> Numbers:
        return tuple(value % self._n for value in values)

    def rerandomise(self, a: Numbers) -> Numbers:
        return a

    def add(self, a: Numbers, b: Sequence[int]) -> Numbers:
        return self.encrypt([x + y for x, y in zip(a, b, strict=True)])

    add_plain = add

    def multiply_plain(self, a: Numbers, factors: Sequence[int]) -> Numbers:
        return self.encrypt([x * factor for x, factor in zip(a, factors, strict=True)])

    def prepare(self, a: Numbers, window: int = 0) -> None:
        return None

    def combine(self, rows: np.ndarray, a: Numbers, tables: None = None) -> Numbers:
        product = rows.astype(object) @ np.array(a, dtype=object)
        return self.encrypt([int(value) for value in product])

    def pack(self, a: Numbers, shift: int) -> Numbers:
        return self.encrypt([sum(x << (shift * i) for i, x in enumerate(a))])

    def dump(self, a: Numbers) -> bytes:
        return b"".join(value.to_bytes(self.params.ciphertext_bytes, "big") for value in a)

    def load(self, data: bytes) -> Numbers:
        size = self.params.ciphertext_bytes
        pieces = [data[i : i + size] for i in range(0, len(data), size)]
        numbers = tuple(int.from_bytes(piece, "big") for piece in pieces)
        if len(data) % size or any(value >= self._n for value in numbers):
            raise BadBytes("these bytes are no clear-twin ciphertext: send them again")
        return numbers


class PlainIntegerKeys:
    """Stands where the primes would be; decrypting only looks."""

    def __init__(self, params: Paillier) -> None:
        self.bundle: Bundle = {"public": np.random.default_rng().bytes(32)}
        self._twin = PlainIntegers(params)

    def encrypt(self, values: Sequence[int]) -> Numbers:
        return self._twin.encrypt(values)

    def decrypt(self, a: Numbers) -> list[int]:
        half = 1 << (self._twin.params.bits - 1)
        return [value - 2 * half if value > half else value for value in a]
