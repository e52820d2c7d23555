"""Choosing a plan: primes and scales for affine maps with activations between them."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from math import inf, log2
from operator import attrgetter
from typing import Any

import numpy as np

from . import noise
from .arrange import arrange
from .compile import Chain, Compiler, Packed, operation_costs
from .engines.plain import PlainEvaluator, QuickEvaluator, Values
from .errors import ParameterError
from .flooding import ANY, Terms
from .network import Affine, levels_of, run
from .params import MAX_MODULUS_BITS, MAX_PRIME_BITS
from .plans import Interface, Layer, Plan
from .program import Program
from .span import Span

MARGIN_BITS = 2.0  #: values may grow to 4 times those of the examples before overflow
FOR_ERRORS = 0.05  #: bits of headroom that are left to errors, which take room as values do
MAX_PRECISION = 45  #: significant bits that primes of 60 bits can leave
KEY_BITS = 5  #: by which the special prime exceeds the others, to quieten key switching
CLIMB = 6  #: layers up to which every weight scale is chosen by itself
FEWEST_BITS = 14.0  #: of an input's scale
AT_THE_RIM = 0.5  #: bits of headroom above the margin: here values, not noise, limit precision
FLOOD_ROOM = 0.5  #: bits of the modulus that a flood may take
LOGIT_BITS = 10  #: room above the scale in the first prime of an eager chain


def make_plan(
    affines: Sequence[Affine],
    examples: np.ndarray,
    precision: float = 7.0,
    ring: int | None = None,
    security: int = 128,
    chain: Chain | None = None,
    flood: Terms | None = None,
) -> Plan:
    """The cheapest plan whose outputs have ``precision`` significant bits, flooded or not.

    ``examples``, shape (count, *shape), show the range of the data. ``ring`` or ``chain`` narrow
    the search. Raises ParameterError when nothing fits or is precise enough, with the reason.
    """
    if not precision <= MAX_PRECISION:
        raise ParameterError(f"precision={precision}: primes leave at most {MAX_PRECISION} bits")
    margin, near = _margin(chain), dict[bool, Plan]()  # the best with room, and without
    for plan in plans(affines, examples, ring, security, chain, flood):
        roomy = plan.headroom >= margin
        if roomy and plan.bits >= precision:
            return plan
        better = attrgetter("bits" if roomy else "headroom")
        near[roomy] = max(near.get(roomy, plan), plan, key=better)
    if not near:
        raise ParameterError(_too_large(affines, examples[0].size, ring, security))
    raise ParameterError(_reason(near.get(True), near.get(False), margin, precision))


def _too_large(affines: Sequence[Affine], inputs: int, ring: int | None, security: int) -> str:
    where = f"a ring of degree {ring}" if ring else "any ring"
    return (
        f"{len(affines) - 1} activations on {inputs} inputs need more levels or slots than "
        f"{where} has at {security} bits of security: use fewer or narrower "
        f'layers{", a larger ring" * bool(ring)}, or refresh="key holder"'
    )


def _margin(chain: Chain | None) -> float:
    """The headroom that a plan needs; whoever gives a chain decides about it."""
    return 0.0 if chain else MARGIN_BITS


def _reason(best: Plan | None, tight: Plan | None, margin: float, precision: float) -> str:
    """Why no plan will do: values without room in one, or else errors; and what to do."""
    left = f"{best.bits:.1f} reached by {best.params!r}" if best else ""
    crowded = tight is not None and min(layer.bits for layer in tight.layers) > 0
    if best and not (crowded and best.headroom < margin + AT_THE_RIM):
        return f"{precision} bits asked, {left}: ask for less precision, or for another ring"
    assert tight is not None
    if not crowded:
        return (
            f"errors outgrow the values of these layers under {tight.params!r}: use fewer layers, "
            "normalise them (nn.BatchNorm) and train again, or allow a larger ring"
        )
    widest = max(tight.layers, key=lambda layer: layer.peak)
    return (
        f"values up to {widest.peak:.2g} after {widest.name} need {margin - tight.headroom:.0f} "
        f"bits more than the modulus of {tight.params!r} has{left and f'; with room, {left}'}: "
        "scale inputs or weights down, or normalise the layers (nn.BatchNorm), then train again"
    )


def plans(
    affines: Sequence[Affine],
    examples: np.ndarray,
    ring: int | None = None,
    security: int = 128,
    chain: Chain | None = None,
    flood: Terms | None = None,
) -> Iterator[Plan]:
    """The best plan of every chain that is long enough, cheapest first.

    One whose values outgrow the modulus has less headroom than the margin.
    """
    if chain:
        chain.check(affines)
    span, x, done = Span.of(examples), noise.enough(examples), list[Chain]()
    rings = [chain.ring] if chain else [ring] if ring else sorted(MAX_MODULUS_BITS[security])
    for n in rings:
        found = chains if flood is None else deep
        tries = [chain] if chain else found(affines, n, security)
        tries = [c for c in tries if replace(c, ring=0) not in done]  # larger rings add noise
        packed = arrange(affines, n // 2) if tries else None
        if packed is None:
            continue
        draft = Draft(packed, x, security, span)
        for tried in tries:
            made = draft.best(tried)
            if made.headroom >= _margin(chain):
                done.append(replace(tried, ring=0))
            yield made.flooded(*flood, ANY) if flood else made


def chains(affines: Sequence[Affine], ring: int, security: int) -> Iterator[Chain]:
    """For one ring, the lazy chains with their scales still open, then the eager ones."""
    limit = MAX_MODULUS_BITS[security].get(ring, 0)
    count = len(affines)
    each = min(MAX_PRIME_BITS, (limit - KEY_BITS) // (count + 1))
    only_squares = all(affine.activation is None for affine in affines)
    if each >= 40 and only_squares:  # below, input and weights do not fit beside each other
        special = min(MAX_PRIME_BITS, limit - count * each)
        for late in (True, False):
            yield Chain(ring, True, (each,) * count, special, relinearise_late=late)
    yield from eager(ring, levels_of(affines, lazy=False), security)


def eager(ring: int, levels: int, security: int) -> Iterator[Chain]:
    """The chains of so many levels, each with its own prime; none if the scale would be tiny."""
    limit, count = MAX_MODULUS_BITS[security].get(ring, 0), levels + 1
    each = min(MAX_PRIME_BITS - LOGIT_BITS, (limit - 1 - LOGIT_BITS) // (count + 1))
    if each >= 30:  # below, nothing is left of the scale after the noise
        special = min(MAX_PRIME_BITS, limit - 1 - LOGIT_BITS - count * each)
        bits = (each + LOGIT_BITS, *(each,) * (count - 1))
        for first in (False, True):
            yield Chain(ring, False, bits, special, input_bits=each, fold_first=first)


def deep(affines: Sequence[Affine], ring: int, security: int) -> Iterator[Chain]:
    """The chains with the largest primes there may be, so that something outlasts a flood."""
    limit = MAX_MODULUS_BITS[security].get(ring, 0)
    levels = levels_of(affines, lazy=False)
    each = min(MAX_PRIME_BITS, (limit - 1 - 2 * MAX_PRIME_BITS) // levels)
    if each >= 40:
        bits = (MAX_PRIME_BITS, *(each,) * levels)
        yield Chain(ring, False, bits, MAX_PRIME_BITS, each, fold_first=True, output_bits=each)


def _roomy_bits(plan: Plan) -> float:
    """The bits of a plan whose values have the margin to grow."""
    return plan.bits if plan.headroom >= MARGIN_BITS else -inf


@dataclass(frozen=True, eq=False)
class Draft:
    """A packed network with examples, ready to be written down for one chain after another."""

    packed: Packed
    examples: np.ndarray
    security: int
    span: Span
    _known: dict[Any, dict[int, float]] = field(default_factory=dict, init=False, repr=False)

    def best(self, chain: Chain) -> Plan:
        """The plan of a chain, with the scales that it leaves open chosen for the most bits."""
        if chain.output_bits:
            return self.plan(self._filled(chain))
        fitted = None if chain.input_bits else self.fit(chain)
        lowest = chain if chain.input_bits else replace(chain, input_bits=FEWEST_BITS)
        return self.plan(fitted or lowest)

    def _filled(self, chain: Chain) -> Chain:
        """Results at the largest scale that leaves the margin, and room for a flood, in q."""
        sketch = self._sketch(chain)
        peak = float(np.abs(self._exact[-1]).max())
        room = log2(sketch.params.primes[0]) - 1 - FLOOD_ROOM - MARGIN_BITS
        return replace(chain, output_bits=float(int(10 * (room - log2(max(peak, 1.0)))) / 10))

    def fit(self, chain: Chain) -> Chain | None:
        """The chain with the scales that it leaves open set; None if nothing fits.

        All squares get back to the input's scale, and that is the one with the most predicted
        bits. In a short chain the weights' scales are then changed by hill climbing, all together
        and one by one; the input gets the largest scale that leaves the margin.
        """
        few = replace(self, examples=self.examples[:4])
        layers = len(self.packed.layers)
        if layers > CLIMB and not chain.weight_bits:
            return few.steady(chain)
        start = replace(chain, input_bits=20.0, weight_bits=chain.weight_bits or (17.0,) * layers)
        peaks = self._peaks(self._sketch(start), start)
        return self._fill(chain, peaks) if chain.weight_bits else few.climb(start, peaks)

    def climb(self, start: Chain, peaks: dict[int, float]) -> Chain | None:
        """Uphill from a chain by changing its weights' scales."""
        layers, chosen, best = len(start.weight_bits), start, -inf
        moves = deque([np.zeros(layers), np.ones(layers), -np.ones(layers), *np.eye(layers)])
        moves.extend(-np.eye(layers))
        while moves:
            move = moves.popleft()
            weights = tuple((move + chosen.weight_bits).tolist())
            tried = self._fill(replace(start, weight_bits=weights), peaks)
            bits = _roomy_bits(self.plan(tried)) if tried else -inf
            if bits > best + 0.05:  # once more the same way
                chosen, best = tried or start, bits
                moves.extendleft([move] * bool(move.any()))
        return chosen if best > -inf else None

    def steady(self, chain: Chain) -> Chain | None:
        """The chain with the best scale that every square gets back to, to one bit."""
        chosen, best = None, -inf
        for scale in range(16, chain.prime_bits[0] - 8):
            tried = replace(chain, input_bits=float(scale))
            bits = _roomy_bits(self.plan(tried))
            if bits > best:
                chosen, best = tried, bits
            elif chosen:  # downhill: weights get what the scale does not, so there is one summit
                break
        return chosen

    def plan(self, chain: Chain) -> Plan:
        """The plan of a chain with its scales, its bits predicted by the clear twin."""
        sketch = self._sketch(chain)
        peaks, seen = self._peaks(sketch, chain), dict[int, float]()
        noisy = self._values(
            sketch, QuickEvaluator(sketch.params, 1, noise.LOUDER, len(self.examples)), seen
        )
        layers = tuple(
            replace(layer, peak=float(np.abs(e).max()), error=noise.foreseen(n - e))
            for layer, e, n in zip(sketch.layers, self._exact, noisy, strict=True)
        )
        layers = (*layers[:-1], sketch.leaving(layers[-1]))
        primes, scale = sketch.params.primes, sketch.interface.scale
        largest = {r: max(peaks[r], seen[r]) for r in peaks}  # where errors take room as well
        room = sketch.program.headroom(primes, scale, largest)
        return replace(sketch, layers=layers, headroom=room)

    def _sketch(self, chain: Chain) -> Plan:
        """The plan before its precision and headroom are known."""
        params = chain.params(self.security)
        compiler = Compiler(self.packed, chain, params)
        program, out = compiler.program, self.packed.layers[-1].out
        params = replace(params, rotations=program.rotations)
        scale = 2.0**chain.input_bits
        interface = Interface(
            params,
            self.examples.shape[1:],
            self.packed.gather,
            scale,
            self.span,
            len(self.packed.affines[-1].bias),
            out.block,
            *program.trace(params.primes, scale)[program.output],
            out.period,
        )
        layers = tuple(self._layers(program, interface, compiler.ends))
        return Plan(interface, program, layers)

    @cached_property
    def _exact(self) -> list[np.ndarray]:
        """Each layer's values over the examples, by matrices: what a program must compute."""
        flat = self.examples.reshape(len(self.examples), -1)
        return run(self.packed.affines, flat, self.packed.closed)

    def _peaks(self, plan: Plan, chain: Chain) -> dict[int, float]:
        """Largest magnitude in every register, without noise: alike at any scales."""
        key = (chain.lazy, chain.relinearise_late, chain.fold_first, len(chain.prime_bits))
        if key not in self._known:
            peaks: dict[int, float] = {}
            self._values(plan, PlainEvaluator(plan.params, noisy=False), peaks)
            self._known[key] = peaks
        return self._known[key]

    def _values(
        self, plan: Plan, twin: PlainEvaluator, peaks: dict[int, float] | None = None
    ) -> list[np.ndarray]:
        """Each layer's values over the examples; largest magnitudes are noted if asked for."""
        values: dict[int, np.ndarray] = {}
        slots = {layer.register: list(layer.slots) for layer in plan.layers}

        def look(register: int, value: Values) -> None:
            if peaks is not None:
                peaks[register] = value.peak
            if register in slots:
                values[register] = value.slots[..., slots[register]]

        with np.errstate(over="ignore", invalid="ignore"):  # a hopeless chain's noise explodes
            plan.run_clear(self.examples, twin, look)
        return list(values.values())

    def _fill(self, chain: Chain, peaks: dict[int, float]) -> Chain | None:
        """The largest input scale, to a tenth of a bit, that leaves every register the margin."""
        guess = replace(chain, input_bits=20.0)
        params = guess.params(self.security)
        program, primes = Compiler(self.packed, guess, params).program, params.primes
        least = MARGIN_BITS + FOR_ERRORS
        tenths = range(int(10 * FEWEST_BITS), 10 * chain.prime_bits[-1])
        fits = bisect_left(
            tenths,
            True,
            key=lambda t: program.headroom(primes, 2 ** (t / 10), peaks) < least,
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
                then="–" if self.packed.ends(i) else affine.then,
                level=traced[end][0],
                rotations=sum(op.name == "rotate" for op in ops),
                products=sum(op.name == "multiply_plain" for op in ops),
                milliseconds=sum(costs[op.out] for op in ops),
                register=end,
                slots=tuple(self.packed.layers[i].out.find().tolist()),
            )
