"""CKKS on Pyfhel 3.5 over SEAL 4.1."""

from __future__ import annotations

from math import isclose

import numpy as np
from Pyfhel import PyCtxt, PyPtxt

from ...errors import BadBytes
from ...params import CKKS
from .. import Bundle
from .seal import Keys, Operations


class PyfhelKeys(Keys):
    """The secret key of CKKS."""

    def decrypt(self, a: PyCtxt) -> np.ndarray:
        return np.asarray(self._pyfhel.decryptFrac(a))


class PyfhelEvaluator(Operations):
    """Evaluator made from public keys only."""

    def __init__(self, params: CKKS, bundle: Bundle) -> None:
        super().__init__(params, bundle)
        self.params = params

    def encode(self, values: np.ndarray, level: int, scale: float) -> PyPtxt:
        plain = self._pyfhel.encodeFrac(np.array(values, dtype=np.float64), scale=scale)
        for _ in range(self.params.depth - level):
            self._pyfhel.mod_switch_to_next_ptxt(plain, False)
        return plain

    def encrypt(self, values: np.ndarray, level: int, scale: float) -> PyCtxt:
        self.need("public")
        fresh = self._pyfhel.encryptFrac(np.array(values, dtype=np.float64), scale=scale)
        return self.lower(fresh, level)

    def rescale(self, a: PyCtxt) -> PyCtxt:
        out = PyCtxt(copy_ctxt=a)
        self._pyfhel.rescale_to_next(out)
        return out

    def lower(self, a: PyCtxt, level: int) -> PyCtxt:
        out = PyCtxt(copy_ctxt=a)
        for _ in range(_level(out, self.params) - level):
            self._pyfhel.mod_switch_to_next_ctxt(out)
        return out

    def load(self, data: bytes, level: int, scale: float) -> PyCtxt:
        loaded = PyCtxt(pyfhel=self._pyfhel)
        try:
            loaded.from_bytes(data, "ckks")
            agree = _level(loaded, self.params) == level and isclose(loaded.scale, scale)
        except (RuntimeError, ValueError) as error:
            raise BadBytes("this is no ciphertext of these parameters: send it again") from error
        if not agree:
            raise BadBytes("the ciphertext's level or scale differs from its label: send it again")
        return loaded

    def zero_like(self, a: PyCtxt, scale: float) -> PyCtxt:
        return self.encrypt(np.zeros(self.params.slots), _level(a, self.params), scale)


def _level(a: PyCtxt, params: CKKS) -> int:
    """The true level, from the size: Pyfhel's ``mod_level`` is a hand counter and errs."""
    size = int(a.sizeof_ciphertext())
    return size // (int(a.size()) * params.ring * 8) - 1
