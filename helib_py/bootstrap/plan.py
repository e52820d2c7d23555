"""A deep network with bootstraps between its layers, planned before any key exists."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from .. import noise
from ..encoding import as_numbers
from ..engines.lattigo import Layer, Operation, Refresh
from ..errors import ShapeError
from ..params.bootstrap import BootstrapParams
from ..span import Span
from ..tables import Shown, Table, nbytes
from . import cost
from .sine import through_sine
from .spread import Spread, diagonals


@dataclass(frozen=True, eq=False)
class Step:
    """An affine map and the square after it, or, without weights, a bootstrap.

    ``level`` before it and ``after`` it; ``source`` and ``spread``: how its input and its values
    lie on slots. A value of the network is ``unit`` times what is in its slot, which so stays
    within [-1, 1]. ``peak`` (largest magnitude over the examples) and ``error`` (largest,
    predicted) are of the network's values after it.
    """

    name: str
    level: int
    after: int
    source: Spread
    spread: Spread
    unit: float
    weights: np.ndarray | None = None
    bias: np.ndarray | None = None
    squared: bool = False
    peak: float = 0.0
    error: float = 0.0

    @property
    def bits(self) -> float:
        """Predicted significant bits: the largest value over the largest error."""
        return noise.bits(self.error / (self.peak or 1.0))

    def seconds(self, p: BootstrapParams) -> float:
        """Predicted, one thread."""
        if self.weights is None:
            return cost.refresh_seconds(p)
        return cost.layer_seconds(p, self.source, self.level)

    def run(
        self, v: np.ndarray, p: BootstrapParams, random: np.random.Generator | None
    ) -> np.ndarray:
        """Its values in slots, from those before it, shape (…, n); exact without ``random``."""

        def off(values: np.ndarray, std: float) -> np.ndarray:
            error = 0.0 if random is None else random.standard_normal(values.shape)
            return values + std * error

        if self.weights is None:
            v = v if random is None else through_sine(v, p.width, p.share)
            return off(v, p.refresh_std) * p.gain
        folded = 2.0 ** (self.source.folds / 2)  # for it is rescaled before it is folded
        z = off(v @ self.weights.T + self.bias, folded * p.rescaling_std)
        return off(z * z, p.rescaling_std) if self.squared else z


@dataclass(frozen=True, eq=False)
class BootstrapInterface:
    """What data owner and server agree on in public: no weights.

    Inputs have a ``shape`` and are within ``span``. ``rotations``: the steps of the
    network's own rotation keys. ``refreshes``: whether keys for bootstrapping are needed.
    """

    params: BootstrapParams
    shape: tuple[int, ...]
    span: Span
    rotations: tuple[int, ...]
    refreshes: bool
    level: int
    source: Spread
    outputs: int
    spread: Spread
    unit: float

    @property
    def key_bytes(self) -> int:
        """Bytes of public keys, sent once."""
        circuit = self.params.bootstrap_key_bytes if self.refreshes else 0
        return circuit + self.params.network_key_bytes(self.rotations)

    @property
    def key_seconds(self) -> float:
        """Predicted time to make all keys."""
        return cost.making_seconds(self.key_bytes)

    @property
    def load_seconds(self) -> float:
        """Predicted time until a server has loaded its keys."""
        return cost.loading_seconds(self.key_bytes)

    @property
    def owner_memory(self) -> float:
        """Predicted bytes at the most, for the owner making keys."""
        return cost.owner_memory(self.key_bytes)

    @property
    def server_memory(self) -> float:
        """Predicted bytes at the most, for the server with its keys."""
        return cost.server_memory(self.key_bytes)

    @property
    def fingerprint(self) -> str:
        """A short hash by which messages made for another plan are recognised."""
        told = (self.params.to_json(), *(v for k, v in vars(self).items() if k != "params"))
        return hashlib.sha256(repr(told).encode()).hexdigest()[:32]

    def lay_out(self, x: np.ndarray) -> np.ndarray:
        """One input on all slots, within [-1, 1]. ShapeError for another shape."""
        if x.shape != self.shape:
            raise ShapeError(f"input of shape {x.shape}: one at a time, of shape {self.shape}")
        return self.source.fill(x.ravel() / self.span.bound, self.params.slots)

    def read(self, slots: np.ndarray) -> np.ndarray:
        """The outputs, from the slots of the result."""
        outputs: np.ndarray = slots[self.spread.find(self.outputs, self.params.slots)]
        return outputs * self.unit


@dataclass(frozen=True, eq=False, repr=False)
class BootstrapPlan(Shown):
    """The dry run of a deep network with bootstraps; made by ``he.bootstrap_plan``."""

    interface: BootstrapInterface
    steps: tuple[Step, ...]

    @property
    def params(self) -> BootstrapParams:
        """Ring, primes and their security."""
        return self.interface.params

    @property
    def bootstraps(self) -> int:
        """How many there are."""
        return sum(step.weights is None for step in self.steps)

    @property
    def bits(self) -> float:
        """Predicted significant bits of the outputs: largest output over largest error."""
        return self.steps[-1].bits

    @property
    def seconds(self) -> float:
        """Predicted server time for one input, one thread."""
        return sum(step.seconds(self.params) for step in self.steps)

    @property
    def summary(self) -> str:
        """One line: parameters, bootstraps, precision, time, bytes, memory."""
        inside = self.interface
        return (
            f"{self.params!r} · {self.bootstraps} bootstraps · ~{self.bits:.1f} bits · keys "
            f"~{inside.key_seconds:.1f} s, {nbytes(inside.key_bytes)}, loaded in "
            f"~{inside.load_seconds:.1f} s · run ~{self.seconds:.1f} s · memory: owner "
            f"~{nbytes(inside.owner_memory)}, server ~{nbytes(inside.server_memory)}"
        )

    def table(self) -> Table:
        """Step by step: levels, rotations, predicted time and precision."""
        heads = ("step", "outputs", "then", "level", "after", "rotations", "seconds", "bits")
        rows = [
            (
                *(step.name, "–" if step.bias is None else len(step.bias)),
                *("square" if step.squared else "–", step.level, step.after),
                "–" if step.weights is None else len(step.source.rotations(self.params.slots)),
                *(round(step.seconds(self.params), 3), round(step.bits, 1)),
            )
            for step in self.steps
        ]
        return Table(heads, rows, caption=f"Plan · {self.summary}")

    def simulate(
        self,
        x: np.ndarray,
        noisy: bool = True,
        seed: int | None = None,
        watch: Callable[[Step, np.ndarray], None] | None = None,
    ) -> np.ndarray:
        """Outputs for clear inputs (…, *shape), shape (…, outputs), with errors as predicted.

        ``watch(step, values)`` sees the network's values after every step.
        """
        x, inside = as_numbers(x), self.interface
        lead = x.shape[: x.ndim - len(inside.shape)]
        if x.shape != (*lead, *inside.shape):
            raise ShapeError(f"input of shape {x.shape}: the plan takes {inside.shape}")
        random = np.random.default_rng(seed) if noisy else None
        v = x.reshape(*lead, -1) / inside.span.bound
        for step in self.steps:
            v = step.run(v, self.params, random)
            if watch:
                watch(step, v * step.unit)
        return v * self.steps[-1].unit

    def for_engine(self) -> Iterator[Operation]:
        """Every step as the server computes it."""
        p = self.params
        for step in self.steps:
            if step.weights is None or step.bias is None:
                yield Refresh(step.level, p.width, p.gain)
                continue
            table = diagonals(step.weights, step.source, step.spread, p.slots)
            bias = step.spread.fill(step.bias, p.slots)
            yield Layer(step.level, table, bias, step.source.folds, step.squared)
