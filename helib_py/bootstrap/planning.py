"""Where bootstraps go, and what weights become so that all values stay within [-1, 1]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import log2

import numpy as np
from numpy.typing import ArrayLike

from .. import noise
from ..encoding import as_numbers, power_of_two
from ..errors import NotPolynomial, Overflow, ShapeError
from ..network import Affine, only_squares
from ..options import flag, whole
from ..params.bootstrap import MIN_WIDTH, SECURE_RING, TOY_RING, BootstrapParams
from ..span import Span
from .plan import BootstrapInterface, BootstrapPlan, Step
from .spread import Spread

MAX_VALUE = 1e100  #: before a square; twice as many digits are more than float64 has
ROOM = 2.0  #: by this much may values before a square outgrow those of the examples


def bootstrap_plan(
    affines: Sequence[Affine],
    examples: ArrayLike,
    *,
    levels: int = 5,
    ring: int | None = None,
    insecure: bool = False,
) -> BootstrapPlan:
    """Plan a chain of affine maps, with squares between them, of any depth.

    ``examples``, shape (count, *input), show which values occur: public factors that keep all
    values within [-1, 1] are folded into the weights. ``levels``: left by a bootstrap; a layer
    takes 2, the next bootstrap 1; more levels are fewer bootstraps and larger keys.

    At 128 bits of security the ring has degree 65536, and plan says which memory and time it
    takes. ``insecure=True`` makes a toy that runs in seconds.

    Raises InsecureParameters, ParameterError, ShapeError, BadValue; NotPolynomial for residual
    additions and other activations than squares.
    """
    only_squares(affines, "bootstrapping")
    ring = 0 if ring is None else whole(ring, "ring", 0)
    insecure, affines = flag(insecure, "insecure"), list(affines)
    x = as_numbers(examples)
    _check_shapes(affines, x)
    inputs = power_of_two(affines[0].inputs)
    width = max(MIN_WIDTH, *(power_of_two(len(affine.bias)) for affine in affines))
    toy = max(TOY_RING, 2 * inputs, 4 * width)
    p = BootstrapParams(
        ring or (toy if insecure else SECURE_RING), levels, width, insecure=insecure
    )
    if inputs > p.slots:
        raise ShapeError(f"{inputs} inputs, {p.slots} slots: use a larger ring, or fewer inputs")
    return _with_errors(_draft(affines, x, p), x)


def _check_shapes(affines: Sequence[Affine], x: np.ndarray) -> None:
    if not affines or x.ndim < 2 or not x.size:
        raise ShapeError(
            f"{len(affines)} layers, examples of shape {x.shape}: give at least one layer, and a "
            "batch, (count, *input shape)"
        )
    sizes = [x[0].size, *(len(affine.bias) for affine in affines)]
    for affine, (inputs, outputs) in zip(affines, pairwise(sizes), strict=True):
        if affine.weights.shape != (outputs, inputs):
            raise ShapeError(
                f"{affine.name}: weights {affine.weights.shape}, must be {(outputs, inputs)}"
            )
        if not affine.weights.nnz:
            raise NotPolynomial(
                f"{affine.name}: its weights are all zero (or it reads padding only), and the "
                "result is the same for every input: change this layer, or encrypt nothing"
            )


@dataclass(frozen=True)
class _Place:
    """What comes where: levels before and after a layer, whether a bootstrap is before it."""

    level: int
    after: int
    refreshed: bool


def _places(count: int, levels: int) -> list[_Place]:
    """A bootstrap as late as can be; each layer at the lowest level that will do.

    A layer takes 1, its square another, and 1 must be left for a bootstrap, which starts by
    zeroing the unused slots.
    """
    costs = [2] * (count - 1) + [1]
    refreshed, left = [], levels
    for cost in costs:
        refreshed.append(left < cost + (cost == 2))
        left = (levels if refreshed[-1] else left) - cost
    places: list[_Place] = []
    after = 0
    for cost, fresh in zip(reversed(costs), reversed(refreshed), strict=True):
        places.append(_Place(after + cost, after, fresh))
        after = 1 if fresh else after + cost
    return places[::-1]


def _spreads(inputs: int, refreshed: Sequence[bool], p: BootstrapParams) -> Iterator[Spread]:
    """How each layer's input lies, and at last the output.

    Folded vectors make cheap products, but what they give is not folded, nor can be what is
    refreshed or decrypted.
    """

    def folded(count: int) -> Spread:
        return Spread(count, min(int(log2(count)), int(log2(p.slots // p.width))))

    spread = folded(inputs)
    for refresh_next in [*refreshed[1:], True]:
        yield spread
        plain = spread.folds > 0 or refresh_next
        spread = Spread(p.width) if plain else folded(p.width)
    yield spread


def _draft(affines: Sequence[Affine], x: np.ndarray, p: BootstrapParams) -> BootstrapPlan:
    """The plan before its errors are known."""
    places = _places(len(affines), p.levels)
    inputs = power_of_two(affines[0].inputs)
    spreads = list(_spreads(inputs, [place.refreshed for place in places], p))
    span = Span.of(x)
    v, unit, steps = x.reshape(len(x), -1), span.bound, list[Step]()
    for affine, place, (source, spread) in zip(affines, places, pairwise(spreads), strict=True):
        if place.refreshed:
            unit /= p.gain
            steps.append(Step("bootstrap", 1, p.levels, source, source, unit))
        v = v @ affine.dense.T + affine.bias
        largest = ROOM * float(np.abs(v).max()) or 1.0
        if not largest < MAX_VALUE:
            raise Overflow(f"{affine.name} gives {largest:.2g}: scale its weights down first")
        scaled = (affine.dense * (unit / largest), affine.bias / largest)
        squared = affine is not affines[-1]
        v, unit = (v * v, largest**2) if squared else (v, largest)
        ends = (place.level, place.after, source, spread, unit)
        steps.append(Step(affine.name, *ends, *scaled, squared))
    return BootstrapPlan(_interface(steps, x.shape[1:], span, p), tuple(steps))


def _interface(
    steps: Sequence[Step], shape: tuple[int, ...], span: Span, p: BootstrapParams
) -> BootstrapInterface:
    layers = [step for step in steps if step.weights is not None]
    turns = {turn for step in layers for turn in step.source.rotations(p.slots)}
    last, outputs = layers[-1], 0 if layers[-1].bias is None else len(layers[-1].bias)
    ends = (layers[0].level, layers[0].source, outputs, last.spread, last.unit)
    return BootstrapInterface(
        p, shape, span, tuple(sorted(turns)), len(layers) < len(steps), *ends
    )


def _with_errors(plan: BootstrapPlan, x: np.ndarray) -> BootstrapPlan:
    """The plan with peaks and predicted errors of every step, over the examples."""
    exact: list[np.ndarray] = []
    noisy: list[np.ndarray] = []
    plan.simulate(x, noisy=False, watch=lambda _, values: exact.append(values))
    plan.simulate(x, seed=1, watch=lambda _, values: noisy.append(values))
    steps = tuple(
        replace(step, peak=float(np.abs(e).max()), error=noise.foreseen(n - e))
        for step, e, n in zip(plan.steps, exact, noisy, strict=True)
    )
    return replace(plan, steps=steps)
