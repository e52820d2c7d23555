"""How large whole numbers may get: from what is promised in public, never from data."""

from __future__ import annotations

from ..encoding import Slots
from ..errors import Overflow
from ..params import Paillier

GUARD_BITS = 8  #: of a packed slot: a number up to 2^8 times its bound is caught when unpacked


def fresh_limit(params: Paillier, bound: float) -> int:
    """The largest whole number that a value within the bound is encoded as."""
    return int(bound * (1 << params.precision)) + 1


def grown(params: Paillier, limit: int, terms: int) -> int:
    """The limit of a sum of ``terms`` products with plain factors."""
    return limit * terms * (int(params.factor_bound * (1 << params.factor_precision)) + 1)


def row_width(params: Paillier, terms: int) -> int:
    """Bits of a slot that holds a sum of products of fresh values with plain factors."""
    limit = grown(params, fresh_limit(params, params.bound), terms)
    return limit.bit_length() + 1 + GUARD_BITS


def check_room(slots: Slots, limit: int) -> None:
    """Overflow when numbers up to the limit may outgrow their slots."""
    if not slots.room(limit):
        raise Overflow(
            f"values may need {limit.bit_length() + 1} bits, {slots.width} are there: use fewer "
            "rows a ciphertext, lower precision or factor_precision, a tighter bound or "
            "factor_bound, or promise(bound) what you know of the result"
        )
