"""Polynomials instead of activations, turned by hand: degree, method and range against error."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import traitlets

from ..activations import FUNCTIONS, METHODS, Function, Polynomial, fit
from ..errors import ParameterError
from ..options import listed, real, shown, whole
from .checks import check_names
from .widgets import Widget, front_end

VIEW = 1.5  #: how far the picture goes, in ranges
POINTS = 241  #: of a curve
DIGITS = 8  #: of what is sent to the page

Functions = Sequence[str] | Mapping[str, Function]

KNOBS = ("function", "degree", "method", "range")  #: what the reader turns


class ActivationExplorer(Widget):
    """Functions and the polynomials fitted to them: how near, how deep, and wild outside.

    ``functions`` are names, or a dict name → function. Every one is fitted here, by every one of
    ``methods``, at each of ``degrees`` on [-R, R] for each R of ``ranges``; see
    :func:`helib_py.fit`. The page shows function and polynomial up to 1.5·R, the error within
    the range, levels and products; it needs no kernel.

    ``value`` holds function, degree, method and range: observe it, or set it, or a part of it.
    ParameterError for what was not fitted.

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
        named, methods = _all_named(functions), listed(methods, f"some of {list(METHODS)}")
        degrees = sorted({whole(d, "degrees", 0) for d in listed(degrees, "degrees: a list")})
        ranges = sorted({real(r, "ranges") for r in listed(ranges, "ranges: a list")})
        if not (named and degrees and methods and ranges):
            raise ParameterError("list at least one function, degree, method and range each")
        combined = product(named.values(), ranges, methods, degrees)
        traits: dict[str, Any] = {
            "functions": list(named), "degrees": degrees, "methods": methods, "ranges": ranges,
            "fits": [_sent(fit(f, degree, r, method)) for f, r, method, degree in combined],
            "curves": {name: [_curve(f, r) for r in ranges] for name, f in named.items()},
            "title": title,
        }  # fmt: skip
        first = (next(iter(named)), degrees[0], methods[0], ranges[0])
        start = dict(zip(KNOBS, first, strict=True))
        super().__init__(traits, start, value)

    @traitlets.validate("value")
    def _fitted(self, proposal: Mapping[str, Any]) -> dict[str, Any]:
        wanted = {**self.value, **proposal["value"]}
        check_names(wanted, KNOBS)
        for name, chosen in wanted.items():
            fitted = getattr(self, f"{name}s")
            if chosen not in fitted:
                raise ParameterError(
                    f"{name}={shown(chosen)} was not fitted: choose one of {fitted}"
                )
            wanted[name] = fitted[fitted.index(chosen)]  # as it was given, not as numpy has it
        return wanted

    def __repr__(self) -> str:
        chosen = self.value
        return (
            f"ActivationExplorer({chosen['function']}, degree {chosen['degree']}, "
            f"{chosen['method']}, range {chosen['range']:g})"
        )


def _all_named(functions: Functions) -> dict[str, Function]:
    if isinstance(functions, Mapping) and all(map(callable, functions.values())):
        return dict(functions)
    return {n: _named(n) for n in listed(functions, "functions: names, or a dict name → function")}


def _named(name: str) -> Callable[[np.ndarray], np.ndarray]:
    if not isinstance(name, str) or name not in FUNCTIONS:
        raise ParameterError(
            f"{shown(name)}: one of {sorted(FUNCTIONS)}, or a dict name → function"
        )
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
