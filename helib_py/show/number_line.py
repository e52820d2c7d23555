"""A real number on its fixed-point line: what Paillier encrypts, and how much room that takes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import traitlets

from ..errors import ParameterError
from ..options import instance, real
from ..params import MAX_VALUE_BITS, Paillier
from .checks import check_names, counts
from .widgets import Widget, front_end

DOUBLE_BITS = 52  #: whole numbers up to 2^52 and their halves are exact in JavaScript, too
MOST_PRODUCTS = 1000  #: where the slider ends at the latest


class NumberLine(Widget):
    """A number x between two multiples of 2^-precision, and the bits that it may take up.

    ``params`` give the promised ``bound`` of x, the size of the factors of a product, and the
    capacity of a plaintext. The reader turns x (a slider, or typed), the precision, up to the
    parameters', and how many products with plain factors were made so far, until one more might
    overflow and is refused. Parameters that are INSECURE say so on every panel.

    ``value`` holds all three: observe it, or set it, or a part of it. ParameterError for what
    is not on the line.

    >>> NumberLine(value={"x": 0.3, "precision": 8})
    NumberLine(x=0.3, precision=8, products=0)
    """

    _esm = front_end("parts.js", "number_line.js")

    bound = traitlets.Float(read_only=True).tag(sync=True)
    capacity = traitlets.Int(read_only=True).tag(sync=True)
    largest = traitlets.Int(MAX_VALUE_BITS, read_only=True).tag(sync=True)
    factor_bound = traitlets.Float(read_only=True).tag(sync=True)
    factor_precision = traitlets.Int(read_only=True).tag(sync=True)
    precisions = traitlets.Int(read_only=True).tag(sync=True)
    products = traitlets.Int(read_only=True).tag(sync=True)

    def __init__(
        self,
        params: Paillier | None = None,
        *,
        title: str = "",
        value: Mapping[str, Any] | None = None,
    ) -> None:
        params = instance(Paillier() if params is None else params, Paillier, "he.Paillier(…)")
        most = min(params.precision, DOUBLE_BITS - math.ceil(math.log2(params.bound)))
        if most < 0:
            raise ParameterError(f"bound={params.bound:.3g} is too wide to draw: lower it")
        traits = {"capacity": params.capacity, "insecure": not params.is_secure, "title": title}
        traits |= {"bound": float(params.bound), "factor_bound": float(params.factor_bound)}
        traits |= {"factor_precision": params.factor_precision}
        traits |= {"precisions": most, "products": _refused_after(params)}
        start = {"x": 0.3 * params.bound, "precision": min(4, most), "products": 0}
        super().__init__(traits, start, value)

    @traitlets.validate("value")
    def _on_the_line(self, proposal: Mapping[str, Any]) -> dict[str, float | int]:
        wanted = {**self.value, **proposal["value"]}
        check_names(wanted, ("x", "precision", "products"))
        x = real(wanted.pop("x"), "x")
        if not abs(x) <= self.bound:
            raise ParameterError(f"x={x}: |x| ≤ {self.bound:g} was promised")
        return {
            "x": x,
            **counts(wanted, {"precision": self.precisions, "products": self.products}),
        }

    def __repr__(self) -> str:
        return f"NumberLine({', '.join(f'{name}={v}' for name, v in self.value.items())})"


def _refused_after(params: Paillier) -> int:
    """A number of products that is refused at every precision, if there is one."""
    limit, step = math.ceil(params.bound), params.factor_precision
    factor = math.ceil(params.factor_bound * (1 << step))
    for products in range(MOST_PRODUCTS):
        too_long = limit.bit_length() + 1 > params.capacity
        if too_long or limit.bit_length() - products * step > MAX_VALUE_BITS:
            return products
        limit *= factor
    return MOST_PRODUCTS
