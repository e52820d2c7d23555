"""A ledger, stepped through: what every operation took, and what was left after it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import traitlets

from ..errors import ParameterError
from ..ledger import Entry
from ..tables import nbytes
from .checks import counts, entries_of
from .widgets import Widget, front_end

Shown: TypeAlias = dict[str, int | float | str | None]


class LedgerViewer(Widget):
    """The operations of a ``he.Ledger`` in order: bits predicted and measured, levels, time.

    ``entries`` is a ledger, or some entries of one, of one scheme. The reader turns the step, or
    clicks on a point, and is told that operation in words. Bits are of precision, or of noise
    budget for BFV. ``insecure`` writes INSECURE on every panel; by default the entries know.

    ``value`` is the step, 0 for the first operation: observe it, or set it. ParameterError for a
    step that is not there, and for entries that cannot be drawn together.

    >>> import helib_py as he
    >>> owner = he.DataOwner(he.CKKS(depth=1), "plain")
    >>> with he.Ledger() as ledger:
    ...     y = owner.encrypt([0.5]) * 2
    >>> LedgerViewer(ledger, value={"step": 1})
    LedgerViewer(step 1: x * k, of 2)
    """

    _esm = front_end("parts.js", "ledger_viewer.js")

    rows = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)
    kind = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(
        self,
        entries: Iterable[Entry],
        *,
        title: str = "",
        insecure: bool | None = None,
        value: Mapping[str, Any] | None = None,
    ) -> None:
        noted = entries_of(entries)
        schemes = sorted({e.scheme for e in noted})
        if len(schemes) != 1:
            raise ParameterError(
                f"{len(schemes)} schemes {schemes}: show the entries of one scheme"
            )
        marked = not all(e.is_secure for e in noted) if insecure is None else insecure
        kind = "noise budget" if schemes == ["BFV"] else "precision"
        traits: dict[str, Any] = {"rows": [_row(e) for e in noted], "kind": kind}
        traits |= {"title": title, "insecure": marked}
        super().__init__(traits, {"step": 0}, value)

    @traitlets.validate("value")
    def _there(self, proposal: Mapping[str, Any]) -> dict[str, int]:
        return counts({**self.value, **proposal["value"]}, {"step": len(self.rows) - 1})

    def __repr__(self) -> str:
        step = self.value["step"]
        return f"LedgerViewer(step {step}: {self.rows[step]['operation']}, of {len(self.rows)})"


def _row(e: Entry) -> Shown:
    """An entry as the page draws it: bits as numbers, words, or None where nobody measured."""
    scale = e.scale
    if isinstance(scale, float):  # CKKS has a factor, Paillier bits
        scale = math.log2(scale)
    row: Shown = {"operation": e.operation, "level": e.level, "scale": scale}
    row |= {"predicted": _bits(e.predicted), "measured": _bits(e.measured)}
    return row | {"ms": 1000 * e.seconds, "size": nbytes(e.nbytes)}


def _bits(bits: float | None) -> float | str | None:
    """JSON has no infinity: what is exact, or lost altogether, is a word."""
    if bits is None or math.isfinite(bits):
        return bits
    return "exact" if bits > 0 else "lost"
