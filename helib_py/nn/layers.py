"""From expressions and activations, in the order of the network, to a chain of affine maps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from ..network import Affine
from .expressions import INPUT, Expression, beside


@dataclass(frozen=True, eq=False)
class Layer:
    """An expression and the activation after it: a ``Polynomial`` on [-1, 1], or None for u²."""

    inside: Expression
    activation: Any


@dataclass(frozen=True)
class _Place:
    """Where the units of a layer are: in which map of the chain, from which unit on."""

    affine: int
    start: int


def arranged(layers: Sequence[Layer], out: Expression) -> list[Affine]:
    """A chain of maps; layers that are side by side and activated alike become one."""
    groups = _groups(layers)
    places: dict[int, _Place] = {INPUT: _Place(INPUT, 0)}
    units = [layers_units(layers, group) for group in groups]
    affines: list[Affine] = []
    for i, group in enumerate(groups):
        parts = [layers[number].inside for number in group]
        shape = parts[0].shape if len(parts) == 1 else (sum(len(p.bias) for p in parts),)
        affines.append(_affine(parts, places, units, i, layers[group[0]].activation, shape))
        start = 0
        for number, part in zip(group, parts, strict=True):
            places[number] = _Place(i, start)
            start += len(part.bias)
    affines.append(_affine([out], places, units, len(groups), None, out.shape))
    return affines


def layers_units(layers: Sequence[Layer], group: Sequence[int]) -> int:
    """Units of layers that are one."""
    return sum(len(layers[number].inside.bias) for number in group)


def _groups(layers: Sequence[Layer]) -> list[list[int]]:
    """The layers in an order in which each comes after what it reads."""
    depth: dict[int, int] = {INPUT: 0}
    found: dict[tuple[int, Any], list[int]] = {}
    for number, layer in enumerate(layers):
        depth[number] = 1 + max((depth[s] for s in layer.inside.terms), default=0)
        found.setdefault((depth[number], layer.activation), []).append(number)
    return [group for _, group in sorted(found.items(), key=lambda item: item[0][0])]


def _affine(
    parts: list[Expression],
    places: dict[int, _Place],
    units: Sequence[int],
    number: int,
    activation: Any,
    shape: tuple[int, ...],
) -> Affine:
    """One map of the chain: what it reads of the map before it, and of earlier ones as skips."""
    terms, bias = beside(parts)
    read: dict[int, sparse.csr_array] = {}
    for source, term in terms.items():
        place = places[source]
        width = term.shape[1] if place.affine == INPUT else units[place.affine]
        moved = _widened(term, place.start, width)
        read[place.affine] = read[place.affine] + moved if place.affine in read else moved
    before = number - 1
    if before not in read:  # it reads nothing of the map before it
        read[before] = sparse.csr_array((len(bias), units[before]))
    main = read.pop(before)
    skips = tuple((source, read[source]) for source in sorted(read))
    names = tuple(dict.fromkeys(name for part in parts for name in part.names))
    return Affine(
        " + ".join(names) or "identity", main, np.asarray(bias), skips, activation, shape
    )


def _widened(term: sparse.csr_array, start: int, width: int) -> sparse.csr_array:
    """The same columns, from ``start`` on among so many."""
    left = sparse.csr_array((term.shape[0], start))
    right = sparse.csr_array((term.shape[0], width - start - term.shape[1]))
    return sparse.csr_array(sparse.hstack([left, term, right]))
