"""The parties of a plan with refreshes: nothing but bytes crosses between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import randomness
from ..bundle import PublicBundle, received
from ..ckks import CKKSVector
from ..errors import ShapeError
from ..flooding import Allowance, embed
from ..options import instance
from ..plans import Interface
from ..roles import DataOwner, Server
from ..transcript import Transcript
from .planning import DeepPlan, log2_mask


class DeepServer:
    """Runs a plan with refreshes. Made from a public bundle, it cannot decrypt.

    ``flood``, ``answers`` and ``insecure`` as for :class:`helib_py.Server`.
    """

    def __init__(
        self,
        plan: DeepPlan,
        public: PublicBundle | bytes,
        insecure: bool = False,
        *,
        flood: float | None = None,
        answers: int = 1,
    ) -> None:
        instance(plan, DeepPlan, 'what he.plan(net, X, refresh="key holder") gave')
        self.public = received(public, insecure)
        self.plan = plan if flood is None else plan.flooded(flood, answers)
        self._segments = [Server(segment, self.public) for segment in self.plan.segments]
        self._allowance = Allowance(self.plan.flood)

    def answer(self) -> Run:
        """A fresh run for one input; its masks are used once.

        OutOfAnswers where the flood is not sized for another: runs count from their beginning.
        """
        self._allowance.take()
        return Run(self.plan, self._segments)

    def __repr__(self) -> str:
        return f"DeepServer (no secret key) · {self.plan.summary}"


class Run:
    """One input on its way through the segments, with the masks of its refreshes."""

    def __init__(self, plan: DeepPlan, segments: Sequence[Server]) -> None:
        self._plan, self._segments, self._at = plan, segments, 0
        self._mask: np.ndarray | None = None

    def step(self, upload: Sequence[bytes]) -> bytes:
        """The next segment on an upload: a masked ciphertext to refresh, in the end the result.

        ShapeError when there is nothing left to do, WrongKey and BadBytes as `Server.run`.
        """
        if self._at == len(self._segments):
            raise ShapeError("this run has given its result: ask the server for a new one")
        server, plan = self._segments[self._at], self._plan.segments[self._at]
        inputs: list[Any] = [server.public.load(c) for c in upload]
        if self._mask is not None:
            inputs = list(_unmasked(inputs, plan.interface, self._mask))
        out: Any = server.run(inputs)
        self._at += 1
        if self._at < len(self._segments):
            out, self._mask = _masked(out, log2_mask(plan, self._plan.mask_bits))
        elif self._plan.flood:
            out = plan.interface.flooded(server.public.context, out.handle, self._plan.flood)
        data: bytes = out.to_bytes()
        return data


def _masked(c: CKKSVector, bits: int) -> tuple[CKKSVector, np.ndarray]:
    """With all its coefficients masked, uniform in ±2^bits; re-randomised when it leaves.

    Whole coefficients, not slots: then errors, which depend on the weights, are masked to the
    last bit as well.
    """
    drawn = randomness.wide(bits + 1, c.context.params.ring) - (1 << bits)
    handle = c.e.add_integers(c.handle, drawn)
    slots = embed(drawn.astype(np.float64)).real / c.scale
    return replace(c, handle=handle), slots[:: c.stride][: c.length]


def _unmasked(
    inputs: Sequence[CKKSVector], interface: Interface, mask: np.ndarray
) -> Iterator[CKKSVector]:
    for c, slots in zip(inputs, interface.lay_out(mask), strict=True):
        plain = c.e.encode(-slots, c.level, c.scale)
        yield replace(c, handle=c.e.add_plain(c.handle, plain))


def refresh(owner: DataOwner, interface: Interface, masked: bytes) -> list[bytes]:
    """The key's holder decrypts masked values and encrypts them for the next segment."""
    values, span = np.nan_to_num(owner.decrypt(masked)), interface.span
    # Clipped and not refused: whether it was would tell the server of the values, bit by bit.
    upload = interface.encrypt(owner.public.context, np.clip(values, span.low, span.high))
    return [c.to_bytes() for c in upload]


def rounds(
    owner: DataOwner, server: DeepServer, x: ArrayLike, transcript: Transcript
) -> np.ndarray:
    """The network on one input, refreshes included; every message goes through the transcript."""
    run = server.answer()
    up, what = [c.to_bytes() for c in owner.encrypt(x)], "encrypted input"
    for i, following in enumerate([*server.plan.segments[1:], None]):
        reply = run.step([transcript.send("data owner", "server", what, c) for c in up])
        if following is None:
            return owner.decrypt(
                transcript.send("server", "data owner", "encrypted scores", reply)
            )
        what = f"masked values, refresh {i + 1}"
        reply = transcript.send("server", "data owner", what, reply)
        up, what = refresh(owner, following.interface, reply), f"refreshed, {i + 1}"
    raise AssertionError("a plan has at least one segment")
