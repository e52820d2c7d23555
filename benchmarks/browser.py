"""One encrypted digit with keys and server in a browser, against the same plan on Pyfhel."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from torch import nn

import helib_py as he
from helib_py.widgets.draw_digit import NODE_SEAL, front_end, node_seal

from .digits import Ours
from .harness import Result, alternate, result
from .networks import trained

IMAGES = 20
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]
# What the widget does, without what it draws.
START = """async ({ text, inputs, client, server, packed }) => {
  const [script, wasm] = await Promise.all(packed.map((p) =>
    inflate(Uint8Array.from(atob(p), (c) => c.charCodeAt(0)))));
  const module = await WebAssembly.compile(wasm);
  const start = { script: new TextDecoder().decode(script), module };
  const [plan, owner, cloud] = [await readPlan(text), new Thread([client]), new Thread([server])];
  const { parameters, rotations, input, output } = plan;
  const { bundle } = await owner.ask("keys", { wasm: start, parameters, rotations });
  await cloud.ask("plan", { wasm: start, text });
  await cloud.ask("keys", bundle);
  globalThis.predict = async (i) => {
    const sent = { slots: layOut(plan, inputs[i]), scale: input.scale };
    const { ciphertexts } = await owner.ask("encrypt", sent);
    const { ciphertext } = await cloud.ask("predict", { ciphertexts });
    const { level, scale } = output;
    const { slots } = await owner.ask("decrypt", { ciphertext, level, scale });
    return readOut(plan, slots);
  };
  const slots = layOut(plan, inputs[0]);
  const { ciphertexts } = await owner.ask("encrypt", { slots, scale: input.scale });
  const sizes = (parts) => parts.reduce((total, { length }) => total + length, 0);
  return [sizes(Object.values(bundle)), sizes(ciphertexts)];
}"""


def drawn() -> nn.Sequential:
    """The network of *Draw a digit*: sixteen 7×7 windows, squared, to ten scores."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 7, stride=3), he.Square(), nn.Flatten(), nn.Linear(1024, 10)
    )


def measure(rounds: int = 7) -> Iterator[Result]:
    """Times and bytes; nothing where Chromium or node-seal is missing."""
    if not (shutil.which("chromium") and all(node_seal(NODE_SEAL))):
        return
    digits = he.data.mnist()
    native = Ours(trained(drawn()), digits.x_train[:64], precision=10)
    images = digits.x_test[:IMAGES]
    with _page() as page:
        keys, upload = page.evaluate(START, _given(native.plan, images))
        turn, other = count(), count()
        here, there = alternate(
            lambda: page.evaluate(f"predict({next(turn) % IMAGES})"),
            lambda: native.predict(images[next(other) % IMAGES]),
            rounds,
        )
    public = sum(map(len, native.owner.public.keys.values()))
    sent = sum(len(c.to_bytes()) for c in native.owner.encrypt(images[0]))
    name = "drawn digit, in Chromium against Pyfhel"
    yield result(f"{name}: encrypt, predict, decrypt", here[0], there[0], "s", "≤ 0.5 s")
    yield result(f"{name}: all public keys", keys, public, "bytes", "—")
    yield result(f"{name}: upload", upload, sent, "bytes", "—")


def _given(plan: he.Plan, images: Any) -> dict[str, Any]:
    parts = ("plan.js", "seal.js", "threads.js")
    return {
        "text": plan.to_json(),
        "inputs": images.reshape(len(images), -1).tolist(),
        "client": front_end(*parts, "client.js"),
        "server": front_end(*parts, "server.js"),
        "packed": [base64.b64encode(data).decode() for data in node_seal(NODE_SEAL)],
    }


@contextmanager
def _page() -> Iterator[Any]:
    """An empty page with the evaluator in it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page()
        page.add_script_tag(content=front_end("plan.js", "threads.js"))
        yield page
        browser.close()
