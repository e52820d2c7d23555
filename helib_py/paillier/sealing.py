"""Into Paillier ciphertexts: from numbers, and from bytes. Both need the public key only."""

from __future__ import annotations

from collections.abc import Sequence
from math import ldexp
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from .. import options, wire
from ..cipher import Ciphertext
from ..context import PaillierContext
from ..encoding import Slots, as_exact, quantise, within
from ..engines import Handle
from ..errors import BadValue, ShapeError
from ..params import Paillier, packed_bits
from . import label
from .bounds import check_room, whole
from .vector import PaillierVector


class Encrypts(Protocol):
    """An evaluator, or the key's owner, who is faster."""

    def encrypt(self, values: Sequence[int]) -> Handle:
        """One handle a number."""


def encrypt(
    context: PaillierContext,
    values: ArrayLike,
    bound: float | None = None,
    packed: bool = False,
    width: int = 0,
    by: Encrypts | None = None,
) -> PaillierVector:
    """Encrypt a number, a vector (n,), or a matrix (rows, n) with its rows side by side.

    A ciphertext holds one entry, or a column of the matrix; ``packed`` puts as many entries of a
    vector into each as fit, to be added up 65,536 times, or multiplied by one number once;
    ``width`` gives the bits of a matrix's row, by default all there are. ``bound`` is published:
    |values| ≤ bound, by default the parameters'. Whole numbers are exact at any size within it,
    from 2^53 on as Python's own.

    Raises BadValue for NaN and the like, ShapeError, Overflow for a broken promise.
    """
    params = context.params
    numbers = np.atleast_1d(as_exact(values))
    bound = params.bound if bound is None else options.real(bound, "bound", error=BadValue)
    within(numbers, bound)
    if numbers.ndim > 2 or not numbers.size:
        raise ShapeError(f"shape {numbers.shape}: encrypt a vector, or a matrix of rows")
    slots = _slots(params, numbers.shape, bound, packed, width)
    units = quantise(numbers, params.precision)
    limit, error = whole(bound, params.precision), ldexp(0.5, -params.precision)
    check_room(params, slots, limit, params.precision)
    handle = (by or context.e).encrypt(slots.pack(np.atleast_2d(units)))
    length, matrix = numbers.shape[-1], numbers.ndim == 2
    return PaillierVector(
        context, handle, length, params.precision, limit, error, slots, matrix, original=handle
    )


def _slots(
    params: Paillier, shape: tuple[int, ...], bound: float, packed: bool, width: int
) -> Slots:
    rows = shape[0] if len(shape) == 2 else 1
    fits = rows * max(1, width) <= params.capacity
    if type(width) is not int or width < 0 or not fits or (width and len(shape) == 1):
        raise ShapeError(
            f"{rows} rows of {width} bits: a matrix of so many that they fit {params.capacity} "
            "bits, encrypt it in pieces; for a vector leave width out"
        )
    if not packed:
        return Slots(width or params.capacity // rows, rows)
    if len(shape) == 2:
        raise ShapeError("a matrix has its rows side by side already: leave packed=True out")
    width = packed_bits(params, bound)
    return Slots(width, per=max(1, min(shape[0], params.capacity // width)))


def load(context: PaillierContext, data: bytes | Ciphertext) -> PaillierVector:
    """A ciphertext from its bytes (or out of a pickle), ready to compute with.

    Raises BadBytes for truncated or foreign bytes, WrongKey when it is under another key.
    """
    data = data.to_bytes() if isinstance(data, Ciphertext) else data
    header, payloads = wire.unpack("ciphertext", data)
    fields = label.read(header, context)
    with wire.rebuilding("ciphertext"):
        (payload,) = payloads
        expected = PaillierVector(context, b"", **fields).nbytes
        if len(payload) != expected:
            raise ValueError(f"{len(payload)} bytes, its label makes them {expected}")
        return PaillierVector(context, context.e.load(payload), **fields)
