"""Torch's affine layers as sparse matrices: x → A·x + b on the numbers of one input."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import nn
from torch.nn import functional

Shape = tuple[int, ...]
BLOCK = 1 << 24  #: numbers that are pushed through a layer at a time
BATCH = 2  #: inputs that a rearrangement is tried on: they must not get mixed


@dataclass(frozen=True, eq=False)
class Map:
    """``matrix`` (outputs, inputs), sparse; ``bias`` (outputs,); outputs have a ``shape``."""

    matrix: sparse.csr_array
    bias: np.ndarray
    shape: Shape


def linear(weight: torch.Tensor, bias: torch.Tensor | None, shape: Shape) -> Map:
    """A dense matrix on the last axis."""
    rows, lead = sparse.csr_array(weight.numpy()), prod(shape[:-1])
    each = np.zeros(len(weight)) if bias is None else bias.numpy()
    matrix = rows if lead == 1 else sparse.kron(sparse.eye_array(lead), rows, "csr")
    return Map(sparse.csr_array(matrix), np.tile(each, lead), (*shape[:-1], len(weight)))


def scaled(scale: np.ndarray, shift: np.ndarray, shape: Shape) -> Map:
    """scale·x + shift, number by number, broadcast to the shape."""
    flat = [np.broadcast_to(v, shape).reshape(-1).astype(float) for v in (scale, shift)]
    return Map(sparse.csr_array(sparse.diags_array(flat[0])), flat[1], shape)


def moved(rearrange: Callable[..., Any], *shapes: Shape) -> Any:
    """Whatever only moves, copies, drops or pads numbers, seen on their indices.

    One Map for each result, of the inputs end to end; a tuple where there are several. ValueError
    where the inputs of a batch get mixed.
    """
    total = sum(map(prod, shapes))
    starts = np.cumsum([0, *map(prod, shapes)])
    indices = []
    for start, shape in zip(starts, shapes, strict=False):
        one = torch.arange(start, start + prod(shape), dtype=torch.float64).reshape(1, *shape) + 1
        indices.append(torch.cat([one + total * i for i in range(BATCH)]))
    out = rearrange(*indices)
    if isinstance(out, torch.Tensor):
        return _gathered(out, total)
    return tuple(_gathered(part, total) for part in out)


def _gathered(out: torch.Tensor, total: int) -> Map:
    whole = out.numpy()
    if out.ndim < 1 or len(out) != BATCH:
        raise ValueError("it mixes the inputs of a batch")
    first, second = whole.reshape(BATCH, -1)
    constant = first == second  # which indices never are
    indices = np.where(constant, 0, first)
    if np.any(np.where(constant, 0, second - total) != indices) or np.any(indices % 1):
        raise ValueError("it mixes the inputs of a batch")
    rows = np.flatnonzero(~constant)
    places = (rows, first[rows].astype(int) - 1)
    matrix = sparse.csr_array((np.ones(len(rows)), places), (len(first), total))
    return Map(matrix, np.where(constant, first, 0.0), tuple(out.shape[1:]))


def pushed(layer: Callable[[torch.Tensor], torch.Tensor], shape: Shape) -> Map:
    """Any affine layer, by what it makes of unit vectors, a few of them at a time."""
    origin = layer(torch.zeros(1, *shape, dtype=torch.float64))
    count, outputs = prod(shape), origin.numel()
    block, pieces = max(1, BLOCK // max(count, outputs)), []
    for start in range(0, count, block):
        width = min(block, count - start)
        units = torch.zeros(width, count, dtype=torch.float64)
        units[torch.arange(width), torch.arange(start, start + width)] = 1
        responses = layer(units.reshape(width, *shape)) - origin
        pieces.append(sparse.csr_array(responses.reshape(width, -1).numpy()))
    matrix = sparse.csr_array(sparse.vstack(pieces).T)
    return Map(matrix, origin.reshape(-1).numpy(), tuple(origin.shape[1:]))


def channelwise(layer: Callable[[torch.Tensor], torch.Tensor], shape: Shape, name: str) -> Map:
    """A layer that does the same to every channel: found on one of them.

    Torch takes inputs without channels, too, where the ``name`` says how many axes come after.
    """
    digits = re.findall(r"(\d)d$", name)
    if len(shape) <= (int(digits[0]) if digits else 1):
        return pushed(layer, shape)
    one = pushed(layer, (1, *shape[1:]))
    matrix = sparse.kron(sparse.eye_array(shape[0]), one.matrix, "csr")
    return Map(sparse.csr_array(matrix), np.tile(one.bias, shape[0]), (shape[0], *one.shape[1:]))


def convolution(
    weight: torch.Tensor,
    bias: torch.Tensor | None,
    shape: Shape,
    stride: Sequence[int],
    dilation: Sequence[int],
    groups: int = 1,
) -> Map:
    """A convolution in any number of dimensions, without padding (see ``padded``).

    ``weight`` (outputs, inputs / groups, *kernel).
    """
    kernel = weight.shape[2:]
    sizes = zip(shape[1:], dilation, kernel, stride, strict=True)
    out = tuple((n - d * (k - 1) - 1) // s + 1 for n, d, k, s in sizes)
    index = np.arange(prod(shape)).reshape(shape)
    taps = [index[(slice(None), *window)] for window in _windows(kernel, out, stride, dilation)]
    inputs = np.stack([tap.reshape(shape[0], -1) for tap in taps], axis=1)  # (C, taps, places)
    filters = weight.numpy().reshape(groups, len(weight) // groups, -1)
    inputs = inputs.reshape(groups, -1, prod(out))
    places = np.arange(len(weight) * prod(out)).reshape(groups, -1, 1, prod(out))
    rows, columns, values = np.broadcast_arrays(places, inputs[:, None], filters[..., None])
    size = (len(weight) * prod(out), prod(shape))
    matrix = sparse.csr_array((values.ravel(), (rows.ravel(), columns.ravel())), size)
    each = np.zeros(len(weight)) if bias is None else bias.numpy()
    return Map(matrix, np.repeat(each, prod(out)), (len(weight), *out))


def _windows(
    kernel: Shape, out: Shape, stride: Sequence[int], dilation: Sequence[int]
) -> Iterator[tuple[slice, ...]]:
    """For each entry of the kernel, the pixels that it meets."""
    for offset in product(*map(range, kernel)):
        starts = [k * d for k, d in zip(offset, dilation, strict=True)]
        yield tuple(
            slice(a, a + s * (n - 1) + 1, s) for a, s, n in zip(starts, stride, out, strict=True)
        )


def transposed(layer: Any, shape: Shape) -> Map:
    """A transposed convolution: a convolution from its outputs to its inputs, transposed."""
    bare = layer(torch.zeros(1, *shape, dtype=torch.float64))
    full = tuple(
        n + 2 * p for n, p in zip(bare.shape[2:], _each(layer.padding, bare.ndim - 2), strict=True)
    )
    back = convolution(
        layer.weight, None, (bare.shape[1], *full), layer.stride, layer.dilation, layer.groups
    )
    inner = np.arange(back.matrix.shape[1]).reshape(bare.shape[1], *full)
    cut = tuple(
        slice(p, p + n)
        for p, n in zip(_each(layer.padding, bare.ndim - 2), bare.shape[2:], strict=True)
    )
    used = inner[(slice(None), *cut)].ravel()
    fitting = _rows_within(back, shape)
    matrix = sparse.csr_array(back.matrix[fitting].T)[used]
    origin = bare.reshape(-1).numpy()
    return Map(sparse.csr_array(matrix), origin, tuple(bare.shape[1:]))


def _rows_within(back: Map, shape: Shape) -> np.ndarray:
    """Which outputs of the convolution there are inputs for: output padding adds some."""
    rows = np.arange(prod(back.shape)).reshape(back.shape)
    return np.asarray(rows[tuple(slice(n) for n in shape)].ravel())


def _each(value: Any, count: int) -> tuple[int, ...]:
    return (value,) * count if isinstance(value, int) else tuple(value)


def summed(rows: np.ndarray, value: float, shape: Shape) -> Map:
    """value · Σ of the numbers that share a row, which has each number's output."""
    count = prod(shape)
    matrix = sparse.csr_array(
        (np.full(len(rows), value), (rows, np.arange(len(rows)))), (count, len(rows))
    )
    return Map(matrix, np.zeros(count), shape)


def after(first: Map, then: Map) -> Map:
    """Two maps in a row."""
    bias = then.matrix @ first.bias + then.bias
    return Map(sparse.csr_array(then.matrix @ first.matrix), bias, then.shape)


def padded(shape: Shape, pads: Sequence[int], mode: str) -> Map:
    """Padding as torch does it, from the last axis backwards."""
    mode = "constant" if mode == "zeros" else mode
    found: Map = moved(lambda x: functional.pad(x, list(pads), mode=mode), shape)
    return found


def of_convolution(layer: Any, shape: Shape) -> Map:
    """nn.Conv1d, 2d, 3d with their paddings."""
    spatial = len(shape) - 1
    if isinstance(layer.padding, str):
        pads = list(layer._reversed_padding_repeated_twice)
    else:
        pads = [p for p in reversed(_each(layer.padding, spatial)) for _ in range(2)]
    first = padded(shape, pads, layer.padding_mode)
    found = convolution(
        layer.weight, layer.bias, first.shape, layer.stride, layer.dilation, layer.groups
    )
    return after(first, found)


def of_norm(layer: Any, shape: Shape) -> Map:
    """nn.BatchNorm1d, 2d, 3d, whose statistics are kept."""
    scale = 1 / np.sqrt(layer.running_var.numpy() + layer.eps)
    shift = -layer.running_mean.numpy() * scale
    if layer.affine:
        scale, shift = scale * layer.weight.numpy(), shift * layer.weight.numpy()
        shift = shift + layer.bias.numpy()
    by_channel = (len(scale), *[1] * (len(shape) - 1))
    return scaled(scale.reshape(by_channel), shift.reshape(by_channel), shape)


CHANNELWISE = (
    nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d, nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d,
    nn.AdaptiveAvgPool3d, nn.Upsample, nn.UpsamplingNearest2d, nn.UpsamplingBilinear2d,
)  # fmt: skip
MOVES = (
    nn.Flatten, nn.Unflatten, nn.PixelShuffle, nn.PixelUnshuffle, nn.ChannelShuffle, nn.Unfold,
    nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d, nn.ConstantPad1d, nn.ConstantPad2d,
    nn.ConstantPad3d, nn.ReflectionPad1d, nn.ReflectionPad2d,
    nn.ReflectionPad3d, nn.ReplicationPad1d, nn.ReplicationPad2d, nn.ReplicationPad3d,
    nn.CircularPad1d, nn.CircularPad2d, nn.CircularPad3d,
)  # fmt: skip
NOTHING = (
    nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout,
    nn.FeatureAlphaDropout,
)  # fmt: skip
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def of_module(layer: Any, shape: Shape) -> Map | None:
    """The map of one of torch's own layers in evaluation mode; None for one that is not affine.

    RuntimeError, ValueError or IndexError where it does not take such inputs.
    """
    kind = type(layer)
    if kind in NOTHING:
        return scaled(np.ones(1), np.zeros(1), shape)
    if kind in MOVES:
        found: Map = moved(layer, shape)
        return found
    if kind in CHANNELWISE:
        return channelwise(layer, shape, kind.__name__)
    if kind is nn.Fold:
        return pushed(layer, shape)
    if kind not in (nn.Linear, *CONVOLUTIONS, *TRANSPOSED, *NORMS):
        return None
    layer(
        torch.zeros(BATCH, *shape, dtype=torch.float64)
    )  # refuses misfits, renews computed weights
    if kind is nn.Linear:
        return linear(layer.weight, layer.bias, shape)
    if kind in NORMS:
        return None if layer.running_var is None else of_norm(layer, shape)
    return (of_convolution if kind in CONVOLUTIONS else transposed)(layer, shape)
