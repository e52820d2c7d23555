"""From a torch network to a plan. The only file that imports torch."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from .compile import Affine, Chain
from .encoding import as_numbers
from .errors import NotPolynomial, ShapeError
from .planner import make_plan
from .plans import Plan

#: Modules that, in evaluation mode, map x to W·x + b.
AFFINE = (
    nn.Linear, nn.Conv1d, nn.Conv2d, nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool2d,
    nn.BatchNorm1d, nn.BatchNorm2d, nn.Flatten, nn.Unflatten, nn.Identity, nn.Dropout,
    nn.Dropout2d, nn.ZeroPad2d,
)  # fmt: skip

_ACTIVATION = "use he.Square() or he.Quadratic(), then train again"
_AFTERWARDS = "leave it out, the data owner can apply it after decrypting"
_INSTEAD = {
    nn.MaxPool2d: "use nn.AvgPool2d of the same size, then train again",
    nn.Softmax: _AFTERWARDS,
    nn.LogSoftmax: _AFTERWARDS,
}


class Square(nn.Module):
    """u² for every unit: the cheapest activation there is on ciphertexts."""

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Shape in, same shape out."""
        return u * u


class Quadratic(nn.Module):
    """a·u² + b·u + c with trainable a, b, c.

    It costs what u² costs: a·(u + b/2a)² + c - b²/4a is folded into the layers around it.
    """

    def __init__(self, a: float = 0.25, b: float = 0.5, c: float = 0.0) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Parameter(torch.tensor(float(v))) for v in (a, b, c))

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Shape in, same shape out."""
        return self.a * u * u + self.b * u + self.c


def plan(
    net: nn.Module,
    examples: ArrayLike | torch.Tensor,
    precision: float = 7.0,
    *,
    ring: int | None = None,
    security: int = 128,
    chain: Chain | None = None,
) -> Plan:
    """Plan a torch ``Sequential`` for encrypted inputs, before any key exists.

    ``examples``, shape (count, *input), show which values occur; some tens are enough.
    ``precision``: significant bits wanted, largest output over largest error. The cheapest ring
    and chain that give them are chosen; ``ring`` or ``chain`` narrow the choice.

    Raises NotPolynomial for layers that cannot run on ciphertexts (and says what to use instead),
    ParameterError when no parameters are precise enough, ShapeError and BadValue for examples.
    """
    x = as_numbers(examples.detach().numpy() if isinstance(examples, torch.Tensor) else examples)
    if x.ndim < 2 or not len(x):
        raise ShapeError(f"examples of shape {x.shape}: give a batch, (count, *input shape)")
    return make_plan(read(net, x[0].shape), x[:32], precision, ring, security, chain)


def read(net: nn.Module, shape: tuple[int, ...]) -> list[Affine]:
    """The affine maps of a network, with a square between each and the next.

    Convolutions, pooling, normalisation and dense layers in a row become one matrix, found by
    applying them to unit vectors; quadratics are folded into their neighbours.
    """
    net = copy.deepcopy(net).double().cpu().eval()
    affines: list[Affine] = []
    names: list[str] = []
    run: list[nn.Module] = []
    scale, shift = 1.0, 0.0  # of the activation before: scale·square + shift
    for name, module in [*_flat(net), ("", None)]:
        if isinstance(module, AFFINE):
            names.append(f"{name or 'net'}: {type(module).__name__}")
            run.append(module)
            continue
        affine, shape = _matrix(" + ".join(names) or "identity", nn.Sequential(*run), shape)
        bias = affine.bias + shift * affine.weights.sum(axis=1)
        affine = replace(affine, weights=affine.weights * scale, bias=bias)
        names, run = [], []
        if module is not None:
            inner, scale, shift = _complete_square(name, module)
            affine = replace(affine, bias=affine.bias + inner)
        affines.append(affine)
    return affines


def _complete_square(name: str, module: nn.Module) -> tuple[float, float, float]:
    """h, s, k with activation(u) = s·(u + h)² + k."""
    if isinstance(module, Square):
        return 0.0, 1.0, 0.0
    if isinstance(module, Quadratic):
        a, b, c = (float(p.detach()) for p in (module.a, module.b, module.c))
        if a == 0:
            raise NotPolynomial(f"layer {name}: Quadratic with a = 0 is linear, leave it out")
        return b / (2 * a), a, c - b * b / (4 * a)
    fix = next((text for kind, text in _INSTEAD.items() if isinstance(module, kind)), _ACTIVATION)
    raise NotPolynomial(
        f"layer {name} ({type(module).__name__}) cannot run on ciphertexts, which only add and "
        f"multiply: {fix}"
    )


def _flat(net: nn.Module, prefix: str = "") -> Iterator[tuple[str, nn.Module]]:
    """The layers in order, out of nested Sequentials."""
    if not isinstance(net, nn.Sequential):
        yield prefix.rstrip("."), net
        return
    for name, child in net.named_children():
        yield from _flat(child, f"{prefix}{name}.")


def _matrix(
    name: str, layers: nn.Sequential, shape: tuple[int, ...]
) -> tuple[Affine, tuple[int, ...]]:
    """What affine layers do to a flattened input, and the shape they give."""
    size = int(np.prod(shape))
    try:
        with torch.no_grad():
            origin = layers(torch.zeros(1, *shape, dtype=torch.float64))
            units = torch.eye(size, dtype=torch.float64).reshape(size, *shape)
            columns = layers(units).reshape(size, -1) - origin.reshape(1, -1)
    except (RuntimeError, ValueError) as error:
        raise ShapeError(f"{name} does not take inputs of shape {shape}: {error}") from error
    return Affine(name, columns.numpy().T, origin.numpy().reshape(-1)), tuple(origin.shape[1:])
