"""Public bundles, of every scheme and engine: loaded, then encrypted and computed with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

import helib_py as he

from .entry import Entry, Taken, Use
from .parties import MATRIX, PARAMS, engines, owner, values


def entries() -> Iterator[Entry]:
    """One a scheme and engine."""
    for scheme in PARAMS:
        for engine in engines(scheme):
            take = partial(_take, scheme, engine)
            weight = 1 if scheme.startswith("real") else 5
            honest = partial(_honest, scheme, engine)
            yield Entry(f"bundle · {scheme} · {engine}", honest, take, weight)


@cache
def _honest(scheme: str, engine: str) -> list[bytes]:
    return [owner(scheme, engine).public.to_bytes()]


def _take(scheme: str, engine: str, data: Any) -> Taken:
    bundle = he.PublicBundle.from_bytes(data, insecure=True, engine=engine)
    return Taken(bundle.to_bytes, [partial(str, bundle), *computing(bundle, values(scheme))])


def computing(bundle: he.PublicBundle, x: np.ndarray) -> Sequence[Use]:
    """All that a party does with public keys."""

    def encrypted() -> Any:
        return bundle.encrypt(x)

    return [
        lambda: encrypted().to_bytes(),
        lambda: (encrypted() * encrypted()).to_bytes(),
        lambda: (encrypted() + encrypted() - 1).to_bytes(),
        lambda: (encrypted() * x).to_bytes(),
        lambda: encrypted().rotate(3).to_bytes(),
        lambda: encrypted().sum().to_bytes(),
        lambda: (np.rint(2 * MATRIX) @ encrypted()).to_bytes(),
        lambda: bundle.load(encrypted().to_bytes()),
        lambda: repr((bundle.fingerprint, bundle.params.explain(), bundle.params.to_json())),
    ]
