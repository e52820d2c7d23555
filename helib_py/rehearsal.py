"""What a long formula really does to errors: found on the clear twin, before or after the fact.

Step by step, ``noise`` adds errors as if they all had one sign. That is safe for a few steps;
over a polynomial, whose terms cancel, it is several bits too careful.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import lru_cache
from math import isnan, log2
from typing import Any, Protocol

import numpy as np

from . import noise
from .cipher import WATCHER
from .ckks import CKKSVector
from .context import Context
from .engines.plain import PlainEvaluator, Values
from .noise import Estimate
from .params import CKKS


class Formula(Hashable, Protocol):
    """What can be rehearsed: on arrays when called, on ciphertexts with ``run``."""

    @property
    def low(self) -> float:
        """Where the interval begins that it is good for."""

    @property
    def high(self) -> float:
        """Where it ends."""

    def __call__(self, x: Any, /) -> Any:
        """Its value, of arrays, too."""

    def run(self, x: Any, /) -> Any:
        """Its value of a ciphertext, by the ciphertext's own operations only."""


def run(formula: Formula, x: Any) -> Any:
    """``formula.run(x)``; where a scheme has errors, predicted by a rehearsal.

    That goes for all values within [low, high], of which only the promise is known.
    """
    out = formula.run(x)
    if not isinstance(out, CKKSVector) or isnan(out.estimate.std):
        return out
    spread = round(4 * log2(max(x.estimate.std, 1e-300)))  # a quarter of a bit will do
    found = _rehearse(formula, x.context.params, x.level, x.scale, spread)
    bound = min(found.bound, out.estimate.bound)
    least = noise.fresh_std(x.context.params, out.scale)  # however constant, it is encrypted
    return replace(out, estimate=Estimate(bound, max(least, min(found.std, out.estimate.std))))


@lru_cache(maxsize=256)
def _rehearse(formula: Formula, params: CKKS, level: int, scale: float, spread: int) -> Estimate:
    """Largest value and deviation of the result, over the whole interval."""
    random, std = np.random.default_rng(0), 2.0 ** (spread / 4)
    angles = np.linspace(0, np.pi, params.slots)  # crowded at the ends, where errors are worst
    unit = np.cos(random.permutation(angles))
    clear = (formula.low + formula.high) / 2 + unit * (formula.high - formula.low) / 2
    reach = max(abs(formula.low), abs(formula.high))
    start = Values(clear + random.normal(0, std, params.slots), level, scale)
    twin = Context(params, "", "plain", PlainEvaluator(params, seed=0, louder=noise.LOUDER))
    x = CKKSVector(twin, start, level, scale, params.slots, Estimate(reach, std))
    token = WATCHER.set(None)  # no ledger sees this
    try:
        end = formula.run(x).handle.slots
    finally:
        WATCHER.reset(token)
    expected = np.asarray(formula(clear))
    error = float(np.abs(end - expected).max())
    bound = float(np.abs(expected).max()) * (1 + 1e-6) + 2 * error
    return Estimate(bound, error / noise.rarely(params.slots, noise.EXPECTED))
