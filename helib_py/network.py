"""A network as numbers: sparse affine maps with polynomial activations between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from .errors import NotPolynomial
from .options import instance, listed


@dataclass(frozen=True, eq=False)
class Affine:
    """z = weights @ x + bias, shapes (m, n), sparse, and (m,), and the activation after it.

    x is what the layer before gives, for the first layer the input. ``skips`` adds
    weights (m, k) @ the output of an earlier layer, by its number, or -1 for the input.
    ``activation``: a ``Polynomial`` on [-1, 1], or None for u²; the last layer has neither.
    ``shape``: of the m outputs; (channels, height, width) for an image.
    """

    name: str
    weights: sparse.csr_array
    bias: np.ndarray
    skips: tuple[tuple[int, sparse.csr_array], ...] = ()
    activation: Any = None
    shape: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", as_sparse(self.weights))
        skips = tuple((source, as_sparse(weights)) for source, weights in self.skips)
        object.__setattr__(self, "skips", skips)

    @property
    def inputs(self) -> int:
        """Numbers that it takes of the map before it."""
        return int(self.weights.shape[1])

    @property
    def dense(self) -> np.ndarray:
        """All weights, shape (m, n), for layers of which most are not zero."""
        return np.asarray(self.weights.toarray())

    @property
    def levels(self) -> int:
        """Levels of the activation."""
        return 1 if self.activation is None else int(self.activation.depth)

    @property
    def then(self) -> str:
        """The activation in words."""
        return "square" if self.activation is None else f"degree {self.activation.degree}"


def as_sparse(weights: Any, kind: Any = np.float64) -> sparse.csr_array:
    """A matrix (m, n), as an array or sparse, without its zeros."""
    found = sparse.csr_array(weights, dtype=kind, copy=True)
    found.eliminate_zeros()
    found.sort_indices()
    return found


def run(affines: Sequence[Affine], x: np.ndarray, closed: bool = True) -> list[np.ndarray]:
    """What each map's activation gives in the clear, for inputs (count, n).

    ``closed``: the last has none.
    """
    given, known = [x], {-1: x}
    for i, affine in enumerate(affines):
        z = (affine.weights @ given[-1].T).T + affine.bias
        for source, weights in affine.skips:
            z = z + (weights @ known[source].T).T
        last = closed and i == len(affines) - 1
        given.append(z if last else z * z if affine.activation is None else affine.activation(z))
        known[i] = given[-1]
    return given[1:]


def levels_of(affines: Sequence[Affine], lazy: bool) -> int:
    """Levels that a network takes: its activations', and without laziness one a product, too."""
    return sum(affine.levels for affine in affines[:-1]) + (0 if lazy else len(affines))


def only_chains(affines: Sequence[Affine], what: str) -> None:
    """NotPolynomial for residual additions."""
    for affine in affines:
        if affine.skips:
            raise NotPolynomial(
                f"{affine.name}: {what} takes a plain chain of layers: leave out the residual "
                "additions, or use he.plan(net, X) without it"
            )


def only_squares(affines: Sequence[Affine], what: str) -> None:
    """NotPolynomial unless it is a plain chain with squares between its layers."""
    for affine in listed(affines, "layers, as he.nn.read(net, shape) gives them"):
        instance(affine, Affine, "layers, as he.nn.read(net, shape) gives them")
        if affine.skips or affine.activation is not None:
            raise NotPolynomial(
                f"{affine.name}: {what} takes a plain chain of layers with squares or quadratics "
                "between them: leave out residual additions, use he.Quadratic()"
            )
