"""The CKKS ciphertext: immutable, at an exact scale, on an automatic level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan, log2, nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import noise, wire
from ..cipher import Ciphertext, broadcast, power, same_length, stretched, untold
from ..context import Context
from ..dispatch import check_axis
from ..encoding import as_numbers, power_of_two, repeat, within
from ..engines import Evaluator, Handle
from ..errors import OutOfLevels, ShapeError
from ..flooding import Flood
from ..noise import Estimate
from ..options import whole
from ..tables import nbytes
from . import linear


@dataclass(frozen=True, eq=False, repr=False)
class CKKSVector(Ciphertext):
    """An encrypted vector of ``length`` numbers.

    ``+ - *`` with ciphertexts, arrays and numbers from either side, ``W @ x``, ``x @ y``,
    ``x ** 2``, ``rotate`` and ``sum``. Each multiplication by a ciphertext, an array or a
    float takes one level; by an integer, and every addition, none.
    """

    context: Context
    handle: Handle
    level: int
    scale: float
    length: int
    estimate: Estimate
    stride: int = 1
    period: int = 0
    original: Handle = None
    told: bool = False

    # --- what it shows -----------------------------------------------------------------

    @property
    def bits(self) -> float:
        """Predicted precision: -log2 of the largest error to expect.

        NaN for what another party computed: its label does not say.
        """
        return self.estimate.bits(self.length)

    @property
    def bound(self) -> float:
        """No |value| is larger: promised in public."""
        return self.estimate.bound

    @property
    def nbytes(self) -> int:
        """Bytes of the ciphertext itself, without its label."""
        return self.context.params.ciphertext_bytes(self.level)

    def __repr__(self) -> str:
        precision = "bits unknown" if isnan(self.bits) else f"~{self.bits:.0f} bits"
        return (
            f"Ciphertext of {self.length} · level {self.level}/{self.context.params.depth}"
            f" · {precision} · {nbytes(self.nbytes)}{self.context.warning}"
        )

    # --- bytes -------------------------------------------------------------------------

    def to_bytes(self) -> bytes:
        """What another party gets, the only way out; see ``Ciphertext.to_bytes``."""
        if isinstance(self.handle, bytes):
            return self.handle
        known = not (self.is_computed or self.period or isnan(self.estimate.std))
        room = noise.room(self.context.params, self.level, self.scale)
        header = {
            **self.context.stamp(),
            "level": self.level,
            "scale": self.scale,
            "length": self.length,
            "stride": self.stride,
            "period": self.period,
            "fresh": known,
            "bound": self.estimate.bound if known else room,
        }
        safe = self.e.rerandomise(self.handle) if self.is_computed else self.handle
        return wire.pack("ciphertext", header, self.e.dump(safe))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles hold those bytes only: no key, no context; ``public.load`` revives them."""
        return _unpickled, (self.context.keyless, self.to_bytes())

    def decode(self, opened: np.ndarray) -> np.ndarray:
        """The values, shape (length,), from all slots; the mean over copies where there is noise.

        That is all slots of a flooded result, but for what repeats with its ``period``.
        """
        if self.period:
            opened = opened.reshape(-1, self.period).mean(axis=0)
        return opened[:: self.stride][: self.length]

    def cover(self, statistical_bits: float, answers: int, error: float | None) -> Flood:
        """Hides the errors of the 2·period coefficients that are read; see ``Ciphertext``."""
        if error is None and (self.told or isnan(self.estimate.std)):
            raise untold("error", "error=")
        std = self.estimate.std if error is None else error / noise.largest(self.length)
        period = self.period or self.stride * power_of_two(self.length)
        return Flood(statistical_bits, answers, std, self.scale, period)

    def covered(self, opened: np.ndarray, flood: Flood) -> np.ndarray:
        """The values, each the mean of its copies, under the noise of a flood."""
        values = replace(self, period=flood.period).decode(opened)
        return np.asarray(values + flood.slots()[:: self.stride][: self.length])

    # --- addition ----------------------------------------------------------------------

    def __add__(self, other: CKKSVector | ArrayLike) -> CKKSVector:
        if isinstance(other, CKKSVector):
            a, b = _aligned(self, other)
            handle = a.e.add(a.handle, b.handle)
            return a.with_handle(handle, estimate=a.estimate.plus(b.estimate))
        x, values, bound = self._operand(other)
        error = noise.encoding_std(x.context.params, x.scale)
        estimate = x.estimate.plus(Estimate(bound, 0.0)).with_error(error)
        noise.check_room(x.context.params, x.level, x.scale, estimate.bound)
        plain = x.e.encode(values, x.level, x.scale)
        return x.with_handle(x.e.add_plain(x.handle, plain), estimate=estimate)

    def __neg__(self) -> CKKSVector:
        return self.with_handle(self.e.negate(self.usable().handle))

    def __sub__(self, other: CKKSVector | ArrayLike) -> CKKSVector:
        if not isinstance(other, CKKSVector):
            return super().__sub__(other)
        a, b = _aligned(self, other)
        handle = a.e.subtract(a.handle, b.handle)
        return a.with_handle(handle, estimate=a.estimate.plus(b.estimate))

    # --- multiplication ----------------------------------------------------------------

    def __mul__(self, other: CKKSVector | ArrayLike) -> CKKSVector:
        """One level, but none for an integer, ``2`` and not ``2.0``; the scale stays exact.

        It is the kind of the number that counts, not its value: nobody can tell from the levels
        of a result whether a factor that is kept secret happened to be whole.
        """
        if isinstance(other, CKKSVector):
            return self._times_ciphertext(other)
        x, values, bound = self._operand(other, zeros=False)
        params = self.context.params
        if np.ndim(other) == 0 and np.asarray(other).dtype.kind in "iu":
            return self._times_whole(float(values[0]))
        self.need_level("a product with a plaintext")
        weight = Estimate(bound, noise.encoding_std(params, self.scale))
        estimate = self.estimate.times(weight)
        noise.check_room(params, self.level, self.scale * self.scale, max(bound, estimate.bound))
        plain = self.e.encode(values, self.level, self.scale)
        return x.rescaled(self.e.multiply_plain(self.handle, plain), estimate, self.scale)

    def _times_whole(self, factor: float) -> CKKSVector:
        params, size = self.context.params, abs(factor)
        fresh = noise.fresh_std(params, self.scale)  # 0·x is a fresh encryption of 0
        estimate = Estimate(self.estimate.bound * size, max(self.estimate.std * size, fresh))
        noise.check_room(params, self.level, self.scale, estimate.bound)
        constant = self.e.encode(np.full(params.slots, factor), self.level, 1.0)
        return self.with_handle(self.e.multiply_plain(self.handle, constant), estimate=estimate)

    def _times_ciphertext(self, other: CKKSVector) -> CKKSVector:
        a, b = _aligned(self, other, zeros=False)
        a.need_level("a product of ciphertexts")
        e, params = a.e, a.context.params
        # Relinearising before rescaling keeps ~6 bits that rounding three parts would cost.
        product = e.square(a.handle) if a is b else e.multiply(a.handle, b.handle)
        error = noise.key_switching_std(params, a.level, a.scale * a.scale)
        estimate = a.estimate.times(b.estimate).with_error(error)
        return a.rescaled(e.relinearise(product), estimate, a.scale)

    def __pow__(self, exponent: int) -> CKKSVector:
        """⌈log2(exponent)⌉ levels; each power that is used is computed once."""
        return power(self, exponent)

    # --- moving values -----------------------------------------------------------------

    def __matmul__(self, other: CKKSVector | ArrayLike) -> CKKSVector:
        """Dot product with a vector (n,), or ``x @ M`` with a matrix (n, m): one level."""
        if isinstance(other, CKKSVector):
            same_length(self, other)
            return (self * other).sum()
        weights = as_numbers(other)
        return self.__rmatmul__(weights.T)  # of a vector the transpose is itself

    def __rmatmul__(self, weights: ArrayLike) -> CKKSVector:
        """``W @ x`` with a matrix (m, n) or a vector (n,): one level, ~2√min(m, n) rotations."""
        return linear.matrix_product(weights, self.usable())

    def combine(self, terms: Sequence[CKKSVector], factors: ArrayLike) -> CKKSVector:
        """Σ factor·term of ciphertexts at any levels: one level below the lowest."""
        return linear.combination(terms, factors)

    def rotate(self, steps: int) -> CKKSVector:
        """``np.roll(x, -steps)``: takes no level, needs rotation keys.

        ShapeError unless the length is a power of two; MissingKey names the key to make.
        """
        return linear.rotate(self.usable(), steps)

    def sum(self, axis: int | None = None) -> CKKSVector:
        """The sum of all values, as an encrypted vector of one; log2(length) rotations."""
        check_axis(axis, self.shape)
        return linear.total(self.usable())

    # --- levels and bounds -------------------------------------------------------------

    def lower(self, level: int) -> CKKSVector:
        """The same values at a lower level, at that level's canonical scale.

        The last step multiplies by 1 encoded at the scale that lands there exactly.
        """
        if not 0 <= (level := whole(level, "level", error=OutOfLevels)) <= self.level:
            raise OutOfLevels(f"level {level} asked, {self.level} left: levels only go down")
        target = self.context.params.scales[level]
        if level == self.level or self.scale == target:
            return self.with_handle(self.e.lower(self.handle, level), level=level)
        ones = target * self.context.params.primes[level + 1] / self.scale
        near = self.e.lower(self.handle, level + 1)
        plain = self.e.encode(np.ones(self.context.params.slots), level + 1, ones)
        product = self.e.multiply_plain(near, plain)
        return self.with_handle(near, level=level + 1).rescaled(product, self.estimate, ones)

    def promise(self, bound: float) -> CKKSVector:
        """The same ciphertext with a tighter public bound, which the caller vouches for."""
        within(np.zeros(1), bound)
        tighter = min(float(bound), self.estimate.bound)
        return replace(self, estimate=replace(self.estimate, bound=tighter))

    # --- for the package's own use -----------------------------------------------------

    @property
    def e(self) -> Evaluator:
        """The evaluator that this ciphertext belongs to."""
        return self.context.e

    def with_handle(self, handle: Handle, **changes: Any) -> CKKSVector:
        """The outcome of an operation; Overflow if its values may outgrow the modulus."""
        out = replace(self, handle=handle, **changes)
        noise.check_room(out.context.params, out.level, out.scale, out.estimate.bound)
        return out

    def rescaled(self, product: Handle, estimate: Estimate, factor: float) -> CKKSVector:
        """Divide a product at scale ``self.scale·factor`` by the level's prime."""
        params = self.context.params
        scale = self.scale * factor / params.primes[self.level]
        estimate = estimate.with_error(noise.rescaling_std(params, scale))
        handle = self.e.rescale(product)
        return self.with_handle(handle, level=self.level - 1, scale=scale, estimate=estimate)

    def need_level(self, what: str) -> None:
        """OutOfLevels unless one is left."""
        if self.level == 0:
            depth = self.context.params.depth
            raise OutOfLevels(
                f"{what} needs 1 level, 0 of {depth} left: raise depth to ≥{depth + 1}, use a "
                "shallower formula, or let the key holder refresh the ciphertext"
            )

    def usable(self) -> CKKSVector:
        """Itself, to compute with; ShapeError for the result of a plan."""
        if self.stride != 1:
            raise ShapeError("the result of a plan is not computed on further: decrypt it")
        return self

    def _operand(
        self, other: ArrayLike, zeros: bool = True
    ) -> tuple[CKKSVector, np.ndarray, float]:
        """Itself, a plaintext operand on the slots, padded with zeros, and how large that is.

        A single value is repeated for a longer operand, as numpy does; see ``stretched``.
        """
        numbers = as_numbers(other)
        x = stretched(self.usable(), numbers.size, zeros) if numbers.ndim == 1 else self.usable()
        if numbers.shape not in ((), (1,), (x.length,)):
            raise ShapeError(f"{numbers.shape} meets {self.length} encrypted values: same length")
        vector = np.broadcast_to(numbers, (x.length,))
        return x, repeat(vector, x.context.params.slots), float(np.abs(numbers).max())


#: What a ciphertext's label says, but for whose it is.
LABEL = {
    "level": int, "scale": float, "length": int, "stride": int, "period": int, "fresh": bool,
    "bound": float,
}  # fmt: skip


def labelled(context: Context, fields: Sequence[Any], handle: Handle) -> CKKSVector:
    """A ciphertext as its label describes it; ValueError for a label that contradicts itself.

    A bound is believed of what its sender encrypted; of what was computed nothing is known. No
    label is enough to publish a decryption: whoever wants the key writes what pleases.
    """
    level, scale, length, stride, period, fresh, bound = fields
    params = context.params
    if not (0 <= level <= params.depth and min(length, stride) > 0 and scale >= 1):
        raise ValueError("a level, a length or a scale that cannot be")
    if params.slots % stride or (period and (period < length * stride or params.slots % period)):
        raise ValueError("a stride or a period that its values do not fit")
    if not log2(scale) < params.log_q(level):
        raise ValueError("a scale beyond its modulus")
    room = noise.room(params, level, scale)
    if length * stride > params.slots or not 0 < bound <= room:
        raise ValueError("more values, or larger ones, than there is room for")
    std = noise.fresh_std(params, scale) if fresh else nan
    estimate = Estimate(bound if fresh else room, std)
    return CKKSVector(context, handle, level, scale, length, estimate, stride, period, told=True)


def _unpickled(context: Context, data: bytes) -> CKKSVector:
    header, _ = wire.unpack("ciphertext", data)
    return labelled(context, wire.typed(header, LABEL), data)


def _aligned(a: CKKSVector, b: CKKSVector, zeros: bool = True) -> tuple[CKKSVector, CKKSVector]:
    """Both at the lower of the two levels; WrongKey and ShapeError where they cannot meet."""
    a, b = broadcast(a.usable(), b.usable(), zeros)
    level = min(a.level, b.level)
    if a is b:
        return a, a
    return a.lower(level), b.lower(level)
