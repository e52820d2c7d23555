"""One encrypted digit, ours against TenSEAL's tutorial, on the same network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle

import numpy as np
import torch
from torch import nn

import helib_py as he

from .harness import Result, alternate, result
from .networks import cryptonets, trained, tutorial
from .tenseal_digits import TensealDigits


class Ours:
    """Encrypt, evaluate, decrypt: the three steps that are timed for both."""

    def __init__(self, net: nn.Sequential, examples: np.ndarray, precision: float = 7) -> None:
        self.plan = he.plan(net, examples, precision)
        self.owner = he.DataOwner(self.plan)
        self.server = he.Server(self.plan, self.owner.public)

    def predict(self, image: np.ndarray) -> np.ndarray:
        return self.owner.decrypt(self.server.run(self.owner.encrypt(image)))


def measure(rounds: int = 7) -> Iterator[Result]:
    """Time, error and bytes on trained networks."""
    digits = he.data.mnist()
    net = trained(tutorial())
    ours, peer = Ours(net, digits.x_train[:64]), TensealDigits(net)
    errors = [_largest_error(net, way, digits.x_test[:20]) for way in (ours.predict, peer.predict)]
    wall, cpu = _times(ours, peer.predict, digits.x_test, rounds)
    yield result("tutorial CNN, one image: wall time", *wall, "s", "ratio ≥ 60")
    yield result("tutorial CNN, one image: CPU time", *cpu, "s", "ratio ≥ 90")
    yield result("tutorial CNN: largest error of a score", *errors, "", "ratio ≥ 1")
    upload = sum(len(c.to_bytes()) for c in ours.owner.encrypt(digits.x_test[0]))
    theirs = len(peer.encrypt(digits.x_test[0])[0].serialize())
    yield result("tutorial CNN: upload", upload, theirs, "bytes", "≤ 400 kB")
    keys = ours.plan.rotation_key_bytes, peer.rotation_key_bytes()
    yield result("tutorial CNN: rotation keys", *keys, "bytes", "≤ 20 MB")
    larger = Ours(trained(cryptonets()), digits.x_train[:64])
    wall, _ = _times(larger, ours.predict, digits.x_test, rounds * 3, each=1)
    yield result("CryptoNets' CNN against tutorial CNN: wall time", *wall, "s", "ratio ≥ 0.5")


def _times(
    ours: Ours,
    peer: Callable[[np.ndarray], object],
    images: np.ndarray,
    rounds: int,
    each: int = 10,
) -> list[tuple[float, float]]:
    """(ours, peer) pairs: wall seconds, then CPU seconds."""
    left, right = cycle(images), cycle(images)
    run = alternate(lambda: ours.predict(next(left)), lambda: peer(next(right)), rounds, each)
    return list(zip(*run, strict=True))


def _largest_error(
    net: nn.Sequential, predict: Callable[[np.ndarray], np.ndarray], images: np.ndarray
) -> float:
    with torch.no_grad():
        clear = net(torch.tensor(images).float()).numpy()
    return max(float(np.abs(predict(x) - y).max()) for x, y in zip(images, clear, strict=True))
