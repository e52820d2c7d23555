"""From a torch network to a plan. The only folder that imports torch."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from ..batch import BatchPlan, make_batch_plan
from ..bootstrap import BootstrapPlan, bootstrap_plan
from ..compile import Chain
from ..errors import ParameterError
from ..flooding import Terms
from ..network import Affine
from ..planner import make_plan
from ..plans import Plan
from ..refresh import DeepPlan, make_deep_plan
from .advice import advised
from .modules import PolynomialActivation, Quadratic, Residual, Square
from .reading import read
from .training import examples_of, fine_tune, polynomial

__all__ = [
    "PolynomialActivation", "Quadratic", "Residual", "Square", "advised", "fine_tune", "plan",
    "polynomial", "read",
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
    flood: float | None = None,
    answers: int = 1,
    insecure: bool = False,
) -> Plan | BatchPlan | DeepPlan | BootstrapPlan:
    """Plan a torch ``Sequential`` for encrypted inputs, before any key exists.

    ``examples``, shape (count, *input), show which values occur; the first 32 are looked at,
    so let them be typical. ``precision``: significant bits wanted, largest output over largest
    error. The cheapest ring and chain that give them are chosen; ``ring`` or ``chain`` narrow the
    choice.

    ``batch``: one input a slot, thousands at once. ``refresh``: what to do when levels run out.
    "key holder" cuts the network into segments, of ``refresh_after`` layers each or as is
    quickest, and asks the key's holder to encrypt again what passes between them, behind a mask;
    "bootstrap" asks nobody (``insecure=True`` in a toy ring, to see it work; ``ring``,
    ``precision`` and ``security`` are then given by the bootstrap).

    ``flood``: statistical bits by which a server hides from the key's holder what the errors of
    ``answers`` answers tell of the weights; primes are then as large as that takes. (Whoever has
    no key learns nothing in any case.) See `Plan.flooded`.

    Raises NotPolynomial for layers that cannot run on ciphertexts (and says what to use instead);
    ``batch`` and "bootstrap" take no activations but squares and `Quadratic`, and with any
    ``refresh``, as with ``batch``, layers form a plain chain, without `Residual`. Raises
    ParameterError for options that contradict each other and when no parameters are precise
    enough, ShapeError and BadValue for examples.
    """
    terms = _terms(batch, refresh, chain, refresh_after, insecure, ring, flood, answers)
    affines, x = _affines(net, examples)
    with advised(net):
        if batch:
            return make_batch_plan(affines, x, precision, ring, security, terms)
        if refresh == "key holder":
            return make_deep_plan(affines, x, precision, ring, security, refresh_after, terms)
        if not refresh:
            return make_plan(affines, x, precision, ring, security, chain, terms)
        return bootstrap_plan(affines, x, insecure=insecure)


def _affines(
    net: nn.Module, examples: ArrayLike | torch.Tensor
) -> tuple[list[Affine], np.ndarray]:
    """The network as numbers, and the examples that are looked at."""
    x = examples_of(examples)
    return read(net, x[0].shape), x[:32]


def _terms(
    batch: bool,
    refresh: str | None,
    chain: Chain | None,
    refresh_after: int | None,
    insecure: bool,
    ring: int | None,
    flood: float | None,
    answers: int,
) -> Terms | None:
    """Those of the flood; ParameterError for options that contradict or ignore one another."""
    _check_way(batch, refresh)
    ignored = {
        "chain": chain is not None and (batch or refresh),
        "refresh_after": refresh_after is not None and refresh != "key holder",
        "insecure": insecure and refresh != "bootstrap",
        "ring": ring is not None and refresh == "bootstrap",
        "flood": flood is not None and refresh == "bootstrap",
    }
    if names := ", ".join(name for name, wrong in ignored.items() if wrong):
        way = "batch=True" if batch else f"refresh={refresh!r}"
        raise ParameterError(f"{names} would be ignored with {way}: leave it out")
    return None if flood is None else (flood, answers)


def _check_way(batch: bool, refresh: str | None) -> None:
    if refresh not in (None, "key holder", "bootstrap"):
        raise ParameterError(
            f'refresh={refresh!r}: must be "key holder" or "bootstrap", or left out'
        )
    if batch and refresh:
        raise ParameterError(f"batch=True and refresh={refresh!r}: only one of them at a time")
