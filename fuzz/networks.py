"""The third part of the campaign: random torch networks through every kind of plan, against torch.

What was encrypted is decrypted again and compared, and so is the clear twin, with the errors that
were predicted, and without any.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
import torch

import helib_py as he
from helib_py.errors import HelibError

from .entries.parties import SEAL, engines
from .limits import wider
from .nets import random_net
from .verdicts import NEVER, Verdict, of_exception

MARGIN = 8.0  #: by this factor may errors exceed the largest that is predicted over the examples
EXACT = 2.0**-30  #: relative error of a plan without noise
EXAMPLES = 32
MOST_KEYS = 3e8  #: bytes of keys; beyond, only the clear twin is run

Results = Iterator[tuple[str, np.ndarray, np.ndarray, float]]  #: what, got, expected, allowed


class Case(NamedTuple):
    """A network, its examples, and what is done with it."""

    kind: str
    net: Any
    x: np.ndarray
    random: np.random.Generator
    how: str


class Networks:
    """Cases by their numbers: the same number and seed are the same network under fresh keys."""

    def __init__(self, seed: int, entry: str = "") -> None:
        self._seed = seed
        kinds = [kind for kind in KINDS if kind != "bootstrap" or find_spec("lattigo")]
        self._kinds = [kind for kind in kinds if entry.lower() in kind]

    def case(self, number: int) -> Case:
        """What is to be tried."""
        random = np.random.default_rng([self._seed, number])
        kind = self._kinds[number % len(self._kinds)]
        squares = kind not in ("single", "flooded") and random.random() < 0.9
        most = {"refresh": 4, "bootstrap": 5, "flooded": 1}.get(kind, 3)
        activations = int(random.integers(0 if kind != "refresh" else 1, most + 1))
        net, shape = random_net([self._seed, number], squares, activations)
        x = random.uniform(-1, 1, (EXAMPLES, *shape))
        return Case(kind, net, x, random, f"{shape} {net!r}".replace("\n", " "))

    def about(self, case: Case) -> str:
        """In a few words."""
        return case.kind

    def written(self, case: Case) -> bytes:
        """To be kept before it is tried."""
        return case.how.encode()

    def judged(self, number: int, case: Case) -> Verdict:
        """Plan, run and compare."""
        try:
            for what, got, expected, allowed in KINDS[case.kind](case):
                off = float(np.abs(got - expected).max()) if got.shape == expected.shape else None
                if off is None or not off <= allowed:
                    said = f"{what}: off by {off}, {allowed:.3g} allowed, shape {got.shape}"
                    return Verdict(number, case.kind, "wrong", "", said, case.how)
        except HelibError as error:
            name = type(error).__name__
            outcome = "wrong" if name in NEVER else "refused"
            return Verdict(number, case.kind, outcome, name, case.how, str(error)[:300])
        except Exception as error:
            return of_exception(number, case.kind, case.how, error)
        return Verdict(number, case.kind, "accepted", how=case.how)


def clear(case: Case, x: np.ndarray) -> np.ndarray:
    """What torch says, in double precision."""
    with torch.no_grad():
        out: np.ndarray = copy.deepcopy(case.net).double()(torch.tensor(x)).numpy()
    return out


def _parties(case: Case, plan: Any) -> tuple[he.DataOwner, he.PublicBundle]:
    """An owner on one engine, who sends a bundle to another."""
    found = [name for name in engines("CKKS") if name in SEAL]
    owner = he.DataOwner(plan, found[case.random.integers(len(found))])
    there = found[case.random.integers(len(found))]
    return owner, he.PublicBundle.from_bytes(owner.public.to_bytes(), engine=there)


def _twin(case: Case, plan: Any, exact: float) -> Results:
    """The clear twin's results for all examples."""
    expected = clear(case, case.x)
    without = plan.simulate(case.x, noisy=False)
    yield "the twin without noise", without, expected, exact * (1 + np.abs(expected).max())
    yield "the twin", plan.simulate(case.x, seed=5), expected, MARGIN * plan.error


def _heavy(params: he.CKKS) -> bool:
    return (1 + len(params.rotations or ())) * params.key_bytes > MOST_KEYS


def _single(case: Case, **options: Any) -> Results:
    plan: Any = he.plan(case.net, case.x, float(case.random.integers(3, 9)), **options)
    if not options:
        yield from _twin(case, plan, EXACT)
    if _heavy(plan.params):
        return
    owner, public = _parties(case, plan)
    server = he.Server(he.Plan.from_bytes(plan.to_bytes()), public)
    upload = [c.to_bytes() for c in owner.encrypt(case.x[0])]
    got = owner.decrypt(server.run(upload).to_bytes())
    yield "encrypted", got, clear(case, case.x[:1])[0], MARGIN * plan.error


def _batch(case: Case) -> Results:
    flood = {"flood": 40} if case.random.random() < 0.2 else {}
    precision = float(case.random.integers(3, 9))
    plan: Any = he.plan(case.net, case.x, precision, batch=True, **flood)
    if not flood:  # whose weights are rounded, which the error counts
        yield from _twin(case, plan, MARGIN * plan.error)
    if plan.interface.upload_bytes > MOST_KEYS:
        return
    owner, public = _parties(case, plan)
    server = he.Server(he.BatchPlan.from_bytes(plan.to_bytes()), public)
    got = owner.decrypt(server.run(owner.encrypt(case.x[:5]).to_bytes()).to_bytes())
    yield "encrypted", got, clear(case, case.x[:5]), MARGIN * plan.error


def _refresh(case: Case) -> Results:
    plan: Any = he.plan(case.net, case.x, float(case.random.integers(3, 9)), refresh="key holder")
    yield from _twin(case, plan, EXACT)
    if _heavy(plan.interface.params):
        return
    owner, public = _parties(case, plan)
    got = he.interact(owner, he.DeepServer(plan, public), case.x[0])
    yield "encrypted", got, clear(case, case.x[:1])[0], MARGIN * plan.error


def _bootstrap(case: Case) -> Results:
    plan: Any = he.plan(case.net, case.x, refresh="bootstrap", insecure=True)
    expected = clear(case, case.x)
    exact = EXACT * (1 + np.abs(expected).max())
    yield "the twin without noise", plan.simulate(case.x, noisy=False), expected, exact
    with wider():
        owner = he.BootstrapOwner(plan)
        server = he.BootstrapServer(plan, owner.public)
    got = owner.decrypt(server.run(owner.encrypt(case.x[0])))
    yield "encrypted", got, expected[0], MARGIN * plan.steps[-1].error


def _sealed(case: Case) -> Results:
    toy = dict(ring=4096, insecure=True) if case.random.random() < 0.7 else {}
    bits = float(case.random.integers(5, 31)) if toy else 40.0
    owner = he.DeepModelOwner(case.net, case.x, precision=2, statistical_bits=bits, **toy)
    there = SEAL[case.random.integers(len(SEAL))]
    there = there if there in engines("CKKS") else owner.public.engine
    model = owner.encrypt_model().to_bytes()
    answer = he.SealedNetwork.from_bytes(model, owner.agreed, there)(case.x[0])
    expected = clear(case, case.x[:1])[0]
    yield "encrypted", owner.decrypt(answer.to_bytes()), expected, MARGIN * 2.0**-answer.bits


KINDS: dict[str, Callable[[Case], Results]] = {
    "single": _single, "batch": _batch, "refresh": _refresh, "sealed": _sealed,
    "flooded": lambda case: _single(case, flood=40), "bootstrap": _bootstrap,
}  # fmt: skip
