"""Figures: drawn, returned, never shown or saved by themselves."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from ..encoding import as_numbers
from ..errors import ParameterError, ShapeError
from ..ledger import Entry
from ..options import instance, listed, real, shown, whole
from ..tables import Table
from .checks import entries_of

#: Okabe and Ito's palette, told apart by the colour-blind as well.
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"

#: Names under an axis that are too long to stand side by side.
TURNED: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}

Message = tuple[str, str, str]


class Picture(Figure):
    """A figure that a notebook shows wherever it is a cell's value; pyplot is not needed."""

    def _repr_png_(self) -> bytes:
        page = BytesIO()
        self.savefig(page, format="png", dpi=110)
        return page.getvalue()


def parties(holds: dict[str, str], messages: Sequence[Message], title: str = "") -> Picture:
    """Boxes for the parties, arrows for what crosses between them.

    ``holds``: party → what it holds, two parties, left one first. ``messages``: (from, to, what)
    in the order of time, drawn downwards.
    """
    _check_parties(holds, messages)
    title = instance(title, str, "a title, in words")
    height = 1.0 + 0.42 * len(messages)
    figure = Picture(figsize=(7.2, height + 0.5), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0, 10), ylim=(0, height), title=title)
    axes.axis("off")
    left = dict(zip(holds, (0.1, 7.1), strict=True))
    for (name, text), colour in zip(holds.items(), (BLUE, ORANGE), strict=True):
        _box(axes, (left[name], 0.1), height - 0.2, name, text, colour)
    for i, (sender, _, what) in enumerate(messages):
        y = height - 0.55 - i * (height - 0.8) / max(1, len(messages) - 0.5)
        ends = [(3.1, y), (6.9, y)] if left[sender] < 5 else [(6.9, y), (3.1, y)]
        axes.add_patch(FancyArrowPatch(*ends, arrowstyle="-|>", mutation_scale=14, color="#444"))
        axes.text(5, y + 0.05, what, ha="center", va="bottom", fontsize=9)
    return figure


def _check_parties(holds: dict[str, str], messages: Sequence[Message]) -> None:
    if not isinstance(holds, dict) or len(holds) != 2:
        raise ParameterError(f"{shown(holds)}: pass a dict of two parties, name → what it holds")
    for message in listed(messages, "messages, a list of (from, to, what)"):
        if not isinstance(message, tuple | list) or len(message) != 3 or message[0] not in holds:
            raise ParameterError(
                f"{shown(message)}: a message is (from, to, what), from one of {list(holds)}"
            )


def _box(
    axes: Axes, corner: tuple[float, float], height: float, name: str, text: str, colour: str
) -> None:
    (x, y), style = corner, "round,pad=0.05,rounding_size=0.1"
    axes.add_patch(
        FancyBboxPatch(corner, 2.8, height, boxstyle=style, fc=colour + "22", ec=colour, lw=1.5)
    )
    axes.text(x + 1.4, y + height - 0.2, name, ha="center", va="center", weight="bold")
    axes.text(x + 1.4, y + height / 2 - 0.15, text, ha="center", va="center", fontsize=9)


def gallery(
    images: np.ndarray, titles: Sequence[str], columns: int = 10, inches: float = 0.85
) -> Picture:
    """Grey pictures (count, 1, height, width) in rows, a title over each."""
    images, columns = as_numbers(images), whole(columns, "columns", 1, 100)
    titles, inches = listed(titles, "titles, one for each picture"), real(inches, "inches", 0.1)
    if images.ndim != 4 or len(titles) < len(images):
        raise ShapeError(
            f"images {images.shape}, {len(titles)} titles: give (count, 1, height, width) and a "
            "title for each"
        )
    rows = max(1, -(-len(images) // columns))
    figure = Picture(figsize=(columns * inches, rows * (inches + 0.25)), layout="constrained")
    for i, axes in enumerate(np.ravel(figure.subplots(rows, columns, squeeze=False))):
        axes.axis("off")
        if i < len(images):
            axes.imshow(images[i, 0], cmap="gray_r", vmin=0, vmax=1)
            axes.set_title(titles[i], fontsize=8)
    return figure


def layer_bits(table: Table) -> Picture:
    """Predicted and measured significant bits after each layer, from ``he.layer_bits``.

    Names too long to stand side by side are turned.
    """
    names = [str(name) for name in instance(table, Table, "he.layer_bits(…)").column("layer")]
    wrapped = [name.replace(" + ", "\n+ ") for name in names]
    longest = max((len(line) for name in wrapped for line in name.split("\n")), default=0)
    width = max(6.4, 2 + 0.6 * len(table))
    beside = longest * len(table) < 12 * (width - 1.9)  # twelve letters to an inch
    height = 2.8 if beside else 2.4 + 0.06 * max(map(len, names))
    figure = Picture(figsize=(width, height), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(table))
    for kind, offset, colour in (("predicted", -0.2, BLUE), ("measured", 0.2, ORANGE)):
        bits = np.array(table.column(kind))
        bars = axes.bar(places + offset, bits, 0.38, label=kind, color=colour)
        axes.bar_label(bars, fmt="%.1f", fontsize=8)
    axes.set_xticks(places, wrapped if beside else names, **({} if beside else TURNED))
    axes.set_ylabel("significant bits")
    axes.margins(y=0.15)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def ledger(entries: Iterable[Entry]) -> Picture:
    """Bits after every operation of a ``he.Ledger``, predicted and measured; below, the levels.

    Bits of precision, or of noise budget for BFV; no lower part where there are no levels.
    """
    noted = entries_of(entries)
    levels = [math.nan if e.level is None else e.level for e in noted]
    rows = [3, 1] if any(e.level is not None for e in noted) else [3]
    size = (max(4.5, 2.2 + 0.36 * len(noted)), 2.2 + 0.6 * len(rows))
    figure = Picture(figsize=size, layout="constrained")
    top, *below = figure.subplots(len(rows), sharex=True, squeeze=False, height_ratios=rows)[:, 0]
    places = np.arange(len(noted))
    measured = [math.nan if e.measured is None else e.measured for e in noted]
    top.plot(places, _drawn([e.predicted for e in noted]), ".-", color=BLUE, label="predicted")
    if any(e.measured is not None for e in noted):
        top.plot(places, _drawn(measured), "D", ms=5, color=ORANGE, label="measured, with the key")
    top.margins(y=0.1)
    top.set_ylim(bottom=0)
    top.set_ylabel(f"{_kind(noted)} (bits)")
    top.legend(frameon=False)
    for axes in below:
        axes.bar(places, levels, 0.7, color=GREEN)
        axes.set_ylabel("level")
        axes.yaxis.get_major_locator().set_params(integer=True)
    (below or [top])[-1].set_xticks(places, [e.operation for e in noted], **TURNED)
    if not all(e.is_secure for e in noted):
        top.set_title("INSECURE parameters", color=RED, weight="bold", fontsize=10)
    return figure


def _kind(entries: Sequence[Entry]) -> str:
    kinds = {"noise budget" if e.scheme == "BFV" else "precision" for e in entries}
    return " or ".join(sorted(kinds))


def _drawn(bits: Sequence[float]) -> np.ndarray:
    """Numbers to draw; what is exact, or lost, has no place on the axis."""
    return np.where(np.isfinite(bits), bits, np.nan)
