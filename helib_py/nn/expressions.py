"""What has been computed since the last activations: an affine map of what these gave."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod

import numpy as np
from scipy import sparse

from .maps import Map, Shape

INPUT = -1  #: the network's input among the sources
ROUNDING = 1e-12  #: of the largest weight: weights that far apart are the same


@dataclass(frozen=True, eq=False)
class Expression:
    """Σ terms[s] @ (output of layer s) + bias, numbers of one input, which have a ``shape``."""

    terms: dict[int, sparse.csr_array]
    bias: np.ndarray
    shape: Shape
    names: tuple[str, ...] = ()

    @classmethod
    def of_input(cls, shape: Shape) -> Expression:
        """The input itself."""
        return cls.of_layer(INPUT, shape, np.ones(1), np.zeros(1))

    @classmethod
    def of_layer(
        cls, source: int, shape: Shape, scale: np.ndarray, shift: np.ndarray
    ) -> Expression:
        """scale·x + shift for the output x of one layer, unit by unit."""
        size = prod(shape)
        each, added = (np.broadcast_to(v, size).astype(float) for v in (scale, shift))
        return cls({source: sparse.csr_array(sparse.diags_array(each))}, added.copy(), shape)

    def through(self, found: Map, name: str = "") -> Expression:
        """After an affine layer."""
        terms = {s: sparse.csr_array(found.matrix @ term) for s, term in self.terms.items()}
        bias = found.matrix @ self.bias + found.bias
        return Expression(terms, bias, found.shape, self.names + (name,) * bool(name))

    def plus(self, other: Expression, sign: float = 1.0) -> Expression:
        """The sum, or the difference; the shapes are the same."""
        terms = dict(self.terms)
        for source, term in other.terms.items():
            term = term * sign
            terms[source] = terms[source] + term if source in terms else term
        names = tuple(dict.fromkeys(self.names + other.names))
        return Expression(terms, self.bias + sign * other.bias, self.shape, names)

    def times(self, factor: np.ndarray) -> Expression:
        """Every number times its factor, flat."""
        each = sparse.diags_array(factor)
        terms = {s: sparse.csr_array(each @ term) for s, term in self.terms.items()}
        return replace(self, terms=terms, bias=self.bias * factor)

    def at(self, outputs: dict[int, np.ndarray]) -> np.ndarray:
        """Its values, where the layers gave those (count, units)."""
        rows = [(term @ outputs[source].T).T for source, term in self.terms.items()]
        return np.asarray(sum(rows, self.bias))

    def ratio(self, other: Expression) -> tuple[np.ndarray, np.ndarray] | None:
        """s and t with other = s·self + t, unit by unit, whatever the input; or None."""
        if self.terms.keys() != other.terms.keys():
            return None
        inner, norm = (
            sum(np.asarray(self.terms[s].multiply(x.terms[s]).sum(axis=1)) for s in self.terms)
            for x in (other, self)
        )
        scale = np.divide(inner, norm, out=np.ones(len(self.bias)), where=norm > 0)
        rest = other.plus(self.times(scale), -1.0)
        near = all(
            abs(rest.terms[s]).max() <= ROUNDING * abs(term).max()
            for s, term in other.terms.items()
        )
        return (scale, rest.bias) if near and np.all(scale) else None


def beside(parts: list[Expression]) -> tuple[dict[int, sparse.csr_array], np.ndarray]:
    """Several expressions end to end: their terms and bias."""
    sources = {s: term.shape[1] for part in parts for s, term in part.terms.items()}
    terms = {}
    for source, units in sources.items():
        rows = [
            part.terms.get(source, sparse.csr_array((len(part.bias), units))) for part in parts
        ]
        terms[source] = sparse.csr_array(sparse.vstack(rows))
    return terms, np.concatenate([part.bias for part in parts])


def joined(parts: list[Expression]) -> Expression:
    """Several expressions end to end."""
    terms, bias = beside(parts)
    names = tuple(dict.fromkeys(name for part in parts for name in part.names))
    return Expression(terms, bias, (len(bias),), names)
