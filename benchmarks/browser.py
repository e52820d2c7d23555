"""One encrypted digit with keys and server in a browser, against the same plan on Pyfhel."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from torch import nn

import helib_py as he
from helib_py.widgets.draw_digit import NODE_SEAL, node_seal

from .digits import Ours
from .harness import Result, alternate, result
from .networks import trained
from .session import SCRIPT, traits

IMAGES = 20
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu"]
START = """async ([given, inputs]) => {
  const mine = session(given);
  await mine.start();
  globalThis.predict = (i) => mine.askFor(inputs[i], "thread");
  await predict(0);
  const sizes = (what) => mine.log.filter((m) => m.what.endsWith(what)).map((m) => m.size);
  return [sizes(" key"), sizes("encrypted digit")];
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
        inputs = images.reshape(IMAGES, -1).tolist()
        keys, upload = page.evaluate(START, [traits(he.widgets.DrawDigit(native.plan)), inputs])
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
    yield result(f"{name}: all public keys", sum(keys), public, "bytes", "—")
    yield result(f"{name}: upload", sum(upload), sent, "bytes", "—")


@contextmanager
def _page() -> Iterator[Any]:
    """An empty page with the evaluator in it."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page()
        page.add_script_tag(content=SCRIPT)
        yield page
        browser.close()
