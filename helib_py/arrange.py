"""Choosing how a network's layers follow one another on slots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from math import log2

import numpy as np
from scipy.sparse import csr_array

from . import packing
from .compile import Packed
from .cost import work
from .encoding import Layout
from .errors import ShapeError
from .memory import check_memory
from .network import Affine
from .packing import Diagonals

ENCRYPTING = 1.5  #: what encrypting a ciphertext costs, in rotations at the top level
NARROWER = "plan with batch=True, or use a larger stride=, narrower layers or a larger machine"
COPIES = 4  #: of all diagonals while a chain is looked for: the tables, and programs compared


@dataclass(frozen=True, eq=False)
class _Path:
    """The first layers, packed. ``layouts[i]``: of layer i-1's output, so the input's first."""

    price: float
    gather: np.ndarray
    layouts: tuple[Layout | None, ...]
    layers: tuple[Diagonals, ...] = ()
    skips: tuple[tuple[Diagonals, ...], ...] = ()


def arrange(affines: Sequence[Affine], slots: int, closed: bool = True) -> Packed | None:
    """The packing with the cheapest operations; None when the network does not fit the slots.

    Layer by layer, of all ways to the same layouts only the cheapest is followed. ``closed`` as
    in `Packed`. OutOfMemory where its diagonals take more than there is.
    """
    if max(len(affine.bias) for affine in affines) > slots:
        return None
    paths = list(_starts(affines, slots))
    for i in range(len(affines)):
        reached: dict[tuple[object, ...], _Path] = {}
        for path in (p for old in paths for p in _steps(affines, i, slots, old)):
            key = tuple(_key(layout) for layout in _needed(affines, path))
            if key not in reached or path.price < reached[key].price:
                reached[key] = path
        paths = list(reached.values())
    if not paths:
        return None
    best = min(paths, key=lambda path: path.price)
    diagonals = sum(d.inputs * len(d.shifts) for d in (*best.layers, *chain(*best.skips)))
    check_memory(COPIES * 8 * slots * diagonals, "planning these layers on slots", NARROWER)
    return Packed(affines, best.layers, best.skips, best.gather, closed)


def _starts(affines: Sequence[Affine], slots: int) -> Iterator[_Path]:
    """The input as it is, in one ciphertext; or gathered by window, the first layer done."""
    first, levels = affines[0], len(affines)
    encrypting = ENCRYPTING * work("rotate", levels, log2(2 * slots))
    if first.weights.shape[1] <= slots:
        layout = Layout.dense(first.weights.shape[1])
        yield _Path(encrypting, np.tile(layout.order, slots // layout.period)[None], (layout,))
    if any(source == -1 for affine in affines for source, _ in affine.skips):
        return
    for copies in (1 << i for i in range(len(first.bias).bit_length() + 1)):
        found = packing.windows(first.weights, slots, copies, first.shape)
        if found is None:
            return  # nor with more copies
        d, gather = found
        if len(affines) > 1 or _in_order(d.out):
            price = _price(d, levels, slots) + encrypting * len(gather)
            yield _Path(price, gather, (None, d.out), (d,), ((),))


def _steps(affines: Sequence[Affine], i: int, slots: int, path: _Path) -> Iterator[_Path]:
    """Every way to pack layer i after the layers before it."""
    if len(path.layers) > i:  # gathered by window
        yield path
        return
    layout, last = path.layouts[-1], i == len(affines) - 1
    assert layout is not None
    for kernel in _kernels(affines, i, layout):
        try:
            d = kernel(affines[i].weights, layout, slots)
            skips = tuple(_skips(affines[i], path, slots, d.out))
        except ShapeError:
            continue
        if last and not (_in_order(d.out) and d.out.run == 1 and kernel is not packing.strided):
            continue  # partial sums would be left for the owner to see
        price = sum(_price(each, len(affines) - i, slots) for each in (d, *skips))
        yield replace(
            path,
            price=path.price + price,
            layouts=(*path.layouts, d.out),
            layers=(*path.layers, d),
            skips=(*path.skips, skips),
        )


Kernel = Callable[[csr_array, Layout, int], Diagonals]


def _kernels(affines: Sequence[Affine], i: int, layout: Layout) -> Iterator[Kernel]:
    yield from (packing.cyclic, packing.strided, packing.columnwise)
    if i and affines[i].shape:
        yield from _images(affines[i].weights, layout, affines[i - 1].shape, affines[i].shape)


def _images(
    weights: csr_array, layout: Layout, before: tuple[int, ...], after: tuple[int, ...]
) -> Iterator[Kernel]:
    """Convolutions, with the pooling before them done by folds."""
    places = list(packing.placements(weights, layout, before, after))
    first, pools = packing.pooled(weights, layout, before) if places else (weights, ())
    for out in places:
        yield partial(_sparse, first, out, pools)


def _sparse(
    first: csr_array,
    out: Layout,
    pools: tuple[int, ...],
    _: csr_array,
    layout: Layout,
    slots: int,
) -> Diagonals:
    return packing.sparse(first, layout, slots, out, pools)


def _skips(affine: Affine, path: _Path, slots: int, out: Layout) -> Iterator[Diagonals]:
    for source, weights in affine.skips:
        layout = path.layouts[source + 1]
        assert layout is not None
        yield packing.sparse(weights, layout, slots, out)


def _needed(affines: Sequence[Affine], path: _Path) -> Iterator[Layout | None]:
    """The layouts that layers still to come depend on."""
    done = len(path.layers)
    later = {source for affine in affines[done:] for source, _ in affine.skips}
    yield from (path.layouts[s + 1] for s in sorted({*later, done - 1}) if s < done)


def _key(layout: Layout | None) -> object:
    return layout and (layout.block, layout.run, layout.order.tobytes())


def _in_order(layout: Layout) -> bool:
    """Whether value i is in slot i·block, as an owner expects of a result."""
    found = layout.find()
    return bool(np.array_equal(found, np.arange(len(found)) * layout.block))


def _price(d: Diagonals, primes: int, slots: int) -> float:
    log_ring = log2(2 * slots)
    products = d.inputs * len(d.shifts) * work("multiply_plain", primes, log_ring)
    return d.rotations * work("rotate", primes, log_ring) + products
