"""A torch network as affine maps with activations between them."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import torch
from torch import nn

from ..activations import Polynomial
from ..errors import NotPolynomial, ShapeError
from ..network import Affine
from .modules import PolynomialActivation, Quadratic, Residual, Square

#: Modules that, in evaluation mode, map x to W·x + b.
AFFINE = (
    nn.Linear, nn.Conv1d, nn.Conv2d, nn.AvgPool1d, nn.AvgPool2d, nn.AdaptiveAvgPool2d,
    nn.BatchNorm1d, nn.BatchNorm2d, nn.Flatten, nn.Unflatten, nn.Identity, nn.Dropout,
    nn.Dropout2d, nn.ZeroPad2d,
)  # fmt: skip

_ACTIVATION = "use he.Square() or he.Quadratic(), or he.polynomial(net, X), then train again"
_AFTERWARDS = "leave it out, the data owner can apply it after decrypting"
_INSTEAD = {
    nn.MaxPool2d: "use nn.AvgPool2d of the same size, then train again",
    nn.Softmax: _AFTERWARDS,
    nn.LogSoftmax: _AFTERWARDS,
}
INPUT = -1  #: the network's input among the sources of an expression


def read(net: nn.Module, shape: tuple[int, ...]) -> list[Affine]:
    """The affine maps of a network, each with the activation after it.

    Convolutions, pooling, normalisation and dense layers in a row become one matrix, found by
    applying them to unit vectors; so do both branches of a residual addition. Quadratics, and
    the intervals of polynomials, are folded into their neighbours.

    Raises NotPolynomial for layers that cannot run on ciphertexts, ShapeError where shapes clash.
    """
    reader = _Reader(shape)
    with torch.no_grad():
        reader.visit("", copy.deepcopy(net).double().cpu().eval())
        reader.close(None)
    return reader.affines


@dataclass(frozen=True, eq=False)
class _Expression:
    """Σ terms[s] · (output of layer s) + bias; a term has shape (units of s, *shape)."""

    terms: dict[int, torch.Tensor]
    bias: torch.Tensor

    @classmethod
    def of(cls, source: int, shape: tuple[int, ...], scale: float, shift: float) -> _Expression:
        """scale·x + shift for the output x of one layer."""
        units = torch.eye(torch.Size(shape).numel(), dtype=torch.float64) * scale
        bias = torch.full((1, *shape), shift, dtype=torch.float64)
        return cls({source: units.reshape(-1, *shape)}, bias)

    def through(self, layer: nn.Module) -> _Expression:
        """After an affine layer."""
        origin = layer(torch.zeros_like(self.bias))
        return _Expression({s: layer(t) - origin for s, t in self.terms.items()}, layer(self.bias))

    def plus(self, other: _Expression) -> _Expression:
        """The sum; the shapes must be the same."""
        terms = dict(self.terms)
        for source, term in other.terms.items():
            terms[source] = terms[source] + term if source in terms else term
        return _Expression(terms, self.bias + other.bias)


class _Reader:
    """Walks through a network; ``now`` is what has been computed since the last activation."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.affines: list[Affine] = []
        self._now = _Expression.of(INPUT, shape, 1.0, 0.0)
        self._names: list[str] = []

    def visit(self, name: str, module: nn.Module) -> None:
        """One module, or what it consists of."""
        if isinstance(module, nn.Sequential):
            for child_name, child in module.named_children():
                self.visit(f"{name}.{child_name}".lstrip("."), child)
        elif isinstance(module, Residual):
            self._add(name, module)
        elif isinstance(module, AFFINE):
            self._through(f"{name or 'net'}: {type(module).__name__}", module)
        else:
            scale, shift = self._activate(name, module)
            last = len(self.affines) - 1
            self._now = _Expression.of(last, self.affines[last].shape, scale, shift)

    def _through(self, name: str, module: nn.Module) -> None:
        shape = tuple(self._now.bias.shape[1:])
        self._names.append(name)
        try:
            self._now = self._now.through(module)
        except (RuntimeError, ValueError) as error:
            raise ShapeError(f"{name} does not take inputs of shape {shape}: {error}") from error

    def _add(self, name: str, module: Residual) -> None:
        before = self._now
        self.visit(f"{name}.body", module.body)
        body, self._now = self._now, before
        self.visit(f"{name}.shortcut", module.shortcut)
        shapes = tuple(self._now.bias.shape[1:]), tuple(body.bias.shape[1:])
        if shapes[0] != shapes[1]:
            raise ShapeError(
                f"residual {name}: a shortcut of shape {shapes[0]} meets a body of shape "
                f"{shapes[1]}: they must agree, give a shortcut= that changes the shape likewise"
            )
        self._now = self._now.plus(body)

    def _activate(self, name: str, module: nn.Module) -> tuple[float, float]:
        """Close a layer; scale and shift of what its activation still lacks."""
        if isinstance(module, PolynomialActivation):
            unit = module.polynomial()
            half, middle = (unit.high - unit.low) / 2, (unit.high + unit.low) / 2
            self._now = self._now.through(_Map(1 / half, -middle / half))
            self.close(replace(unit, low=-1.0, high=1.0))
            return 1.0, 0.0
        inner, scale, shift = _complete_square(name, module)
        self._now = self._now.through(_Map(1.0, inner))
        self.close(None)
        return scale, shift

    def close(self, activation: Polynomial | None) -> None:
        """What was computed becomes a layer, with one matrix for each source."""
        name = " + ".join(self._names) or "identity"
        shape, before = tuple(self._now.bias.shape[1:]), len(self.affines) - 1
        matrices = {s: t.reshape(len(t), -1).numpy().T for s, t in self._now.terms.items()}
        bias = self._now.bias.numpy().reshape(-1)
        main = matrices.pop(before)
        self.affines.append(Affine(name, main, bias, tuple(matrices.items()), activation, shape))
        self._names = []


class _Map(nn.Module):
    """x → slope·x + shift."""

    def __init__(self, slope: float, shift: float) -> None:
        super().__init__()
        self._slope, self._shift = slope, shift

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shape in, same shape out."""
        return self._slope * x + self._shift


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
