"""Draw a digit: the reader's browser makes the key and encrypts; whoever computes has no key."""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from .. import data, show
from ..encoding import as_numbers, as_whole
from ..errors import BadValue, ParameterError, ShapeError
from ..options import instance
from ..plans import Plan
from ..show.widgets import Widget
from .recorded import record
from .remote import RemoteServer

HERE = Path(__file__).parent
#: Where the set-up puts node-seal; it is never vendored.
NODE_SEAL = HERE.parents[1] / "tools" / "web" / "node_modules" / "node-seal" / "dist"
SIDE, CLASSES = 28, 10


def front_end(*names: str) -> str:
    """Scripts of this folder, and of ``show``, as one text that imports nothing."""
    folders = (HERE, Path(show.__file__).parent)
    files = [next(f / name for f in folders if (f / name).exists()) for name in names]
    return "\n".join(file.read_text("utf-8") for file in files)


class DrawDigit(Widget):
    """A digit is drawn, encrypted in the browser, recognised by a server without a key.

    ``plan`` takes images of 28×28 to 10 scores. ``examples``, shape (count, 28, 28) or
    (count, 1, 28, 28), real images with ``labels``, are there to be put in by a button; by default
    five held-out digits of MNIST.

    In the static book the server is a second thread of the page. In JupyterLab it is the kernel
    behind this object: it gets public keys and ciphertexts, never the key, a drawing or an answer.
    Where the browser cannot encrypt, a run is shown that Python recorded here.

    ParameterError for a plan that does not fit; takes about a second, for the recording.
    """

    _esm = front_end("parts.js", "plan.js", "threads.js", "ink.js", "pad.js", "session.js",
                     "draw_digit.js")  # fmt: skip
    _css = front_end("explorer.css", "draw_digit.css")

    plan = traitlets.Unicode(read_only=True).tag(sync=True)
    examples = traitlets.Bytes(read_only=True).tag(sync=True)
    labels = traitlets.List(traitlets.Int(), read_only=True).tag(sync=True)
    security = traitlets.Unicode(read_only=True).tag(sync=True)
    recorded = traitlets.Dict(read_only=True).tag(sync=True)
    client = traitlets.Unicode(
        front_end("plan.js", "seal.js", "threads.js", "client.js"), read_only=True
    ).tag(sync=True)
    server = traitlets.Unicode(
        front_end("plan.js", "seal.js", "threads.js", "server.js"), read_only=True
    ).tag(sync=True)
    seal_script = traitlets.Bytes(read_only=True).tag(sync=True)
    seal_wasm = traitlets.Bytes(read_only=True).tag(sync=True)

    def __init__(
        self,
        plan: Plan,
        examples: ArrayLike | None = None,
        labels: ArrayLike = (),
        *,
        title: str = "Draw a digit",
    ) -> None:
        instance(plan, Plan, "a plan, from he.plan(net, X)")
        if examples is None:
            examples, labels = _held_out()
        images, digits = _fit(plan, as_numbers(examples), as_whole(labels))
        script, wasm = node_seal(NODE_SEAL)
        traits: dict[str, Any] = {
            "plan": plan.to_json(), "examples": images.astype("<f8").tobytes(),
            "labels": digits, "title": title, "insecure": not plan.params.is_secure,
            "security": plan.params.label,
            "recorded": record(plan, images.reshape(-1, *plan.interface.shape)),
            "seal_script": script, "seal_wasm": wasm,
        }  # fmt: skip
        super().__init__(traits)
        self._remote = RemoteServer(plan)
        self.on_msg(self._hear)

    def _hear(self, _: object, content: Any, buffers: list[Any]) -> None:
        if (answer := self._remote.hear(content, buffers)) is not None:
            self.send(*answer)

    def __repr__(self) -> str:
        return f"DrawDigit({len(self.labels)} examples, {self.security})"


def _held_out() -> tuple[np.ndarray, np.ndarray]:
    mnist = data.mnist()
    _, first = np.unique(mnist.y_test, return_index=True)
    chosen = first[[7, 2, 3, 0, 9]]
    return mnist.x_test[chosen], mnist.y_test[chosen]


def _fit(plan: Plan, images: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """The examples as (count, 784) and their labels; a HelibError says what does not fit."""
    inside, pixels = plan.interface, SIDE * SIDE
    if plan.flood:
        raise ParameterError(
            "a plan that floods its answers: a page contains the weights, and its server neither "
            "floods nor counts; plan without flood="
        )
    if np.prod(inside.shape) != pixels or inside.outputs != CLASSES or inside.span.high < 1:
        raise ParameterError(
            f"a plan from {inside.shape} to {inside.outputs} scores: it must take the ink of "
            f"{SIDE}×{SIDE} pixels, from 0 to 1, to {CLASSES} scores"
        )
    if labels.ndim != 1 or not len(labels) or images.size != len(labels) * pixels:
        raise ShapeError(
            f"examples of shape {images.shape} and labels {labels.shape}: give (count, 28, 28) "
            "and a digit for each"
        )
    if images.min() < 0 or images.max() > 1:
        raise BadValue("examples must be the ink from 0 to 1: divide by the largest value")
    return images.reshape(-1, pixels), [int(digit) for digit in labels]


@cache
def node_seal(folder: Path) -> tuple[bytes, bytes]:
    """node-seal's script and its WebAssembly, compressed; empty when it was not fetched.

    The variant that allows transparent ciphertexts: a plan's weights may be zero in every slot.
    """
    files = [folder / "seal_allows.js", folder / "seal_allows.wasm"]
    if not all(file.exists() for file in files):
        return b"", b""
    script, wasm = (zlib.compress(file.read_bytes(), 9) for file in files)
    return script, wasm
