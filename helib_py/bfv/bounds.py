"""What is refused before it is computed: wrapping around modulo t, and noise beyond the budget."""

from __future__ import annotations

from math import ceil, floor, isnan

from ..errors import BadValue, OutOfLevels, Overflow
from ..options import real, whole
from ..params import BFV


def whole_bound(bound: float) -> int:
    """The largest whole number within a promised bound; BadValue unless that is 0 or more."""
    bound = real(bound, "bound", error=BadValue)
    if bound < 0:
        raise BadValue(f"bound={bound}: promise a finite number, 0 or more")
    return floor(bound)


def promised_noise(params: BFV, known: float, budget: int) -> float:
    """The noise that leaves a promised budget, or less where less is known of it."""
    most = sum(params.prime_bits)
    promised = params.model.noise_for(whole(budget, "budget", 0, most))
    return promised if isnan(known) else min(known, promised)


def check_bound(params: BFV, limit: int) -> None:
    """Overflow when numbers up to the limit may wrap around modulo t."""
    half = params.modulus // 2
    if limit > half:
        raise Overflow(
            f"values may reach {limit}, modulo {params.modulus} they wrap around beyond "
            f"±{half}: raise plain_bits, encrypt with a tighter bound=, or promise(bound) what "
            "you know of the result"
        )


def check_budget(params: BFV, what: str, before: float, after: float) -> None:
    """OutOfLevels unless the noise afterwards leaves a bit of budget."""
    if isnan(before) or isnan(after):
        raise OutOfLevels(
            f"{what} takes noise budget, and a ciphertext that another party computed does not "
            "say what it has left: promise(bound, budget=bits) if you know"
        )
    if params.model.left(after) < 1:
        raise OutOfLevels(
            f"{what} takes {ceil(after - before)} bits of noise budget, "
            f"~{params.model.left(before)} of {params.budget} are left: raise depth to "
            f"≥{params.depth + 1}, multiply fewer times in a row, or let the key holder decrypt "
            "and encrypt again"
        )
