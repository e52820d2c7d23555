"""Lattigo's ciphertexts, version 6: their residues, and headers that are written here.

A byte 1, a JSON label, and for each part its primes and for each of these its N residues, every
count as uint64. What a stranger's label says is not passed on: it is written anew.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from math import isfinite

import numpy as np

from ... import wire

_LABEL_END = b"}}"


@dataclass(frozen=True, eq=False)
class Residues:
    """Numbers below the primes, uint64 (2, primes, N), and the scale of what they encrypt."""

    numbers: np.ndarray
    scale: float

    @property
    def level(self) -> int:
        """Rescalings that are left."""
        return int(self.numbers.shape[1]) - 1


def read(data: bytes, ring: int, primes: list[int]) -> Residues:
    """A ciphertext of two parts; BadBytes unless it is exactly that, and encrypted."""
    with wire.rebuilding("ciphertext"):
        end = data.index(_LABEL_END) + len(_LABEL_END)
        label = json.loads(data[1:end])
        scale = float(label["PlaintextMetaData"]["Scale"]["Value"])
        parts, count = struct.unpack_from("<QQ", data, end)
        if not (isfinite(scale) and scale >= 1 and 0 < count <= len(primes)):
            raise ValueError("a scale or a level that cannot be")
        start, size = end + 8, 8 + count * (8 + 8 * ring)
        if parts != 2 or len(data) != start + 2 * size:
            raise ValueError("it has not two parts, or is not as long as these")
        numbers = np.stack([_part(data, start + i * size, count, ring) for i in (0, 1)])
        if (numbers >= np.array(primes[:count], dtype=np.uint64)[:, None]).any():
            raise ValueError("numbers that are no residues")
        if not numbers[1].any():
            raise ValueError("it is not encrypted")
        return Residues(numbers, scale)


def write(found: Residues) -> bytes:
    """A ciphertext as Lattigo reads it."""
    _, primes, ring = found.numbers.shape
    label = {
        "PlaintextMetaData": {
            "Scale": {"Value": f"{found.scale:.39e}", "Mod": f"{0:.39e}"},
            "IsBatched": "0x01",
            "IsBitReversed": "0x00",
            "LogDimensions": ["0x00", f"0x{ring.bit_length() - 2:02x}"],
        },
        "CiphertextMetaData": {"IsNTT": "0x01", "IsMontgomery": "0x00"},
    }
    pieces = [b"\1", json.dumps(label, separators=(",", ":")).encode(), struct.pack("<Q", 2)]
    for part in found.numbers:
        pieces.append(struct.pack("<Q", primes))
        for polynomial in part:
            pieces += [struct.pack("<Q", ring), polynomial.astype("<u8").tobytes()]
    return b"".join(pieces)


def _part(data: bytes, start: int, primes: int, ring: int) -> np.ndarray:
    """One part (primes, N), whose counts must be these."""
    if data[start : start + 8] != struct.pack("<Q", primes):
        raise ValueError("parts of different lengths")
    flat = np.frombuffer(data, "<u8", primes * (1 + ring), start + 8).reshape(primes, 1 + ring)
    if (flat[:, 0] != ring).any():
        raise ValueError("polynomials of another degree")
    return flat[:, 1:]
