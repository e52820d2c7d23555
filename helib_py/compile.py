"""From packed layers to a program: which operation when, at which level and scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

import numpy as np

from . import packing
from .ckks import CKKSVector
from .context import Context
from .cost import milliseconds
from .errors import ParameterError
from .network import Affine, levels_of
from .noise import Estimate
from .options import tidy
from .packing import Diagonals
from .params import CKKS
from .program import Program, Recorder


@dataclass(frozen=True)
class Chain:
    """How levels are spent; ``input_bits`` and ``weight_bits``, one a layer, are log2 of scales.

    ``lazy``: one prime a square; matrix products are not rescaled, so weights get only the bits
    that fit beside the input's. Without ``weight_bits`` they get what brings every square back
    to the input's scale. Otherwise every matrix product and every square has its own prime, and
    every level its canonical scale.

    ``relinearise_late``: squares are relinearised after rescaling, one prime cheaper; rounding
    their three parts then costs some six bits of precision there.
    ``fold_first``: products are rescaled after their slots are summed, so rotations work on one
    prime more, but the error of rescaling is not summed: some three bits for 64 slots.
    ``output_bits``: log2 of the results' scale where it is not their level's; not in a lazy chain.
    """

    ring: int
    lazy: bool
    prime_bits: tuple[int, ...]
    special_bits: int
    input_bits: float = 0.0
    weight_bits: tuple[float, ...] = ()
    relinearise_late: bool = False
    fold_first: bool = False
    output_bits: float = 0.0

    def __post_init__(self) -> None:
        tidy(self)

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

    def check(self, affines: Sequence[Affine]) -> None:
        """ParameterError unless there is a prime for every level of the network, and one more."""
        needed = levels_of(affines, self.lazy) + 1
        if len(self.prime_bits) < needed:
            raise ParameterError(
                f"{len(self.prime_bits)} primes: this network must have {needed} in such a chain, "
                "one for each level and one that stays"
            )


@dataclass(frozen=True, eq=False)
class Packed:
    """A network on slots: the affine maps, their diagonals, and the input's gather table.

    ``skips``: for every layer, the diagonals of its skips. ``gather`` has shape (ciphertexts,
    slots); see ``plan.Interface``. ``closed``: no activation follows the last layer.
    """

    affines: Sequence[Affine]
    layers: Sequence[Diagonals]
    skips: Sequence[Sequence[Diagonals]]
    gather: np.ndarray
    closed: bool = True

    def ends(self, layer: int) -> bool:
        """Whether nothing follows this layer, not even its activation."""
        return self.closed and layer == len(self.affines) - 1


class _Value(NamedTuple):
    """What a layer is computed from: registers at one level and scale."""

    registers: Sequence[int]
    level: int
    scale: float


class Compiler:
    """Writes a packed network down for one chain. ``ends[i]``: register after layer i."""

    def __init__(self, packed: Packed, chain: Chain, params: CKKS) -> None:
        self._params, self._chain, self._canonical = params, chain, params.scales
        self._recorder = Recorder(len(packed.gather))
        self._slots = packed.gather.shape[1]
        self.ends: list[int] = []
        self._last = len(packed.affines) - 1
        x = _Value(self._recorder.inputs, params.depth, 2.0**chain.input_bits)
        known = [x]
        for i, affine in enumerate(packed.affines):
            z = self._linear(known, affine, packed.layers[i], packed.skips[i], i)
            known.append(z if packed.ends(i) else self._activated(z, affine))
            self.ends.append(known[-1].registers[0])
        self.program: Program = self._recorder.program(self.ends[-1]).rounded()

    def _weight_scale(self, layer: int, x: _Value) -> float:
        prime = self._params.primes[x.level]
        if self._chain.output_bits and layer == self._last:
            return float(2.0**self._chain.output_bits * prime / x.scale)
        if not self._chain.lazy:
            return self._canonical[x.level - 1] * prime / x.scale
        if self._chain.weight_bits:
            return float(2.0 ** self._chain.weight_bits[layer])
        return sqrt(2.0**self._chain.input_bits * prime) / x.scale

    def _linear(
        self, known: Sequence[_Value], affine: Affine, d: Diagonals, skips: Sequence[Diagonals],
        layer: int,
    ) -> _Value:  # fmt: skip
        r, x = self._recorder, known[-1]
        scale = x.scale * self._weight_scale(layer, x)
        z = self._product(x, d, x.level, scale)
        for (source, _), diagonals in zip(affine.skips, skips, strict=True):
            z = r.add(z, self._product(known[source + 1], diagonals, x.level, scale))
        level = x.level - (not self._chain.lazy)
        scale = scale if self._chain.lazy else scale / self._params.primes[x.level]
        if np.any(affine.bias):
            bias = d.out.spread(affine.bias, self._slots)
            z = r.add_plain(z, r.encode(bias, level, scale))
        return _Value([z], level, scale)

    def _product(self, x: _Value, d: Diagonals, level: int, scale: float) -> int:
        """A matrix product at a level and a scale, whatever those of x; if eager, rescaled."""
        r = self._recorder
        weight_scale = scale / x.scale
        xs = [r.lower(reg, level) if x.level > level else reg for reg in x.registers]
        encoded = packing.encode_diagonals(d, lambda p: r.encode(p, level, weight_scale))
        z = packing.products(r, xs, d, encoded)
        if z is None:  # an all-zero matrix still has to land on the right scale
            z = r.multiply_plain(xs[0], r.encode(np.zeros(self._slots), level, weight_scale))
        if self._chain.lazy:
            return int(packing.fold(r, z, d.folds))
        if self._chain.fold_first:
            return int(r.rescale(packing.fold(r, z, d.folds)))
        return int(packing.fold(r, r.rescale(z), d.folds))

    def _activated(self, z: _Value, affine: Affine) -> _Value:
        if affine.activation is None:
            return self._squared(z)
        context = Context(self._params, "", "plan", self._recorder)  # type: ignore[arg-type]
        unit = Estimate(1.0, 0.0)
        x = CKKSVector(context, z.registers[0], z.level, z.scale, self._slots, unit)
        out = affine.activation.run(x)
        return _Value([out.handle], out.level, out.scale)

    def _squared(self, z: _Value) -> _Value:
        r = self._recorder
        squared = r.square(z.registers[0])
        if self._chain.relinearise_late:
            squared = r.relinearise(r.rescale(squared))
        else:
            squared = r.rescale(r.relinearise(squared))
        return _Value([squared], z.level - 1, z.scale**2 / self._params.primes[z.level])


def operation_costs(program: Program, params: CKKS, scale: float) -> dict[int, float]:
    """Predicted milliseconds of the operation that fills each register."""
    traced = program.trace(params.primes, scale)
    return {op.out: milliseconds(op.name, params, traced[op.a][0]) for op in program.ops}
