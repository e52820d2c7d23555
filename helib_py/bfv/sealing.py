"""Into BFV ciphertexts: from whole numbers, and from bytes. Both need public keys only."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .. import wire
from ..cipher import Ciphertext, unpacked
from ..context import BFVContext
from ..encoding import as_whole, repeat
from ..errors import Overflow
from .bounds import check_bound, whole_bound
from .vector import LABEL, BFVVector, labelled


def encrypt(context: BFVContext, values: ArrayLike, bound: float | None = None) -> BFVVector:
    """Encrypt a vector (n,) of whole numbers with n ≤ slots, or one number.

    ``bound`` is published with the ciphertext: |values| ≤ bound, by default the parameters'.
    Raises BadValue for fractions, NaN and the like, ShapeError, Overflow when the promise is
    broken or beyond t/2.
    """
    params = context.params
    numbers = np.atleast_1d(as_whole(values))
    limit = params.bound if bound is None else whole_bound(bound)
    top = int(np.abs(numbers).max(initial=0))
    if top > limit:
        raise Overflow(
            f"a value reaches {top} but |values| ≤ {limit} was promised: promise "
            f"bound={1 << top.bit_length()}, with plain_bits for what is computed of it"
        )
    check_bound(params, limit)
    handle = context.e.encrypt(repeat(numbers, params.slots))
    return BFVVector(context, handle, numbers.size, limit, params.model.fresh, handle)


def load(context: BFVContext, data: bytes | Ciphertext) -> BFVVector:
    """A ciphertext from its bytes (or out of a pickle), ready to compute with.

    Of one that another party computed only the length is known: ``promise`` tells its bound, and
    the budget that is left, to go on computing with it.

    Raises BadBytes for truncated or foreign bytes, WrongKey when it is under another key.
    """
    fields, payload = unpacked(context, data, LABEL)
    with wire.rebuilding("ciphertext"):
        _ = labelled(context, fields, None)  # refused before SEAL sees it
        return labelled(context, fields, context.e.load(payload))
