"""Six questions about a task, and the technique that fits it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from typing import Any

import traitlets

from ..errors import BadValue
from ..options import listed
from ..tables import nbytes
from .choice import QUESTIONS, choose, complete
from .techniques import Cost, Technique
from .widgets import Widget, front_end

Measured = Sequence[Mapping[str, Any]]
ROW = {"name", "unit", "machine"}  #: what every row of a benchmark says


class Chooser(Widget):
    """A menu for each question of ``he.show.QUESTIONS``, and below them the answer.

    ``measured``: the rows of ``benchmarks/results.json``, from which the costs are taken; what
    was not measured is left to the notebook. ``folder``: where the notebooks are, as seen from
    the page. Which technique fits is decided by ``he.show.choose``, here, for every
    combination; the page only looks it up.

    ``value``: question → answer. Observe it, or set it or a part of it; ParameterError for others.

    >>> Chooser(value={"task": "predict with an encrypted model"})
    Chooser('An encrypted linear model, by Paillier')
    """

    _esm = front_end("parts.js", "chooser.js")

    # Pairs in their order: a stored notebook sorts the names of a dict.
    questions = traitlets.List([*map(list, QUESTIONS.items())], read_only=True).tag(sync=True)
    techniques = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)
    picks = traitlets.List(traitlets.Int(), read_only=True).tag(sync=True)
    machine = traitlets.Unicode(read_only=True).tag(sync=True)
    folder = traitlets.Unicode(read_only=True).tag(sync=True)

    def __init__(
        self,
        measured: Measured = (),
        *,
        folder: str = ".",
        title: str = "",
        value: Mapping[str, str] | None = None,
    ) -> None:
        measured = listed(measured, "the rows of benchmarks/results.json")
        if not all(isinstance(row, Mapping) and row.keys() >= ROW for row in measured):
            raise BadValue(f"rows of benchmarks/results.json: each needs {sorted(ROW)}")
        cases = (dict(zip(QUESTIONS, case, strict=True)) for case in product(*QUESTIONS.values()))
        chosen = [choose(**case) for case in cases]
        answers = list(dict.fromkeys(chosen))
        traits: dict[str, Any] = {"folder": folder, "title": title}
        traits |= {"techniques": [_shown(answer, measured) for answer in answers]}
        traits |= {"picks": [answers.index(technique) for technique in chosen]}
        traits |= {"machine": measured[0]["machine"] if measured else ""}
        super().__init__(traits, complete({}), value)

    @traitlets.validate("value")
    def _answered(self, proposal: Mapping[str, Any]) -> dict[str, str]:
        return complete({**self.value, **proposal["value"]})

    @property
    def technique(self) -> Technique:
        """What fits the chosen answers."""
        return choose(**self.value)

    def __repr__(self) -> str:
        return f"Chooser({self.technique.name!r})"


def _shown(technique: Technique, measured: Measured) -> dict[str, Any]:
    """A technique for the page, its costs in words."""
    return asdict(technique) | {"costs": list(_costs(technique.costs, measured))}


def _costs(costs: Iterable[Cost], measured: Measured) -> Iterable[tuple[str, str]]:
    for cost in costs:
        row = next((row for row in measured if row["name"].startswith(cost.row)), None)
        if row:
            yield cost.label, _quantity(row[cost.column], row["unit"])


def _quantity(value: float, unit: str) -> str:
    """Three digits and a unit.

    >>> _quantity(0.1001, "s"), _quantity(393_589, "bytes")
    ('100 ms', '394 kB')
    """
    if unit == "s" and value < 1:
        return f"{1000 * value:.3g} ms"
    return nbytes(value) if unit == "bytes" else f"{value:.3g} {unit}"
