"""Diagonals, baby steps and giant steps, folds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from ..encoding import Layout
from ..engines import Handle, Operations

Make = Callable[[], Sequence[np.ndarray]]


@dataclass(frozen=True, eq=False)
class Diagonals:
    """A matrix made ready for slots: plaintext vectors p(k), such that

        z = Σ_k rotate(x, shifts[k]) · p(k)      then  z ← z + rotate(z, f)  for every f in folds

    leaves the product in the slots as ``out`` says (Halevi and Shoup, CRYPTO 2014, for diagonals
    and for baby-step giant-step). ``make()`` gives one table of diagonals for each of ``inputs``
    ciphertexts, shape (shifts, slots). A shift is a baby step, below ``giant``, and a multiple
    of ``giant``. ``pools`` are folds of the inputs, before anything else.
    """

    shifts: tuple[int, ...]
    giant: int
    folds: tuple[int, ...]
    out: Layout
    make: Make
    inputs: int = 1
    pools: tuple[int, ...] = ()

    @cached_property
    def tables(self) -> Sequence[np.ndarray]:
        """The diagonals, made when they are first asked for."""
        return self.make()

    @cached_property
    def baby_shifts(self) -> tuple[int, ...]:
        """Rotations of each input, ascending."""
        return tuple(sorted({s % self.giant for s in self.shifts}))

    @cached_property
    def giant_shifts(self) -> tuple[int, ...]:
        """Rotations of sums of products, ascending."""
        return tuple(sorted({s - s % self.giant for s in self.shifts}))

    @property
    def babies(self) -> int:
        """How many rotated copies of each input are kept, the input itself included."""
        return len(self.baby_shifts)

    @property
    def baby_steps(self) -> tuple[int, ...]:
        """The walk along the baby shifts: each is made from the one before it."""
        return walk(self.baby_shifts)

    @property
    def giant_steps(self) -> tuple[int, ...]:
        """The walk along the giant shifts, by Horner's scheme backwards."""
        return walk(self.giant_shifts)

    @property
    def rotations(self) -> int:
        """Rotations that applying it takes."""
        copies = self.inputs * (len(self.baby_steps) + len(self.pools))
        return copies + len(self.giant_steps) + len(self.folds)


def walk(shifts: Sequence[int]) -> tuple[int, ...]:
    """Steps from 0 along ascending shifts.

    >>> walk((0, 1, 2, 28)), walk((3, 5))
    ((1, 1, 26), (3, 2))
    """
    return tuple(b - a for a, b in pairwise((0, *shifts)) if b > a)


def cheapest_giant(shifts: Sequence[int], inputs: int, choices: Sequence[int]) -> int:
    """The giant step among the choices that takes the fewest rotations; of equals the first."""
    numbers = np.array(shifts)

    def rotations(giant: int) -> int:
        babies, giants = np.unique(numbers % giant), np.unique(numbers // giant)
        return int(inputs * np.count_nonzero(babies) + np.count_nonzero(giants))

    return min(choices, key=rotations)


Encode = Callable[[np.ndarray], object]


def encode_diagonals(d: Diagonals, encode: Encode) -> list[list[object | None]]:
    """Encode every non-zero diagonal, turned back by the giant step it will be turned by."""
    return [
        [
            encode(np.roll(p, shift - shift % d.giant)) if np.any(p) else None
            for shift, p in zip(d.shifts, table, strict=True)
        ]
        for table in d.tables
    ]


def products(
    e: Operations, xs: Sequence[Handle], d: Diagonals, encoded: list[list[object | None]]
) -> Handle | None:
    """Σ_k rotate(x, shifts[k])·p(k) over all inputs; None when every diagonal is zero."""
    terms: dict[int, list[tuple[int, int, object]]] = {g: [] for g in d.giant_shifts}
    for i, table in enumerate(encoded):
        for shift, plain in zip(d.shifts, table, strict=True):
            if plain is not None:
                terms[shift - shift % d.giant].append((i, shift % d.giant, plain))
    used = [term for group in terms.values() for term in group]
    copies = [
        _babies(e, fold(e, x, d.pools), d, max((b for k, b, _ in used if k == i), default=0))
        for i, x in enumerate(xs)
    ]
    total, at = None, 0
    for giant in reversed(d.giant_shifts):
        total, at = _turned(e, total, at - giant), giant
        for i, baby, plain in terms[giant]:
            product = e.multiply_plain(copies[i][baby], plain)
            total = product if total is None else e.add(total, product)
    return _turned(e, total, at)


def _turned(e: Operations, total: Handle | None, steps: int) -> Handle | None:
    return e.rotate(total, steps) if total is not None and steps else total


def _babies(e: Operations, x: Handle, d: Diagonals, last: int) -> dict[int, Handle]:
    """x rotated by each baby shift up to the last one used, each from the one before it."""
    at, copies = 0, {0: x}
    for shift in d.baby_shifts:
        if at < shift <= last:
            copies[shift] = e.rotate(copies[at], shift - at)
            at = shift
    return copies


def fold(e: Operations, z: Handle, folds: Sequence[int]) -> Handle:
    """z + rotate(z, f) for each f in turn: sums over whole stretches of slots."""
    for f in folds:
        z = e.add(z, e.rotate(z, f))
    return z
