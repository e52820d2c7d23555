"""The primes of a CKKS parameter set, dropped one by one: what is left at every level."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import traitlets

from ..errors import ParameterError
from ..params import CKKS, MAX_MODULUS_BITS
from ..tables import nbytes
from .checks import counts
from .widgets import Widget, front_end


class ModulusChain(Widget):
    """The chain of primes behind a CKKS ciphertext, and the room that each level leaves.

    The reader turns the level. Shown are the data primes that are left, the special prime, the
    largest modulus q·p that the 2024 table allows for the ring, and of a ciphertext at this level
    the modulus, the scale, the room log2 q − scale − 1 (values up to 2^room fit) and the bytes.
    Parameters that are INSECURE say so on every panel.

    ``value`` is the level: observe it, or set it. ParameterError for a level that is not there.

    >>> ModulusChain(CKKS(depth=3, precision=20), value={"level": 1})
    ModulusChain(level 1/3)
    """

    _esm = front_end("parts.js", "modulus_chain.js")

    ring = traitlets.Int(read_only=True).tag(sync=True)
    security = traitlets.Int(read_only=True).tag(sync=True)
    limit = traitlets.Int(read_only=True).tag(sync=True)
    primes = traitlets.List(traitlets.Float(), read_only=True).tag(sync=True)
    special = traitlets.Float(read_only=True).tag(sync=True)
    levels = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)

    def __init__(
        self, params: CKKS, *, title: str = "", value: Mapping[str, Any] | None = None
    ) -> None:
        if not isinstance(params, CKKS):
            raise ParameterError(f"{type(params).__name__}: only CKKS has levels, pass he.CKKS(…)")
        traits = {"ring": params.ring, "security": params.security, "title": title}
        traits |= {"limit": MAX_MODULUS_BITS[params.security].get(params.ring, 0)}
        traits |= {"primes": [math.log2(q) for q in params.primes]}
        traits |= {"special": math.log2(params.special), "insecure": not params.is_secure}
        traits |= {"levels": [_level(params, level) for level in range(params.depth + 1)]}
        super().__init__(traits, {"level": params.depth}, value)

    @traitlets.validate("value")
    def _there(self, proposal: Mapping[str, Any]) -> dict[str, int]:
        return counts({**self.value, **proposal["value"]}, {"level": len(self.levels) - 1})

    def __repr__(self) -> str:
        return f"ModulusChain(level {self.value['level']}/{len(self.levels) - 1})"


def _level(params: CKKS, level: int) -> dict[str, float | str]:
    """In bits, of a ciphertext at a level: its modulus, scale and room; and its size in words."""
    modulus, scale = params.log_q(level), math.log2(params.scales[level])
    size = nbytes(params.ciphertext_bytes(level))
    return {"modulus": modulus, "scale": scale, "room": modulus - scale - 1, "size": size}
