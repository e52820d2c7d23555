"""What +, -, *, / and ** do to expressions: torch's broadcasting on the numbers of one input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ..errors import NotPolynomial, ShapeError
from . import maps
from .expressions import Expression
from .maps import BATCH, Shape


@dataclass(frozen=True, eq=False)
class Product:
    """Of two expressions of one shape: in place of a result, which takes an activation."""

    a: Expression
    b: Expression


def add(a: Any, b: Any, *, alpha: float = 1, **_: Any) -> Expression:
    """a + alpha·b."""
    return _sum(a, b, float(alpha))


def subtract(a: Any, b: Any, *, alpha: float = 1, **_: Any) -> Expression:
    """a - alpha·b."""
    return _sum(a, b, -float(alpha))


def multiply(a: Any, b: Any, **_: Any) -> Expression | Product:
    """A product with constants, or of two expressions."""
    if isinstance(a, Expression) and isinstance(b, Expression):
        return Product(*_alike(a, b))
    x, factor = (a, b) if isinstance(a, Expression) else (b, a)
    return scaled(x, numbers(factor), 0.0)


def divide(a: Any, b: Any, **_: Any) -> Expression:
    """A quotient by constants."""
    if isinstance(b, Expression):
        raise NotPolynomial(
            "divides by what depends on the input: multiply by a polynomial that is fitted to 1/x"
        )
    return scaled(a, 1 / numbers(b), 0.0)


def power(a: Any, exponent: Any, **_: Any) -> Expression | Product:
    """The first and the second power."""
    if not isinstance(a, Expression) or isinstance(exponent, Expression):
        raise NotPolynomial("has an exponent that depends on the input, which is no polynomial")
    if not isinstance(exponent, int | float) or exponent not in (1, 2):
        raise NotPolynomial(
            f"raises to the power {exponent}: write a product, as in x * x * x, or use "
            "he.nn.PolynomialActivation(he.fit(function, degree, interval))"
        )
    return a if exponent == 1 else Product(a, a)


def negative(a: Expression, **_: Any) -> Expression:
    """-a."""
    return a.times(np.full(len(a.bias), -1.0))


def scaled(x: Expression, scale: Any, shift: Any) -> Expression:
    """scale·x + shift, broadcast as torch does."""
    size = (1, *x.shape)
    try:
        whole = np.broadcast_shapes(size, np.shape(scale), np.shape(shift))
    except ValueError as error:
        raise ShapeError(f"constants do not fit values of shape {x.shape}: {error}") from error
    if whole[0] != 1:
        raise NotPolynomial("has a constant of its own for each input of a batch: use one for all")
    x = expanded(x, whole[1:])
    each, added = (np.broadcast_to(v, whole)[0] for v in (scale, shift))
    return x.through(maps.scaled(each, added, whole[1:]))


def expanded(x: Expression, shape: Shape) -> Expression:
    """Repeated to a larger shape."""
    if x.shape == shape:
        return x
    return x.through(maps.moved(lambda t: t.expand(BATCH, *shape), x.shape))


def numbers(value: Any) -> np.ndarray:
    """Constants of the network."""
    return np.asarray(value.numpy() if isinstance(value, torch.Tensor) else value, float)


def _sum(a: Any, b: Any, sign: float) -> Expression:
    if isinstance(a, Expression) and isinstance(b, Expression):
        first, second = _alike(a, b)
        return first.plus(second, sign)
    if isinstance(a, Expression):
        return scaled(a, 1.0, sign * numbers(b))
    return scaled(b, sign, numbers(a))


def _alike(a: Expression, b: Expression) -> tuple[Expression, Expression]:
    """Both, repeated to the shape that they have in common."""
    try:
        shape = np.broadcast_shapes((1, *a.shape), (1, *b.shape))[1:]
    except ValueError as error:
        raise ShapeError(f"combines values of shapes {a.shape} and {b.shape}") from error
    return expanded(a, shape), expanded(b, shape)


ARITHMETIC: dict[str, Callable[..., Any]] = {
    "add": add, "iadd": add, "sub": subtract, "isub": subtract, "subtract": subtract,
    "mul": multiply, "imul": multiply, "multiply": multiply, "truediv": divide,
    "itruediv": divide, "div": divide, "divide": divide, "true_divide": divide,
    "pow": power, "ipow": power, "neg": negative, "negative": negative,
}  # fmt: skip
