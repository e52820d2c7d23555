"""From packed layers to a program: which operation when, at which level and scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from . import packing
from .cost import milliseconds
from .packing import Diagonals
from .params import CKKS
from .program import Program, Recorder


@dataclass(frozen=True, eq=False)
class Affine:
    """x → weights @ x + bias, shapes (m, n) and (m,). A network alternates these with squares."""

    name: str
    weights: np.ndarray
    bias: np.ndarray


@dataclass(frozen=True)
class Chain:
    """How levels are spent; ``input_bits`` and ``weight_bits``, one a layer, are log2 of scales.

    ``lazy``: one prime a square; matrix products are not rescaled, so weights get only the bits
    that fit beside the input's. Otherwise every matrix product and every square has its own
    prime, and weights are encoded at the whole of it, which leaves the scale as it was.

    ``relinearise_late``: squares are relinearised after rescaling, one prime cheaper; rounding
    their three parts then costs some six bits of precision there.
    """

    ring: int
    lazy: bool
    prime_bits: tuple[int, ...]
    special_bits: int
    input_bits: float = 0.0
    weight_bits: tuple[float, ...] = ()
    relinearise_late: bool = False

    def params(self, security: int, rotations: tuple[int, ...] = ()) -> CKKS:
        """The parameter set of this chain."""
        return CKKS(
            ring=self.ring,
            prime_bits=self.prime_bits,
            special_bits=self.special_bits,
            scale_bits=self.input_bits,
            security=security,
            rotations=rotations,
        )


@dataclass(frozen=True, eq=False)
class Packed:
    """A network on slots: the affine maps, their diagonals, and the input's gather table.

    ``gather`` has shape (ciphertexts, slots); see ``plan.Interface``.
    """

    affines: Sequence[Affine]
    layers: Sequence[Diagonals]
    gather: np.ndarray


class Compiler:
    """Writes a packed network down for one chain. ``ends[i]``: register after layer i."""

    def __init__(self, packed: Packed, chain: Chain, primes: Sequence[int]) -> None:
        self._primes, self._chain = primes, chain
        self._level, self._scale = len(primes) - 1, 2.0**chain.input_bits
        self._recorder = Recorder(len(packed.gather))
        self.ends: list[int] = []
        registers = self._recorder.inputs
        last = len(packed.layers) - 1
        for i, (affine, diagonals) in enumerate(zip(packed.affines, packed.layers, strict=True)):
            z = self._linear(registers, affine, diagonals, self._weight_scale(i))
            registers = [z if i == last else self._square(z)]
            self.ends.append(registers[0])

    @cached_property
    def program(self) -> Program:
        """All of it."""
        return self._recorder.program(self.ends[-1])

    def _weight_scale(self, layer: int) -> float:
        if self._chain.lazy:
            return float(2.0 ** self._chain.weight_bits[layer])
        return float(self._primes[self._level])

    def _linear(self, xs: Sequence[int], affine: Affine, d: Diagonals, weight_scale: float) -> int:
        r = self._recorder
        encoded = packing.encode_diagonals(d, lambda p: r.encode(p, self._level, weight_scale))
        z = packing.products(r, xs, d, encoded)
        if z is None:  # an all-zero matrix still has to land on the right scale
            zeros = np.zeros_like(d.tables[0][0])
            z = r.multiply_plain(xs[0], r.encode(zeros, self._level, weight_scale))
        self._scale *= weight_scale
        if not self._chain.lazy:
            z = self._rescale(z)  # before the folds: rotations are cheaper one level down
        z = packing.fold(r, z, d.folds)
        if not np.any(affine.bias):
            return int(z)
        bias = d.out.spread(affine.bias, len(d.tables[0][0]))
        return int(r.add_plain(z, r.encode(bias, self._level, self._scale)))

    def _square(self, z: int) -> int:
        self._scale **= 2
        squared = self._recorder.square(z)
        if self._chain.relinearise_late:
            return int(self._recorder.relinearise(self._rescale(squared)))
        return self._rescale(self._recorder.relinearise(squared))

    def _rescale(self, z: int) -> int:
        self._scale /= self._primes[self._level]
        self._level -= 1
        return int(self._recorder.rescale(z))


def operation_costs(program: Program, params: CKKS, scale: float) -> dict[int, float]:
    """Predicted milliseconds of the operation that fills each register."""
    traced = program.trace(params.primes, scale)
    return {op.out: milliseconds(op.name, params, traced[op.a][0]) for op in program.ops}
