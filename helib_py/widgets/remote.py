"""A server behind a page: what a widget's front end sends is all it knows of the client.

Messages are JSON labels with bytes, in pieces because a Jupyter server refuses large ones. A
label holds ``id``, the ``page`` that asks, the ``question`` ("keys" or "predict"), the ``names``
and ``sizes`` of its parts, and ``at``: where in the whole the piece belongs. The other side is in
session.js.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from time import perf_counter
from typing import Any

from .. import engines, noise
from ..bundle import PublicBundle
from ..ckks import CKKSVector
from ..engines.seal import Foreign
from ..errors import BadBytes, HelibError, MissingKey
from ..noise import Estimate
from ..options import instance
from ..plans import Plan
from ..roles import Server

Label = dict[str, Any]
Parts = list[tuple[str, bytes]]
_MOST_PARTS = 1024  #: of a message: keys, or the ciphertexts of one input
_PAGES = 4  #: whose keys are kept at a time


class RemoteServer:
    """Answers the messages of pages for one plan; holds the public keys of the last four."""

    def __init__(self, plan: Plan) -> None:
        self.plan = instance(plan, Plan, "a plan, from he.plan(net, X)")
        self._engine = engines.own_engine(plan.params)
        self._foreign = Foreign(plan.params, self._engine)
        self._servers: dict[str, Server] = {}
        self._pieces: dict[str, bytearray] = {}

    @property
    def most(self) -> int:
        """Bytes of the largest message there can be: all keys, uncompressed and without seeds."""
        return self.plan.rotation_key_bytes + 2 * self.plan.params.key_bytes

    def hear(self, label: Label, buffers: Sequence[Any]) -> tuple[Label, list[bytes]] | None:
        """The answer to a message, or None while pieces are missing; it never raises.

        A malformed message is answered by ``error``, in words for the page.
        """
        name = label.get("id") if isinstance(label, dict) else None
        try:
            parts = self._whole(label, b"".join(bytes(b) for b in buffers))
            if parts is None:
                return None
            start = perf_counter()
            answer = self._answer(label["question"], str(label["page"]), parts)
        except Exception as error:  # whatever a page sends, the kernel answers
            self._pieces.clear()
            return {"id": name, "error": _words(error)}, []
        return {"id": name, "seconds": perf_counter() - start}, answer

    def _whole(self, label: Label, piece: bytes) -> Parts | None:
        """The parts of a message, when its last piece is there."""
        sizes, names = label["sizes"], label["names"]
        if not len(sizes) == len(names) <= _MOST_PARTS:
            raise BadBytes(
                f"{len(sizes)} parts announced: as many as names, {_MOST_PARTS} at most"
            )
        if any(type(size) is not int or size < 0 for size in sizes) or sum(sizes) > self.most:
            raise BadBytes(f"too many bytes announced: this plan needs {self.most} at most")
        if label["at"] == 0:  # one message at a time: what was begun before is given up
            self._pieces = {label["id"]: bytearray()}
        whole = self._pieces.get(label["id"])
        if whole is None or label["at"] != len(whole) or len(whole) + len(piece) > sum(sizes):
            raise BadBytes("a piece of this message is missing or out of order: send it again")
        whole += piece
        if len(whole) < sum(sizes):
            return None
        del self._pieces[label["id"]]
        cut = [bytes(whole[a:b]) for a, b in pairwise(accumulate(sizes, initial=0))]
        return list(zip(names, cut, strict=True))

    def _answer(self, question: str, page: str, parts: Parts) -> list[bytes]:
        if question == "keys":
            keys = self._foreign.bundle(dict(parts))
            server = Server(self.plan, PublicBundle(self.plan.params, self._engine, keys))
            others = [(name, kept) for name, kept in self._servers.items() if name != page]
            self._servers = dict([*others, (page, server)][-_PAGES:])
            return []
        if question == "predict":
            return [self._predict(self._servers.get(page), [data for _, data in parts])]
        raise BadBytes(f"{question!r} was asked: this server knows keys and predict only")

    def _predict(self, server: Server | None, ciphertexts: list[bytes]) -> bytes:
        """From SEAL's bytes to SEAL's bytes."""
        if server is None:
            raise MissingKey("no public keys are here: send them before the first ciphertext")
        context, inside = server.public.context, self.plan.interface
        top, size = inside.params.depth, inside.params.slots
        estimate = Estimate(inside.span.bound, noise.fresh_std(inside.params, inside.scale))
        bare = [self._foreign.ciphertext(data, top, inside.scale) for data in ciphertexts]
        handles = [context.e.load(data, top, inside.scale) for data in bare]
        result = server.run(
            [CKKSVector(context, h, top, inside.scale, size, estimate) for h in handles]
        )
        masked = context.e.dump(context.e.rerandomise(result.handle))
        return self._foreign.written(masked, *inside.result)


def _words(error: Exception) -> str:
    """What went wrong, for a reader of the page."""
    if isinstance(error, HelibError | ImportError):
        return str(error)
    return f"this message is malformed ({type(error).__name__}): reload the page"
