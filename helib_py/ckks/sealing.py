"""Into ciphertexts: from numbers, and from bytes. Both need public keys only."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .. import noise, wire
from ..cipher import Ciphertext, unpacked
from ..context import Context
from ..encoding import as_numbers, repeat, within
from ..errors import BadValue
from ..noise import Estimate
from ..options import real
from .vector import LABEL, CKKSVector, labelled


def encrypt(context: Context, values: ArrayLike, bound: float | None = None) -> CKKSVector:
    """Encrypt a vector (n,) with n ≤ slots, or one number, at the top level.

    ``bound`` is published with the ciphertext: |values| ≤ bound, by default the parameters'.
    Raises BadValue for NaN and the like, ShapeError, Overflow when the promise is broken.
    """
    params = context.params
    numbers = np.atleast_1d(as_numbers(values))
    bound = params.bound if bound is None else real(bound, "bound", error=BadValue)
    within(numbers, bound)
    top, scale = params.depth, params.scales[-1]
    noise.check_room(params, top, scale, bound)
    handle = context.e.encrypt(repeat(numbers, params.slots), top, scale)
    estimate = Estimate(bound, noise.fresh_std(params, scale))
    return CKKSVector(context, handle, top, scale, numbers.size, estimate, original=handle)


def load(context: Context, data: bytes | Ciphertext) -> CKKSVector:
    """A ciphertext from its bytes (or out of a pickle), ready to compute with.

    Of one that another party computed only the shape is known: its precision is unknown, and its
    bound is whatever fits, until ``promise`` tells a tighter one.

    Raises BadBytes for truncated or foreign bytes, WrongKey when it is under another key.
    """
    fields, payload = unpacked(context, data, LABEL)
    with wire.rebuilding("ciphertext"):
        _ = labelled(context, fields, None)  # refused before SEAL sees it
        return labelled(context, fields, context.e.load(payload, *fields[:2]))
