"""One real run in Python, for a page that cannot encrypt."""

from __future__ import annotations

import base64
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from ..plans import Plan
from ..roles import DataOwner, Server

SEEN = 4096  #: bytes of a ciphertext that the page draws


def record(plan: Plan, images: np.ndarray) -> dict[str, Any]:
    """What an owner and a server did with each image: times, messages, scores, as JSON.

    ``keys`` are the first messages; ``runs``, for each image, ``scores`` and ``clear``, the
    ``seconds`` of each step, ``messages``, and ``seen``: bytes of the ciphertext, in base64.
    """
    owner, making = timed(lambda: DataOwner(plan))
    server = Server(plan, owner.public.to_bytes())
    keys = [_message("owner", "server", f"{k} key", v) for k, v in owner.public.keys.items()]
    return {"keys": keys, "runs": [_run(plan, owner, server, making, x) for x in images]}


def _run(
    plan: Plan, owner: DataOwner, server: Server, making: float, image: np.ndarray
) -> dict[str, Any]:
    e = owner.public.context.e
    upload, encrypting = timed(lambda: owner.encrypt(image))
    result, predicting = timed(lambda: server.run([c.to_bytes() for c in upload]))
    scores, decrypting = timed(lambda: owner.decrypt(result.to_bytes()))
    sent, back = [e.dump(c.handle) for c in upload], e.dump(e.rerandomise(result.handle))
    steps = ("keys", "encrypt", "predict", "decrypt")
    messages = [_message("owner", "server", "encrypted digit", data) for data in sent]
    return {
        "scores": scores.tolist(),
        "clear": plan.simulate(image, noisy=False).tolist(),
        "seconds": dict(zip(steps, (making, encrypting, predicting, decrypting), strict=True)),
        "messages": [*messages, _message("server", "owner", "encrypted scores", back)],
        "seen": base64.b64encode(sent[0][:SEEN]).decode(),
        "size": sum(map(len, sent)),
    }


def _message(sender: str, receiver: str, what: str, data: bytes) -> dict[str, Any]:
    first, then = (data[i : i + 8].hex(" ") for i in (0, 8))
    label = {"from": sender, "to": receiver, "what": what}
    return {**label, "size": len(data), "first": first, "then": then}


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """A result, and the seconds it took."""
    start = perf_counter()
    return run(), perf_counter() - start
