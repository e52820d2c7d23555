"""Into ciphertexts: from numbers, and from bytes. Both need public keys only."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .. import noise
from ..cipher import Ciphertext, unpacked
from ..context import Context
from ..encoding import as_numbers, repeat, within
from ..errors import BadBytes
from ..noise import Estimate
from .vector import CKKSVector


def encrypt(context: Context, values: ArrayLike, bound: float | None = None) -> CKKSVector:
    """Encrypt a vector (n,) with n ≤ slots, or one number, at the top level.

    ``bound`` is published with the ciphertext: |values| ≤ bound, by default the parameters'.
    Raises BadValue for NaN and the like, ShapeError, Overflow when the promise is broken.
    """
    params = context.params
    numbers = np.atleast_1d(as_numbers(values))
    bound = params.bound if bound is None else float(bound)
    within(numbers, bound)
    top, scale = params.depth, params.scales[-1]
    noise.check_room(params, top, scale, bound)
    handle = context.e.encrypt(repeat(numbers, params.slots), top, scale)
    estimate = Estimate(bound, noise.fresh_std(params, scale))
    return CKKSVector(context, handle, top, scale, numbers.size, estimate)


def load(context: Context, data: bytes | Ciphertext) -> CKKSVector:
    """A ciphertext from its bytes (or out of a pickle), ready to compute with.

    Raises BadBytes for truncated or foreign bytes, WrongKey when it is under another key.
    """
    header, payload = unpacked(context, data, _LABEL)
    level, scale, length, stride = (header[k] for k in ("level", "scale", "length", "stride"))
    if not (0 <= level <= context.params.depth and 0 < length * stride <= context.params.slots):
        raise BadBytes("the ciphertext's label contradicts its parameters: send it again")
    handle = context.e.load(payload, level, scale)
    return CKKSVector(
        context, handle, level, scale, length, Estimate(header["bound"], header["std"]), stride
    )


_LABEL = {
    "level": int, "scale": float, "length": int, "stride": int, "bound": float, "std": float,
}  # fmt: skip
