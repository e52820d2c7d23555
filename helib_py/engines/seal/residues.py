"""Ciphertexts as arrays of residues in NTT form, and back."""

from __future__ import annotations

import numpy as np

from ...params import CKKS
from .. import Evaluator, Handle
from . import layout
from .ckks import SealEvaluator


class Residues:
    """Turns an evaluator's handles into arrays and arrays into handles."""

    def __init__(self, evaluator: Evaluator) -> None:
        assert isinstance(evaluator, SealEvaluator)
        self._e = evaluator

    @property
    def params(self) -> CKKS:
        """The evaluator's parameters."""
        return self._e.params

    def array(self, a: Handle, level: int) -> np.ndarray:
        """Residues, uint64 (parts, level + 1, N); not to be written to."""
        flat = layout.numbers(self._e.lib.dump(a), layout.HEADER)
        return flat.reshape(-1, level + 1, self.params.ring)

    def zero(self, level: int, scale: float) -> np.ndarray:
        """Those of a fresh encryption of 0."""
        return self.array(self._e.zero(level, scale), level)

    def handle(self, residues: np.ndarray, scale: float) -> Handle:
        """A ciphertext out of contiguous uint64 (parts, level + 1, N).

        BadBytes unless every residue is below its prime.
        """
        return self._e.of_residues(residues, scale)
