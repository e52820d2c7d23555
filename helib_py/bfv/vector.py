"""The BFV ciphertext: immutable, exact, with a noise budget that every product draws on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan, nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import wire
from ..cipher import Ciphertext, broadcast, power, same_length, stretched, untold
from ..context import BFVContext
from ..dispatch import check_axis
from ..encoding import as_numbers, as_whole, power_of_two, repeat
from ..engines import Handle, Modular
from ..errors import BadValue, Overflow, ShapeError
from ..params import BFV, Budget, dependent
from ..tables import nbytes
from . import linear
from .bounds import check_bound, check_budget, promised_noise, whole_bound

#: what a ciphertext's label tells of it
LABEL = {"length": int, "fresh": bool, "limit": int}


@dataclass(frozen=True, eq=False, repr=False)
class BFVVector(Ciphertext):
    """An encrypted vector of ``length`` whole numbers modulo t, read as -t/2 … t/2.

    ``+ - *`` with ciphertexts, whole numbers and arrays of them from either side, ``x ** k``,
    ``W @ x``, ``x @ y``, ``rotate`` and ``sum``. Results are exact: no |value| exceeds ``limit``,
    which is refused before it reaches t/2, and ``noise`` is log2 of what the model predicts for
    the invariant noise, refused before the budget is used up. Both follow from what is public.
    """

    context: BFVContext
    handle: Handle
    length: int
    limit: int
    noise: float
    original: Handle = None
    told: bool = False

    # --- what it shows -----------------------------------------------------------------

    @property
    def budget(self) -> int:
        """Predicted bits of noise budget that are left, at most what a measurement finds.

        0 for what another party computed: its label does not say.
        """
        return 0 if isnan(self.noise) else self.model.left(self.noise)

    @property
    def bound(self) -> float:
        """No |value| is larger: promised in public."""
        return self.limit

    @property
    def nbytes(self) -> int:
        """Bytes of the ciphertext itself, without its label."""
        return self.params.ciphertext_bytes

    def __repr__(self) -> str:
        left = "unknown" if isnan(self.noise) else f"~{self.budget} of {self.params.budget} bits"
        return (
            f"Ciphertext of {self.length} · BFV mod {self.params.modulus} · budget {left}"
            f" · {nbytes(self.nbytes)}{self.context.warning}"
        )

    # --- bytes -------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """What another party gets, the only way out; see ``Ciphertext.to_bytes``."""
        if isinstance(self.handle, bytes):
            return self.handle
        known = not (self.is_computed or isnan(self.noise))
        limit = self.limit if known else self.params.modulus // 2
        header = {**self.context.stamp(), "length": self.length, "fresh": known, "limit": limit}
        safe = self.e.rerandomise(self.handle) if self.is_computed else self.handle
        return wire.pack("ciphertext", header, self.e.dump(safe))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles hold those bytes only: no key, no context; ``public.load`` revives them."""
        return _unpickled, (self.context.keyless, self.to_bytes())

    def decode(self, opened: np.ndarray) -> np.ndarray:
        """The values, int64 of shape (length,), from all slots."""
        values = opened[: self.length].copy()
        if np.any(np.abs(values) > self.limit):
            raise Overflow(
                f"a decrypted number is outside the promised ±{self.limit}: whoever encrypted or "
                "computed it broke the bound; ask them for it again"
            )
        return values

    def cover(self, statistical_bits: float, answers: int, error: float | None) -> None:
        """Nothing: a decryption is exact, as long as the budget is known to be enough for it."""
        if self.told or isnan(self.noise):
            raise untold("noise", "promise(bound, budget=bits)")

    # --- addition ----------------------------------------------------------------------

    def __add__(self, other: BFVVector | ArrayLike) -> BFVVector:
        if isinstance(other, BFVVector):
            a, b = broadcast(self, other)
            return replace(a._sum(b), handle=self.e.add(a.handle, b.handle))
        x, values, bound = self._operand(other)
        noise = dependent(x.noise, self.model.shift)
        out = x.after("a sum", noise, x.limit + bound)
        return replace(out, handle=self.e.add_plain(x.handle, self.e.encode(values)))

    def __neg__(self) -> BFVVector:
        return replace(self, handle=self.e.negate(self.handle))

    def __sub__(self, other: BFVVector | ArrayLike) -> BFVVector:
        if not isinstance(other, BFVVector):
            return super().__sub__(other)
        a, b = broadcast(self, other)
        return replace(a._sum(b), handle=self.e.subtract(a.handle, b.handle))

    def _sum(self, other: BFVVector) -> BFVVector:
        noise = dependent(self.noise, other.noise)
        return self.after("a sum", noise, self.limit + other.limit)

    # --- multiplication ----------------------------------------------------------------

    def __mul__(self, other: BFVVector | ArrayLike) -> BFVVector:
        """A ciphertext takes some log2(t·N) bits of budget, an array some less, k log2(k)."""
        if isinstance(other, BFVVector):
            return self._times_ciphertext(other)
        x, values, bound = self._operand(other, zeros=False)
        if np.ndim(other) == 0 or np.ptp(values) == 0:
            product = x._times_whole(bound)
            return -product if values[0] < 0 else product
        noise = self.model.plain_product(self.noise, power_of_two(x.length))
        out = x.after("a product with a plaintext", noise, self.limit * bound)
        return replace(out, handle=self.e.multiply_plain(self.handle, self.e.encode(values)))

    def _times_whole(self, factor: int) -> BFVVector:
        """A factor that is in every slot is a constant polynomial; SEAL takes -1 for t - 1."""
        noise = self.model.scaled(self.noise, factor)
        out = self.after("a product with a number", noise, self.limit * factor)
        plain = self.e.encode(np.full(self.params.slots, factor))
        return replace(out, handle=self.e.multiply_plain(self.handle, plain))

    def _times_ciphertext(self, other: BFVVector) -> BFVVector:
        a, b = broadcast(self, other, zeros=False)
        noise = self.model.product(a.noise, b.noise)
        out = a.after("a product of ciphertexts", noise, a.limit * b.limit)
        same = a.handle is b.handle
        product = self.e.square(a.handle) if same else self.e.multiply(a.handle, b.handle)
        return replace(out, handle=self.e.relinearise(product))

    def __pow__(self, exponent: int) -> BFVVector:
        """⌈log2(exponent)⌉ products in a row; each power that is used is computed once."""
        return power(self, exponent)

    def __truediv__(self, other: ArrayLike) -> BFVVector:
        if isinstance(other, Ciphertext):
            return super().__truediv__(other)
        raise BadValue(
            "whole numbers modulo t are not divided: decrypt first and divide, or use he.CKKS"
        )

    # --- moving values -----------------------------------------------------------------

    def __matmul__(self, other: BFVVector | ArrayLike) -> BFVVector:
        """Dot product with a vector (n,), or ``x @ M`` with a matrix (n, m)."""
        if isinstance(other, BFVVector):
            same_length(self, other)
            return (self * other).sum()
        weights = as_numbers(other)
        return self.__rmatmul__(weights.T)  # of a vector the transpose is itself

    def __rmatmul__(self, weights: ArrayLike) -> BFVVector:
        """``W @ x`` with a matrix (m, n) or a vector (n,): ~2√min(m, n) rotations."""
        return linear.matrix_product(weights, self)

    def rotate(self, steps: int) -> BFVVector:
        """``np.roll(x, -steps)``: takes a few bits, needs rotation keys.

        ShapeError unless the length is a power of two; MissingKey names the key to make.
        """
        return linear.rotate(self, steps)

    def sum(self, axis: int | None = None) -> BFVVector:
        """The sum of all values, as an encrypted vector of one; log2(length) rotations."""
        check_axis(axis, self.shape)
        return linear.total(self)

    def promise(self, bound: float, budget: int | None = None) -> BFVVector:
        """The same ciphertext with a tighter public bound, which the caller vouches for.

        And for the ``budget`` in bits that is left in it, where another party computed it.
        ParameterError for more than the modulus has.
        """
        limit = min(self.limit, whole_bound(bound))
        if budget is None:
            return replace(self, limit=limit)
        noise = promised_noise(self.params, self.noise, budget)
        return replace(self, limit=limit, noise=noise, told=False)

    # --- for the package's own use -----------------------------------------------------

    @property
    def e(self) -> Modular:
        """The evaluator that this ciphertext belongs to."""
        return self.context.e

    @property
    def params(self) -> BFV:
        """Its parameters."""
        return self.context.params

    @property
    def model(self) -> Budget:
        """What the operations take of the budget."""
        return self.context.params.model

    def after(self, what: str, noise: float, limit: int, length: int = 0) -> BFVVector:
        """The label of a result, its handle still to come; refused when it may come out wrong."""
        check_bound(self.params, limit)
        check_budget(self.params, what, self.noise, noise)
        return replace(self, length=length or self.length, limit=limit, noise=noise)

    def _operand(self, other: ArrayLike, zeros: bool = True) -> tuple[BFVVector, np.ndarray, int]:
        """Itself, a plaintext operand on the slots, padded with zeros, and how large that is.

        A single value is repeated for a longer operand, as numpy does; see ``stretched``.
        """
        numbers = as_whole(other)
        x = stretched(self, numbers.size, zeros) if numbers.ndim == 1 else self
        if numbers.shape not in ((), (1,), (x.length,)):
            raise ShapeError(f"{numbers.shape} meets {self.length} encrypted values: same length")
        bound = int(np.abs(numbers).max())
        check_bound(self.params, bound)
        return x, repeat(np.broadcast_to(numbers, (x.length,)), self.params.slots), bound


def labelled(context: BFVContext, fields: Sequence[Any], handle: Handle) -> BFVVector:
    """A ciphertext as its label describes it; ValueError for a label that contradicts itself.

    A limit is believed of what its sender encrypted; of what was computed nothing is known.
    """
    length, fresh, limit = fields
    params = context.params
    if not (0 < length <= params.slots and 0 <= limit <= params.modulus // 2):
        raise ValueError("more values, or larger ones, than there is room for")
    noise = params.model.fresh if fresh else nan
    limit = limit if fresh else params.modulus // 2
    return BFVVector(context, handle, length, limit, noise, told=True)


def _unpickled(context: BFVContext, data: bytes) -> BFVVector:
    header, _ = wire.unpack("ciphertext", data)
    return labelled(context, wire.typed(header, LABEL), data)
