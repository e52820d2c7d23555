"""Choosing a plan: packing, primes and scales for affine maps with squares between them."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, log2

import numpy as np

from . import packing
from .compile import Affine, Chain, Compiler, Packed, operation_costs
from .encoding import Layout
from .engines.plain import PlainEvaluator, Values
from .errors import ParameterError, ShapeError
from .packing import Diagonals
from .params import MAX_MODULUS_BITS, MAX_PRIME_BITS
from .plans import Interface, Layer, Plan
from .program import Program

MARGIN_BITS = 2.0  #: values may grow to 4 times those of the examples before overflow
MAX_PRECISION = 45  #: significant bits that primes of 60 bits can leave
KEY_BITS = 5  #: by which the special prime exceeds the others, to quieten key switching
LOGIT_BITS = 10  #: room above the scale in the first prime of an eager chain


def make_plan(
    affines: Sequence[Affine],
    examples: np.ndarray,
    precision: float = 7.0,
    ring: int | None = None,
    security: int = 128,
    chain: Chain | None = None,
) -> Plan:
    """The cheapest plan whose outputs have ``precision`` significant bits.

    ``examples``, shape (count, *shape), show the range of the data. ``ring`` or ``chain`` narrow
    the search. Raises ParameterError when nothing is precise enough, naming the best there is.
    """
    if not precision <= MAX_PRECISION:
        raise ParameterError(f"precision={precision}: primes leave at most {MAX_PRECISION} bits")
    best: Plan | None = None
    for found in plans(affines, examples, ring, security, chain):
        if found.bits >= precision:
            return found
        best = found if best is None or found.bits > best.bits else best
    if best is None:
        raise ParameterError(
            f"{len(affines) - 1} squares on {examples[0].size} inputs fit no ring at {security} "
            "bits of security: use fewer or narrower layers, or scale the data down"
        )
    raise ParameterError(
        f"{precision} bits asked, {best.bits:.1f} reached by {best.params!r}: ask for less "
        "precision, or leave the ring to the planner"
    )


def plans(
    affines: Sequence[Affine],
    examples: np.ndarray,
    ring: int | None = None,
    security: int = 128,
    chain: Chain | None = None,
) -> Iterator[Plan]:
    """The best plan of every chain that fits, cheapest first."""
    rings = [chain.ring] if chain else [ring] if ring else sorted(MAX_MODULUS_BITS[security])
    for n in rings:
        packed = pack(affines, n // 2)
        if packed is None:
            continue
        draft = Draft(packed, examples, security)
        for tried in [chain] if chain else chains(len(affines) - 1, n, security):
            fitted = tried if tried.input_bits else draft.fit(tried)
            if fitted and (found := draft.plan(fitted)).headroom >= (0 if chain else MARGIN_BITS):
                yield found


def chains(squares: int, ring: int, security: int) -> Iterator[Chain]:
    """For one ring, the lazy chains with their scales still open, then the eager one."""
    limit = MAX_MODULUS_BITS[security].get(ring, 0)
    count = squares + 1
    each = min(MAX_PRIME_BITS, (limit - KEY_BITS) // (count + 1))
    if each >= 40:  # below, input and weights do not fit beside each other
        special = min(MAX_PRIME_BITS, limit - count * each)
        for late in (True, False):
            yield Chain(ring, True, (each,) * count, special, relinearise_late=late)
    count = 2 * squares + 1
    each = min(MAX_PRIME_BITS - LOGIT_BITS, (limit - 1 - LOGIT_BITS) // (count + 2))
    if each >= 30:  # below, nothing is left of the scale after the noise
        special = min(MAX_PRIME_BITS, limit - 1 - LOGIT_BITS - (count + 1) * each)
        bits = (each + LOGIT_BITS, *(each,) * count)
        yield Chain(ring, False, bits, special, input_bits=each)


def pack(affines: Sequence[Affine], slots: int) -> Packed | None:
    """The packing with the cheapest rotations; None when the network does not fit the slots."""
    depth = len(affines)

    def price(option: Packed) -> float:
        """Key switching at L primes costs as L(L+1); encrypting, as some 1.5 rotations."""
        turns = [d.rotations * (depth - i) * (depth - i + 1) for i, d in enumerate(option.layers)]
        return sum(turns) + 1.5 * len(option.gather) * depth * (depth + 1)

    return min(_packings(affines, slots), key=price, default=None)


def _packings(affines: Sequence[Affine], slots: int) -> Iterator[Packed]:
    """Every way to pack: the first layer by windows or densely, at most one layer strided."""
    first = affines[0].weights
    if by_window := packing.windows(first, slots):
        diagonals, gather = by_window
        for rest in _dense(affines[1:], diagonals.out, slots):
            yield Packed(affines, [diagonals, *rest], gather)
    if first.shape[1] <= slots:
        layout = Layout.dense(first.shape[1])
        gather = np.tile(layout.order, slots // layout.period)[None]
        for layers in _dense(affines, layout, slots):
            yield Packed(affines, layers, gather)


def _dense(affines: Sequence[Affine], layout: Layout, slots: int) -> Iterator[list[Diagonals]]:
    if not affines:
        yield []
        return
    for kernel in (packing.cyclic, packing.strided):
        if len(affines) == 1 and kernel is packing.strided:
            continue  # it would leave partial sums of the last layer for the owner to see
        try:
            diagonals = kernel(affines[0].weights, layout, slots)
        except ShapeError:
            continue
        for rest in _dense(affines[1:], diagonals.out, slots):
            yield [diagonals, *rest]


@dataclass(frozen=True, eq=False)
class Draft:
    """A packed network with examples, ready to be written down for one chain after another."""

    packed: Packed
    examples: np.ndarray
    security: int

    def fit(self, chain: Chain) -> Chain | None:
        """The chain with the scales that it leaves open set; None if nothing fits.

        Hill climbing over the weights' scales, all together and then one by one, towards the
        most predicted bits; the input always gets the largest scale that leaves the margin.
        """
        layers = len(self.packed.layers)
        start = replace(chain, input_bits=20.0, weight_bits=(17.0,) * layers)
        peaks = self._observe(self._sketch(start))[0]
        if chain.weight_bits:
            return self._fill(chain, peaks)
        few = replace(self, examples=self.examples[:4])
        chosen, best = start, -inf
        moves = deque([np.zeros(layers), np.ones(layers), -np.ones(layers), *np.eye(layers)])
        moves.extend(-np.eye(layers))
        while moves:
            move = moves.popleft()
            weights = tuple((move + chosen.weight_bits).tolist())
            tried = self._fill(replace(chain, weight_bits=weights), peaks)
            bits = few.plan(tried).bits if tried else -inf
            if bits > best + 0.05:  # uphill: once more the same way
                chosen, best = tried or start, bits
                moves.extendleft([move] * bool(move.any()))
        return chosen if best > -inf else None

    def plan(self, chain: Chain) -> Plan:
        """The plan of a chain with its scales, its bits predicted by the clear twin."""
        sketch = self._sketch(chain)
        peaks, exact = self._observe(sketch)
        _, noisy = self._observe(sketch, noisy=True)
        layers = tuple(
            replace(layer, peak=float(np.abs(e).max()), error=float(np.abs(n - e).max()))
            for layer, e, n in zip(sketch.layers, exact, noisy, strict=True)
        )
        primes, scale = sketch.params.primes, sketch.interface.scale
        room = headroom(sketch.program, primes, scale, peaks)
        return replace(sketch, layers=layers, headroom=room)

    def _sketch(self, chain: Chain) -> Plan:
        """The plan before its precision and headroom are known."""
        params = chain.params(self.security)
        compiler = Compiler(self.packed, chain, params.primes)
        program, out = compiler.program, self.packed.layers[-1].out
        params = replace(params, rotations=program.rotations)
        scale = 2.0**chain.input_bits
        interface = Interface(
            params,
            self.examples.shape[1:],
            self.packed.gather,
            scale,
            self._bound(),
            len(self.packed.affines[-1].bias),
            out.block,
            *program.trace(params.primes, scale)[program.output],
        )
        layers = tuple(self._layers(program, interface, compiler.ends))
        return Plan(interface, program, layers)

    def _bound(self) -> float:
        """A public bound for inputs: a power of two above all the examples."""
        return float(2.0 ** np.ceil(log2(float(np.abs(self.examples).max()) or 1.0)))

    def _observe(
        self, plan: Plan, noisy: bool = False
    ) -> tuple[dict[int, float], list[np.ndarray]]:
        """Largest magnitude in every register, and each layer's values, over the examples."""
        peaks: dict[int, float] = {}
        values: dict[int, np.ndarray] = {}
        slots = {layer.register: list(layer.slots) for layer in plan.layers}

        def look(register: int, value: Values) -> None:
            peaks[register] = max(float(value.slots.max()), -float(value.slots.min()))
            if register in slots:
                values[register] = value.slots[..., slots[register]]

        plan.run_clear(self.examples, PlainEvaluator(plan.params, noisy, seed=1), look)
        return peaks, list(values.values())

    def _fill(self, chain: Chain, peaks: dict[int, float]) -> Chain | None:
        """The largest input scale, to a tenth of a bit, that leaves every register the margin."""
        primes = chain.params(self.security).primes
        program = Compiler(self.packed, replace(chain, input_bits=20.0), primes).program
        tenths = range(140, 10 * chain.prime_bits[-1])
        fits = bisect_left(
            tenths,
            True,
            key=lambda t: headroom(program, primes, 2 ** (t / 10), peaks) < MARGIN_BITS,
        )
        return replace(chain, input_bits=tenths[fits - 1] / 10) if fits else None

    def _layers(self, program: Program, inside: Interface, ends: list[int]) -> Iterator[Layer]:
        """One row of the plan's table for every affine map."""
        costs = operation_costs(program, inside.params, inside.scale)
        traced = program.trace(inside.params.primes, inside.scale)
        for i, (start, end) in enumerate(pairwise([-1, *ends])):
            affine = self.packed.affines[i]
            ops = [op for op in program.ops if start < op.out <= end]
            yield Layer(
                name=affine.name,
                outputs=len(affine.bias),
                squared=i < len(ends) - 1,
                level=traced[end][0],
                rotations=sum(op.name == "rotate" for op in ops),
                products=sum(op.name == "multiply_plain" for op in ops),
                milliseconds=sum(costs[op.out] for op in ops),
                register=end,
                slots=tuple(self.packed.layers[i].out.find().tolist()),
            )


def headroom(
    program: Program, primes: Sequence[int], scale: float, peaks: dict[int, float]
) -> float:
    """Bits between the modulus and the largest value, in the register where it is tightest."""
    modulus = np.cumsum(np.log2(np.array(primes, dtype=float)))
    traced = program.trace(primes, scale)
    return min(
        float(modulus[level]) - 1 - log2(at) - log2(max(peaks[r], 1.0))
        for r, (level, at) in traced.items()
        if r in peaks
    )
