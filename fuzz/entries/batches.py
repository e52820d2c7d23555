"""Batches: their plans, and what crosses between owner and server."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import numpy as np

import helib_py as he
from helib_py.batch import make_batch_plan

from .entry import Entry, Taken, Use
from .parties import engines
from .plans import CLOSE, EXAMPLES, affines

IMAGES = EXAMPLES[:3]


def entries() -> Iterator[Entry]:
    """A plan, and for every engine inputs and results."""
    yield Entry("batch plan", _plans, _plan, 20, CLOSE)
    for engine in engines("CKKS"):
        ends = (partial(_uploads, engine), partial(_upload, engine))
        yield Entry(f"batch · {engine}", *ends, 8, CLOSE)
        ends = (partial(_results, engine), partial(_result, engine))
        yield Entry(f"batch of results · {engine}", *ends, 8)


@cache
def plan() -> he.BatchPlan:
    """As small as a secure one can be."""
    return make_batch_plan(affines(), EXAMPLES, 4.0, ring=4096)


@cache
def owner(engine: str) -> he.DataOwner:
    """Of the images."""
    return he.DataOwner(plan(), engine)


@cache
def server(engine: str) -> he.Server:
    """Made from bytes."""
    return he.Server(plan(), owner(engine).public)


@cache
def _plans() -> list[bytes]:
    return [plan().to_bytes(), plan().flooded(30, 9, precision=-99).to_bytes()]


def _plan(data: Any) -> Taken:
    made = he.BatchPlan.from_bytes(data, insecure=True)
    engine = engines("CKKS")[0]
    shape = made.interface.shape

    def run() -> np.ndarray:
        there = he.Server(made, owner(engine).public)
        return owner(engine).decrypt(there.run(_uploads(engine)[0]).to_bytes())

    uses: list[Use] = [partial(repr, made), made.to_bytes, run, lambda: made.worst_error]
    uses += [lambda: made.simulate(np.zeros((2, *shape)), noisy=False)]
    return Taken(run, [*uses, lambda: made.flooded(30, precision=-99)])


@cache
def _uploads(engine: str) -> list[bytes]:
    return [owner(engine).encrypt(IMAGES).to_bytes()]


def _upload(engine: str, data: Any) -> Taken:
    out = server(engine).run(data)
    read = partial(owner(engine).decrypt, out.to_bytes())
    return Taken(read, [read, partial(repr, out)])


@cache
def _results(engine: str) -> list[bytes]:
    return [server(engine).run(_uploads(engine)[0]).to_bytes()]


def _result(engine: str, data: Any) -> Taken:
    scores = owner(engine).decrypt(data)
    return Taken(lambda: scores, [lambda: scores.shape])
