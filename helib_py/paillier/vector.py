"""The Paillier ciphertext: exact fixed-point numbers, added and multiplied by plain ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import floor, ldexp, log2
from typing import Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike

from .. import options, randomness, wire
from ..cipher import Ciphertext, same_key
from ..context import PaillierContext
from ..dispatch import check_axis
from ..encoding import Slots, as_exact, as_numbers, quantise, rounded, within
from ..engines import Handle, Integers
from ..errors import BadValue, NotLinear, ShapeError
from ..params import Paillier
from ..tables import nbytes
from . import label
from .bounds import GUARD_BITS, check_factors, check_room, grown, whole


@dataclass(frozen=True, eq=False, repr=False)
class PaillierVector(Ciphertext):
    """An encrypted vector (length,), or a matrix (rows, length) with its rows side by side.

    Plain factors keep 8 significant bits of the largest among them, divisors of each, or are
    refused. A value is a whole number times 2^-``scale``. ``limit`` is the largest |whole number|
    there may be and ``error`` the largest error of a value; like ``scale`` they follow from
    lengths and from promised bounds, never from data or weights, so that the label leaks nothing.

    ``+ -`` with ciphertexts, arrays and numbers, ``* /`` with plain vectors and numbers, ``W @ x``
    and ``x @ M`` with plain matrices, ``sum``, ``rotate``. Nothing takes a level, and no result is
    ever rounded: each product adds ``factor_precision`` bits to the scale.
    """

    context: PaillierContext
    handle: Handle
    length: int
    scale: int
    limit: int
    error: float
    slots: Slots
    matrix: bool = False
    shield: bool = False  # random above the slots
    original: Handle = None
    tables: Any = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what decrypts."""
        return (self.slots.lanes, self.length) if self.matrix else (self.length,)

    @property
    def bits(self) -> float:
        """Precision: -log2 of the largest error that quantising can have made."""
        return -log2(self.error) if self.error else float("inf")

    @property
    def bound(self) -> float:
        """No |value| is larger."""
        return self.limit / (1 << self.scale)

    @property
    def nbytes(self) -> int:
        """Bytes of the ciphertexts themselves, without their label."""
        plaintexts = -(-self.length // self.slots.per)
        return plaintexts * self.params.ciphertext_bytes

    def __repr__(self) -> str:
        size, held = "×".join(map(str, self.shape)), self.slots.lanes * self.slots.per
        packed = f" · {held} a plaintext" if held > 1 else ""
        secure = f" · {self.params.label}" if self.params.is_secure else ""
        return (
            f"Ciphertext of {size} · Paillier {self.params.bits} · fixed point 2^-{self.scale}"
            f" · ≥{floor(self.bits)} bits{packed} · {nbytes(self.nbytes)}{secure}"
            f"{self.context.warning}"
        )

    def rerandomised(self) -> PaillierVector:
        """The same values under new randomness: nobody can tell what they were computed from."""
        handle = self.e.rerandomise(self.handle)
        return self._with(handle, original=handle)

    def to_bytes(self) -> bytes:
        """What another party gets, the only way out; see ``Ciphertext.to_bytes``."""
        if isinstance(self.handle, bytes):
            return self.handle
        safe = self.rerandomised() if self.is_computed else self
        return wire.pack("ciphertext", label.write(self), self.e.dump(safe.handle))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles hold those bytes only: no key, no context; ``public.load`` revives them."""
        return _unpickled, (self.context.keyless, self.to_bytes())

    def decode(self, opened: list[int]) -> np.ndarray:
        """Values of ``shape``, as float64, or where that would lose digits of whole numbers as
        Python's ints (dtype object); Overflow when one is outside the promised bound.
        """
        modulus, kept = (self.e.modulus, self._kept) if self.shield else (0, 0)
        numbers = self.slots.unpack(opened, self.length, self.limit, modulus, kept).ravel()
        unit = 1 << self.scale
        near = [v / unit for v in numbers]
        exact = [x if v % unit else v // unit for v, x in zip(numbers, near, strict=True)]
        return np.array(near if near == exact else np.array(exact, object)).reshape(self.shape)

    def __add__(self, other: PaillierVector | ArrayLike) -> PaillierVector:
        if isinstance(other, PaillierVector):
            return self._plus_ciphertext(other)
        numbers = as_exact(other)
        x = self._open()._stretched(numbers.shape[-1] if numbers.ndim else 1)
        values = x._spread(numbers)
        bound = max(self.bound, self.params.factor_bound)
        within(values, bound)
        handle = self.e.add_plain(x.handle, self.slots.pack(quantise(values, self.scale)))
        limit = self.limit + whole(bound, self.scale)
        return x._with(handle, limit=limit, error=self.error + ldexp(0.5, -self.scale))

    def _plus_ciphertext(self, other: PaillierVector) -> PaillierVector:
        same_key(self._open(), other._open())
        a, b = self._stretched(other.length), other._stretched(self.length)
        if (a.shape, a.slots) != (b.shape, b.slots):
            raise ShapeError(
                f"{self.shape} in {self.slots} meets {other.shape} in {other.slots}: encrypt and "
                "pack both alike"
            )
        scale = max(a.scale, b.scale)
        a, b = a._at(scale), b._at(scale)
        error, limit = a.error + b.error, a.limit + b.limit
        return a._with(self.e.add(a.handle, b.handle), limit=limit, error=error)

    def __neg__(self) -> PaillierVector:
        ones = [-1] * len(self._open().handle)
        return self._with(self.e.multiply_plain(self.handle, ones))

    def _at(self, scale: int) -> PaillierVector:
        """The same values at a finer fixed point: whole numbers times a power of two."""
        if scale == self.scale:
            return self
        factor = 1 << (scale - self.scale)
        handle = self.e.multiply_plain(self.handle, [factor] * len(self.handle))
        return self._with(handle, scale=scale, limit=self.limit * factor)

    # --- multiplication by plain numbers -------------------------------------------------

    def __mul__(self, other: ArrayLike) -> PaillierVector:
        factors = self._open()._factors(other, "a product")
        x = self._stretched(factors.size) if factors.ndim == 1 else self
        if factors.shape not in ((), (1,), (x.length,)):
            raise ShapeError(f"{factors.shape} meets {self.shape}: one factor for each entry")
        if factors.size > 1:
            x._unpacked()
        each = np.broadcast_to(factors, (len(x.handle),)).tolist()
        return x._product(lambda: self.e.multiply_plain(x.handle, each), terms=1)

    def __matmul__(self, other: ArrayLike) -> PaillierVector:
        """``x @ v`` with a vector (n,) or ``x @ M`` with a matrix (n, m); of a matrix, by rows."""
        factors = self._factors(other, "a product of ciphertexts")
        return self._combine(factors.T)  # of a vector the transpose is itself

    def __rmatmul__(self, weights: ArrayLike) -> PaillierVector:
        """``W @ x`` with a matrix (m, n) or a vector (n,): every result a product of n powers."""
        if self.matrix:
            raise ShapeError(f"the rows of {self.shape} are side by side: write X @ W.T")
        return self._combine(self._factors(weights, "a product of ciphertexts"))

    def _combine(self, factors: np.ndarray) -> PaillierVector:
        self._unpacked()
        rows = np.atleast_2d(factors)
        if rows.ndim != 2 or rows.shape[1] != self.length or not len(rows):
            raise ShapeError(f"matrix {rows.shape} times {self.length} values: shapes must agree")

        def work() -> Handle:
            return self.e.combine(rows, self.handle, self.tables)

        return self._product(work, terms=self.length, length=len(rows))

    def _product(self, work: Callable[[], Handle], terms: int, **changes: Any) -> PaillierVector:
        """A sum of so many products; its limit and error follow from promises, before the work."""
        step, largest = 0.5 / (1 << self.params.factor_precision), self.params.factor_bound
        error = terms * (self.error * (largest + step) + self.bound * step)
        scale = self.scale + self.params.factor_precision
        limit = grown(self.params, self.limit, terms)
        check_room(self.params, self.slots, limit, scale)
        return self._with(work(), scale=scale, limit=limit, error=error, **changes)

    def __truediv__(self, other: ArrayLike) -> PaillierVector:
        """The product with 1/other; BadValue where a divisor keeps too few significant bits."""
        if not isinstance(other, Ciphertext):
            divisors = as_numbers(other)
            check_factors(self.params, 1 / divisors[divisors != 0])
        return super().__truediv__(other)

    def __pow__(self, exponent: object) -> NoReturn:
        self._refuse_product(f"x ** {options.shown(exponent)}")

    # --- moving values -----------------------------------------------------------------

    def sum(self, axis: int | None = None) -> PaillierVector:
        """The sum of all entries, as a vector of one; of a matrix those of rows, ``axis=-1``."""
        check_axis(axis, self.shape)
        self._unpacked()
        ones = np.ones((1, self.length), dtype=np.int64)
        limit, error = self.limit * self.length, self.error * self.length
        handle = self.e.combine(ones, self.handle)
        return self._with(handle, length=1, limit=limit, error=error)

    def mean(self, axis: int | None = None) -> PaillierVector:
        """The mean of all entries, as a vector of one; of a matrix those of rows, ``axis=-1``.

        The power of two below the length, which is public, goes into the scale, so that long
        vectors lose nothing.
        """
        shift = self.length.bit_length() - 1
        near = self.sum(axis) * (2.0**shift / self.length)
        finer = ldexp(near.error, -shift)
        return near._with(near.handle, scale=near.scale + shift, error=finer).promise(self.bound)

    def rotate(self, steps: int) -> PaillierVector:
        """``np.roll(x, -steps)`` of any length: each entry is a ciphertext of its own."""
        self._unpacked()
        steps = options.whole(steps, "steps", error=BadValue) % self.length
        return self._with(self.handle[steps:] + self.handle[:steps])

    def packed(self) -> PaillierVector:
        """Entries side by side in as few plaintexts as they fit: fewer to send and to decrypt.

        What is packed can still be added and multiplied by one number, as far as slots have room.
        """
        if self._open().slots.per > 1:
            return self
        single = self.slots.lanes == 1
        lane = self.limit.bit_length() + 1 + GUARD_BITS if single else self.slots.width
        lane = min(lane, self.params.capacity)
        shift = lane * self.slots.lanes
        per = max(1, min(self.length, self.params.capacity // shift))
        groups = [self.handle[i : i + per] for i in range(0, self.length, per)]
        handle = sum((self.e.pack(group, shift) for group in groups), ())
        return self._with(handle, slots=Slots(lane, self.slots.lanes, per))

    def shielded(self) -> PaillierVector:
        """The same with random bits above each number in a slot, and above all, to be ignored.

        What decrypts then holds as many bits of each slot as its limit and the guard take, and of
        all else one bit at most, whether a sum went round, whatever the encrypted numbers were.
        Done last: a shielded ciphertext is only sent and decrypted.
        """
        if self.shield:
            return self
        above = [self._above(i) for i in range(len(self.handle))]
        return self._with(self.e.add_plain(self.handle, above), shield=True)

    def _above(self, plaintext: int) -> int:
        """Random bits for all that a plaintext has room for but its numbers."""
        width, kept = self.slots.width, self._kept
        used = self.slots.bits_used(plaintext, self.length)
        between = (randomness.bits(width - kept) << (at + kept) for at in range(0, used, width))
        top = 1 + randomness.below(max(1, (self.e.modulus >> used) - 2))
        return sum(between) + (top << used)

    @property
    def _kept(self) -> int:
        """Bits of a slot that a shield leaves: those of a number, and the guard's."""
        return min(self.slots.width, self.limit.bit_length() + 1 + GUARD_BITS)

    def promise(self, bound: float) -> PaillierVector:
        """The same ciphertext with a tighter public bound, which the caller vouches for."""
        within(np.zeros(1), bound)
        limit = whole(bound, self.scale) + whole(self.error, self.scale)
        return self._open()._with(self.handle, limit=min(self.limit, limit))

    def prepared(self, window: int = 0) -> PaillierVector:
        """The same with tables of 2^window powers of each entry, for many products.

        By default at most 256; 10 pays for thousands of products with factors that are mostly
        small. ParameterError for a window that is no whole number from 2 to 16.
        """
        if window := options.whole(window, "window"):
            options.whole(window, "window", 2, 16)  # tables grow as 2^window
        return replace(self, tables=self.e.prepare(self._unpacked().handle, window))

    @property
    def e(self) -> Integers:
        """The evaluator that this ciphertext belongs to."""
        return self.context.e

    @property
    def params(self) -> Paillier:
        """Its parameters."""
        return self.context.params

    def _with(self, handle: Handle, **changes: Any) -> PaillierVector:
        """The outcome of an operation; Overflow if a number may outgrow its slot."""
        changes = {"tables": None, "original": None, **changes}
        out = replace(self, handle=handle, **changes)
        check_room(out.params, out.slots, out.limit, out.scale, out.error)
        return out

    def _stretched(self, length: int) -> PaillierVector:
        """A single column as ``length`` of it, as numpy broadcasts; itself if it has more."""
        if self.length != 1 or length < 2:
            return self
        return self._unpacked()._with(self.handle * length, length=length)

    def _unpacked(self) -> PaillierVector:
        if self._open().slots.per > 1:
            raise ShapeError(
                "packed entries cannot be taken apart: compute first, pack at the end"
            )
        return self

    def _open(self) -> PaillierVector:
        """Itself, to compute with: MissingKey out of a pickle, ShapeError if shielded."""
        if self.e and self.shield:
            raise ShapeError("a shielded result is only decrypted: compute first, shield it last")
        return self

    def _spread(self, numbers: np.ndarray) -> np.ndarray:
        """A plain summand on (rows, length)."""
        if numbers.shape not in ((), (1,), (self.length,), self.shape):
            raise ShapeError(f"{numbers.shape} meets {self.shape} encrypted values: same shape")
        return np.broadcast_to(numbers, (self.slots.lanes, self.length))

    def _factors(self, other: object, what: str) -> np.ndarray:
        """Plain factors as whole multiples of 2^-factor_precision, int64."""
        if isinstance(other, Ciphertext):
            self._refuse_product(what)
        numbers = as_numbers(other)  # type: ignore[arg-type]
        within(numbers, self.params.factor_bound, "factor_bound")
        check_factors(self.params, np.abs(numbers).max(keepdims=True, initial=0.0))
        return rounded(numbers, self.params.factor_precision).astype(np.int64)

    def _refuse_product(self, what: str) -> NoReturn:
        raise NotLinear(
            f"{what} of encrypted values: Paillier adds them and multiplies them by plain "
            "numbers, nothing else. Use he.CKKS (notebook 06), or let the key's owner compute the "
            "nonlinear step and encrypt again (notebook 04)"
        )


def _unpickled(context: PaillierContext, data: bytes) -> PaillierVector:
    header, _ = wire.unpack("ciphertext", data)
    return PaillierVector(context, data, **label.read(header, context))
