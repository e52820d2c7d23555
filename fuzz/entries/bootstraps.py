"""Bootstrapped networks on the toy ring: ciphertexts; keys seldom, as each starts a process."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from importlib.util import find_spec
from typing import Any

import numpy as np

import helib_py as he

from ..limits import wider
from .entry import Entry, Taken
from .plans import EXAMPLES, affines


def entries() -> Iterator[Entry]:
    """None where Lattigo is not installed."""
    if find_spec("lattigo") is None:
        return
    yield Entry("bootstrap ciphertext to run", _uploads, _run, 2, 0.05)
    yield Entry("bootstrap ciphertext to open", _opened, _open, 6)
    yield Entry("bootstrap keys", _keys, _key, 1, 0.05)


@cache
def _parties() -> tuple[he.BootstrapPlan, he.BootstrapOwner]:
    plan = he.bootstrap_plan(affines((6, 4, 4, 4, 3)), EXAMPLES, levels=3, insecure=True)
    with wider():
        return plan, he.BootstrapOwner(plan)


_servers: list[Any] = []  # the one that runs; a forged ciphertext may end its process


def _server() -> he.BootstrapServer:
    if not _servers or not _servers[0]._worker.alive:
        plan, holder = _parties()
        with wider():
            _servers[:] = [he.BootstrapServer(plan, holder.public)]
    server: he.BootstrapServer = _servers[0]
    return server


@cache
def _uploads() -> list[bytes]:
    return [_parties()[1].encrypt(EXAMPLES[0]), *list(_server().steps(_parties()[1].encrypt(
        EXAMPLES[1])))[:-1]]  # fmt: skip


def _run(data: Any) -> Taken:
    holder, out = _parties()[1], _server().run(data)
    return Taken(partial(holder.decrypt, out), [partial(holder.decrypt, out)])


@cache
def _opened() -> list[bytes]:
    return list(_server().steps(_uploads()[0]))


def _open(data: Any) -> Taken:
    holder = _parties()[1]
    values = holder.decrypt(data)
    return Taken(lambda: values, [partial(holder.open, data), lambda: np.abs(values).max()])


@cache
def _keys() -> list[bytes]:
    return [_parties()[1].public]


def _key(data: Any) -> Taken:
    plan, holder = _parties()
    with wider():
        server = he.BootstrapServer(plan, data)

    def run() -> np.ndarray:
        return holder.decrypt(server.run(_uploads()[0]))

    return Taken(run, [run])
