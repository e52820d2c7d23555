"""Who the honest messages are from: toys, quick to make and insecure, and a few of real size."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

import helib_py as he

X = np.array([0.5, -0.25, 0.75, 0.125])
WHOLE = np.array([3, -2, 0, 1])
MATRIX = np.array([[0.5, -0.25, 0.0, 1.0], [0.25, 0.5, -1.0, 0.125]])
SEAL = ("seal", "pyfhel")

_STEPS = (1, 2, 4, 8)
PARAMS: dict[str, Any] = {
    "CKKS": he.CKKS(
        depth=3, ring=1024, prime_bits=(50, 40, 40, 40), special_bits=50, scale_bits=40,
        rotations=_STEPS, insecure=True,
    ),
    "BFV": he.BFV(
        ring=1024, plain_bits=16, prime_bits=(50, 50), bound=8, rotations=_STEPS, insecure=True
    ),
    "Paillier": he.Paillier(bits=256, precision=8, factor_precision=8, insecure=True),
    "real CKKS": he.CKKS(depth=1, rotations=(1, 2)),
    "real BFV": he.BFV(depth=1, plain_bits=16, rotations=(1, 2)),
    "real Paillier": he.Paillier(bits=2048),
}  # fmt: skip


def engines(scheme: str) -> tuple[str, ...]:
    """All that can hold keys of a scheme here."""
    from helib_py.engines.seal import installed

    return ("paillier", "plain") if "Paillier" in scheme else (*installed(), "plain")


@cache
def owner(scheme: str, engine: str) -> he.DataOwner:
    """Holds the secret key."""
    return he.DataOwner(PARAMS[scheme], engine)


def other(engine: str) -> str | None:
    """The engine that reads the same bytes."""
    return {"seal": "pyfhel", "pyfhel": "seal"}.get(engine)


@cache
def public(scheme: str, engine: str) -> he.PublicBundle:
    """That owner's bundle where it is computed with, on the other engine if there is one."""
    data = owner(scheme, engine).public.to_bytes()
    reader = other(engine) if other(engine) in engines(scheme) else engine
    return he.PublicBundle.from_bytes(data, insecure=True, engine=reader)


def values(scheme: str) -> np.ndarray:
    """A vector that the scheme encrypts."""
    return WHOLE if "BFV" in scheme else X


@cache
def donors() -> list[bytes]:
    """Honest messages of every kind that is quick to make, to be spliced in."""
    found = [b'{"a": 0}', b"HELIBPY2"]
    for scheme in ("CKKS", "BFV", "Paillier"):
        for engine in engines(scheme):
            holder = owner(scheme, engine)
            found.append(holder.encrypt(values(scheme)).to_bytes())
            found.append(holder.public.to_bytes())
    return found
