"""Reading a traced network step by step: sparse maps on expressions, activations between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from ..errors import HelibError, NotPolynomial, ShapeError
from . import maps
from .advice import instead
from .expressions import Expression, joined
from .functions import CHANNELWISE, LINEAR, MOVES, REDUCTIONS, SILENT, is_off, name_of
from .layers import Layer
from .maps import BATCH, Map, Shape
from .modules import PolynomialActivation, Quadratic, Square
from .operators import ARITHMETIC, Product, scaled
from .tracing import place

STRAIGHT = 1e-8  #: a/b up to which a·x² + b·x is taken as b·x: its square would drown in rounding
Args = tuple[Any, ...]
Kwargs = dict[str, Any]


class Reader(fx.Interpreter):
    """Runs a graph on an expression instead of a tensor; ``layers`` are what it met, in order.

    ``steps``: a list that takes each step with the expression that it gives.
    """

    def __init__(
        self, graph: fx.GraphModule, steps: list[tuple[fx.Node, Expression]] | None = None
    ) -> None:
        super().__init__(graph, garbage_collect_values=True)
        self.extra_traceback = False  # our refusals say where they are from
        self.layers: list[Layer] = []
        self._steps = steps

    def run_node(self, n: fx.Node) -> Any:
        """One step; what fails in it is said of its line."""
        try:
            out = super().run_node(n)
        except HelibError as error:
            raise type(error)(f"{place(n)} {error}") from error
        except Exception as error:  # forward is anybody's code
            raise NotPolynomial(f"{place(n)} fails on encrypted values: {error}") from error
        if self._steps is not None and isinstance(out, Expression):
            self._steps.append((n, out))
        return out

    # --- torch.fx's kinds of steps --------------------------------------------------------

    def call_module(self, target: Any, args: Args, kwargs: Kwargs) -> Any:
        """A layer of torch, or one of ours."""
        module = self.fetch_attr(target)
        if not (args and isinstance(x := args[0], Expression)):
            return super().call_module(target, args, kwargs)
        if isinstance(module, PolynomialActivation | Quadratic | Square):
            return self._activated(x, module)
        found = _found(lambda: maps.of_module(module, x.shape), x.shape)
        if found is None:
            raise NotPolynomial(instead(module))
        return x.through(found, f"{target}: {type(module).__name__}")

    def call_method(self, target: Any, args: Args, kwargs: Kwargs) -> Any:
        """x.view(…) and the like: as the function of that name."""
        if not _expressions((args, kwargs)):
            return super().call_method(target, args, kwargs)
        return self._apply(
            target.strip("_"), lambda *a, **k: getattr(a[0], target)(*a[1:], **k), args, kwargs
        )

    def call_function(self, target: Any, args: Args, kwargs: Kwargs) -> Any:
        """torch.relu(x), x + y, and the like."""
        if not _expressions((args, kwargs)):
            return super().call_function(target, args, kwargs)
        if target is getattr:
            return _attribute(*args)
        return self._apply(name_of(target), target, args, kwargs)

    def _apply(self, name: str, function: Callable[..., Any], args: Args, kwargs: Kwargs) -> Any:
        """Whatever a network's forward does with numbers that depend on its input."""
        if name in MOVES:
            return _moved(name, function, args, kwargs)
        if name in ARITHMETIC:
            result = ARITHMETIC[name](*args, **kwargs)
            return self._multiplied(result) if isinstance(result, Product) else result
        if name in LINEAR:
            return _linear(name, function, args, kwargs)
        if not (args and isinstance(x := args[0], Expression)):
            raise NotPolynomial(instead(name))
        if name == "square":
            return self._activated(x, Square())
        if name in ("size", "dim", "numel"):
            return getattr(torch.empty(BATCH, *x.shape, device="meta"), name)(*args[1:], **kwargs)
        if name in REDUCTIONS:
            return _reduced(name, x, *args[1:], **kwargs)
        if "dropout" in name and is_off(args, kwargs):
            return x
        raise NotPolynomial(instead(name))

    # --- activations: a layer ends ----------------------------------------------------------

    def _activated(self, x: Expression, module: nn.Module) -> Expression:
        """The activation of what has been computed, folded into what is before and after it."""
        if isinstance(module, PolynomialActivation):
            unit = module.polynomial()
            half, middle = (unit.high - unit.low) / 2, (unit.high + unit.low) / 2
            mapped = scaled(x, 1 / half, -middle / half)
            return self._closed(mapped, replace(unit, low=-1.0, high=1.0), 1.0, 0.0)
        if isinstance(module, Quadratic):
            return self._quadratic(x, *(p.numpy() for p in (module.a, module.b, module.c)))
        return self._closed(x, None, 1.0, 0.0)

    def _quadratic(self, x: Expression, a: Any, b: Any, c: Any) -> Expression:
        """a·x² + b·x + c as a·(x + b/2a)² + c - b²/4a."""
        if np.all(np.abs(a) <= STRAIGHT * np.abs(b)):
            return scaled(x, b, c)
        if not np.all(a):
            raise NotPolynomial("has a = 0 for some of its units: give it to all or to none")
        return self._closed(scaled(x, 1.0, b / (2 * a)), None, a, c - b * b / (4 * a))

    def _multiplied(self, product: Product) -> Expression:
        """x·(s·x + t) as one quadratic; of others, 4·x·y = (x + y)² - (x - y)², side by side."""
        a, b = product.a, product.b
        if found := a.ratio(b):
            scale, shift = (v.reshape(a.shape) for v in found)
            return self._quadratic(a, scale, shift, 0.0)
        more, less = (self._closed(a.plus(b, v), None, 0.25, 0.0) for v in (1.0, -1.0))
        return more.plus(less, -1.0)

    def _closed(self, x: Expression, activation: Any, scale: Any, shift: Any) -> Expression:
        self.layers.append(Layer(x, activation))
        each = [np.broadcast_to(v, x.shape).reshape(-1) for v in (scale, shift)]
        return Expression.of_layer(len(self.layers) - 1, x.shape, *each)


def _found(make: Callable[[], Any], shape: Shape) -> Any:
    """A map; ShapeError where the layer does not take such inputs."""
    try:
        return make()
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise ShapeError(f"does not take inputs of shape {shape}: {error}") from error


def _attribute(x: Expression, name: str, *_: Any) -> Any:
    if name not in ("shape", "ndim", "dtype", "device"):
        raise NotPolynomial(f"asks for .{name} of values that depend on the input")
    return getattr(torch.empty(BATCH, *x.shape, dtype=torch.float64, device="cpu"), name)


def _moved(name: str, function: Callable[..., Any], args: Args, kwargs: Kwargs) -> Any:
    """Any rearrangement of one or several expressions."""
    inputs = _expressions((args, kwargs))

    def given(*tensors: torch.Tensor) -> Any:
        waiting = iter(tensors)
        return function(*_filled(args, waiting), **_filled(kwargs, waiting))

    label = "" if name in SILENT else name
    whole = inputs[0] if len(inputs) == 1 else joined(inputs)
    found = _found(lambda: maps.moved(given, *(x.shape for x in inputs)), inputs[0].shape)
    if isinstance(found, Map):
        return whole.through(found, label)
    return tuple(whole.through(part, label) for part in found)


def _reduced(name: str, x: Expression, dim: Any = None, keepdim: bool = False, **_: Any) -> Any:
    """Sums and means over some of an input's axes."""
    axes = dim if isinstance(dim, tuple | list) else (0 if dim is None else dim,)
    wanted = sorted({int(a) % (1 + len(x.shape)) for a in axes})
    if 0 in wanted:
        raise NotPolynomial(
            f"takes a {name} over the inputs of a batch: give dim, the axes within an input"
        )
    kept = tuple(1 if a + 1 in wanted else n for a, n in enumerate(x.shape))
    rows = np.broadcast_to(np.arange(prod(kept)).reshape(kept), x.shape).ravel()
    value = 1.0 if name == "sum" else prod(kept) / prod(x.shape)
    shape = kept if keepdim else tuple(n for a, n in enumerate(x.shape) if a + 1 not in wanted)
    return x.through(maps.summed(rows, value, shape), name)


def _linear(name: str, function: Callable[..., Any], args: Args, kwargs: Kwargs) -> Expression:
    """Functions with weights, or a size, as arguments; these must be constants."""
    inputs = _expressions((args, kwargs))
    if len(inputs) > 1:
        raise NotPolynomial(f"calls {name} with weights that depend on the input")
    (x,) = inputs

    def once(t: torch.Tensor) -> Any:
        return function(*_filled(args, iter([t])), **_filled(kwargs, iter([t])))

    def make() -> Map:
        if name in CHANNELWISE:
            return maps.channelwise(once, x.shape, name)
        if name == "linear" and args and args[0] is x:
            once(
                torch.zeros(BATCH, *x.shape, dtype=torch.float64)
            )  # which says if it does not fit
            weight, bias = (*args[1:], kwargs.get("weight"), kwargs.get("bias"))[:2]
            return maps.linear(weight, kwargs.get("bias", bias), x.shape)
        return maps.pushed(once, x.shape)

    return x.through(_found(make, x.shape), name)


def _expressions(given: Any) -> list[Expression]:
    """All expressions among arguments, in order."""
    if isinstance(given, Expression):
        return [given]
    if isinstance(given, dict):
        given = list(given.values())
    if isinstance(given, tuple | list):
        return [x for part in given for x in _expressions(part)]
    return []


def _filled(given: Any, tensors: Iterator[Any]) -> Any:
    """The same arguments with tensors in the place of expressions."""
    if isinstance(given, Expression):
        return next(tensors)
    if isinstance(given, dict):
        return {name: _filled(part, tensors) for name, part in given.items()}
    if isinstance(given, tuple | list):
        return type(given)(_filled(part, tensors) for part in given)
    return given
