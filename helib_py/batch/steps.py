"""A network for batches as data: whole-number weights, and what follows them on ciphertexts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log2
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from ..network import Affine, as_sparse

OPERATIONS = ("square", "rescale", "relinearise")
MOST_PARTS = 5  #: of a ciphertext: a key relinearises three, and a square of three has five


class Place(NamedTuple):
    """Where ciphertexts are: their level, their exact scale and how many parts they have."""

    level: int
    scale: float
    parts: int = 2

    def after(self, operation: str, primes: Sequence[int]) -> Place:
        """Where "square", "rescale" or "relinearise" leads; a square of p parts has 2p - 1."""
        if operation == "square":
            return Place(self.level, self.scale * self.scale, 2 * self.parts - 1)
        if operation == "rescale":
            return Place(self.level - 1, self.scale / primes[self.level], self.parts)
        return Place(self.level, self.scale, 2)


@dataclass(frozen=True, eq=False)
class Step:
    """An affine map and what is done ``then`` to each of its outputs.

    ``weights`` (m, n), sparse, are whole numbers that stand for weights / 2^weight_bits: a number
    that is the same in all slots is a constant polynomial, so encoding it adds no noise but this
    rounding. ``bias``: (m,). Products by whole numbers neither need relinearised inputs nor take
    a level.
    """

    name: str
    weights: csr_array
    weight_bits: int
    bias: np.ndarray
    then: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", as_sparse(self.weights, np.int64))

    @classmethod
    def of(cls, affine: Affine, weight_bits: int, then: tuple[str, ...]) -> Step:
        """The nearest whole-number weights."""
        whole = affine.weights.copy()
        whole.data = np.rint(np.ldexp(whole.data, weight_bits))
        return cls(affine.name, whole, weight_bits, affine.bias, then)

    @cached_property
    def reach(self) -> int:
        """By how much a sum of products may exceed the largest input, either side of zero."""
        return reach(self.weights)

    @property
    def outputs(self) -> int:
        """Sums that it makes."""
        return len(self.bias)

    @cached_property
    def matrix(self) -> csr_array:
        """The numbers that the weights stand for."""
        found = csr_array(self.weights, dtype=np.float64)
        found.data = np.ldexp(found.data, -self.weight_bits)
        return found

    def linear(self, x: np.ndarray) -> np.ndarray:
        """In the clear, (count, n) → (count, m)."""
        return np.asarray((self.matrix @ x.T).T + self.bias)

    def after_linear(self, place: Place) -> Place:
        """Products by whole numbers change the scale only."""
        return Place(place.level, place.scale * 2.0**self.weight_bits, place.parts)


def reach(weights: csr_array) -> int:
    """The largest sum of a row's positive, or of its negative, whole-number weights.

    >>> reach(csr_array(np.array([[3, -1], [-2, -2]])))
    4
    """
    numbers = csr_array(weights, dtype=float)  # whose sums do not wrap around
    sides = (numbers.maximum(0), (-numbers).maximum(0))
    return max((int(side.sum(axis=1).max(initial=0)) for side in sides), default=0)


class Passage(NamedTuple):
    """The places a step leads through: of its inputs, its sums, and its outputs."""

    source: Place
    sums: Place
    out: Place


def passages(steps: Sequence[Step], primes: Sequence[int], scale: float) -> list[Passage]:
    """Every step's places, for inputs at the top level with one scale."""
    found = []
    place = Place(len(primes) - 1, scale)
    for step in steps:
        source, sums = place, step.after_linear(place)
        place = sums
        for operation in step.then:
            place = place.after(operation, primes)
        found.append(Passage(source, sums, place))
    return found


_PRIME = (1 << 20) - 3  #: sums of 2^22 products of two numbers below it fit 64 bits


def cancelled(steps: Sequence[Step], through: Sequence[Passage]) -> list[np.ndarray]:
    """For every step, the numbers of its sums that are the same whatever the inputs are.

    Weights of zero, or rows that cancel out: a ciphertext with nothing but a constant in it, to
    which the server adds an encryption of zero. They are those that random inputs do not change,
    modulo a prime; of others, one in a million is taken for such.
    """
    random, found = np.random.default_rng(0), list[np.ndarray]()
    x = random.integers(_PRIME, size=(steps[0].weights.shape[1], 2))
    for step, passage in zip(steps, through, strict=True):
        weights, bias = step.weights.copy(), np.rint(step.bias * passage.sums.scale)
        weights.data %= _PRIME
        x = (weights @ x + np.mod(bias, _PRIME)[:, None].astype(np.int64)) % _PRIME
        alike = np.flatnonzero(x[:, 0] == x[:, 1])
        x[alike] = random.integers(_PRIME, size=(len(alike), 2))
        x = x * x % _PRIME if "square" in step.then else x
        found.append(alike)
    return found


def check(steps: Sequence[Step], inputs: int, primes: Sequence[int]) -> None:
    """ValueError unless the steps can follow one another on so many inputs and primes."""
    for step in steps:
        outputs, taken = step.weights.shape
        if taken != inputs or step.bias.shape != (outputs,) or not outputs:
            raise ValueError(f"{step.name}: {step.weights.shape} on {inputs} inputs")
        if not set(step.then) <= set(OPERATIONS):
            raise ValueError(f"{step.name}: {step.then}")
        if not np.isfinite(step.bias).all():
            raise ValueError(f"{step.name}: a bias that is no number")
        inputs = outputs
    rescaled = sum(step.then.count("rescale") for step in steps)
    if not steps or rescaled >= len(primes):
        raise ValueError(f"{len(steps)} steps, {rescaled} rescalings, {len(primes)} primes")
    places = [place for passage in passages(steps, primes, 1.0) for place in passage]
    if places[-1].parts != 2 or any(place.parts > MOST_PARTS for place in places):
        raise ValueError("its results, or what they are computed from, have too many parts")


def rooms(
    steps: Sequence[Step], primes: Sequence[int], scale_bits: float, peaks: Sequence[float]
) -> Iterator[tuple[float, int]]:
    """Bits of modulus above every step's largest sum, and above its square.

    With each, how many of them one bit more for the input's scale would take. ``peaks``: the
    largest |sum| of every step.
    """
    modulus = np.cumsum(np.log2(np.array(primes, dtype=float)))
    bits, each, level = scale_bits, 1, len(primes) - 1
    for step, peak in zip(steps, peaks, strict=True):
        bits, high = bits + step.weight_bits, log2(max(peak, 1.0))
        yield float(modulus[level] - 1 - bits - high), each
        for operation in step.then:
            if operation == "rescale":
                bits, level = bits - log2(primes[level]), level - 1
            elif operation == "square":
                bits, each = 2 * bits, 2 * each
                yield float(modulus[level] - 1 - bits - 2 * high), each
