"""Parameter sets and agreements as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import helib_py as he

from .entry import Entry, Taken
from .parties import PARAMS

KINDS: dict[str, Any] = {"CKKS": he.CKKS, "BFV": he.BFV, "Paillier": he.Paillier}
WIDTHS = dict(widths=(12, 5, 4, 3), norms=(1.0, 1.5, 2.0), peak=3.0)


def entries() -> Iterator[Entry]:
    """One a scheme, and agreements."""
    for scheme in KINDS:
        ends = (partial(_honest, scheme), partial(_take, scheme))
        yield Entry(f"JSON · {scheme}", *ends, 10, text=True)
    yield Entry("JSON · Agreement", _agreements, _agreement, 10, text=True)


@cache
def _honest(scheme: str) -> list[bytes]:
    return [PARAMS[name].to_json().encode() for name in PARAMS if name.endswith(scheme)]


def _take(scheme: str, text: Any) -> Taken:
    made = KINDS[scheme].from_json(text, insecure=True)
    uses = [partial(repr, made), made.explain, made.to_json, lambda: made.fingerprint]
    return Taken(made.to_json, uses)


@cache
def _agreements() -> list[bytes]:
    toy = he.Agreement(**WIDTHS, statistical_bits=10, ring=2048, insecure=True)
    return [toy.to_json().encode(), he.Agreement(**WIDTHS).to_json().encode()]


def _agreement(text: Any) -> Taken:
    made = he.Agreement.from_json(text, insecure=True)
    uses = [made.table, made.to_json, lambda: made.bits, lambda: made.capacity, made.mask]
    return Taken(made.to_json, [partial(repr, made), *uses])
