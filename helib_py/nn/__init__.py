"""From a torch network to a plan. The only folder that imports torch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from ..batch import BatchPlan, make_batch_plan
from ..bootstrap import BootstrapPlan, bootstrap_plan
from ..compile import Chain
from ..memory import enough_memory
from ..network import Affine
from ..planner import make_plan
from ..plans import PRECISION, Plan
from ..refresh import DeepPlan, make_deep_plan
from .advice import advised
from .modules import PolynomialActivation, Quadratic, Residual, Square
from .reading import read
from .replacing import polynomial
from .training import examples_of, fine_tune
from .wanted import Wanted

__all__ = [
    "PolynomialActivation", "Quadratic", "Residual", "Square", "advised", "fine_tune", "plan",
    "polynomial", "read",
]  # fmt: skip


def plan(
    net: nn.Module,
    examples: ArrayLike | torch.Tensor,
    precision: float = PRECISION,
    *,
    ring: int | None = None,
    security: int = 128,
    chain: Chain | None = None,
    batch: bool = False,
    refresh: str | None = None,
    refresh_after: int | None = None,
    flood: float | None = None,
    answers: int = 1,
    insecure: bool = False,
) -> Plan | BatchPlan | DeepPlan | BootstrapPlan:
    """Plan a torch network for encrypted inputs, before any key exists.

    ``examples``, shape (count, *input), show which values occur; the first 32 are looked at,
    so let them be typical. ``precision``: significant bits wanted, largest output over largest
    error. The cheapest ring and chain that give them are chosen; ``ring`` or ``chain`` narrow the
    choice.

    ``batch``: one input a slot, thousands at once. ``refresh``: what to do when levels run out.
    "key holder" cuts the network into segments, of ``refresh_after`` layers each or as is
    quickest, and asks the key's holder to encrypt again what passes between them, behind a mask;
    "bootstrap" asks nobody (``insecure=True`` in a toy ring, to see it work; ``ring``,
    ``precision`` and ``security`` are then given by the bootstrap, and refused).

    ``flood``: statistical bits by which a server hides from the key's holder what the errors of
    ``answers`` answers tell of the weights; primes are then as large as that takes. (Whoever has
    no key learns nothing in any case.) See `Plan.flooded`.

    Raises NotPolynomial for layers that cannot run on ciphertexts (and says what to use instead);
    ``batch`` and "bootstrap" take no activations but squares and `Quadratic`, and with any
    ``refresh``, as with ``batch``, layers form a plain chain, without `Residual`. Raises
    ParameterError for options that contradict each other and when no parameters are precise
    enough, ShapeError and BadValue for examples, OutOfMemory where planning takes too much.
    """
    wanted = Wanted(
        precision, ring, security, chain, batch, refresh, refresh_after, flood, answers, insecure
    )
    with enough_memory("this plan", "plan fewer or smaller layers, or a smaller ring="):
        affines, x = _affines(net, examples)
        with advised(net):
            return _planned(affines, x, wanted)


def _planned(
    affines: list[Affine], x: np.ndarray, w: Wanted
) -> Plan | BatchPlan | DeepPlan | BootstrapPlan:
    """The kind of plan that is wanted."""
    given = affines, x, w.precision, w.ring, w.security
    if w.batch:
        return make_batch_plan(*given, w.terms)
    if w.refresh == "key holder":
        return make_deep_plan(*given, w.refresh_after, w.terms)
    if w.refresh is None:
        return make_plan(*given, w.chain, w.terms)
    return bootstrap_plan(affines, x, insecure=w.insecure)


def _affines(
    net: nn.Module, examples: ArrayLike | torch.Tensor
) -> tuple[list[Affine], np.ndarray]:
    """The network as numbers, and the examples that are looked at."""
    x = examples_of(examples)[:32]
    return read(net, x[0].shape, x), x
