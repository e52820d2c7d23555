"""BFV over SEAL.

Its slots are two rows of N/2 that rotate separately: both hold the same numbers, the first is
read. So a number that is in every slot is a constant polynomial, and multiplying by it is cheap.
"""

from __future__ import annotations

import numpy as np

from ...errors import OutOfLevels
from ...params import BFV
from .. import Bundle, Handle, Plain
from .keys import Keys
from .operations import Operations, guarded


class SealModularKeys(Keys):
    """The secret key of BFV."""

    def budget(self, a: Handle) -> int:
        """Bits of invariant noise budget: SEAL measures them with the secret key."""
        return self._secret.budget(a)

    def decrypt(self, a: Handle) -> np.ndarray:
        if not self.budget(a):
            raise OutOfLevels(
                "no noise budget is left in this ciphertext and it decrypts to garbage: whoever "
                "computed it must multiply less, or raise depth"
            )
        return self._secret.decrypt(a)[: self._params.slots]


class SealModular(Operations):
    """Evaluator made from public keys only."""

    def __init__(self, params: BFV, bundle: Bundle, library: str) -> None:
        super().__init__(params, bundle, library)
        self.params = params

    @guarded
    def encode(self, values: np.ndarray) -> Plain:
        return self.lib.whole_plain(_both_rows(values))

    def encrypt(self, values: np.ndarray) -> Handle:
        self.need("public")
        return self.lib.encrypt(self.encode(values))

    def load(self, data: bytes) -> Handle:
        return self._load(data, len(self.params.primes) - 1, 1.0, ntt=False)

    def zero_like(self, a: Handle, scale: float) -> Handle:
        self.need("public")
        return self.lib.zero(len(self.params.primes) - 1, 1.0)


def _both_rows(values: np.ndarray) -> np.ndarray:
    """Numbers (slots,) as what SEAL wants: contiguous, writable, int64, both rows."""
    return np.tile(np.asarray(values, dtype=np.int64), 2)
