"""How numbers are laid out in slots: pure numpy, no keys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from .errors import BadValue, Overflow, ShapeError


def power_of_two(n: int) -> int:
    """The smallest power of two that is at least n.

    >>> [power_of_two(n) for n in (1, 3, 4, 845)]
    [1, 4, 4, 1024]
    """
    return 1 << max(0, n - 1).bit_length()


def as_numbers(values: ArrayLike) -> np.ndarray:
    """A contiguous float64 copy; BadValue for what has no place on the real line."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise BadValue(f"rows of unequal length: {error}") from error
    if array.dtype.kind not in "biuf":
        raise BadValue(
            f"only real numbers can be encrypted, not {array.dtype}: convert them first"
        )
    array = np.array(array, dtype=np.float64)
    if not np.all(np.isfinite(array)):
        where = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
        raise BadValue(f"value {array[where]} at index {where}: replace NaN and infinities first")
    return array


def within(values: np.ndarray, bound: float) -> None:
    """Overflow unless every absolute value is at most ``bound``."""
    if not 0 < bound < float("inf"):
        raise BadValue(f"bound={bound}: promise a finite number above 0")
    top = float(np.max(np.abs(values), initial=0.0))
    if top > bound:
        raise Overflow(
            f"a value reaches {top:.4g} but |values| ≤ {bound:.4g} was promised: "
            f"divide by {top / bound:.3g} first, or promise bound={power_of_two(int(top) + 1)}"
        )


def repeat(vector: np.ndarray, slots: int) -> np.ndarray:
    """Fill the slots with copies of a vector padded with zeros to a power of two.

    So a rotation of the slots is a rotation of the padded vector, with no mask.

    >>> repeat(np.array([1., 2., 3.]), 8)
    array([1., 2., 3., 0., 1., 2., 3., 0.])
    """
    if vector.ndim != 1 or vector.size == 0:
        raise ShapeError(f"shape {vector.shape}: encrypt a non-empty vector; flatten it first")
    if vector.size > slots:
        raise ShapeError(
            f"{vector.size} values but {slots} slots: encrypt in pieces or use a larger ring"
        )
    padded = np.zeros(power_of_two(vector.size))
    padded[: vector.size] = vector
    return np.tile(padded, slots // padded.size)


@dataclass(frozen=True, eq=False)
class Layout:
    """Where a vector's values are: slot s·block holds value ``order[s % len(order)]``.

    ``order`` has a power-of-two length; -1 marks a slot that holds zero. Slots that are no
    multiple of ``block`` hold leftovers of a sum and must not be used.
    """

    block: int
    order: np.ndarray

    @property
    def period(self) -> int:
        """Slots after which the layout repeats."""
        return self.block * len(self.order)

    @classmethod
    def dense(cls, count: int, block: int = 1) -> Layout:
        """Values 0, 1, … count-1 in order, padded to a power of two.

        >>> Layout.dense(3).order
        array([ 0,  1,  2, -1])
        """
        order = np.full(power_of_two(count), -1)
        order[:count] = np.arange(count)
        return cls(block, order)

    def find(self) -> np.ndarray:
        """For each value, the first slot that holds it, shape (values,)."""
        places = np.full(self.order.max() + 1, -1)
        valid = np.flatnonzero(self.order >= 0)[::-1]
        places[self.order[valid]] = valid * self.block
        return places

    def spread(self, values: np.ndarray, slots: int) -> np.ndarray:
        """Values on all slots as the layout says, zero elsewhere, shape (slots,)."""
        out = np.zeros(slots)
        repeated = np.append(values, 0.0)[self.order]
        out[:: self.block] = np.tile(repeated, slots // self.period)
        return out
