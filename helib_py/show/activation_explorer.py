"""Polynomials instead of activations, turned by hand: degree, method and range against error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import traitlets

from ..activations import FUNCTIONS, METHODS, Function, Polynomial, fit
from .widgets import Widget, front_end

VIEW = 1.5  #: how far the picture goes, in ranges
POINTS = 241  #: of a curve
DIGITS = 8  #: of what is sent to the page

Functions = Sequence[str] | Mapping[str, Function]


class ActivationExplorer(Widget):
    """Functions and the polynomials fitted to them: how near, how deep, and wild outside.

    ``functions`` are names, or a dict name → function. Every one is fitted here, by every one of
    ``methods``, at each of ``degrees`` on [-R, R] for each R of ``ranges``; see
    :func:`helib_py.fit`. The page shows function and polynomial up to 1.5·R, the error within
    the range, levels and products; it needs no kernel.

    ``value`` holds function, degree, method and range: observe it, or set it, or a part of it.
    ValueError for what was not fitted.

    >>> ActivationExplorer(["relu"], degrees=[2, 3], ranges=[8], value={"degree": 3})
    ActivationExplorer(relu, degree 3, least squares, range 8)
    """

    _esm = front_end("parts.js", "activation_explorer.js")

    functions = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    degrees = traitlets.List(traitlets.Int(), read_only=True).tag(sync=True)
    methods = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    ranges = traitlets.List(traitlets.Float(), read_only=True).tag(sync=True)
    view = traitlets.Float(VIEW, read_only=True).tag(sync=True)
    curves = traitlets.Dict(read_only=True).tag(sync=True)
    fits = traitlets.List(traitlets.Dict(), read_only=True).tag(sync=True)

    def __init__(
        self,
        functions: Functions = ("relu", "sigmoid", "tanh", "gelu"),
        degrees: Sequence[int] = (1, 2, 3, 4, 5, 7, 9, 15),
        methods: Sequence[str] = METHODS,
        ranges: Sequence[float] = (2, 4, 8),
        *,
        title: str = "",
        value: Mapping[str, Any] | None = None,
    ) -> None:
        named = functions if isinstance(functions, Mapping) else {n: _named(n) for n in functions}
        degrees, ranges = sorted(set(degrees)), sorted(set(ranges))
        if not (named and degrees and methods and ranges):
            raise ValueError("list at least one of functions, degrees, methods and ranges each")
        combined = product(named.values(), ranges, methods, degrees)
        fits = [_sent(fit(f, degree, r, method)) for f, r, method, degree in combined]
        curves = {name: [_curve(f, r) for r in ranges] for name, f in named.items()}
        traits: dict[str, Any] = {"functions": list(named), "degrees": degrees}
        traits |= {"methods": list(methods), "ranges": ranges}
        traits |= {"fits": fits, "curves": curves, "title": title}
        for name, trait in traits.items():
            self.set_trait(name, trait)
        start: dict[str, Any] = {"function": self.functions[0], "degree": self.degrees[0]}
        start |= {"method": self.methods[0], "range": self.ranges[0]}
        super().__init__(value={**start, **(value or {})})

    @traitlets.validate("value")
    def _fitted(self, proposal: Mapping[str, Any]) -> dict[str, Any]:
        wanted = {**self.value, **proposal["value"]}
        if odd := set(wanted) - {"function", "degree", "method", "range"}:
            raise ValueError(f"{sorted(odd)}: set function, degree, method, range, or some")
        for name, chosen in wanted.items():
            listed = getattr(self, f"{name}s")
            if chosen not in listed:
                raise ValueError(f"{name}={chosen!r} was not fitted: choose one of {listed}")
            wanted[name] = listed[listed.index(chosen)]  # as it was given, not as numpy has it
        return wanted

    def __repr__(self) -> str:
        chosen = self.value
        return (
            f"ActivationExplorer({chosen['function']}, degree {chosen['degree']}, "
            f"{chosen['method']}, range {chosen['range']:g})"
        )


def _named(name: str) -> Callable[[np.ndarray], np.ndarray]:
    if name not in FUNCTIONS:
        raise ValueError(f"{name!r}: one of {sorted(FUNCTIONS)}, or a dict name → function")
    return FUNCTIONS[name]


def _sent(p: Polynomial) -> dict[str, Any]:
    """What the page needs of a fit."""
    cost = {"levels": p.depth, "products": p.products}
    errors = {"max": _rounded(p.max_error), "rms": _rounded(p.rms_error)}
    return {"c": [_rounded(c) for c in p.coefficients], **errors, **cost}


def _curve(f: Function, r: float) -> list[float]:
    return [_rounded(v) for v in f(np.linspace(-VIEW * r, VIEW * r, POINTS))]


def _rounded(v: float) -> float:
    return float(f"{v:.{DIGITS}g}")
