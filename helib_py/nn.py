"""From a torch network to a plan. The only file that imports torch."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from .activations import Polynomial, fit
from .compile import Affine, Chain
from .encoding import as_numbers
from .errors import NotPolynomial, ShapeError
from .evaluation import clenshaw
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
    x = _examples(examples)
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


class PolynomialActivation(nn.Module):
    """A fitted polynomial in place of an activation; its coefficients can be trained on."""

    def __init__(self, fitted: Polynomial) -> None:
        super().__init__()
        self.fitted = fitted
        start = torch.tensor(fitted.coefficients, dtype=torch.get_default_dtype())
        self.coefficients = nn.Parameter(start)

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Shape in, same shape out."""
        out: torch.Tensor = clenshaw(list(self.coefficients), self.fitted.unit(u))
        return out

    def polynomial(self) -> Polynomial:
        """As it is now, to be called on ciphertexts."""
        return self.fitted.retrained(self.coefficients.tolist())

    def extra_repr(self) -> str:
        """The fit: range, error, depth."""
        return repr(self.fitted)


#: Activations that :func:`polynomial` replaces.
ACTIVATIONS: dict[type[nn.Module], str] = {
    nn.ReLU: "relu", nn.GELU: "gelu", nn.SiLU: "silu", nn.Sigmoid: "sigmoid", nn.Tanh: "tanh",
    nn.Softplus: "softplus",
}  # fmt: skip


def polynomial(
    net: nn.Module,
    examples: ArrayLike | torch.Tensor,
    degree: int = 2,
    method: str = "least squares",
    *,
    margin: float = 1.1,
    uniform: float = 0.05,
) -> nn.Module:
    """The network with each activation replaced by a polynomial fitted on what it really sees.

    ``examples`` (count, *input) are run through the network; an activation's interval is the range
    of its inputs, ``margin`` times as wide; see :func:`helib_py.fit` for ``method`` and
    ``uniform``. Degree 2 becomes a `Quadratic`, which ``he.plan`` runs; any degree can be trained
    on with :func:`fine_tune` or a loop of your own. ShapeError, ParameterError as fitting does.
    """
    net, x = copy.deepcopy(net).eval(), _batch(net, examples)
    if type(net) in ACTIVATIONS:
        net = nn.Sequential(net)
    for name, module in list(net.named_modules(remove_duplicate=False)):
        if type(module) not in ACTIVATIONS:
            continue
        parent, _, child = name.rpartition(".")
        own = copy.deepcopy(module)  # one that is used in several places gets as many fits
        setattr(net.get_submodule(parent), child, own)
        seen = _inputs_of(own, net, x)
        more = (margin - 1) / 2 * np.ptp(seen)
        interval = (float(seen.min() - more), float(seen.max() + more))
        kind = ACTIVATIONS[type(module)]
        fitted = fit(kind, degree, interval, method, samples=seen, uniform=uniform)
        setattr(net.get_submodule(parent), child, _module(fitted).to(x.dtype))
    return net


def _examples(examples: ArrayLike | torch.Tensor) -> np.ndarray:
    """BadValue and ShapeError for what is no batch of numbers."""
    x = as_numbers(examples.detach().numpy() if isinstance(examples, torch.Tensor) else examples)
    if x.ndim < 2 or not len(x):
        raise ShapeError(f"examples of shape {x.shape}: give a batch, (count, *input shape)")
    return x


def _batch(net: nn.Module, examples: ArrayLike | torch.Tensor) -> torch.Tensor:
    """Examples as numbers of the network's own kind."""
    kind = next((p.dtype for p in net.parameters()), torch.get_default_dtype())
    return torch.as_tensor(_examples(examples), dtype=kind)


def _module(fitted: Polynomial) -> nn.Module:
    if fitted.degree != 2:
        return PolynomialActivation(fitted)
    c, b, a = (float(v) for v in fitted.powers)
    return Quadratic(a, b, c)


def _inputs_of(module: nn.Module, net: nn.Module, x: torch.Tensor) -> np.ndarray:
    """Everything that goes into a module when the network runs on x; earlier ones as they are."""
    seen: list[np.ndarray] = []
    hook = module.register_forward_pre_hook(lambda _, args: seen.append(args[0].numpy()))
    with torch.no_grad():
        net(x)
    hook.remove()
    return np.concatenate([values.ravel() for values in seen]).astype(np.float64)


def fine_tune(
    net: nn.Module,
    examples: ArrayLike,
    labels: ArrayLike,
    epochs: int = 5,
    rate: float = 1e-3,
    batch: int = 64,
) -> nn.Module:
    """A copy trained on, polynomials included: Adam, cross-entropy, clipped gradients.

    ``examples`` (count, *input), ``labels`` (count,) of classes. Polynomials explode outside their
    interval, so keep the rate small and look at the accuracy.
    """
    net, x = copy.deepcopy(net).train(), _batch(net, examples)
    y = torch.as_tensor(np.asarray(labels), dtype=torch.long)
    if y.shape != x.shape[:1]:
        raise ShapeError(f"{len(x)} examples, labels of shape {tuple(y.shape)}: one label each")
    adam = torch.optim.Adam(net.parameters(), lr=rate)
    for _ in range(epochs):
        for chosen in torch.split(torch.randperm(len(x)), batch):
            adam.zero_grad()
            loss = nn.functional.cross_entropy(net(x[chosen]), y[chosen])
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            adam.step()
    return net.eval()
