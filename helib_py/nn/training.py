"""Polynomials instead of activations in a torch network, and training on."""

from __future__ import annotations

import copy

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from ..activations import Polynomial, fit
from ..encoding import as_numbers
from ..errors import ShapeError
from .modules import PolynomialActivation, Quadratic

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
    ``uniform``. Degree 2 becomes a `Quadratic`, which every plan runs; other degrees need one
    for single inputs (see ``he.plan``). Train on with :func:`fine_tune` or a loop of your own.
    ShapeError, ParameterError as fitting does.
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


def examples_of(examples: ArrayLike | torch.Tensor) -> np.ndarray:
    """BadValue and ShapeError for what is no batch of numbers."""
    x = as_numbers(examples.detach().numpy() if isinstance(examples, torch.Tensor) else examples)
    if x.ndim < 2 or not len(x):
        raise ShapeError(f"examples of shape {x.shape}: give a batch, (count, *input shape)")
    return x


def _batch(net: nn.Module, examples: ArrayLike | torch.Tensor) -> torch.Tensor:
    """Examples as numbers of the network's own kind."""
    kind = next((p.dtype for p in net.parameters()), torch.get_default_dtype())
    return torch.as_tensor(examples_of(examples), dtype=kind)


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
    *,
    smoothing: float = 0.0,
    tilt: float = 0.0,
) -> nn.Module:
    """A copy trained on, polynomials included: Adam, cross-entropy, clipped gradients.

    ``examples`` (count, *input), ``labels`` (count,) of classes. Polynomials explode outside their
    interval, so keep the rate small and look at the accuracy. ``smoothing`` of labels keeps scores
    small. Images (count, channels, height, width) are, each time anew, turned, sheared, scaled and
    shifted by up to ``tilt``, in parts of their size, as drawn ones will be.
    """
    net, x = copy.deepcopy(net).train(), _batch(net, examples)
    y = torch.as_tensor(np.asarray(labels), dtype=torch.long)
    if y.shape != x.shape[:1]:
        raise ShapeError(f"{len(x)} examples, labels of shape {tuple(y.shape)}: one label each")
    adam = torch.optim.Adam(net.parameters(), lr=rate)
    for _ in range(epochs):
        for chosen in torch.split(torch.randperm(len(x)), batch):
            adam.zero_grad()
            scores = net(_tilted(x[chosen], tilt) if tilt else x[chosen])
            loss = nn.functional.cross_entropy(scores, y[chosen], label_smoothing=smoothing)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            adam.step()
    return net.eval()


def _tilted(x: torch.Tensor, by: float) -> torch.Tensor:
    if x.ndim != 4:
        raise ShapeError(f"examples of shape {tuple(x.shape)}: only images can be tilted")
    maps = torch.eye(2, 3) + by * (2 * torch.rand(len(x), 2, 3) - 1)
    grid = nn.functional.affine_grid(maps.to(x.dtype), list(x.shape), align_corners=False)
    return nn.functional.grid_sample(x, grid, align_corners=False)
