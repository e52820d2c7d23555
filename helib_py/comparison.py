"""What a result is worth: set beside the clear one, or opened layer by layer with the key."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .ckks import CKKSVector
from .encoding import as_numbers
from .engines import Handle
from .engines.plain import PlainEvaluator, Values
from .errors import ParameterError, ShapeError
from .noise import Estimate, bits
from .options import instance
from .plans import Plan
from .roles import DataOwner
from .tables import Table, grown


def compare(
    encrypted: ArrayLike,
    clear: ArrayLike,
    *,
    plan: Any = None,
    x: ArrayLike | None = None,
) -> Table:
    """Decrypted scores beside the clear network's, shape (classes,) or (count, classes).

    Those of the clear network may be of any shape with as many numbers for each input.

    Significant bits are the largest clear score over the largest error. With the ``plan`` and the
    inputs ``x`` in the clear, also how much larger their intermediate values might have been.
    """
    got, expected = _beside(encrypted, clear)
    error = float(np.abs(got - expected).max())
    flipped = int((got.argmax(axis=-1) != expected.argmax(axis=-1)).sum())
    rows: list[tuple[str, object]] = [
        ("largest error of a score", error),
        ("largest score", float(np.abs(expected).max())),
        ("significant bits", round(_significant(got, expected), 1)),
        ("labels that differ", f"{flipped} of {len(got)}"),
    ]
    if plan is not None and x is not None:
        if not hasattr(plan, "room"):
            raise ParameterError(f"{type(plan).__name__}: only plans without bootstraps have room")
        room = plan.room(as_numbers(x))
        rows.append(("values might have been", grown(room) if room > 0 else "too large already"))
    return Table(("what", "value"), rows, "encrypted against clear")


def _beside(encrypted: ArrayLike, clear: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Both as (count, classes); ShapeError where they are not the same scores."""
    got, expected = np.atleast_2d(as_numbers(encrypted)), as_numbers(clear)
    if expected.size == got.size and expected.shape[:1] in ((), (1,), got.shape[:1]):
        expected = expected.reshape(got.shape)  # a network may leave out an axis of one
    expected = np.atleast_2d(expected)
    if got.shape != expected.shape:
        raise ShapeError(f"{got.shape} scores beside {expected.shape}: compare like with like")
    return got, expected


def layer_bits(plan: Plan, debug_key: DataOwner, x: ArrayLike) -> Table:
    """Significant bits after every layer for one input x: predicted, and measured.

    Both relative to the layer's largest value over the plan's examples. Looking inside takes the
    secret key, so the owner is handed over in the open: to debug only.
    """
    instance(plan, Plan, "a plan, from he.plan(net, X)")
    context = instance(debug_key, DataOwner, "the plan's he.DataOwner").public.context
    x = as_numbers(x)
    traced = plan.program.trace(plan.params.primes, plan.interface.scale)
    opened: dict[int, np.ndarray] = {}
    clear: dict[int, np.ndarray] = {}

    def look(register: int, handle: Handle) -> None:
        if any(register == layer.register for layer in plan.layers):
            inside = (*traced[register], plan.params.slots, Estimate(inf, nan))
            opened[register] = debug_key.decrypt(CKKSVector(context, handle, *inside))

    def note(register: int, values: Values) -> None:
        clear[register] = values.slots

    plan.program.run(context.e, [c.handle for c in debug_key.encrypt(x)], watch=look)
    plan.run_clear(x, PlainEvaluator(plan.params, noisy=False), note)
    rows = []
    for layer in plan.layers:
        got, expected = (v[layer.register][list(layer.slots)] for v in (opened, clear))
        measured = _significant(got, expected, layer.peak)
        rows.append((layer.name, round(layer.bits, 1), round(measured, 1)))
    return Table(("layer", "predicted", "measured"), rows, repr(plan.params))


def _significant(got: np.ndarray, expected: np.ndarray, peak: float = 0.0) -> float:
    """Bits from the largest value (of this input, unless a peak is given) to the largest error."""
    largest = peak or float(np.abs(expected).max()) or 1.0
    return bits(float(np.abs(got - expected).max()) / largest)
