"""BFV on Pyfhel 3.5 over SEAL 4.1.

Its slots are two rows of N/2 that rotate separately: both hold the same numbers, the first is
read. So a number that is in every slot is a constant polynomial, and multiplying by it is cheap.
"""

from __future__ import annotations

import numpy as np
from Pyfhel import PyCtxt, PyPtxt

from ...errors import BadBytes, OutOfLevels
from ...params import BFV
from .. import Bundle
from .seal import Keys, Operations

_NTT_FLAG = 48  #: where SEAL's header says in which form the polynomials are


class PyfhelModularKeys(Keys):
    """The secret key of BFV."""

    def budget(self, a: PyCtxt) -> int:
        """Bits of invariant noise budget: SEAL measures them with the secret key."""
        return int(self._pyfhel.noise_level(a))

    def decrypt(self, a: PyCtxt) -> np.ndarray:
        if not self.budget(a):
            raise OutOfLevels(
                "no noise budget is left in this ciphertext and it decrypts to garbage: whoever "
                "computed it must multiply less, or raise depth"
            )
        return np.asarray(self._pyfhel.decryptInt(a))[: self._params.slots]


class PyfhelModular(Operations):
    """Evaluator made from public keys only."""

    def __init__(self, params: BFV, bundle: Bundle) -> None:
        super().__init__(params, bundle)
        self.params = params

    def encode(self, values: np.ndarray) -> PyPtxt:
        return self._pyfhel.encodeInt(_both_rows(values))

    def encrypt(self, values: np.ndarray) -> PyCtxt:
        self.need("public")
        return self._pyfhel.encryptInt(_both_rows(values))

    def load(self, data: bytes) -> PyCtxt:
        loaded = PyCtxt(pyfhel=self._pyfhel)
        if len(data) != self.params.ciphertext_bytes or data[_NTT_FLAG]:
            raise BadBytes("these bytes are no BFV ciphertext of two parts: send it again")
        try:
            loaded.from_bytes(data, "bfv")
        except (RuntimeError, ValueError) as error:
            raise BadBytes("this is no ciphertext of these parameters: send it again") from error
        return loaded

    def zero_like(self, a: PyCtxt, scale: float) -> PyCtxt:
        return self.encrypt(np.zeros(self.params.slots))


def _both_rows(values: np.ndarray) -> np.ndarray:
    """Numbers (slots,) as what SEAL wants: contiguous, writable, int64, both rows."""
    return np.tile(np.asarray(values, dtype=np.int64), 2)
