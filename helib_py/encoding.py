"""How numbers are laid out in slots: pure numpy, no keys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

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


def as_whole(values: ArrayLike) -> np.ndarray:
    """A contiguous int64 copy; BadValue for what is no whole number, Overflow from 2^53 on."""
    numbers = as_numbers(values)
    if np.any(numbers != np.rint(numbers)):
        where = tuple(int(i) for i in np.argwhere(numbers != np.rint(numbers))[0])
        raise BadValue(
            f"{numbers[where]} at index {where} is no whole number: multiply by a public factor "
            "and round first, or use he.CKKS"
        )
    if np.any(np.abs(numbers) >= 2.0**53):
        raise Overflow("whole numbers from 2^53 on are not exact in float64: make them smaller")
    return numbers.astype(np.int64)


def within(values: np.ndarray, bound: float, name: str = "bound") -> None:
    """Overflow unless every absolute value is at most ``bound``; ``name`` is how to raise it."""
    if not 0 < bound < float("inf"):
        raise BadValue(f"bound={bound}: promise a finite number above 0")
    top = float(np.max(np.abs(values), initial=0.0))
    if top > bound:
        raise Overflow(
            f"a value reaches {top:.4g} but |values| ≤ {bound:.4g} was promised: "
            f"divide by {top / bound:.3g} first, or promise {name}={power_of_two(int(top) + 1)}"
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
    multiple of ``block`` hold leftovers of a sum and must not be used, but for the first ``run``
    of each block, which all hold its value.
    """

    block: int
    order: np.ndarray
    run: int = 1

    @property
    def period(self) -> int:
        """Slots after which the layout repeats."""
        return self.block * len(self.order)

    @classmethod
    def dense(cls, count: int, block: int = 1, run: int = 1) -> Layout:
        """Values 0, 1, … count-1 in order, padded to a power of two.

        >>> Layout.dense(3).order
        array([ 0,  1,  2, -1])
        """
        order = np.full(power_of_two(count), -1)
        order[:count] = np.arange(count)
        return cls(block, order, run)

    def find(self) -> np.ndarray:
        """For each value, the first slot that holds it, shape (values,)."""
        places = np.full(self.order.max() + 1, -1)
        valid = np.flatnonzero(self.order >= 0)[::-1]
        places[self.order[valid]] = valid * self.block
        return places

    def spread(self, values: np.ndarray, slots: int) -> np.ndarray:
        """Values on all slots as the layout says, zero elsewhere, shape (slots,)."""
        out = np.zeros((slots // self.block, self.block))
        repeated = np.append(values, 0.0)[self.order]
        out[:, : self.run] = np.tile(repeated, slots // self.period)[:, None]
        return out.reshape(-1)


def rounded(values: np.ndarray, precision: int) -> np.ndarray:
    """Multiples of 2^-precision nearest to the values, as whole float64; ties go to the even one.

    BadValue when everything that is not zero would become zero.
    """
    whole: np.ndarray = np.rint(np.ldexp(values, precision))
    if not whole.any() and values.any():
        raise BadValue(
            f"values up to {np.abs(values).max():.3g} vanish below the resolution 2^-{precision}: "
            "multiply them by a public factor first, or ask for more precision"
        )
    return whole


def quantise(values: np.ndarray, precision: int) -> np.ndarray:
    """The same as an object array of Python ints, which never overflow.

    >>> quantise(np.array([0.3, -2.0]), 4)
    array([5, -32], dtype=object)
    """
    if precision <= 900:
        whole = [int(value) for value in rounded(values, precision).ravel().tolist()]
    else:  # more than a float64 can count
        whole = [round(Fraction(value) * (1 << precision)) for value in values.ravel().tolist()]
    return np.array(whole, dtype=object).reshape(values.shape)


@dataclass(frozen=True)
class Slots:
    """Several whole numbers in one Paillier plaintext, ``width`` bits each, signed.

    A vector's entry j of row i is in plaintext j // ``per``, at slot (j % per)·``lanes`` + i.
    """

    width: int
    lanes: int = 1
    per: int = 1

    def room(self, limit: int) -> bool:
        """Whether every |number| ≤ limit stays in its slot, whatever its neighbours are."""
        return limit < 1 << (self.width - 1)

    def pack(self, numbers: np.ndarray) -> list[int]:
        """Numbers (lanes, length) into ⌈length / per⌉ plaintexts.

        >>> Slots(width=8, lanes=2).pack(np.array([[1], [-1]], dtype=object))
        [-255]
        """
        groups = range(0, numbers.shape[1], self.per)
        columns = [numbers[:, start : start + self.per].T.ravel() for start in groups]
        return [sum(int(v) << (self.width * i) for i, v in enumerate(c)) for c in columns]

    def bits_used(self, plaintext: int, length: int) -> int:
        """Bits below which all numbers of the i-th plaintext of a vector are."""
        entries = min(self.per, length - plaintext * self.per)
        return self.width * self.lanes * entries

    def unpack(
        self, plaintexts: Sequence[int], length: int, limit: int, modulus: int = 0
    ) -> np.ndarray:
        """Numbers (lanes, length); Overflow unless every |number| ≤ limit and all the rest is 0.

        With a ``modulus`` there is a shield: what is above the numbers is random, modulo n, and
        ignored. A negative number borrows from the slots above it, so half a slot is added to each
        first.
        """
        half, cut = 1 << (self.width - 1), []
        for i, plaintext in enumerate(plaintexts):
            bits = self.bits_used(i, length)
            count = bits // self.width
            lift = sum(half << (self.width * k) for k in range(count))
            lifted = (plaintext % modulus if modulus else plaintext) + lift
            cut += [(lifted >> (self.width * k) & (2 * half - 1)) - half for k in range(count)]
            if not modulus and not 0 <= lifted < 1 << bits:
                raise _broken(limit)
        if any(abs(number) > limit for number in cut):
            raise _broken(limit)
        return np.array(cut, dtype=object).reshape(length, self.lanes).T


def _broken(limit: int) -> Overflow:
    return Overflow(
        f"a decrypted number is outside the promised ±2^{limit.bit_length()} units: whoever "
        "encrypted or computed it broke the bound; ask them for it again"
    )
