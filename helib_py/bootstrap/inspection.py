"""What each step of an encrypted run takes and leaves, looked at with the secret key."""

from __future__ import annotations

from time import perf_counter

import numpy as np
from numpy.typing import ArrayLike

from ..encoding import as_numbers
from ..noise import bits
from ..tables import Table
from .plan import Step
from .roles import BootstrapOwner, BootstrapServer


def step_bits(server: BootstrapServer, debug_key: BootstrapOwner, x: ArrayLike) -> Table:
    """Level, seconds and significant bits after every step for one input x.

    Bits are predicted, and measured, both relative to the step's largest value over the plan's
    examples. Looking inside takes the secret key, so the owner is handed over in the open: to
    debug only.
    """
    plan, values = server.plan, as_numbers(x)
    clear: list[np.ndarray] = []
    plan.simulate(values, noisy=False, watch=lambda _, after: clear.append(after))
    rows = []
    start = perf_counter()
    steps = zip(plan.steps, clear, server.steps(debug_key.encrypt(values)), strict=True)
    for step, expected, message in steps:
        seconds = perf_counter() - start
        slots, level = debug_key.open(message)
        got = _values(step, slots, len(expected))
        measured = bits(float(np.abs(got - expected).max()) / (step.peak or 1.0))
        rows.append((step.name, level, round(seconds, 3), round(step.bits, 1), round(measured, 1)))
        start = perf_counter()
    heads = ("step", "level", "seconds", "predicted", "measured")
    return Table(heads, rows, repr(plan.params))


def _values(step: Step, slots: np.ndarray, count: int) -> np.ndarray:
    values: np.ndarray = step.unit * slots[step.spread.find(count, len(slots))]
    return values
