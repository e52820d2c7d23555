"""Ciphertexts of every scheme and engine, fresh and computed: loaded, computed with, decrypted."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from functools import cache, partial
from typing import Any

import numpy as np

import helib_py as he

from .entry import Entry, Taken, Use
from .parties import MATRIX, PARAMS, engines, owner, public, values

CURVE = he.fit("tanh", 3, 1.0)


def entries() -> Iterator[Entry]:
    """One a scheme and engine."""
    for scheme in PARAMS:
        for engine in engines(scheme):
            weight = 1 if scheme.startswith("real") else 40
            ends = (partial(_honest, scheme, engine), partial(_take, scheme, engine))
            yield Entry(f"ciphertext · {scheme} · {engine}", *ends, weight)


@cache
def _honest(scheme: str, engine: str) -> list[bytes]:
    holder, x = owner(scheme, engine), values(scheme)
    c: Any = holder.encrypt(x)
    found = [c, holder.encrypt(1), c + c, c * 2, c.sum(), c.rotate(1)]
    if "Paillier" in scheme:
        found += [c.packed(), c.packed().shielded(), MATRIX @ c, holder.encrypt(MATRIX)]
        found += [holder.encrypt(x, packed=True)]
    else:
        found += [c * c]
    return [one.to_bytes() for one in found]


def _take(scheme: str, engine: str, data: Any) -> Taken:
    holder, c = owner(scheme, engine), public(scheme, engine).load(data)
    uses = [*common(c, values(scheme)), *_OWN[scheme.split()[-1]](c, values(scheme))]
    return Taken(partial(holder.decrypt, data), [*uses, *opening(holder, data, c)])


def common(c: Any, x: np.ndarray) -> Sequence[Use]:
    """What every party does with every stranger's ciphertext."""
    return [
        partial(repr, c), c.to_bytes, lambda: len(c), lambda: c.bound, lambda: repr(c * 3 - 1),
        lambda: (c + c).to_bytes(), lambda: (c + x).to_bytes(), lambda: (c * x).to_bytes(),
        lambda: -c, lambda: c * c, lambda: c**3, lambda: c.rotate(1).to_bytes(),
        lambda: c.sum().to_bytes(), lambda: np.rint(2 * MATRIX) @ c, lambda: c @ x,
        lambda: c.combine([c, -c], [2, -1]), lambda: repr(c.promise(1.0) + c),
        lambda: pickle.loads(pickle.dumps(c)),
    ]  # fmt: skip


def _ckks(c: Any, x: np.ndarray) -> Sequence[Use]:
    def tight() -> Any:
        return c.promise(1.0)

    return [
        lambda: c.bits, lambda: c.lower(0).to_bytes(), lambda: (tight() * tight()).to_bytes(),
        lambda: (tight() * x + tight()).to_bytes(), lambda: CURVE(tight()).to_bytes(),
        lambda: (MATRIX @ tight()).to_bytes(), lambda: tight().rotate(1).sum().to_bytes(),
        lambda: tight().combine([tight(), tight()], [0.5, 2.0]).to_bytes(),
    ]  # fmt: skip


def _bfv(c: Any, x: np.ndarray) -> Sequence[Use]:
    def tight() -> Any:
        return c.promise(8, budget=16)

    return [
        lambda: c.budget, lambda: (tight() * tight()).to_bytes(),
        lambda: (tight() * x + tight()).to_bytes(), lambda: tight().rotate(1).sum().to_bytes(),
        lambda: (np.rint(2 * MATRIX) @ tight()).to_bytes(), lambda: (tight() * 3).to_bytes(),
    ]  # fmt: skip


def _paillier(c: Any, x: np.ndarray) -> Sequence[Use]:
    def tight() -> Any:
        return c.promise(1.0)

    return [
        lambda: c.bits, lambda: c.shape, lambda: c.packed().shielded().to_bytes(),
        lambda: c.prepared() @ x, lambda: repr((c * 0.5).promise(1.0)),
        lambda: (tight() * x + tight()).to_bytes(), lambda: (MATRIX @ tight()).packed().to_bytes(),
        lambda: c.rerandomised() / 3,
    ]  # fmt: skip


_OWN = {"CKKS": _ckks, "BFV": _bfv, "Paillier": _paillier}


def opening(holder: he.DataOwner, data: Any, c: Any) -> Sequence[Use]:
    """All that its owner does with it, and with what was computed of it."""
    publish = partial(holder.publish, data, statistical_bits=1, precision=-99)
    return [
        lambda: holder.decrypt(data), lambda: holder.decrypt(c), publish,
        lambda: publish(error=0.1), lambda: holder.budget(data),
        lambda: holder.decrypt((c * c).to_bytes()), lambda: holder.decrypt((c + c).to_bytes()),
        lambda: holder.decrypt((c * 3).to_bytes()),
    ]  # fmt: skip
