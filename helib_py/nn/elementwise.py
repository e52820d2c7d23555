"""Torch's activations: functions of one number, with their settings, as ``he.fit`` takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from ..activations import FUNCTIONS, Function
from ..errors import NotPolynomial
from .functions import name_of

MODULES = (
    nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU,
    nn.SiLU, nn.Mish, nn.Sigmoid, nn.LogSigmoid, nn.Hardsigmoid, nn.Tanh, nn.Hardtanh,
    nn.Tanhshrink, nn.Hardswish, nn.Hardshrink, nn.Softplus, nn.Softshrink, nn.Softsign,
    nn.Threshold,
)  # fmt: skip
NAMES = frozenset({
    "relu", "relu6", "leaky_relu", "rrelu", "prelu", "elu", "selu", "celu", "gelu", "silu", "mish",
    "sigmoid", "logsigmoid", "log_sigmoid", "hardsigmoid", "tanh",
    "hardtanh", "tanhshrink", "hardswish",
    "hardshrink", "softplus", "softshrink", "softsign", "threshold", "expit",
    "clamp", "clip", "clamp_min", "clamp_max", "abs", "absolute", "sign", "exp", "expm1", "log",
    "log1p", "sqrt", "rsqrt", "reciprocal", "sin", "cos", "tan", "atan", "arctan", "erf", "sinh",
    "cosh", "asinh", "arcsinh", "exp2", "log2", "log10",
})  # fmt: skip
PROBE = np.linspace(-30, 30, 4097)  #: where functions are told apart


def found_at(node: fx.Node, net: nn.Module) -> str | Function | None:
    """What ``he.fit`` takes for the activation that a step of a network is; None for others."""
    if node.op == "call_module":
        module = net.get_submodule(str(node.target))
        return _named(_of_module(module), repr(module)) if is_one(module) else None
    name = name_of(node.target)
    if node.op not in ("call_function", "call_method") or name not in NAMES:
        return None
    target: Any = node.target
    if node.op == "call_method":
        target = lambda t, *a, **k: getattr(t, str(node.target))(*a, **k)  # noqa: E731
    settings = [*map(repr, node.args[1:]), *(f"{k}={v}" for k, v in node.kwargs.items())]
    return _named(_of_function(target, node), f"{name}({', '.join(settings)})")


def is_one(module: nn.Module) -> bool:
    """Whether a module is an activation that a polynomial can stand for."""
    return type(module) in MODULES


def _of_module(module: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    if not isinstance(module, nn.PReLU):
        return lambda t: module(t)
    if module.num_parameters > 1:
        raise NotPolynomial(
            "has a slope for each channel: use nn.PReLU(), with one slope, then train again"
        )
    slope = module.weight.detach().double()
    return lambda t: nn.functional.prelu(t, slope)


def _of_function(target: Any, node: fx.Node) -> Callable[[torch.Tensor], torch.Tensor]:
    rest, named = node.args[1:], node.kwargs
    if any(isinstance(given, fx.Node) for given in (*rest, *named.values())):
        raise NotPolynomial(
            "has settings that are tensors: write them as numbers, or use a module, as nn.PReLU()"
        )
    return lambda t: target(t, *rest, **named)


def _named(on_tensors: Callable[[torch.Tensor], torch.Tensor], name: str) -> str | Function:
    """The name of a function that ``he.fit`` knows, or the function itself."""

    def function(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return np.asarray(on_tensors(torch.from_numpy(np.array(x, dtype=float))).numpy())

    with np.errstate(all="ignore"):
        values = function(PROBE)
        for known, expected in FUNCTIONS.items():
            if np.allclose(values, expected(PROBE), rtol=1e-12, atol=1e-12):
                return known
    function.__name__ = name
    return function
