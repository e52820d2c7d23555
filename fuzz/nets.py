"""Random torch networks of all the layers that the package reads, and of forwards written out."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import torch
from torch import nn

import helib_py as he
from helib_py.nn import PolynomialActivation

from .forwards import FUNCTIONS, MODULES, MOVES, SQUARES, Gated, Model, Written

Random = np.random.Generator
BATCH = 3  #: inputs that a layer is tried on: they must not get mixed
MOST = 400  #: numbers between two layers
SHAPES = ((1, 6, 6), (2, 6, 6), (2, 12), (3, 9), (1, 4, 4, 3))  #: of inputs with channels


class Grower:
    """A network, layer by layer; ``shape`` is what the last one gives.

    ``squares``: a plain chain with squares and quadratics between its layers, nothing else.
    """

    def __init__(self, random: Random, squares: bool, activations: int) -> None:
        self._random, self._squares, self._left = random, squares, activations
        spread = random.random() < 0.6
        self.shape = SHAPES[self._int(0, len(SHAPES) - 1)] if spread else (self._int(1, 20),)
        self.inputs, self.layers = self.shape, list[nn.Module]()
        self.fitting = False  #: whether there is an activation that a polynomial must replace

    def grown(self) -> nn.Module:
        """The whole network, in evaluation mode."""
        while self._left:
            for _ in range(self._int(1, 2)):
                self._affine()
            self._left -= 1
            self._add(self._activation())
        if len(self.shape) > 1:
            self._add(nn.Flatten())
        for _ in range(self._int(0, 1) if self.layers else 1):
            self._dense()
        own = self._random.random() < 0.3
        return (Model(self.layers) if own else nn.Sequential(*self.layers)).eval()

    def _int(self, low: int, high: int) -> int:
        return int(self._random.integers(low, high + 1))

    def _one_of(self, what: Any) -> Any:
        return list(what)[self._int(0, len(what) - 1)]

    def _add(self, module: nn.Module) -> None:
        """One layer more, unless torch refuses it here or it gives too many numbers."""
        try:
            with torch.no_grad():
                count, *shape = module.eval()(torch.zeros(BATCH, *self.shape)).shape
        except (RuntimeError, ValueError, IndexError):
            return
        if count == BATCH and 0 < prod(shape) <= MOST:
            self.layers.append(module)
            self.shape = tuple(shape)

    # --- affine ---------------------------------------------------------------------------

    def _affine(self) -> None:
        """One of the maps that fit the shape."""
        ways: list[Callable[[], None]] = [
            self._dense, self._normal, self._drop, self._moved, self._again,
        ]  # fmt: skip
        if 1 < len(self.shape) < 5:
            ways = [self._convolution] * 4 + [self._transposed] * 2 + [self._pool] * 2 + ways[1:]
            ways += [self._pad, self._resized, self._rearranged, lambda: self._add(nn.Flatten())]
        if not self._squares:
            ways += [self._residual, self._gate]
        self._one_of(ways)()

    def _of(self, kind: str) -> Any:
        """A class of torch's for so many axes."""
        return getattr(nn, f"{kind}{max(1, len(self.shape) - 1)}d")

    def _dense(self) -> None:
        if len(self.shape) > 1 and self._random.random() < 0.7:
            self._add(nn.Flatten())
        bias = self._random.random() < 0.8
        self._add(nn.Linear(self.shape[-1], self._int(1, 12), bias=bias))

    def _convolution(self) -> None:
        options: dict[str, Any] = dict(stride=self._int(1, 2), padding=self._int(0, 1))
        options["padding_mode"] = self._one_of(("zeros", "reflect", "replicate", "circular"))
        if self._random.random() < 0.2:
            options.update(stride=1, padding="same", dilation=self._int(1, 2))
        groups = self._int(1, 2) if self.shape[0] % 2 == 0 else 1
        out = groups * self._int(1, 2)
        self._add(self._of("Conv")(self.shape[0], out, self._int(1, 3), groups=groups, **options))

    def _transposed(self) -> None:
        stride = self._int(1, 2)
        options = dict(stride=stride, padding=self._int(0, 1), output_padding=stride - 1)
        self._add(self._of("ConvTranspose")(self.shape[0], 2, self._int(2, 3), **options))

    def _pool(self) -> None:
        if self._random.random() < 0.5:
            self._add(self._of("AdaptiveAvgPool")(self._int(1, 3)))
        else:
            self._add(self._of("AvgPool")(2, stride=self._int(1, 2), padding=self._int(0, 1)))

    def _pad(self) -> None:
        kind = self._one_of(("Zero", "Reflection", "Replication", "Circular"))
        self._add(self._of(f"{kind}Pad")(1))
        self._add(self._of("ConstantPad")((1, 0) * (len(self.shape) - 1), 0.5))

    def _resized(self) -> None:
        smooth = {2: "linear", 3: "bilinear", 4: "trilinear"}[len(self.shape)]
        self._add(nn.Upsample(scale_factor=self._one_of((0.5, 2)), mode="nearest"))
        self._add(nn.Upsample(size=self._int(2, 5), mode=smooth))

    def _rearranged(self) -> None:
        layers = (nn.PixelShuffle(2), nn.PixelUnshuffle(2), nn.ChannelShuffle(2), nn.Unfold(2),
                  nn.Unflatten(1, (1, self.shape[0])), nn.Identity())  # fmt: skip
        self._add(self._one_of(layers))

    def _normal(self) -> None:
        norm = self._of("BatchNorm")(self.shape[0])
        for tensor in (norm.weight.data, norm.bias.data, norm.running_mean):
            tensor.uniform_(-0.5, 0.5)
        norm.running_var.uniform_(0.5, 2)
        self._add(norm)

    def _drop(self) -> None:
        self._add(self._one_of((nn.Dropout(0.5), nn.AlphaDropout(), self._of("Dropout")())))

    def _moved(self) -> None:
        name = self._one_of(MOVES)
        self._add(Written(name, MOVES[name]))

    def _again(self) -> None:
        """A module that is there already."""
        if self.layers:
            self._add(self._one_of(self.layers))

    # --- what takes levels ------------------------------------------------------------------

    def _activation(self) -> nn.Module:
        choice = self._random.random()
        if choice < 0.3:
            return he.Square()
        if choice < 0.5:
            name = self._one_of(SQUARES)
            return Written(name, SQUARES[name])
        if choice < 0.7:
            a, b, c = self._random.uniform(-1, 1, 3)
            return he.Quadratic(float(np.copysign(abs(a) + 0.2, a)), float(b), float(c))
        if choice < 0.8 and not self._squares:
            kind = self._one_of(("relu", "tanh", "sigmoid"))
            return PolynomialActivation(he.fit(kind, self._int(3, 5), (-3.0, 3.0)))
        self.fitting = True
        if choice < 0.9:
            made: nn.Module = self._one_of(MODULES)()
            return made
        name = self._one_of(FUNCTIONS)
        return Written(name, FUNCTIONS[name])

    def _keeping(self) -> nn.Module:
        """A map that keeps the shape."""
        n = self.shape[0]
        if len(self.shape) == 1:
            return nn.Linear(n, n)
        if len(self.shape) > 4:
            return nn.Identity()
        kept: nn.Module = self._of("Conv")(n, n, 3, padding=1)
        return kept

    def _residual(self) -> None:
        """Around two maps that keep the shape, with an activation between them at times."""
        body, shortcut = [self._keeping(), self._keeping()], None
        if self._left > 1:
            self._left -= 1
            body.insert(1, he.Square())
        if self._random.random() < 0.3:
            shortcut = self._keeping()
        self._add(he.Residual(*body, shortcut=shortcut))

    def _gate(self) -> None:
        if self._left > 1:
            self._left -= 1
            self._add(Gated(self._keeping(), self._keeping()))


def random_net(seed: Any, squares: bool, activations: int) -> tuple[nn.Module, tuple[int, ...]]:
    """A network and the shape of its inputs: the same for the same seed."""
    random = np.random.default_rng(seed)
    torch.manual_seed(int(random.integers(1 << 31)))
    grower = Grower(random, squares, activations)
    net = grower.grown()
    if not grower.fitting:
        return net, grower.inputs
    x = random.uniform(-1, 1, (64, *grower.inputs))
    return he.polynomial(net, x, 2 if squares else int(random.integers(2, 6))), grower.inputs
