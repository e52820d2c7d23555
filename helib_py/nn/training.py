"""Training on, polynomials included."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from ..encoding import as_numbers, as_whole
from ..errors import BadValue, ParameterError, ShapeError
from ..options import real, whole
from .tracing import copied, outputs_of

MOST_EPOCHS = 10**6  #: more than anyone waits for


def examples_of(examples: ArrayLike | torch.Tensor) -> np.ndarray:
    """BadValue and ShapeError for what is no batch of numbers."""
    x = as_numbers(examples)
    if x.ndim < 2 or not x.size:
        raise ShapeError(f"examples of shape {x.shape}: give a batch, (count, *input shape)")
    return x


def batch_of(net: nn.Module, examples: ArrayLike | torch.Tensor) -> torch.Tensor:
    """Examples as numbers of the network's own kind."""
    kind = next((p.dtype for p in net.parameters()), torch.get_default_dtype())
    return torch.as_tensor(examples_of(examples), dtype=kind)


def fine_tune(
    net: nn.Module,
    examples: ArrayLike,
    labels: ArrayLike,
    epochs: int = 5,
    rate: float = 1e-3,
    batch: int = 64,
    *,
    smoothing: float = 0.0,
    tilt: float = 0.0,
) -> nn.Module:
    """A copy trained on, polynomials included: Adam, cross-entropy, clipped gradients.

    ``examples`` (count, *input), ``labels`` (count,) of classes, from 0 on, for each of which the
    network has an output. Polynomials explode outside their interval, so keep the rate small and
    look at the accuracy. ``smoothing`` of labels keeps scores small. Images (count, channels,
    height, width) are, each time anew, turned, sheared, scaled and shifted by up to ``tilt``, in
    parts of their size, as drawn ones will be.

    Raises ShapeError and BadValue for examples and labels that do not fit the network, BadValue
    for one without weights to train, ParameterError for options that make no sense and where the
    weights grow beyond all bounds.
    """
    epochs, batch = whole(epochs, "epochs", 0, MOST_EPOCHS), whole(batch, "batch", 1)
    rate, smoothing, tilt = real(rate, "rate", 0.0), _share(smoothing), real(tilt, "tilt", 0.0)
    new = copied(net)
    x, weights = batch_of(new, examples), _trainable(new)
    y = _classes(new, x, labels)
    adam = torch.optim.Adam(weights, lr=rate)
    for chosen in (part for _ in range(epochs) for part in _parts(len(x), batch)):
        adam.zero_grad()
        scores = outputs_of(new.train(), _tilted(x[chosen], tilt) if tilt else x[chosen])
        loss = nn.functional.cross_entropy(scores, y[chosen], label_smoothing=smoothing)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(weights, 1.0)
        adam.step()
    return new.eval()


def _trainable(net: nn.Module) -> list[nn.Parameter]:
    weights = [p for p in net.parameters() if p.requires_grad]
    if not weights:
        raise BadValue("this network has no weights that can be trained: requires_grad is False")
    return weights


def _share(smoothing: float) -> float:
    if (found := real(smoothing, "smoothing", 0.0)) > 1:
        raise ParameterError(f"smoothing={smoothing!r}: from 0 to 1")
    return found


def _classes(net: nn.Module, x: torch.Tensor, labels: ArrayLike) -> torch.Tensor:
    """The labels, if the network has an output for each of them."""
    y = torch.as_tensor(as_whole(labels), dtype=torch.long)
    if y.shape != x.shape[:1]:
        raise ShapeError(f"{len(x)} examples, labels of shape {tuple(y.shape)}: one label each")
    with torch.no_grad():
        shape = tuple(outputs_of(net.eval(), x[:1]).shape[1:])
    if len(shape) != 1 or shape[0] < 2:
        raise ShapeError(
            f"outputs of shape {shape}: fine_tune takes a network with one output for each class, "
            "two for a yes or no; write a loop of your own for another loss"
        )
    if y.min() < 0 or y.max() >= shape[0]:
        raise BadValue(
            f"labels from {y.min()} to {y.max()} for {shape[0]} outputs: number the classes from "
            f"0 to {shape[0] - 1}"
        )
    return y


def _parts(count: int, batch: int) -> Iterator[torch.Tensor]:
    """Shuffled batches; a last one of a single example, of which no norm can be taken, joins."""
    order = torch.randperm(count)
    full = count - 1 if batch > 1 and count > 1 and count % batch == 1 else count
    for start in range(0, full, batch):
        last = start + batch >= full
        yield order[start:] if last else order[start : start + batch]


def _tilted(x: torch.Tensor, by: float) -> torch.Tensor:
    if x.ndim != 4:
        raise ShapeError(f"examples of shape {tuple(x.shape)}: only images can be tilted")
    maps = torch.eye(2, 3) + by * (2 * torch.rand(len(x), 2, 3) - 1)
    grid = nn.functional.affine_grid(maps.to(x.dtype), list(x.shape), align_corners=False)
    return nn.functional.grid_sample(x, grid, align_corners=False)
