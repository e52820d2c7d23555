"""Deep networks on one image: LeNet-5, ten hidden layers in one chain and with refreshes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import nn

import helib_py as he

from .digits import Ours
from .harness import Result, alternate, result
from .networks import lenet, ten_layers, trained


def measure() -> Iterator[Result]:
    """Seconds, and bits that the target asks for."""
    digits = he.data.mnist()
    yield from _lenet(digits)
    yield from _ten(digits)


def _clear(net: nn.Sequential) -> Callable[[np.ndarray], np.ndarray]:
    def predict(image: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return net(torch.tensor(image[None]).float()).numpy()[0]

    return predict


def _lenet(digits: he.data.Split) -> Iterator[Result]:
    net, image = trained(lenet()), digits.x_test[0]
    ours, clear = Ours(net, digits.x_train[:64]), _clear(net)
    upload = ours.owner.encrypt(image)
    wall, _ = _times(lambda: ours.server.run(upload), lambda: clear(image), rounds=5)
    yield result("LeNet-5, one image, server; peer: torch in the clear", *wall, "s", "≤ 3 s")


def _ten(digits: he.data.Split) -> Iterator[Result]:
    """TenSEAL cannot be the peer: on this chain its keys take 16 GB, and one image over 8 min."""
    net, image = trained(ten_layers(), epochs=6), digits.x_test[0]
    examples, clear = digits.x_train[:64], _clear(net)(image)
    deep = he.plan(net, examples, 8, refresh="key holder")
    owner = he.DataOwner(deep)
    server = he.DeepServer(deep, owner.public)
    chain = Ours(net, examples, precision=12)
    ways = (lambda: chain.predict(image), lambda: he.interact(owner, server, image))
    wall, cpu = _times(*ways, rounds=2)
    name = f"ten hidden layers, one chain; peer: {deep.rounds} refreshes by the key's holder"
    yield result(f"{name}: wall time", *wall, "s", "≤ 20 s")
    yield result(f"{name}: CPU time", *cpu, "s", "—")
    errors = [float(np.abs(way() - clear).max() / np.abs(clear).max()) for way in ways]
    yield result("ten hidden layers, both ways: largest relative error", *errors, "", "≤ 0.00024")


def _times(
    ours: Callable[[], object], peer: Callable[[], object], rounds: int
) -> list[tuple[float, float]]:
    """(ours, peer) pairs: wall seconds, then CPU seconds."""
    return list(zip(*alternate(ours, peer, rounds, each=1), strict=True))
