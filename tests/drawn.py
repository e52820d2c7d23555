"""What tests of "Draw a digit" share: a trained network, its plan, and a search for a secret."""

import base64
from functools import cache

import numpy as np
import pytest
import torch
from torch import nn

import helib_py as he
from helib_py.widgets import draw_digit

ENCRYPTED = pytest.mark.skipif(
    not all(draw_digit.node_seal(draw_digit.NODE_SEAL)),
    reason="needs node-seal from npm: make tools/web/node_modules/.ready",
)
DIGITS = (7, 2, 3)
# Asked of the client's thread, in base64.
SECRET = """() => {
  const bytes = client.holder.dump(client.holder.secret);
  return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(""));
}"""


@cache
def digits():
    return he.data.mnist()


@cache
def net():
    """Ten scores that mean something, after a moment of training."""
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 8, 7, stride=3), he.Square(), nn.Flatten(), nn.Linear(512, 10)]
    data = digits()
    return he.fine_tune(nn.Sequential(*layers), data.x_train, data.y_train, 3, 4e-3)


@cache
def plan():
    return he.plan(net(), digits().x_train[:64], 10)


@cache
def examples():
    """One held-out image of each of ``DIGITS``, shape (3, 1, 28, 28)."""
    found = [int(np.flatnonzero(digits().y_test == digit)[0]) for digit in DIGITS]
    return digits().x_test[found]


@cache
def widget():
    return he.widgets.DrawDigit(plan(), examples(), DIGITS)


@cache
def encrypted_in_python():
    """Scores of the examples by a fresh owner and server."""
    owner = he.DataOwner(plan())
    server = he.Server(plan(), owner.public)
    return np.array([owner.decrypt(server.run(owner.encrypt(x))) for x in examples()])


def significant_bits(got, expected):
    expected = np.asarray(expected)
    error = np.abs(np.asarray(got) - expected).max() or 1e-300
    return float(np.log2(np.abs(expected).max() / error))


def holds_part_of(secret, data):
    """Whether any 32 bytes in a row of a secret of 64-bit words are in the data, anywhere.

    Such a stretch covers two whole words that follow one another.
    """
    words = np.frombuffer(secret[: len(secret) // 8 * 8], "<u8")
    pairs = set(zip(words[:-1].tolist(), words[1:].tolist(), strict=True))
    for shift in range(8):
        here = np.frombuffer(data[shift : shift + (len(data) - shift) // 8 * 8], "<u8")
        for at in np.flatnonzero(np.isin(here[:-1], words[words > 2**32])):
            if (int(here[at]), int(here[at + 1])) in pairs:
                return True
    return False


def residues(secret):
    """A secret key without the header that all of SEAL's bytes have."""
    return base64.b64decode(secret)[-8 * plan().params.ring * (len(plan().params.primes) + 1) :]


def scores(page, column=2):
    """A column of the table: 1 in the clear, 2 encrypted."""
    cells = page.locator("details").first.locator(f"td:nth-child({column + 1})")
    return [float(text.replace("−", "-")) for text in cells.all_text_contents()]


def thread(page, name):
    return next(w for w in page.workers if w.evaluate(f"typeof {name} !== 'undefined'"))
