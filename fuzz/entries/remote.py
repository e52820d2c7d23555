"""What a page sends to the kernel behind *Draw a digit*: it must be answered, whatever it is.

A page's keys are SEAL's own bytes with seeds in them. Here their residues are random numbers:
as far as anyone without the secret key can tell, so are a page's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache, partial
from typing import Any

import numpy as np

from helib_py.engines.seal import layout
from helib_py.widgets.remote import RemoteServer
from helib_py.wire import pack

from ..messages import opened
from .entry import Entry, Taken
from .plans import plan

_SEED = b"\1" + bytes(range(64))


def entries() -> Iterator[Entry]:
    """Keys, a ciphertext, and a piece of a message."""
    yield Entry("page's keys", partial(_messages, "keys"), _hear, 6)
    yield Entry("page's ciphertext", partial(_messages, "predict"), _hear, 20)


@cache
def _server() -> RemoteServer:
    """One that has keys of page p already."""
    server, keys = RemoteServer(plan("toy")), opened(_messages("keys")[0])
    assert keys
    answer = server.hear(keys.header["label"], list(keys.payloads))
    assert answer
    assert "error" not in answer[0], answer
    return server


def _seeded(primes: int, scale: float) -> bytes:
    params = plan("toy").params
    chain = np.array([*params.primes, params.special][:primes], dtype=np.uint64)[:, None]
    random = np.random.default_rng(primes)
    half = random.integers(0, 2**63, (primes, params.ring), dtype=np.uint64) % chain
    return layout.seeded_ciphertext(half, layout.parms(params, primes), scale, _SEED)


def _switching(steps: tuple[int, ...] | None) -> bytes:
    """A relinearisation key (None), or rotation keys."""
    params = plan("toy").params
    digits = len(params.primes)
    places = {layout.rotation_index(k, params.ring) for k in steps or ()} if steps else {0}
    pieces = [layout.parms(params, digits + 1)]
    pieces.append(struct.pack("<Q", params.ring if steps else 1))
    for index in range(params.ring if steps else 1):
        here = digits if index in places else 0
        pieces.append(struct.pack("<Q", here))
        pieces += [_seeded(digits + 1, 1.0)] * here
    return layout.headed(pieces)


@cache
def _messages(question: str) -> list[bytes]:
    """Labels and buffers, as one message each to be spoilt; a label says which sizes follow."""
    made, inside = plan("toy"), plan("toy").interface
    if question == "keys":
        parts = {
            "public": _seeded(len(made.params.primes) + 1, 1.0),
            "relinearisation": _switching(None),
            "rotation": _switching(made.params.rotations),
        }
    else:
        parts = {"ciphertext": _seeded(len(made.params.primes), inside.scale)}
    sizes = [len(part) for part in parts.values()]
    label = {"id": "m", "page": "p", "question": question, "names": list(parts), "sizes": sizes}
    whole = [pack("heard", {"label": {**label, "at": 0}}, *parts.values())]
    first = pack("heard", {"label": {**label, "at": 0}}, b"".join(parts.values())[:1000])
    return [*whole, first]


def _hear(data: Any) -> Taken:
    """Never raises: not even a refusal."""
    label, buffers = _received(data)
    try:
        answers = [_server().hear(label, buffers), *_later(label, buffers)]
    except Exception as error:
        raise AssertionError(f"hear raised {type(error).__name__}") from error
    for answer in answers:
        assert answer is None or {"error", "seconds"} & set(answer[0])
    return Taken(lambda: None, [lambda: len(repr(answers))])


def _later(label: Any, buffers: list[bytes]) -> list[Any]:
    """The rest of a message of which only a piece came, and then a whole one."""
    rest = {**label, "at": 1000} if isinstance(label, dict) else label
    whole = opened(_messages("predict")[0])
    assert whole
    honest = _server().hear(whole.header["label"], list(whole.payloads))
    return [_server().hear(rest, buffers), honest]


def _received(data: Any) -> tuple[Any, list[bytes]]:
    """What a page is free to send; spoilt beyond that it is a label of no use."""
    found = opened(data)
    if found is None:
        return data, [data] if isinstance(data, bytes) else []
    label = found.header.get("label") if isinstance(found.header, dict) else found.header
    return label, list(found.payloads)
