"""Random torch networks of layers that the package reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

import helib_py as he
from helib_py.nn import PolynomialActivation

Random = np.random.Generator


class Grower:
    """A Sequential, layer by layer; ``shape`` is what the last one gives.

    ``squares``: a plain chain with squares and quadratics between its layers, nothing else.
    """

    def __init__(self, random: Random, squares: bool, activations: int) -> None:
        self._random, self._squares, self._left = random, squares, activations
        image = random.random() < 0.5
        self.shape: tuple[int, ...] = (self._int(1, 2), 6, 6) if image else (self._int(1, 20),)
        self.inputs, self.layers = self.shape, list[nn.Module]()

    def grown(self) -> nn.Sequential:
        """The whole network, in evaluation mode."""
        while self._left:
            self._affine()
            self._activate()
        if len(self.shape) > 1:
            self._add(nn.Flatten())
        for _ in range(self._int(0, 1) if self.layers else 1):
            self._dense()
        return nn.Sequential(*self.layers).eval()

    def _int(self, low: int, high: int) -> int:
        return int(self._random.integers(low, high + 1))

    def _add(self, module: nn.Module) -> None:
        self.layers.append(module)
        with torch.no_grad():
            self.shape = tuple(module.eval()(torch.zeros(2, *self.shape)).shape[1:])

    def _affine(self) -> None:
        """None, one or two of the maps that fit the shape."""
        flat: list[Callable[[], None]] = [self._dense, self._dense, self._normal, self._drop]
        image = [self._convolution, self._convolution, self._pool, self._normal, self._pad]
        image += [lambda: self._add(nn.Flatten())]
        if not self._squares:
            flat, image = [*flat, self._residual], [*image, self._residual]
        for _ in range(self._int(1, 2)):
            ways = flat if len(self.shape) == 1 else image
            ways[self._random.integers(len(ways))]()

    def _activate(self) -> None:
        self._left -= 1
        self._add(self._activation())

    def _activation(self) -> nn.Module:
        choice = self._random.random()
        if choice < 0.5:
            return he.Square()
        if choice < 0.8 or self._squares:
            a, b, c = self._random.uniform(-1, 1, 3)
            return he.Quadratic(float(np.copysign(abs(a) + 0.2, a)), float(b), float(c))
        kind = ("relu", "tanh", "sigmoid")[self._int(0, 2)]
        return PolynomialActivation(he.fit(kind, self._int(3, 5), (-3.0, 3.0)))

    def _dense(self) -> None:
        if len(self.shape) > 1:
            self._add(nn.Flatten())
        bias = self._random.random() < 0.8
        self._add(nn.Linear(self.shape[0], self._int(1, 12), bias=bias))

    def _convolution(self) -> None:
        channels, side = self.shape[0], min(self.shape[1:])
        size = self._int(1, min(3, side))
        options = dict(stride=self._int(1, 2), padding=self._int(0, 1))
        self._add(nn.Conv2d(channels, self._int(1, 4), size, **options))

    def _pool(self) -> None:
        if min(self.shape[1:]) > 1:
            self._add(nn.AvgPool2d(2))

    def _pad(self) -> None:
        if max(self.shape[1:]) < 8:
            self._add(nn.ZeroPad2d(1))

    def _normal(self) -> None:
        norm = (nn.BatchNorm1d if len(self.shape) == 1 else nn.BatchNorm2d)(self.shape[0])
        for tensor in (norm.weight.data, norm.bias.data, norm.running_mean):
            assert tensor is not None
            tensor.uniform_(-0.5, 0.5)
        assert norm.running_var is not None
        norm.running_var.uniform_(0.5, 2)
        self._add(norm)

    def _drop(self) -> None:
        self._add(nn.Dropout(0.5))

    def _residual(self) -> None:
        """Around two maps that keep the shape, with an activation between them at times."""
        n = self.shape[0]
        flat = len(self.shape) == 1
        make: Any = nn.Linear if flat else lambda a, b: nn.Conv2d(a, b, 3, padding=1)
        body = [make(n, n), make(n, n)]
        if self._left > 1:
            self._left -= 1
            body.insert(1, he.Square())
        self._add(he.Residual(*body, shortcut=make(n, n) if self._random.random() < 0.3 else None))


def random_net(
    seed: Any, squares: bool, activations: int
) -> tuple[nn.Sequential, tuple[int, ...]]:
    """A network and the shape of its inputs: the same for the same seed."""
    random = np.random.default_rng(seed)
    torch.manual_seed(int(random.integers(1 << 31)))
    grower = Grower(random, squares, activations)
    return grower.grown(), grower.inputs
