"""A small vector in its slots, rotated, or multiplied by a matrix one diagonal at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import traitlets
from numpy.typing import ArrayLike

from ..encoding import as_numbers, power_of_two
from ..errors import BadValue, ShapeError
from .checks import counts
from .widgets import Widget, front_end

MOST_SLOTS = 16  #: what fits a small screen
LARGEST = 999.0  #: what a column of the picture is wide enough for


class Slots(Widget):
    """A vector x of 2 to 16 slots that the reader rotates; with a matrix W, the diagonal method.

    Without ``W`` the reader turns the rotation ``k`` and sees x, rotate(x, k) and their sum. With
    ``W`` (m, n) the reader walks through Σ diagonal(k) · rotate(x, k): each ``step`` shows the
    rotated x, a diagonal, their product and the sum so far; for a wide matrix, m < n, folds
    follow. Lengths are powers of two, as slots are. ``slot`` is the slot told of in words.

    ``value`` holds ``k`` (or ``step``) and ``slot``: observe it, or set it, or a part of it.
    ShapeError, BadValue and ParameterError for what does not fit the picture.

    >>> Slots([1, 2, 3, 4], value={"k": 1})
    Slots(4 slots, k=1, slot=0)
    >>> Slots([1, 2, 3, 4], np.eye(4)).y
    array([1., 2., 3., 4.])
    """

    _esm = front_end("parts.js", "slots.js")

    x = traitlets.List(traitlets.Float(), read_only=True).tag(sync=True)
    W = traitlets.List(traitlets.List(traitlets.Float()), read_only=True).tag(sync=True)
    mode = traitlets.Enum(["rotate", "matrix"], read_only=True).tag(sync=True)
    turns = traitlets.Int(read_only=True).tag(sync=True)

    def __init__(
        self,
        x: ArrayLike,
        W: ArrayLike | None = None,
        *,
        title: str = "",
        insecure: bool = False,
        value: Mapping[str, Any] | None = None,
    ) -> None:
        vector = _numbers("x", x, 1)
        matrix = np.zeros((0, len(vector))) if W is None else _numbers("W", W, 2)
        _check(vector, matrix)
        mode, turns = ("rotate", len(vector) - 1) if W is None else ("matrix", _steps(matrix) - 1)
        traits = {"x": vector.tolist(), "W": matrix.tolist(), "mode": mode, "turns": turns}
        traits |= {"title": title, "insecure": insecure}
        knob = "k" if W is None else "step"
        super().__init__(traits, {knob: 0, "slot": 0}, value)

    @property
    def knob(self) -> str:
        """What is turned: ``k`` of a rotation, or the ``step`` of a product."""
        return "k" if self.mode == "rotate" else "step"

    @property
    def y(self) -> np.ndarray:
        """What the walk ends with: W @ x; without a matrix x itself."""
        return np.array(self.W) @ np.array(self.x) if self.W else np.array(self.x)

    @traitlets.validate("value")
    def _in_the_picture(self, proposal: Mapping[str, Any]) -> dict[str, int]:
        most = {self.knob: self.turns, "slot": len(self.x) - 1}
        return counts({**self.value, **proposal["value"]}, most)

    def __repr__(self) -> str:
        shape = f"{len(self.W)}×{len(self.x)} matrix" if self.W else f"{len(self.x)} slots"
        return f"Slots({shape}, {', '.join(f'{name}={v}' for name, v in self.value.items())})"


def _numbers(name: str, values: ArrayLike, axes: int) -> np.ndarray:
    try:
        array = as_numbers(values)
    except BadValue as error:
        raise BadValue(f"{name}: {error}") from error
    if array.ndim != axes:
        raise ShapeError(f"{name} has shape {array.shape}: x must be a vector, W a matrix")
    return array


def _check(x: np.ndarray, W: np.ndarray) -> None:
    n = len(x)
    if not 2 <= n <= MOST_SLOTS or n != power_of_two(n):
        raise ShapeError(f"{n} values: show 2, 4, 8 or 16, padded with zeros")
    if W.shape[1] != n:
        raise ShapeError(f"W {W.shape} does not multiply {n} values: give it {n} columns")
    if len(W) and (len(W) > n or len(W) != power_of_two(len(W))):
        raise ShapeError(f"W has {len(W)} rows: a power of two up to {n}, padded with zeros")
    top = max(
        2 * np.abs(x).max(), (np.abs(W) @ np.abs(x)).max(initial=0), np.abs(W).max(initial=0)
    )
    if top > LARGEST:
        raise BadValue(f"values up to {top:.3g} are too long to write: scale x or W down")


def _steps(W: np.ndarray) -> int:
    """A diagonal for every row, then folds that double the stretch of m slots up to n."""
    m, n = len(W), len(W[0])
    return m + (n // m).bit_length() - 1
