"""Widgets that show what was measured; they work in JupyterLab and, with no kernel, in the book.

All of a widget's data is in its synchronised traits and a plain JavaScript file draws it.
A further widget subclasses `Widget` and puts `parts.js` before its own script: see `front_end`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

import anywidget
import numpy as np
import traitlets

from ..errors import BadValue, ParameterError
from ..options import listed, shown

Cell: TypeAlias = float | int | str | bool | None
Row: TypeAlias = dict[str, Cell]
Columns: TypeAlias = "Sequence[str] | Mapping[str, str | Axis]"


@dataclass(frozen=True)
class Axis:
    """How a column is written and drawn: its unit ("ms", "bits"), and whether on a log axis."""

    unit: str = ""
    log: bool = False


def front_end(*names: str) -> str:
    """Scripts of this folder as one: a front end is a single text that imports nothing."""
    return "\n".join(Path(__file__).with_name(name).read_text("utf-8") for name in names)


class Widget(anywidget.AnyWidget):
    """What every widget of the family has: a title, the INSECURE mark and a chosen `value`."""

    _css: Path | str = Path(__file__).with_name("explorer.css")

    title = traitlets.Unicode(read_only=True).tag(sync=True)
    insecure = traitlets.Bool(read_only=True).tag(sync=True)
    value = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        traits: Mapping[str, Any],
        start: Mapping[str, Any] | None = None,
        value: Mapping[str, Any] | None = None,
    ) -> None:
        """``start`` is chosen, but for what ``value`` says; ParameterError for what is none."""
        if not isinstance(value, Mapping | None):
            raise ParameterError(f"value={shown(value)}: a dict, such as {shown(start)}")
        for name, trait in traits.items():
            try:
                self.set_trait(name, trait)
            except Exception as error:  # traitlets', or of a stranger's __repr__ in its message
                kind = type(self.traits()[name]).__name__
                raise ParameterError(f"{name}={shown(trait)}: must be {kind}") from error
        super().__init__(**({} if start is None else {"value": {**start, **(value or {})}}))


class Explorer(Widget):
    """A measured table, explored with a slider or a menu for each knob.

    Each of `rows` is a dict column → number, string, bool, or None for what was not measured.
    `knobs` are the columns that the reader turns, named in a list or a dict column → unit or
    `Axis`: numbers by a slider, strings and bools by a menu. `metrics`, in the same form, get a
    panel each against the knob `x` (the first); by default all other columns of numbers. What is
    left is told in words. `insecure` writes INSECURE on every panel: parameters for teaching only.

    `value` is the chosen row: observe it, or set it to a row or to a dict of just the knobs.
    A table, a column or a value that cannot be shown is a BadValue or a ParameterError, which say
    what to change.

    >>> rows = [{"scale": s, "precision": s - 9.5} for s in (20, 30, 40)]
    >>> Explorer(rows, knobs={"scale": "bits"}, metrics={"precision": "bits"})
    Explorer(3 rows, at {'scale': 20})
    """

    _esm = front_end("parts.js", "explorer.js")

    rows = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)
    knobs = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    axes = traitlets.Dict(read_only=True).tag(sync=True)
    x = traitlets.Unicode(read_only=True).tag(sync=True)
    y = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)

    def __init__(
        self,
        rows: Sequence[Mapping[str, Any]],
        knobs: Columns,
        metrics: Columns | None = None,
        *,
        x: str | None = None,
        title: str = "",
        insecure: bool = False,
        value: Mapping[str, Any] | None = None,
    ) -> None:
        cells = table(rows)
        turned = _axes(cells, "knobs", knobs)
        others = [c for c in cells[0] if c not in turned and _numbers(cells, c)]
        drawn = _axes(cells, "metrics", others if metrics is None else metrics)
        _check(cells, turned, drawn)
        if x is not None and not (isinstance(x, str) and x in turned):
            raise ParameterError(f"x={shown(x)} is not one of the knobs: {list(turned)}")
        axes = {column: asdict(axis) for column, axis in (turned | drawn).items()}
        traits = {"rows": cells, "knobs": list(turned), "axes": axes, "y": list(drawn)}
        traits |= {"x": x or next(iter(turned)), "title": title, "insecure": insecure}
        super().__init__(traits, cells[0] if value is None else {}, value)

    @traitlets.validate("value")
    def _measured(self, proposal: Mapping[str, Any]) -> Row:
        wanted = _pick(proposal["value"], self.knobs)
        for row in self.rows:
            if _pick(row, self.knobs) == wanted:
                return dict(row)
        raise ParameterError(f"nothing was measured at {wanted}: choose one of the rows")

    def __repr__(self) -> str:
        return f"Explorer({len(self.rows)} rows, at {_pick(self.value, self.knobs)})"


def table(rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """The rows as plain Python values; BadValue for what a picture cannot show."""
    rows = listed(rows, "rows of a table, a list of dicts")
    if not rows or not all(isinstance(row, Mapping) and row for row in rows):
        raise BadValue("no rows: measure at least one, and pass a list of dicts")
    for i, row in enumerate(rows):
        if odd := sorted(map(str, set(row) ^ set(rows[0]))):
            raise BadValue(f"rows 0 and {i} differ in columns {odd}: give every row the same")
    return [{c: _cell(row[c], f"row {i}, {c!r}") for c in rows[0]} for i, row in enumerate(rows)]


def _cell(value: object, where: str) -> Cell:
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float) and not math.isfinite(plain):
        raise BadValue(f"{where} is {plain}: write None for what was not measured")
    if plain is None or isinstance(plain, float | int | str):
        return plain
    raise BadValue(f"{where} is a {type(value).__name__}, not a number, string, bool or None")


def _numbers(rows: list[Row], column: str) -> list[float]:
    """A column's numbers, without its Nones; empty if it holds anything else."""
    cells = [row[column] for row in rows if row[column] is not None]
    numbers = [c for c in cells if isinstance(c, float | int) and not isinstance(c, bool)]
    return numbers if len(numbers) == len(cells) else []


def _axes(rows: list[Row], what: str, columns: Columns) -> dict[str, Axis]:
    try:
        found = [] if isinstance(columns, str) else [str(column) for column in columns]
    except Exception:  # whatever a stranger's class does when it is walked through
        found = []
    if not found or not set(found) <= set(rows[0]):
        raise ParameterError(
            f"{what}={shown(columns)} does not list columns of the rows: {list(rows[0])}"
        )
    named = columns if isinstance(columns, Mapping) else dict.fromkeys(found, "")
    axes = {c: a if isinstance(a, Axis) else Axis(a) for c, a in named.items()}
    for column, axis in axes.items():
        if axis.log and min(_numbers(rows, column), default=0) <= 0:
            raise ParameterError(f"{column!r} is not above 0 everywhere: draw it without log=True")
    return axes


def _check(rows: list[Row], knobs: Columns, metrics: Columns) -> None:
    at = [_pick(row, knobs) for row in rows]
    for i, here in enumerate(at):
        if (first := at.index(here)) < i:
            raise ParameterError(f"rows {first} and {i} are both at {here}: add a column to knobs")
    for knob in knobs:
        kinds = {type(row[knob]).__name__ for row in rows}
        if len(_numbers(rows, knob)) < len(rows) and (len(kinds) > 1 or "NoneType" in kinds):
            raise ParameterError(
                f"knob {knob!r} mixes {sorted(kinds)}: make its cells of one kind"
            )
    for metric in metrics:
        if metric in knobs or not _numbers(rows, metric):
            raise ParameterError(f"metric {metric!r} is a knob or not numbers: leave it out")


def _pick(row: Mapping[str, Any], columns: Iterable[str]) -> dict[str, Any]:
    return {column: row.get(column) for column in columns}
