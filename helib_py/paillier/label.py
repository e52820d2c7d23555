"""What a Paillier ciphertext says about itself in public, written and checked."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from .. import wire
from ..context import PaillierContext
from ..encoding import Slots
from ..errors import BadBytes
from ..params import MAX_VALUE_BITS, Paillier
from .bounds import LARGEST_ERROR, check_room, row_width, whole

if TYPE_CHECKING:
    from .vector import PaillierVector

_KINDS = {
    "length": int, "scale": int, "error": float, "matrix": bool, "shield": bool, "limit": str,
    "slots": list,
}  # fmt: skip
_FIELDS = ("length", "scale", "error", "matrix", "shield")


def write(c: PaillierVector) -> dict[str, Any]:
    """All of it as JSON takes it; the limit in hexadecimal, as it may be too long for decimals."""
    return {
        **c.context.stamp(),
        "slots": [c.slots.width, c.slots.lanes, c.slots.per],
        "limit": hex(c.limit),
        **{name: getattr(c, name) for name in _FIELDS},
    }


def read(header: dict[str, Any], context: PaillierContext) -> dict[str, Any]:
    """The fields of a vector; BadBytes unless an honest sender could have written them all."""
    context.check(header)
    with wire.rebuilding("ciphertext"):
        *values, limit, (width, lanes, per) = wire.typed(header, _KINDS)
        fields = dict(zip(_FIELDS, values, strict=True))
        fields |= {"limit": int(limit, 16), "slots": Slots(width, lanes, per)}
        if not _sound(context.params, **fields):
            raise ValueError("its label is out of range")
    check_room(context.params, fields["slots"], fields["limit"], fields["scale"])
    return fields


def _sound(
    params: Paillier,
    length: int,
    scale: int,
    error: float,
    matrix: bool,
    shield: bool,
    limit: int,
    slots: Slots,
) -> bool:
    shape = (slots.width, slots.lanes, slots.per)
    whole_numbers = all(type(size) is int and size > 0 for size in (*shape, length, limit))
    if not whole_numbers or prod(shape) > params.capacity:  # before 2^width is made
        return False
    scales = 0 <= scale <= params.capacity + MAX_VALUE_BITS
    small = 0 < error < LARGEST_ERROR
    return scales and small and (matrix or slots.lanes == 1)


def expect_fresh(c: PaillierVector, terms: int = 0) -> PaillierVector:
    """The ciphertext, if it is labelled as just encrypted within the parameters' own bound.

    A party that computes for a stranger has to insist on that: whoever may choose the limit
    chooses how much a result can carry. ``terms``: rows are as wide as a sum of so many products
    needs, by default as there is room. BadBytes for any other label.
    """
    params = c.params
    width = row_width(params, terms) if terms and c.matrix else params.capacity // c.slots.lanes
    wanted = (params.precision, whole(params.bound, params.precision), width, 1, False)
    if (c.scale, c.limit, c.slots.width, c.slots.per, c.shield) != wanted:
        raise BadBytes(
            "this ciphertext's label is not that of values encrypted within the parameters' "
            f"bound of {params.bound:g}: encrypt with the defaults of this package"
        )
    return c
