"""A plan for batches: steps, levels, scales, precision, time, bytes and memory, before any key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from math import log2, prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import csr_array

from .. import noise, wire
from ..encoding import as_numbers
from ..errors import MissingKey, ShapeError
from ..flooding import ANY, Flood, check_terms, outlasting
from ..options import flag, instance, whole
from ..params import CKKS
from ..plans import PRECISION
from ..tables import Shown, Table, grown, nbytes
from .costs import MOST_WORKERS, PROCESS_BYTES, WORKER_BYTES, encryption
from .groups import Group, groups
from .interface import BatchInterface
from .modular import Cut, cut
from .steps import Passage, Step, check, passages, rooms
from .twin import Twin, worst


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

    ``headroom``: bits by which values may outgrow those of the examples. ``flood``: what is added
    to answers, see :meth:`flooded`.
    """

    interface: BatchInterface
    steps: tuple[Step, ...]
    layers: tuple[BatchLayer, ...]
    headroom: float
    flood: Flood | None = None

    @property
    def params(self) -> CKKS:
        """Parameters, with no rotation keys."""
        return self.interface.params

    @property
    def bits(self) -> float:
        """Predicted significant bits of the outputs: largest output over largest error."""
        return noise.bits(self.error / (self.layers[-1].peak or 1.0))

    @property
    def error(self) -> float:
        """Predicted largest error of an output, with the flood if there is one."""
        error, count = self.layers[-1].error, self.interface.outputs * self.params.slots
        if self.flood is None:
            return error
        return float(np.hypot(error, noise.largest(count) * self.flood.slot_std))

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
        return self.interface.inputs + sum(step.outputs for step in self.steps)

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
        values = self.steps[step].outputs if step >= 0 else self.interface.inputs
        return values, place.parts, place.level + 1, self.params.ring

    def region_bytes(self, first: int) -> int:
        """Bytes for the residues after this step, -1 for the upload, and every other from there.

        Steps read from one region of memory and write to the other.
        """
        shapes = [self.shape(i) for i in range(first, len(self.steps), 2)]
        return 8 * max((int(np.prod(shape)) for shape in shapes), default=0)

    def memory_bytes(self, workers: int = 1) -> int:
        """Predicted peak of all the server's processes, but for the upload as it comes in."""
        workers = whole(workers, "workers", 1, MOST_WORKERS)
        first = 0 if workers == 1 else -1  # one process reads the upload where it is
        regions = self.region_bytes(first) + self.region_bytes(first + 1)
        sums = [
            8 * step.outputs * int(np.prod(self.shape(i - 1)[1:]))
            for i, step in enumerate(self.steps)
        ]
        others = WORKER_BYTES * workers if workers > 1 else 0
        return int(regions + max(sums) + PROCESS_BYTES + others)

    @property
    def summary(self) -> str:
        """One line: parameters, precision, time, bytes, memory."""
        slots, seconds = self.params.slots, self.milliseconds / 1000
        flood = f" · {self.flood}" if self.flood else ""
        return (
            f"{self.params!r} · ~{self.bits:.1f} bits{flood} · values may grow "
            f"{grown(self.headroom)} · {slots} images in ~{seconds:.1f} s · "
            f"upload {nbytes(self.interface.upload_bytes)}, "
            f"{nbytes(self.interface.upload_bytes / slots)} an image · "
            f"memory {nbytes(self.memory_bytes(2))}"
        )

    def table(self) -> Table:
        """Layer by layer: what follows the products, levels, time and precision."""
        heads = ("layer", "outputs", "then", "level after", "parts", "limbs", "ms", "bits")
        rows = [
            (
                *(step.name, step.outputs, ", ".join(step.then) or "–"),
                *(passage.out.level, passage.out.parts, max(c.limbs for c in self.cuts(i))),
                *(round(layer.milliseconds), round(layer.bits, 1)),
            )
            for i, (step, passage, layer) in enumerate(
                zip(self.steps, self.passages, self.layers, strict=True)
            )
        ]
        return Table(heads, rows, caption=f"Batch plan · {self.summary}")

    def room(self, x: np.ndarray) -> float:
        """Bits of the modulus above the largest value of images (count, *shape); see Plan.room."""
        z, peaks = self._flat(x), list[float]()
        for step in self.steps:
            sums = step.linear(z)
            z = sums * sums
            peaks.append(float(np.abs(sums).max()))
        found = rooms(self.steps, self.params.primes, log2(self.interface.scale), peaks)
        return min(room for room, _ in found)

    def simulate(self, x: np.ndarray, noisy: bool = True, seed: int | None = None) -> np.ndarray:
        """The clear twin's outputs for images (count, *shape), shape (count, outputs)."""
        random = np.random.default_rng(None if seed is None else whole(seed, "seed", 0))
        twin = Twin(self.params, random if flag(noisy, "noisy") else None)
        return twin.through(self.steps, self._flat(x), self.interface.scale)[-1]

    def _flat(self, x: ArrayLike) -> np.ndarray:
        """Images as (count, inputs); ShapeError for others."""
        images, inputs = as_numbers(x), prod(self.interface.shape)
        if images.ndim < 1 or prod(images.shape[1:]) != inputs:
            raise ShapeError(f"{images.shape}: pass images (count, {inputs}), or of their shape")
        return images.reshape(-1, inputs)

    @cached_property
    def worst_error(self) -> float:
        """Deviation of the error of a slot of the result, for the worst inputs there may be."""
        inside = self.interface
        return worst(self.params, self.steps, inside.inputs, inside.span.bound, inside.scale)

    def flooded(
        self,
        statistical_bits: float = 40.0,
        answers: int = 1,
        precision: float = PRECISION,
        *,
        insecure: bool = False,
    ) -> BatchPlan:
        """The same plan, whose answers' errors tell nothing of the weights: see ``Plan.flooded``.

        Every slot holds an answer about another image, and all of them are flooded alike; a batch
        counts as one answer, of as many ciphertexts as there are outputs.
        """
        check_terms(statistical_bits, answers, insecure)
        place, slots, each = self.interface.result, self.params.slots, self.interface.outputs
        flood = Flood(statistical_bits, answers, self.worst_error, place.scale, slots, each)
        return outlasting(replace(self, flood=flood), precision)

    def check_keys(self, params: CKKS) -> None:
        """MissingKey unless keys made for ``params`` serve this plan."""
        instance(params, CKKS, "the parameters of the keys, owner.public.params")
        if params.fingerprint != self.params.fingerprint:
            raise MissingKey(
                f"these keys were made for {params!r}, the plan needs {self.params!r}: make the "
                "owner with DataOwner(plan)"
            )

    def to_bytes(self) -> bytes:
        """The whole plan, weights included: for the server, not for publication."""
        header = {
            "params": self.params.to_json(),
            "interface": self.interface.describe(),
            "steps": [(s.name, s.weight_bits, s.then, s.weights.shape) for s in self.steps],
            "layers": [asdict(layer) for layer in self.layers],
            "headroom": self.headroom,
            "flood": self.flood and [self.flood.statistical_bits, self.flood.answers],
        }
        weights = [sparse_bytes(s.weights) for s in self.steps]
        biases = [s.bias.astype("<f8").tobytes() for s in self.steps]
        return wire.pack("batch plan", header, *weights, *biases)

    @classmethod
    def from_bytes(cls, data: bytes, insecure: bool = False) -> BatchPlan:
        """Raises BadBytes when the message is not whole or not a plan for batches.

        InsecureParameters where its parameters are weak, unless ``insecure=True`` is written here.
        """
        header, payloads = wire.unpack("batch plan", data)
        with wire.rebuilding("batch plan"):
            plan = cls(*_parts(header, payloads, insecure))
            if not header["flood"]:
                return plan
            statistical_bits, answers = header["flood"]
        return plan.flooded(statistical_bits, answers, ANY, insecure=insecure)


def _parts(h: dict[str, Any], payloads: list[bytes], insecure: bool) -> tuple[Any, ...]:
    params = CKKS.from_json(h["params"], insecure)
    interface = BatchInterface.described(h["interface"], params)
    half, steps = len(h["steps"]), []
    if len(payloads) != 2 * half:
        raise ValueError("a matrix and a bias for every step")
    for (name, bits, then, sides), w, b in zip(
        h["steps"], payloads[:half], payloads[half:], strict=True
    ):
        weights = sparse_from(w, sides)
        if type(bits) is not int or not -MOST_BITS <= bits <= MOST_BITS or type(name) is not str:
            raise ValueError(f"a step that is none: {name}, {bits}")
        steps.append(Step(name, weights, bits, np.frombuffer(b, "<f8"), tuple(then)))
    check(steps, interface.inputs, params.primes)
    if passages(steps, params.primes, interface.scale)[-1].out != interface.result:
        raise ValueError("its results are not where its steps end")
    numbers = {"milliseconds": float, "peak": float, "error": float}
    layers = tuple(BatchLayer(*wire.typed(layer, numbers)) for layer in h["layers"])
    if len(layers) != half or interface.outputs != len(steps[-1].bias):
        raise ValueError("as many layers as steps, as many outputs as the last of them has")
    return interface, tuple(steps), layers, *wire.typed(h, {"headroom": float})


MOST_BITS = 60  #: of a step's weights after the point, or before it


def sparse_bytes(weights: csr_array) -> bytes:
    """Where rows end, which inputs they read, and by what these are multiplied."""
    ends, inputs = weights.indptr[1:].astype("<i8"), weights.indices.astype("<i8")
    return b"".join([ends.tobytes(), inputs.tobytes(), weights.data.astype("<i8").tobytes()])


def sparse_from(data: bytes, sides: Sequence[int]) -> csr_array:
    """Back from bytes; ValueError unless they make a matrix (rows, columns)."""
    rows, columns = sides
    if type(rows) is not int or type(columns) is not int or min(rows, columns) < 1:
        raise ValueError(f"a matrix {sides}")
    whole = np.frombuffer(data, "<i8")
    ends, rest = whole[:rows], whole[rows:]
    count = len(rest) // 2
    indptr, inputs = np.concatenate([[0], ends]), rest[:count]
    if len(rest) != 2 * count or np.any(np.diff(indptr) < 0) or indptr[-1] != count:
        raise ValueError("a matrix whose rows do not end where they must")
    if count and not (inputs.min() >= 0 and inputs.max() < columns):
        raise ValueError("a matrix that reads inputs that there are not")
    found = csr_array((rest[count:], inputs, indptr), (rows, columns))
    found.sum_duplicates()
    return found
