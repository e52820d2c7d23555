"""Polynomials instead of the activations of a torch network."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import fx, nn

from ..activations import Function, Polynomial, fit
from ..errors import HelibError, NotPolynomial
from .elementwise import found_at, is_one
from .modules import PolynomialActivation, Quadratic
from .tracing import UNSTEADY, copied, outputs_of, place, trace
from .training import batch_of

Found: TypeAlias = dict[fx.Node, str | Function]


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

    Activations are torch's modules and functions of one number, with their settings: nn.ReLU,
    nn.LeakyReLU(0.2), F.gelu(x), x.clamp(0, 6), …. ``examples`` (count, *input) are run through
    the network; an activation's interval is the range of its inputs, ``margin`` times as wide,
    where those before it are replaced, or 1 to either side of a single value; see
    :func:`helib_py.fit` for ``method`` and ``uniform``.
    One that is called in several places gets as many polynomials.

    Degree 2 becomes a `Quadratic`, which every plan runs; other degrees need one for single inputs
    (see ``he.plan``). The network given stays as it is. The new one is of the same class, unless
    it calls functions, or one module several times: then it is a torch.fx.GraphModule, in
    evaluation mode. Train on with :func:`fine_tune` or a loop of your own.

    Raises NotPolynomial for a network that cannot be traced, or in which an activation overwrites
    what is read again; ShapeError, ParameterError, BadValue as fitting does.
    """
    new = copied(net).eval()
    x = batch_of(new, examples)
    new = _each_its_own(nn.Sequential(new) if is_one(new) else new)
    graph = trace(new)
    found = _activations(graph)
    _check_in_place(graph, found, new, x)
    fitter = _Fitter(graph, found, dict(degree=degree, method=method, uniform=uniform), margin)
    with torch.no_grad():
        fitter.run(x)
    return _in_place_of(fitter.fitted, graph, new)


def _each_its_own(net: nn.Module) -> nn.Module:
    """One activation under several names becomes several, each to be fitted by itself."""
    for name, module in list(net.named_modules(remove_duplicate=False)):
        if is_one(module):
            net.set_submodule(name, copy.deepcopy(module))
    return net


def _activations(graph: fx.GraphModule) -> Found:
    """The steps that are activations, and what ``he.fit`` takes for them."""
    found: Found = {}
    for node in graph.graph.nodes:
        with _said_of(node):
            if (one := found_at(node, graph)) is not None:
                found[node] = one
    return found


@contextmanager
def _said_of(node: fx.Node) -> Iterator[None]:
    """What is refused within is said of this step."""
    try:
        yield
    except HelibError as error:
        raise type(error)(f"{place(node)}: {error}") from error


class _Fitter(fx.Interpreter):
    """Runs a network once, and a fitted polynomial wherever there is an activation."""

    def __init__(
        self, graph: fx.GraphModule, found: Found, how: dict[str, Any], margin: float
    ) -> None:
        super().__init__(graph)
        self.extra_traceback = False
        self.fitted: dict[fx.Node, nn.Module] = {}
        self._found, self._how, self._margin = found, how, margin

    def run_node(self, n: fx.Node) -> Any:
        """A step of the network, or the polynomial in its place."""
        if n not in self._found:
            return super().run_node(n)
        (source,) = n.all_input_nodes
        values = self.env[source]
        with _said_of(n):
            self.fitted[n] = self._fit(self._found[n], values.double().numpy()).to(values.dtype)
        return self.fitted[n](values)

    def _fit(self, function: str | Function, seen: np.ndarray) -> nn.Module:
        more = (self._margin - 1) / 2 * np.ptp(seen) if np.ptp(seen) else 1.0
        interval = (float(seen.min() - more), float(seen.max() + more))
        return _module(fit(function, interval=interval, samples=seen, **self._how))


class _Copying(fx.Interpreter):
    """Runs a network whose activations overwrite nothing; ``in_place`` are those that would."""

    def __init__(self, graph: fx.GraphModule, found: Found) -> None:
        super().__init__(graph)
        self._found, self.in_place = found, list[str]()

    def run_node(self, n: fx.Node) -> Any:
        """A step; an activation gets a copy of what it takes."""
        if n not in self._found:
            return super().run_node(n)
        (source,) = n.all_input_nodes
        before = self.env[source]
        self.env[source] = before.clone()
        out = super().run_node(n)
        if not torch.equal(self.env[source], before):
            self.in_place.append(place(n))
        self.env[source] = before
        return out


def _check_in_place(graph: fx.GraphModule, found: Found, net: nn.Module, x: torch.Tensor) -> None:
    """NotPolynomial where an activation that works in place changes what others read."""
    copying = _Copying(graph, found)
    with torch.no_grad():
        expected = outputs_of(net, x)
        if torch.allclose(copying.run(x.clone()), expected):
            return
    if not copying.in_place:
        raise NotPolynomial(UNSTEADY)
    raise NotPolynomial(
        f"{', '.join(copying.in_place)} works in place, and what it overwrites is used again: "
        "leave out inplace=True, and write x = activation(x)"
    )


def _module(fitted: Polynomial) -> nn.Module:
    if fitted.degree != 2:
        return PolynomialActivation(fitted)
    c, b, a = (float(v) for v in fitted.powers)
    return Quadratic(a, b, c)


def _in_place_of(
    fitted: dict[fx.Node, nn.Module], graph: fx.GraphModule, new: nn.Module
) -> nn.Module:
    """The network with polynomials in it: its own class where each has a place of its own."""
    targets = {str(node.target) for node in fitted if node.op == "call_module"}
    if len(targets) == len(fitted):
        for node, module in fitted.items():
            new.set_submodule(str(node.target), module)
        return new
    for number, (node, module) in enumerate(fitted.items()):
        name = f"polynomial_{number}"
        graph.add_submodule(name, module)
        with graph.graph.inserting_after(node):
            call = graph.graph.call_module(name, tuple(node.all_input_nodes))
        node.replace_all_uses_with(call)
        graph.graph.erase_node(node)
    graph.graph.lint()
    graph.delete_all_unused_submodules()
    graph.recompile()
    return graph
