"""Choosing a plan for batches: how many primes, where to rescale and relinearise, which scales."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product, repeat
from math import ceil, floor, inf, isnan, log2
from typing import Any

import numpy as np

from .. import noise
from ..errors import ParameterError
from ..flooding import ANY, Terms
from ..network import Affine, only_squares
from ..params import CKKS, MAX_MODULUS_BITS, MAX_PRIME_BITS
from ..span import Span
from . import costs
from .groups import groups
from .interface import BatchInterface
from .modular import EXACT, NARROWEST, cut
from .plans import BatchLayer, BatchPlan
from .steps import Step, passages, rooms
from .twin import Twin

MARGIN_BITS = 2.0  #: values may grow to 4 times those of the examples before overflow
FOR_ERRORS = 0.05  #: bits of headroom that are left to errors, which take room as values do
START_BITS = 7  #: of the largest weight of a layer, where the search for its scale begins
FEWEST_BITS = 30  #: of a prime: below, nothing is left of the scales after the noise
MOST = 1 << 20  #: numbers of a layer that the clear twin computes at the end
FEW = 64  #: images, examples again and again, on which the search looks at errors
CROWDED = 8  #: slots with the largest errors, in which the search and the plan see all images
MAX_PRECISION = 45  #: significant bits that primes of 60 bits can leave
UPHILL = 0.05  #: bits that a move must gain
GUESS_BITS = 20.0  #: of the input's scale, from where the largest possible one is found


@dataclass(frozen=True)
class Form:
    """What is chosen before any scale: how many primes, and what follows each layer's products.

    ``whole``: primes are kept so small that residues need not be cut into limbs.
    """

    ring: int
    primes: int
    then: tuple[tuple[str, ...], ...]
    whole: bool


def make_batch_plan(
    affines: Sequence[Affine],
    examples: np.ndarray,
    precision: float = 7.0,
    ring: int | None = None,
    security: int = 128,
    flood: Terms | None = None,
) -> BatchPlan:
    """The cheapest plan for one image a slot whose outputs have ``precision`` significant bits.

    ``examples``, shape (count, *shape), show the range of the data. The cost is a batch's, of
    owner and server together. Raises ParameterError when nothing is precise enough,
    NotPolynomial for networks with other activations than squares.
    """
    only_squares(affines, "a batch")
    if not precision <= MAX_PRECISION or security not in MAX_MODULUS_BITS:
        raise ParameterError(
            f"precision={precision}, security={security}: only up to {MAX_PRECISION} bits, and "
            f"one of {sorted(MAX_MODULUS_BITS)}"
        )
    draft, best = Draft(affines, examples, security, flood), None
    for n in [ring] if ring else sorted(MAX_MODULUS_BITS[security]):
        found, near = _cheapest(draft, n, precision)
        if found:
            return found
        best = max((p for p in (best, near) if p), key=lambda p: p.bits, default=None)
    reached = f"{best.bits:.1f} reached by {best.params!r}" if best else "nothing fits any ring"
    raise ParameterError(
        f"{precision} bits asked, {reached}: ask for less precision, use fewer layers, or scale "
        "the data down"
    )


def _cheapest(
    draft: Draft, ring: int, precision: float
) -> tuple[BatchPlan | None, BatchPlan | None]:
    """For one ring, the cheapest plan that is precise enough, and the most precise of others."""
    chosen: BatchPlan | None = None
    near: BatchPlan | None = None
    prices = {form: draft.price(form) for form in forms(draft.depth, ring)}
    for form in sorted(prices, key=prices.__getitem__):
        if chosen and prices[form] >= chosen.cost:
            break
        found = draft.fit(form)
        if found and found.bits < precision:
            near = found if near is None or found.bits > near.bits else near
        elif found:
            chosen = found if chosen is None or found.cost < chosen.cost else chosen
    return chosen, near


def forms(layers: int, ring: int) -> Iterator[Form]:
    """Every form worth a try.

    The hidden layers' products are rescaled but for at most the last two; then up to three primes
    are left.
    """
    hidden = max(0, layers - 2)  # layers that read squares and are squared again
    for rescaled in range(max(0, hidden - 2), hidden + 1):
        for left, whole, style in product((1, 2, 3), (True, False), _STYLES):
            inner = [_then(style, i < rescaled) for i in range(hidden)]
            squares = layers > 1  # then the results have three parts, and only two may leave
            then = [("square",)] * squares + inner + [("relinearise",) * squares]
            keys = rescaled + left > squares  # with a single prime there is none to relinearise by
            if keys and (hidden or style == _STYLES[0]):
                yield Form(ring, rescaled + left, tuple(then), whole)


_STYLES = ("late", "early")


def _then(style: str, rescale: bool) -> tuple[str, ...]:
    """Late: after rescaling, one prime cheaper, but that rounds three parts, not two."""
    down = ("rescale",) * rescale
    if style == "early":
        return ("relinearise", *down, "square")
    return (*down, "relinearise", "square")


@lru_cache
def _ckks(ring: int, prime_bits: tuple[int, ...], special_bits: int, security: int) -> CKKS:
    return CKKS(
        ring=ring, prime_bits=prime_bits, special_bits=special_bits, scale_bits=GUESS_BITS,
        security=security, rotations=(),
    )  # fmt: skip


class Draft:
    """A network with examples, ready to be written down in one form after another."""

    def __init__(
        self,
        affines: Sequence[Affine],
        examples: np.ndarray,
        security: int,
        flood: Terms | None = None,
    ) -> None:
        self._affines, self._security, self._shape = affines, security, examples.shape[1:]
        self._flood, self._span = flood, Span.of(examples)
        self._steps = dict[Any, Step]()
        self._x = noise.enough(examples).reshape(-1, affines[0].inputs)
        largest = [float(abs(affine.weights).max()) or 1.0 for affine in affines]
        self._start = [START_BITS - ceil(log2(value)) for value in largest]
        self._groups = [groups(affine.weights) for affine in affines]
        self._sums = list(self._in_the_clear())
        self._peaks = [float(np.abs(z).max()) for z in self._sums]

    def _in_the_clear(self) -> Iterator[np.ndarray]:
        """Each layer's sums over the examples, (count, m)."""
        x = self._x
        for affine in self._affines:
            z = (affine.weights @ x.T).T + affine.bias
            x = z * z
            yield z

    @property
    def depth(self) -> int:
        """Its affine layers."""
        return len(self._affines)

    def price(self, form: Form) -> float:
        """Predicted milliseconds of owner and server, whatever the scales will be."""
        steps = self._written(form, self._start)
        params = self._params(form, steps)
        if params is None:
            return float("inf")
        return sum(self._times(steps, params)) + costs.encryption(params, self._x.shape[1])

    def fit(self, form: Form) -> BatchPlan | None:
        """The scales with the most predicted bits; None if nothing fits.

        Hill climbing over the weights' scales, all together and one by one, until no move helps;
        the input gets the largest scale that leaves the margin.
        """
        ones, units = np.ones(self.depth, dtype=int), np.eye(self.depth, dtype=int)
        moves = [ones, -ones, *units, 2 * ones, *(2 * units), *-units]
        chosen, best = np.array(self._start), self.plan(form, self._start, FEW)
        left = deque(moves)
        while left:
            tried = self.plan(form, (chosen + left[0]).tolist(), FEW)
            if tried and (best is None or tried.bits > best.bits + UPHILL):
                chosen, best, left = chosen + left[0], tried, deque([left[0], *moves])
            else:
                left.popleft()
        return self.plan(form, chosen.tolist()) if best else None

    def plan(
        self, form: Form, weight_bits: Sequence[int], count: int | None = None
    ) -> BatchPlan | None:
        """The plan with these scales of the weights; None if it does not fit.

        Its errors are the largest over so many of the examples, or all.
        """
        steps = self._written(form, weight_bits)
        params = self._params(form, steps)
        bits = params and self._scale_bits(steps, params)
        if not params or not bits:
            return None
        if count is None:  # otherwise nobody sees them
            params = replace(params, scale_bits=bits)
        through = passages(steps, params.primes, 2.0**bits)
        if min(place.scale for passage in through for place in passage) < 1:
            return None  # the scales shrink from layer to layer, and nothing is left of the values
        noisy = self._noisy(steps, params, 2.0**bits, count)
        peaks = [self._peaks[i] + size for i, size in enumerate(self._excess(steps, noisy))]
        headroom = min(room for room, _ in rooms(steps, params.primes, bits, peaks))
        if not headroom >= MARGIN_BITS:
            return None  # errors alone would fill the modulus
        interface = BatchInterface(
            params, self._shape, 2.0**bits, self._span, len(steps[-1].bias), through[-1].out
        )
        layers = tuple(self._layers(steps, params, noisy, count))
        plan = BatchPlan(interface, tuple(steps), layers, headroom)
        return plan.flooded(*self._flood, ANY) if self._flood else plan

    def _scale_bits(self, steps: Sequence[Step], params: CKKS) -> float:
        """Of the largest input scale that leaves the margin, to a tenth; 0 where none does."""
        found = rooms(steps, params.primes, GUESS_BITS, self._peaks)
        spare = min((room - MARGIN_BITS - FOR_ERRORS) / each for room, each in found)
        bits = min(floor(10 * (GUESS_BITS + spare)) / 10, params.prime_bits[0] - 1)
        return bits if bits >= 1 else 0.0

    def _written(self, form: Form, weight_bits: Sequence[int]) -> list[Step]:
        """The layers as steps; each is made once."""
        keys = list(zip(range(self.depth), weight_bits, form.then, strict=True))
        for key in keys:
            if key not in self._steps:
                self._steps[key] = Step.of(self._affines[key[0]], *key[1:])
        return [self._steps[key] for key in keys]

    def _params(self, form: Form, steps: Sequence[Step]) -> CKKS | None:
        """As many equal primes as the form says, as large as the ring allows; the scale open."""
        limit = MAX_MODULUS_BITS[self._security].get(form.ring, 0)
        bits = min(MAX_PRIME_BITS, limit // (form.primes + 1))
        room = log2(EXACT / max(1, *(step.reach for step in steps)))
        if form.whole:
            bits = min(bits, floor(room))
        if bits < FEWEST_BITS or room < NARROWEST:
            return None
        special = min(MAX_PRIME_BITS, limit - bits * form.primes)
        return _ckks(form.ring, (bits,) * form.primes, special, self._security)

    def _times(self, steps: Sequence[Step], params: CKKS) -> Iterator[float]:
        """Predicted milliseconds of every step."""
        found = zip(
            steps, self._groups, passages(steps, params.primes, 2.0**GUESS_BITS), strict=True
        )
        for step, group, passage in found:
            cuts = [cut(q, step.reach) for q in params.primes[: passage.source.level + 1]]
            yield costs.step(params, step, group, passage, cuts)

    def _noisy(
        self, steps: Sequence[Step], params: CKKS, scale: float, count: int | None
    ) -> list[np.ndarray]:
        """What the clear twin says of each step's outputs, with their errors.

        In the end with as many images as there are slots: what outgrows the modulus in one of
        them spoils all, and where errors are squared again and again, the rarest matter.
        """
        twin = Twin(params, np.random.default_rng(1), noise.LOUDER, CROWDED)
        widest = max(self._x.shape[1], *(step.outputs for step in steps))
        many = count or max(len(self._x), min(params.slots, MOST // widest))
        x = np.resize(self._x, (many, self._x.shape[1]))
        with np.errstate(over="ignore", invalid="ignore"):  # errors that explode are no precision
            return twin.through(steps, x, scale)

    def _excess(self, steps: Sequence[Step], noisy: Sequence[np.ndarray]) -> Iterator[float]:
        """By how much errors make each step's sums exceed the exact ones: they take room, too."""
        for step, z, got in zip(steps, self._sums, noisy, strict=True):
            size = np.sqrt(np.abs(got)) if "square" in step.then else np.abs(got)
            more = float((size - np.abs(np.resize(z, got.shape))).max())
            yield inf if isnan(more) else max(more, 0.0)

    def _layers(
        self, steps: Sequence[Step], params: CKKS, noisy: list[np.ndarray], count: int | None
    ) -> Iterator[BatchLayer]:
        """Peaks and errors of each step and, but for few examples, what the cost model says."""
        times = self._times(steps, params) if count is None else repeat(0.0, self.depth)
        for step, z, got, ms in zip(steps, self._sums, noisy, times, strict=True):
            exact = z * z if "square" in step.then else z
            error = noise.foreseen(got - np.resize(exact, got.shape))
            yield BatchLayer(ms, float(np.abs(exact).max()), error)
