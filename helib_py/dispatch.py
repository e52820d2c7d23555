"""numpy's and torch's functions on a ciphertext: np.dot(W, c), np.sum(c), torch.matmul(W, c)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .errors import NotPolynomial, ShapeError
from .options import shown

#: Functions of two arguments, by the operator that they are.
BINARY = {
    "add": "add", "subtract": "sub", "sub": "sub", "multiply": "mul", "mul": "mul",
    "divide": "truediv", "true_divide": "truediv", "div": "truediv", "matmul": "matmul",
    "dot": "matmul", "mv": "matmul", "power": "pow", "pow": "pow",
}  # fmt: skip
#: Functions of one.
UNARY: dict[str, Callable[..., Any]] = {
    "negative": lambda c: -c, "neg": lambda c: -c, "positive": lambda c: c,
    "square": lambda c: c * c, "sum": lambda c, axis=None: c.sum(axis),
    "mean": lambda c, axis=None: c.mean(axis), "shape": lambda c: c.shape,
    "ndim": lambda c: len(c.shape), "copy": lambda c: c,
    "roll": lambda c, shift, axis=None: c.rotate(-shift),
}  # fmt: skip


class Dispatched:
    """What numpy and torch ask of an object that they meet among their arguments."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **named: Any) -> Any:
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        return applied(name, inputs, named)

    def __array_function__(
        self, function: Any, types: Any, args: Sequence[Any], named: dict[str, Any]
    ) -> Any:
        return applied(function.__name__, args, named)

    @classmethod
    def __torch_function__(
        cls, function: Any, types: Any, args: Sequence[Any] = (), named: Any = None
    ) -> Any:
        return applied(function.__name__.strip("_"), args, named or {})


def applied(name: str, args: Sequence[Any], named: dict[str, Any]) -> Any:
    """What a function of that name gives; NotPolynomial for one that cannot run on ciphertexts."""
    named = {k: v for k, v in named.items() if v is not None and v is not False}
    if name in UNARY and args and isinstance(args[0], Dispatched) and named.keys() <= {"axis"}:
        return UNARY[name](*args, **named)
    if name in BINARY and len(args) == 2 and not named:
        return _operated(BINARY[name], *args)
    if name in (*UNARY, *BINARY) and named:
        raise NotPolynomial(
            f"{name} of a ciphertext takes no {', '.join(named)}=: leave it out, and write "
            "a = a + c for a += c"
        )
    raise NotPolynomial(
        f"{name} does not run on ciphertexts: write it with +, -, *, @, sum, mean, rotate and "
        "whole powers, fit a polynomial with he.fit, or decrypt first"
    )


def check_axis(axis: Any, shape: tuple[int, ...]) -> None:
    """ShapeError unless it is the last one, or the only one, of a shape."""
    last = len(shape) - 1
    number = isinstance(axis, int | np.integer)
    if not ((number and axis in (last, -1)) or (axis is None and last == 0)):
        raise ShapeError(
            f"axis={shown(axis)} of shape {shape}: only the last can be summed, axis=-1"
        )


def _operated(operator: str, a: Any, b: Any) -> Any:
    """a operator b, where one of them is a ciphertext: numpy's and torch's own come back here."""
    if operator == "matmul" and not (np.ndim(a) and np.ndim(b)):
        operator = "mul"  # as numpy's dot has it
    if isinstance(a, Dispatched):
        return getattr(a, f"__{operator}__")(b)
    return getattr(b, f"__r{operator}__")(a)
