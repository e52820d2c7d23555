"""Layers whose weights are encrypted: which weight is in which slot, and which rotations add up.

A product of slots multiplies every weight of a layer at once; what is left is to sum over the
inputs. Layers alternate (compare Sav et al., POSEIDON, NDSS 2021, "alternating packing"):

* *minor*: the inputs are in the minor index. Slot b·i + t holds weight (i, t mod n) of a vector
  that repeats with period n; rotations 1, 2, … n/2 sum stretches of n slots. A block of b slots is
  longer than n, so that the sum is complete in its first slots, and garbage in the others.
* *major*: the inputs are in the major index. Slot b·i + t holds weight (t, i), zero where the
  layer before left garbage; rotations b, 2b, … sum over the blocks, so that the result repeats.

A minor layer takes what a major one leaves and the other way round, without a mask. The last
layer is major: all that its slots hold is the outputs, repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from .encoding import power_of_two
from .errors import ShapeError


@dataclass(frozen=True, eq=False)
class Folding:
    """One affine map (m, n) on slots, over one or several ciphertexts.

    ``rows``, ``columns``: which weight a slot holds, -1 for zero, shape (groups, terms, slots).
    Group g of the result is Σ_t weights[g, t] · input t, summed by rotations ``folds``. Slot s
    then holds output ``out[g, s]``; where that is -1, a minor layer leaves garbage, a major one
    zero. Of every ``block`` slots after a minor layer, the first ``run`` hold the same output.
    """

    rows: np.ndarray
    columns: np.ndarray
    folds: tuple[int, ...]
    out: np.ndarray
    block: int = 1
    run: int = 1

    @property
    def groups(self) -> int:
        """Ciphertexts of the result."""
        return len(self.rows)

    @property
    def terms(self) -> int:
        """Products that make up one of them."""
        return int(self.rows.shape[1])

    @property
    def summed(self) -> int:
        """Slots that go into one output, those of zero weight included."""
        return int(self.terms * 2 ** len(self.folds))

    def weights(self, matrix: np.ndarray) -> np.ndarray:
        """A matrix (m, n) on slots, shape (groups, terms, slots)."""
        padded = np.pad(matrix, ((0, 1), (0, 1)))  # index -1 then finds a zero
        return np.asarray(padded[self.rows, self.columns])

    def bias(self, vector: np.ndarray) -> np.ndarray:
        """A vector (m,) on slots, shape (groups, slots)."""
        return np.asarray(np.append(vector, 0.0)[self.out])

    def inputs(self, x: np.ndarray) -> np.ndarray:
        """The first layer's plain inputs (…, n) on slots, shape (terms, …, slots)."""
        padded = np.concatenate([x, np.zeros((*x.shape[:-1], 1))], axis=-1)
        return np.moveaxis(padded[..., self.columns[0]], -2, 0)


def alternate(widths: Sequence[int], slots: int) -> list[Folding]:
    """Foldings for a network with these widths, input first; the last is major.

    The outputs repeat with period ``power_of_two(widths[-1])``. ShapeError for a layer too wide.

    >>> [layer.folds for layer in alternate((3, 2, 2, 1), 16)]
    [(2, 4), (1,), (2, 1)]
    """
    layers: list[Folding] = []
    for k, (n, m) in enumerate(pairwise(widths)):
        if (len(widths) - k) % 2 == 0:
            layers.append(_major(layers[-1], n, m, slots) if layers else _first_major(n, m, slots))
        else:
            wanted = power_of_two(widths[k + 2])  # copies of each output, for the next layer
            layers.append((_minor if layers else _first_minor)(n, m, wanted, slots))
    return layers


def _first_major(n: int, m: int, slots: int) -> Folding:
    """On plain inputs, in as many terms as they need: block c of term t has input c·terms + t.

    (Far apart, so that no term of an image is all black margin.)
    """
    period = power_of_two(m)
    _check(period, slots)
    terms = -(-n * period // slots)
    chunks = power_of_two(-(-n // terms))
    block, place = np.divmod(np.arange(slots), period)
    columns = _below(n, block % chunks * terms + np.arange(terms)[:, None])
    rows = np.broadcast_to(_below(m, place), (1, terms, slots))
    folds = doublings(period, period * chunks)
    return Folding(rows, columns[None], folds, _below(m, place)[None])


def _first_minor(n: int, m: int, wanted: int, slots: int) -> Folding:
    """The same with the inputs in the minor index, in chunks of the cheapest length."""
    _check(wanted, slots)

    def cost(chunk: int) -> int:  # a rotation takes some two times as long as a term
        groups = -(-m * power_of_two(chunk + wanted - 1) // slots)
        return groups * (-(-n // chunk) + 2 * chunk.bit_length())

    lengths = doublings(1, 2 * power_of_two(n))
    chunk = min((c for c in lengths if power_of_two(c + wanted - 1) <= slots), key=cost)
    terms, block = -(-n // chunk), power_of_two(chunk + wanted - 1)
    rows = _over_blocks(m, block, slots)
    place = np.arange(slots) % block
    columns = _below(n, place % chunk * terms + np.arange(terms)[:, None])
    return Folding(
        np.repeat(rows[:, None], terms, axis=1),
        np.repeat(columns[None], len(rows), axis=0),
        doublings(1, chunk),
        *_complete(rows, place, block, block - chunk + 1),
    )


def _minor(n: int, m: int, wanted: int, slots: int) -> Folding:
    """On one ciphertext whose values repeat with period pow2(n)."""
    period = power_of_two(n)
    block = power_of_two(period + wanted - 1)
    _check(block, slots)
    rows = _over_blocks(m, block, slots)
    place = np.arange(slots) % block
    columns = np.broadcast_to(_below(n, place % period), rows.shape)
    return Folding(
        rows[:, None],
        columns[:, None],
        doublings(1, period),
        *_complete(rows, place, block, block - period + 1),
    )


def _major(before: Folding, n: int, m: int, slots: int) -> Folding:
    """On what a minor layer left, as many copies of each output as its blocks have room for."""
    period, block = power_of_two(m), before.block
    copies = period << (before.run // period).bit_length() - 1
    slot = np.arange(slots)
    rows = np.where(slot % block < copies, _below(m, slot % period), -1)
    over_blocks = doublings(block, block * min(slots // block, power_of_two(n)))
    return Folding(
        np.broadcast_to(rows, (1, *before.out.shape)),
        before.out[None],
        over_blocks + doublings(copies, block),
        _below(m, slot % period)[None],
    )


def _over_blocks(m: int, block: int, slots: int) -> np.ndarray:
    """The row of each slot when every block of slots has one, shape (groups, slots).

    Fewer rows than blocks repeat, so that a later sum over blocks is cyclic.
    """
    per = slots // block
    rows = np.arange(slots) // block % min(per, power_of_two(m))
    return _below(m, rows + per * np.arange(-(-m // per))[:, None])


def _complete(
    rows: np.ndarray, place: np.ndarray, block: int, run: int
) -> tuple[np.ndarray, int, int]:
    """``out``, ``block``, ``run`` of a minor layer: only the first sums of a block are whole."""
    return np.where(place < run, rows, -1), block, run


def _below(count: int, index: np.ndarray) -> np.ndarray:
    return np.where(index < count, index, -1)


def doublings(first: int, end: int) -> tuple[int, ...]:
    """first, 2·first, 4·first … below end, which is first times a power of two."""
    return tuple(first << i for i in range((end // first).bit_length() - 1))


def _check(needed: int, slots: int) -> None:
    if needed > slots:
        raise ShapeError(
            f"a layer takes {needed} slots and there are {slots}: make the layers narrower, or "
            f"use ring={4 * slots}"
        )
