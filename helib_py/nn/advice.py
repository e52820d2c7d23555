"""What a refusal of parameters leaves unsaid: that the network itself makes the trouble."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from ..errors import ParameterError
from .modules import Quadratic

FLAT = 32.0  #: |b/2a| from where completing the square costs five bits and more


@contextmanager
def advised(net: nn.Module) -> Iterator[None]:
    """Names, in a ParameterError, the quadratics that are nearly linear.

    a·u² + b·u = a·(u + b/2a)² - b²/4a: for a near 0 that is a small difference of large numbers,
    which takes headroom and precision.
    """
    try:
        yield
    except ParameterError as error:
        flat = [f"layer {name} has {ratio}" for name, ratio in _flat(net)]
        if not flat:
            raise
        raise ParameterError(
            f"{error}. The cause may be he.Quadratic with a close to 0, as its completed square "
            f"is a small difference of large numbers ({', '.join(flat)}): keep |a| above |b|/"
            f"{2 * FLAT:.0f} in training, or fixed with a.requires_grad_(False)"
        ) from None


def _flat(net: nn.Module) -> Iterator[tuple[str, str]]:
    """Names of the layers, and a and b in words."""
    for name, module in net.named_modules():
        if isinstance(module, Quadratic):
            a, b = (float(p.detach()) for p in (module.a, module.b))
            if a and abs(b) > 2 * FLAT * abs(a):
                yield name, f"a = {a:.2g}, b = {b:.2g}"
