"""A network as numbers: affine maps with polynomial activations between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import NotPolynomial


@dataclass(frozen=True, eq=False)
class Affine:
    """z = weights @ x + bias, shapes (m, n) and (m,), and the activation after it.

    x is what the layer before gives, for the first layer the input. ``skips`` adds
    weights (m, k) @ the output of an earlier layer, by its number, or -1 for the input.
    ``activation``: a ``Polynomial`` on [-1, 1], or None for u²; the last layer has neither.
    ``shape``: of the m outputs; (channels, height, width) for an image.
    """

    name: str
    weights: np.ndarray
    bias: np.ndarray
    skips: tuple[tuple[int, np.ndarray], ...] = ()
    activation: Any = None
    shape: tuple[int, ...] = ()

    @property
    def levels(self) -> int:
        """Levels of the activation."""
        return 1 if self.activation is None else int(self.activation.depth)

    @property
    def then(self) -> str:
        """The activation in words."""
        return "square" if self.activation is None else f"degree {self.activation.degree}"


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
    for affine in affines:
        if affine.skips or affine.activation is not None:
            raise NotPolynomial(
                f"{affine.name}: {what} takes a plain chain of layers with squares or quadratics "
                "between them: leave out residual additions, use he.Quadratic()"
            )
