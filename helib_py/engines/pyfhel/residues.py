"""SEAL's CKKS ciphertexts as arrays of residues in NTT form, and back.

SEAL 4.1 writes a ciphertext uncompressed as 113 bytes of header and then its residues, uint64
(parts, primes, N). Loading checks that each is below its prime, so no array can do harm.
"""

from __future__ import annotations

import struct

import numpy as np
from Pyfhel import PyCtxt

from ...errors import BadBytes
from ...params import CKKS
from .. import Evaluator
from .ckks import PyfhelEvaluator

HEADER = 113
_TOTAL, _PARTS, _SCALE, _ARRAY, _COUNT = 8, 49, 73, 97, 105  #: where the header says what
_OWN_HEADER = 24  #: of the array inside, its count included


class Residues:
    """Turns an evaluator's handles into arrays and arrays into handles."""

    def __init__(self, evaluator: Evaluator) -> None:
        assert isinstance(evaluator, PyfhelEvaluator)
        self._e, self._headers = evaluator, dict[int, bytes]()

    @property
    def params(self) -> CKKS:
        """The evaluator's parameters."""
        return self._e.params

    def array(self, a: PyCtxt, level: int) -> np.ndarray:
        """Residues, uint64 (parts, level + 1, N); not to be written to."""
        flat = np.frombuffer(self._e.dump(a), np.uint64, offset=HEADER)
        return flat.reshape(-1, level + 1, self.params.ring)

    def handle(self, residues: np.ndarray, scale: float) -> PyCtxt:
        """A ciphertext out of contiguous uint64 (parts, level + 1, N).

        BadBytes unless every residue is below its prime.
        """
        parts, primes, _ = residues.shape
        loaded = PyCtxt(pyfhel=self._e._pyfhel)
        try:
            header = self._header(parts, primes - 1, scale)
            loaded.from_bytes(b"".join([header, residues.data]), "ckks")
        except (RuntimeError, ValueError) as error:
            raise BadBytes("these are no residues of a ciphertext: send it again") from error
        return loaded

    def _header(self, parts: int, level: int, scale: float) -> bytes:
        """SEAL's own header of a ciphertext at this level, with other parts and another scale."""
        if level not in self._headers:
            zeros = np.zeros(self.params.slots)
            self._headers[level] = self._e.dump(self._e.encrypt(zeros, level, 1.0))[:HEADER]
        header = bytearray(self._headers[level])
        count = parts * (level + 1) * self.params.ring
        sizes = {_PARTS: parts, _COUNT: count, _ARRAY: _OWN_HEADER + 8 * count}
        for place, value in (sizes | {_TOTAL: HEADER + 8 * count}).items():
            struct.pack_into("<Q", header, place, value)
        struct.pack_into("<d", header, _SCALE, scale)
        return bytes(header)
