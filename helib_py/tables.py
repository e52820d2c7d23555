"""A small table that reads well as text and as HTML."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape


@dataclass(frozen=True, repr=False)
class Table:
    """Rows of text or numbers under column heads, which are text or numbers, too.

    >>> Table(("op", "ms"), [("add", 0.06)], caption="cost")
    cost
    op  | ms
    add | 0.06
    """

    columns: Sequence[object]
    rows: Sequence[Sequence[object]]
    caption: str = ""

    def __iter__(self) -> Iterator[Sequence[object]]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def column(self, name: object) -> list[object]:
        """All the values under one column head."""
        return [row[list(self.columns).index(name)] for row in self.rows]

    def __repr__(self) -> str:
        grid = [[_text(value) for value in row] for row in (self.columns, *self.rows)]
        widths = [max(len(row[i]) for row in grid) for i in range(len(self.columns))]
        lines = [" | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) for row in grid]
        return "\n".join([self.caption] * bool(self.caption) + [line.rstrip() for line in lines])

    def _repr_html_(self) -> str:
        room = "padding: .25em .6em; text-align:"
        head = "".join(
            f'<th scope="col" style="{room} left">{escape(_text(name))}</th>'
            for name in self.columns
        )
        body = "".join(
            "<tr>" + "".join(_cell(value, room) for value in row) + "</tr>" for row in self.rows
        )
        caption = f"<caption>{escape(self.caption)}</caption>" if self.caption else ""
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Shown(ABC):
    """What is shown as its table, in text and in a notebook."""

    @abstractmethod
    def table(self) -> Table:
        """All there is to see."""

    def __repr__(self) -> str:
        return repr(self.table())

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()


def _cell(value: object, room: str) -> str:
    text, side = _text(value), "right" if isinstance(value, int | float) else "left"
    line = "; white-space: nowrap" if re.fullmatch(r"[\d.,]+ \w+", text) else ""  # 393 kB
    return f'<td style="{room} {side}{line}">{escape(text)}</td>'


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.3g}"


def grown(bits: float) -> str:
    """By which factor values may grow that have so many bits of room.

    >>> grown(2.0), grown(10.3)
    ('4-fold', '1,261-fold')
    """
    return f"{2.0 ** min(bits, 60):,.0f}-fold" if bits >= 3 else f"{2.0**bits:.2g}-fold"


def nbytes(count: float) -> str:
    """A number of bytes, in decimal units.

    >>> nbytes(393_329), nbytes(18_900_000)
    ('393 kB', '18.9 MB')
    """
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            value = count / size
            return f"{value:.0f} {unit}" if value >= 100 else f"{value:.1f} {unit}"
    return f"{count:.0f} B"
