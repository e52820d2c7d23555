"""Where a vector lies on slots when layers are diagonals and folds from the top. Pure numpy.

Lattigo's graphs multiply by diagonals, then fold by slots/2, slots/4, … So what can be summed by
folds must differ in the leading bits of the slot, what diagonals sum in the trailing ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

import numpy as np


@dataclass(frozen=True)
class Spread:
    """A vector of ``count`` values, a power of two, filling the slots.

    The first ``folds`` bits of a value's index are the first bits of its slots; the other bits
    of the index are the last bits of its slots; what is between does not matter.

    >>> Spread(4, folds=0).order(8), Spread(4, folds=2).order(8)
    (array([0, 1, 2, 3, 0, 1, 2, 3]), array([0, 0, 1, 1, 2, 2, 3, 3]))
    """

    count: int
    folds: int = 0

    @property
    def low(self) -> int:
        """Diagonals of a matrix that takes this vector."""
        return self.count >> self.folds

    def order(self, slots: int) -> np.ndarray:
        """The index of the value in every slot, shape (slots,)."""
        slot = np.arange(slots)
        order: np.ndarray = slot // (slots >> self.folds) * self.low + slot % self.low
        return order

    def fill(self, values: np.ndarray, slots: int) -> np.ndarray:
        """Values (n ≤ count,), padded with zeros, on slots."""
        padded = np.zeros(self.count)
        padded[: len(values)] = values
        filled: np.ndarray = padded[self.order(slots)]
        return filled

    def find(self, count: int, slots: int) -> np.ndarray:
        """The first slot of each of the first ``count`` values."""
        return np.unique(self.order(slots), return_index=True)[1][:count]

    def rotations(self, slots: int) -> tuple[int, ...]:
        """Steps by which a product turns this vector: baby steps, giant steps, folds.

        The baby steps are as many as Lattigo takes when asked for as many of either kind.
        """
        babies = 1 << int(log2(self.low)) // 2
        giants = range(babies, self.low, babies)
        return (*range(1, babies), *giants, *(slots >> i + 1 for i in range(self.folds)))


def diagonals(weights: np.ndarray, source: Spread, target: Spread, slots: int) -> np.ndarray:
    """The diagonals p of a matrix (m, n), shape (source.low, slots).

    Σ_d rotate(x, d)·p(d), folded ``source.folds`` times, has the product in every slot as
    ``target`` says; one of the two spreads must not be folded.
    """
    padded = np.zeros((target.count, source.count))
    padded[: weights.shape[0], : weights.shape[1]] = weights
    rows, columns = target.order(slots), source.order(slots)
    return np.stack([padded[rows, np.roll(columns, -d)] for d in range(source.low)])
