"""From a torch network to a plan. The only folder that imports torch."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import nn

from ..compile import Chain
from ..planner import make_plan
from ..plans import Plan
from .modules import PolynomialActivation, Quadratic, Residual, Square
from .reading import read
from .training import examples_of, fine_tune, polynomial

__all__ = [
    "PolynomialActivation", "Quadratic", "Residual", "Square", "fine_tune", "plan", "polynomial",
    "read",
]  # fmt: skip


def plan(
    net: nn.Module,
    examples: ArrayLike | torch.Tensor,
    precision: float = 7.0,
    *,
    ring: int | None = None,
    security: int = 128,
    chain: Chain | None = None,
) -> Plan:
    """Plan a torch ``Sequential`` for encrypted inputs, before any key exists.

    ``examples``, shape (count, *input), show which values occur; some tens are enough.
    ``precision``: significant bits wanted, largest output over largest error. The cheapest ring
    and chain that give them are chosen; ``ring`` or ``chain`` narrow the choice.

    Raises NotPolynomial for layers that cannot run on ciphertexts (and says what to use instead),
    ParameterError when no parameters are precise enough, ShapeError and BadValue for examples.
    """
    x = examples_of(examples)
    return make_plan(read(net, x[0].shape), x[:32], precision, ring, security, chain)
