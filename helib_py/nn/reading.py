"""A torch network as affine maps with activations between them, held against the network."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from torch import fx, nn

from ..errors import NotPolynomial, ShapeError
from ..network import Affine, run
from ..options import listed, shown, whole
from ..plans import MOST_INPUTS, MOST_SIDES
from .expressions import INPUT, Expression
from .interpreting import Reader
from .layers import arranged
from .tracing import UNSTEADY, InDouble, outputs_of, place, prepared, trace
from .training import examples_of

CLOSE = 1e-6  #: of the largest value: what float64 may lose on the way
TRIED = 8  #: random inputs on which a network is tried where nobody gives examples


def read(net: nn.Module, shape: Sequence[int], examples: np.ndarray | None = None) -> list[Affine]:
    """The affine maps of a network, each with the activation after it.

    The network is traced (torch.fx): sequentials, and classes with a ``forward`` of their own.
    Convolutions, pooling, normalisation and dense layers in a row become one sparse matrix; so do
    the branches of a sum. Quadratics, and the intervals of polynomials, are folded into their
    neighbours. What was read is run on the examples (count, *shape), or on random inputs, and
    compared with what the network gives.

    Raises NotPolynomial for what cannot run on ciphertexts, ShapeError where shapes clash,
    BadValue for weights that are no numbers.
    """
    double, shape = prepared(net), _sides(shape)
    x = _tried(shape) if examples is None else examples_of(examples)
    if x.shape[1:] != shape:
        raise ShapeError(f"examples of shape {x.shape}: give a batch, (count, *{shape})")
    with torch.no_grad(), InDouble():
        graph = trace(double)
        reader = Reader(graph)
        out = reader.run(Expression.of_input(shape))
        expected = _given(double, x)
        if not isinstance(out, Expression):
            raise NotPolynomial("the outputs do not depend on the input: leave the network out")
        affines = arranged(reader.layers, out)
        if not _alike(run(affines, x.reshape(len(x), -1))[-1], expected):
            _differs(graph, x, expected)
    return affines


def _sides(shape: Sequence[int]) -> tuple[int, ...]:
    sides = listed(shape, "the shape of one input, as (1, 28, 28)")
    found = tuple(whole(side, "a side of shape", 1, MOST_INPUTS, ShapeError) for side in sides)
    if not found or len(found) > MOST_SIDES or prod(found) > MOST_INPUTS:
        raise ShapeError(
            f"shape={shown(shape)}: up to {MOST_SIDES} sides and {MOST_INPUTS:,} numbers, as "
            "(1, 28, 28)"
        )
    return found


def _tried(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (TRIED, *shape))


def _given(net: nn.Module, x: np.ndarray) -> np.ndarray:
    """What a network gives for examples, a row for each."""
    with InDouble():
        return np.asarray(outputs_of(net, torch.tensor(x)).numpy().reshape(len(x), -1))


def _alike(got: np.ndarray, expected: np.ndarray) -> bool:
    if got.shape != expected.shape:
        return False
    return bool(np.abs(got - expected).max() <= CLOSE * (float(np.abs(expected).max()) or 1.0))


def _differs(graph: fx.GraphModule, x: np.ndarray, expected: np.ndarray) -> None:
    """NotPolynomial that names the first step which was not read as it computes."""
    if not _alike(_given(graph, x), expected):
        raise NotPolynomial(UNSTEADY)
    steps: list[tuple[fx.Node, Expression]] = []
    reader = Reader(graph, steps)
    reader.run(Expression.of_input(x.shape[1:]))
    real = _Recorder(graph)
    real.run(torch.tensor(x))
    outputs = {INPUT: x.reshape(len(x), -1)}
    for number, layer in enumerate(reader.layers):
        z = layer.inside.at(outputs)
        outputs[number] = z * z if layer.activation is None else layer.activation(z)
    wrong = [node for node, found in steps if not _alike(found.at(outputs), real.values[node])]
    where = place(wrong[0]) if wrong else "the network"
    raise NotPolynomial(
        f"{where} was not read as it computes: where it works in place, on a value that is used "
        "again, write it as x = f(x); else please report it"
    )


class _Recorder(fx.Interpreter):
    """Runs a graph, and keeps what every step gave."""

    def __init__(self, graph: fx.GraphModule) -> None:
        super().__init__(graph)
        self.values: dict[fx.Node, np.ndarray] = {}

    def run_node(self, n: fx.Node) -> Any:
        """One step; its result is copied, for later steps may change it in place."""
        out = super().run_node(n)
        if isinstance(out, torch.Tensor) and out.ndim:
            self.values[n] = out.numpy().reshape(len(out), -1).copy()
        return out
