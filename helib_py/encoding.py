"""How numbers are laid out in slots: pure numpy, no keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .errors import BadValue, HelibError, Overflow, ShapeError
from .options import real

MAX_EXPONENT = 1000  #: a float64 holds whole numbers up to there


def power_of_two(n: int) -> int:
    """The smallest power of two that is at least n.

    >>> [power_of_two(n) for n in (1, 3, 4, 845)]
    [1, 4, 4, 1024]
    """
    return 1 << max(0, n - 1).bit_length()


def as_array(values: Any) -> np.ndarray:
    """What numpy makes of arrays, lists and torch's tensors; BadValue where it makes nothing."""
    try:
        if hasattr(values, "detach"):  # a tensor of torch, which is not imported here
            values = values.detach().cpu().to_dense()
            values = values.double() if values.is_floating_point() else values
        array = np.asarray(values.toarray() if hasattr(values, "toarray") else values)
    except HelibError:
        raise
    except Exception as error:  # whatever a stranger's class does in its __array__
        raise BadValue(f"no array of numbers: {error}") from error
    if np.ma.is_masked(values):
        raise BadValue("some of these values are masked: fill them first, values.filled(…)")
    return array


def as_numbers(values: ArrayLike) -> np.ndarray:
    """A contiguous float64 copy; BadValue for what has no place on the real line."""
    array = as_array(values)
    if array.dtype == object:
        array = _of_objects(array)
    if array.dtype.kind not in "biuf":
        raise BadValue(
            f"only real numbers can be encrypted, not {array.dtype}: convert them first"
        )
    array = np.array(array, dtype=np.float64)
    if not np.all(np.isfinite(array)):
        where, place = _first(~np.isfinite(array))
        raise BadValue(f"value {array[where]}{place}: replace NaN and infinities first")
    return array


def as_exact(values: ArrayLike) -> np.ndarray:
    """The same, but as Python's own numbers (dtype object) where a float64 would lose digits.

    >>> as_exact(2**53 + 1)
    array(9007199254740993, dtype=object)
    """
    numbers = as_numbers(values)
    given = as_array(values)
    if given.dtype.kind in "bf" and not isinstance(values, list | tuple):
        return numbers
    listed = isinstance(values, int | list | tuple)  # of which numpy may have made float64
    exact = np.asarray(values, dtype=object) if listed else given.astype(object)
    if exact.shape != numbers.shape or not all(isinstance(v, Real | Decimal) for v in exact.flat):
        return numbers
    exact = _each(_own, exact)
    return exact if np.any(exact != numbers.astype(object)) else numbers


def _of_objects(array: np.ndarray) -> np.ndarray:
    """Python's own numbers, also such as numpy has no kind for, as float64; others as they are."""
    if not array.size or not all(isinstance(v, Real | Decimal) for v in array.flat):
        return array
    try:
        return array.astype(np.float64)
    except OverflowError as error:
        raise BadValue(
            f"a number beyond 2^1024, more than a float64 holds: make it smaller ({error})"
        ) from error


def _own(number: Any) -> Any:
    """Python's own number, with which everything that follows is exact."""
    number = number.item() if isinstance(number, np.generic) else number
    return Fraction(number) if isinstance(number, Decimal) else number


def _each(change: Callable[[Any], Any], array: np.ndarray) -> np.ndarray:
    """Every number changed, as an object array of the same shape."""
    out = np.empty(array.shape, dtype=object)
    for place, value in np.ndenumerate(array):
        out[place] = change(value)
    return out


def as_whole(values: ArrayLike) -> np.ndarray:
    """A contiguous int64 copy; BadValue for what is no whole number, Overflow from 2^53 on."""
    numbers = as_numbers(values)
    if np.any(numbers != np.rint(numbers)):
        where, place = _first(numbers != np.rint(numbers))
        raise BadValue(
            f"{numbers[where]}{place} is no whole number: multiply by a public factor and round "
            "first, or use he.CKKS"
        )
    if np.any(np.abs(numbers) >= 2.0**53):
        raise Overflow("whole numbers from 2^53 on are not exact in float64: make them smaller")
    return numbers.astype(np.int64)


def _first(wrong: np.ndarray) -> tuple[tuple[int, ...], str]:
    """Where something is wrong for the first time, and in words: none for a single number."""
    where = tuple(int(i) for i in np.argwhere(wrong)[0])
    return where, f" at index {where}" if where else ""


def within(values: np.ndarray, bound: float, name: str = "bound") -> None:
    """Overflow unless every absolute value is at most ``bound``; ``name`` is how to raise it."""
    bound = real(bound, name, error=BadValue)
    if bound <= 0:
        raise BadValue(f"{name}={bound:g}: promise a number above 0")
    largest = np.max(np.abs(values), initial=0)  # of Python's own numbers exactly that
    if largest > bound:
        top = float(largest)
        _, place = _first(np.abs(values) == largest)
        raise Overflow(
            f"a value{place} reaches {top:.4g} but |values| ≤ {bound:.4g} was promised: "
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
    _check_vanished(whole, values, precision)
    return whole


def _check_vanished(whole: np.ndarray, values: np.ndarray, precision: int) -> None:
    if not whole.any() and values.any():
        raise BadValue(
            f"values up to {float(np.abs(values).max()):.3g} vanish below the resolution "
            f"2^-{precision}: multiply them by a public factor first, or ask for more precision"
        )


def quantise(values: np.ndarray, precision: int) -> np.ndarray:
    """The same as an object array of Python ints, which never overflow; exact at any size.

    >>> quantise(np.array([0.3, -2.0]), 4)
    array([5, -32], dtype=object)
    """
    largest = int(np.max(np.abs(values), initial=0))
    if values.dtype != object and precision + largest.bit_length() <= MAX_EXPONENT:
        return _each(int, rounded(values, precision))
    whole = _each(lambda v: round(Fraction(v) * (1 << precision)), values)
    _check_vanished(whole, values, precision)
    return whole


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
        self,
        plaintexts: Sequence[int],
        length: int,
        limit: int,
        modulus: int = 0,
        kept: int = 0,
    ) -> np.ndarray:
        """Numbers (lanes, length); Overflow unless every |number| ≤ limit and all the rest is 0.

        With a ``modulus`` there is a shield: what is above the numbers is random, modulo n, and
        ignored, and so is what is above the lowest bits of a slot, those that are ``kept``. A
        negative number borrows from above, so half of what is kept is added to each first.
        """
        half, cut = 1 << ((kept or self.width) - 1), []
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
