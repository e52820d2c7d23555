"""A plan for batches: steps, levels, scales, precision, time, bytes and memory, before any key."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np

from .. import noise, wire
from ..encoding import as_numbers
from ..errors import BadBytes, MissingKey
from ..params import CKKS
from ..tables import Shown, Table, nbytes
from .costs import PROCESS_BYTES, WORKER_BYTES, encryption
from .groups import Group, groups
from .interface import BatchInterface
from .modular import Cut, cut
from .steps import Passage, Place, Step, check, passages
from .twin import Twin


@dataclass(frozen=True)
class BatchLayer:
    """What is predicted of one step.

    Milliseconds for a whole batch on one thread; after its square, the largest magnitude over the
    examples, and the largest error.
    """

    milliseconds: float
    peak: float
    error: float

    @property
    def bits(self) -> float:
        """Predicted significant bits."""
        return noise.bits(self.error / (self.peak or 1.0))


@dataclass(frozen=True, eq=False, repr=False)
class BatchPlan(Shown):
    """The dry run of a network on batches of one image a slot; run by a ``Server``.

    ``headroom``: bits by which values may outgrow those of the examples.
    """

    interface: BatchInterface
    steps: tuple[Step, ...]
    layers: tuple[BatchLayer, ...]
    headroom: float

    @property
    def params(self) -> CKKS:
        """Parameters, with no rotation keys."""
        return self.interface.params

    @property
    def bits(self) -> float:
        """Predicted significant bits of the outputs: largest output over largest error."""
        return self.layers[-1].bits

    @property
    def error(self) -> float:
        """Predicted largest error of an output."""
        return self.layers[-1].error

    @property
    def milliseconds(self) -> float:
        """Predicted server time for one batch, one thread, on the reference machine."""
        return sum(layer.milliseconds for layer in self.layers)

    @property
    def encryption_milliseconds(self) -> float:
        """The same for the data owner."""
        return encryption(self.params, self.interface.inputs)

    @property
    def ciphertexts(self) -> int:
        """How many are made of a batch, by owner and server."""
        return self.interface.inputs + sum(len(step.weights) for step in self.steps)

    @property
    def cost(self) -> float:
        """Predicted milliseconds of owner and server together."""
        return self.milliseconds + self.encryption_milliseconds

    @cached_property
    def passages(self) -> list[Passage]:
        """Where every step leads."""
        return passages(self.steps, self.params.primes, self.interface.scale)

    @cached_property
    def groups(self) -> list[list[Group]]:
        """For every step, which rows are multiplied together."""
        return [groups(step.weights) for step in self.steps]

    def cuts(self, step: int) -> list[Cut]:
        """For every prime of a step's products, how residues are cut into limbs."""
        primes = self.params.primes[: self.passages[step].source.level + 1]
        return [cut(q, self.steps[step].reach) for q in primes]

    def shape(self, step: int) -> tuple[int, ...]:
        """Of the array of residues after a step; -1 for the upload's."""
        place = self.passages[step].out if step >= 0 else self.passages[0].source
        values = len(self.steps[step].weights) if step >= 0 else self.interface.inputs
        return values, place.parts, place.level + 1, self.params.ring

    def region_bytes(self, first: int) -> int:
        """Bytes for the residues after this step, -1 for the upload, and every other from there.

        Steps read from one region of memory and write to the other.
        """
        shapes = [self.shape(i) for i in range(first, len(self.steps), 2)]
        return 8 * max((int(np.prod(shape)) for shape in shapes), default=0)

    def memory_bytes(self, workers: int = 1) -> int:
        """Predicted peak of all the server's processes, but for the upload as it comes in."""
        first = 0 if workers == 1 else -1  # one process reads the upload where it is
        regions = self.region_bytes(first) + self.region_bytes(first + 1)
        sums = [
            8 * len(step.weights) * int(np.prod(self.shape(i - 1)[1:]))
            for i, step in enumerate(self.steps)
        ]
        others = WORKER_BYTES * workers if workers > 1 else 0
        return int(regions + max(sums) + PROCESS_BYTES + others)

    @property
    def summary(self) -> str:
        """One line: parameters, precision, time, bytes, memory."""
        slots, seconds = self.params.slots, self.milliseconds / 1000
        return (
            f"{self.params!r} · ~{self.bits:.1f} bits · {slots} images in ~{seconds:.1f} s · "
            f"upload {nbytes(self.interface.upload_bytes)}, "
            f"{nbytes(self.interface.upload_bytes / slots)} an image · "
            f"memory {nbytes(self.memory_bytes(2))}"
        )

    def table(self) -> Table:
        """Layer by layer: what follows the products, levels, time and precision."""
        heads = ("layer", "outputs", "then", "level after", "parts", "limbs", "ms", "bits")
        rows = [
            (
                *(step.name, len(step.weights), ", ".join(step.then) or "–"),
                *(passage.out.level, passage.out.parts, max(c.limbs for c in self.cuts(i))),
                *(round(layer.milliseconds), round(layer.bits, 1)),
            )
            for i, (step, passage, layer) in enumerate(
                zip(self.steps, self.passages, self.layers, strict=True)
            )
        ]
        return Table(heads, rows, caption=f"Batch plan · {self.summary}")

    def simulate(self, x: np.ndarray, noisy: bool = True, seed: int | None = None) -> np.ndarray:
        """The clear twin's outputs for images (count, *shape), shape (count, outputs)."""
        flat = as_numbers(x).reshape(len(x), -1)
        twin = Twin(self.params, np.random.default_rng(seed) if noisy else None)
        fresh = twin.encrypt(flat, self.interface.scale)
        return twin.run(self.steps, fresh, self.interface.scale)[-1]

    def check_keys(self, params: CKKS) -> None:
        """MissingKey unless keys made for ``params`` serve this plan."""
        if params.fingerprint != self.params.fingerprint:
            raise MissingKey(
                f"these keys were made for {params!r}, the plan needs {self.params!r}: make the "
                "owner with DataOwner(plan)"
            )

    def to_bytes(self) -> bytes:
        """The whole plan, weights included: for the server, not for publication."""
        inside = {k: v for k, v in vars(self.interface).items() if k != "params"}
        header = {
            "params": self.params.to_json(),
            "interface": inside,
            "steps": [(s.name, s.weight_bits, s.then, s.weights.shape) for s in self.steps],
            "layers": [asdict(layer) for layer in self.layers],
            "headroom": self.headroom,
        }
        weights = [s.weights.astype("<i8").tobytes() for s in self.steps]
        biases = [s.bias.astype("<f8").tobytes() for s in self.steps]
        return wire.pack("batch plan", header, *weights, *biases)

    @classmethod
    def from_bytes(cls, data: bytes) -> BatchPlan:
        """Raises BadBytes when the message is not whole or not a plan for batches."""
        header, payloads = wire.unpack("batch plan", data)
        try:
            return cls(*_parts(header, payloads))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BadBytes("this plan is malformed: ask its owner for it again") from error


def _parts(h: dict[str, Any], payloads: list[bytes]) -> tuple[Any, ...]:
    inside = {**h["interface"], "shape": tuple(h["interface"]["shape"])}
    inside["result"] = Place(*inside["result"])
    interface = BatchInterface(params=CKKS.from_json(h["params"]), **inside)
    half, steps = len(h["steps"]), []
    if len(payloads) != 2 * half:
        raise ValueError("a matrix and a bias for every step")
    for (name, bits, then, shape), w, b in zip(
        h["steps"], payloads[:half], payloads[half:], strict=True
    ):
        weights = np.frombuffer(w, "<i8").reshape(shape)
        steps.append(Step(name, weights, bits, np.frombuffer(b, "<f8"), tuple(then)))
    check(steps, interface.inputs, interface.params.primes)
    layers = tuple(BatchLayer(**layer) for layer in h["layers"])
    return interface, tuple(steps), layers, h["headroom"]
