"""From a torch network to a plan. The only folder that imports torch."""

from __future__ import annotations

import torch
from numpy.typing import ArrayLike
from torch import nn

from ..batch import BatchPlan, make_batch_plan
from ..bootstrap import BootstrapPlan, bootstrap_plan
from ..compile import Chain
from ..errors import ParameterError
from ..planner import make_plan
from ..plans import Plan
from ..refresh import DeepPlan, make_deep_plan
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
    batch: bool = False,
    refresh: str | None = None,
    refresh_after: int | None = None,
    insecure: bool = False,
) -> Plan | BatchPlan | DeepPlan | BootstrapPlan:
    """Plan a torch ``Sequential`` for encrypted inputs, before any key exists.

    ``examples``, shape (count, *input), show which values occur; some tens are enough.
    ``precision``: significant bits wanted, largest output over largest error. The cheapest ring
    and chain that give them are chosen; ``ring`` or ``chain`` narrow the choice.

    ``batch``: one input a slot, thousands at once. ``refresh``: what to do when levels run out.
    "key holder" cuts the network into segments, of ``refresh_after`` layers each or as is
    quickest, and asks the key's holder to encrypt again what passes between them, behind a mask;
    "bootstrap" asks nobody (``insecure=True`` in a toy ring, to see it work; ``ring``,
    ``precision`` and ``security`` are then given by the bootstrap).

    Raises NotPolynomial for layers that cannot run on ciphertexts (and says what to use instead),
    ParameterError when no parameters are precise enough, ShapeError and BadValue for examples.
    """
    x = examples_of(examples)
    affines, x = read(net, x[0].shape), x[:32]
    if batch:
        return make_batch_plan(affines, x, precision, ring, security)
    if refresh is None:
        return make_plan(affines, x, precision, ring, security, chain)
    if refresh == "bootstrap":
        return bootstrap_plan(affines, x, insecure=insecure)
    if refresh == "key holder":
        return make_deep_plan(affines, x, precision, ring, security, refresh_after)
    raise ParameterError(f'refresh={refresh!r}: must be "key holder" or "bootstrap", or left out')
