"""A plan: a network's steps, levels, scales, rotations and weights, as data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import isclose, log2
from typing import Any

import numpy as np

from . import noise, wire
from .ckks import CKKSVector
from .context import Context
from .encoding import as_numbers, within
from .engines import Handle
from .engines.plain import PlainEvaluator, Values
from .errors import BadBytes, MissingKey, ShapeError
from .noise import Estimate
from .params import CKKS
from .program import Constant, Op, Program
from .tables import Shown, Table, nbytes


@dataclass(frozen=True)
class Layer:
    """What a plan does for one affine map and what comes ``then``, its activation.

    ``level``, ``peak`` (largest magnitude over the examples) and ``error`` (largest, predicted)
    hold after it; ``register`` is the program register with its result, value i in ``slots[i]``.
    """

    name: str
    outputs: int
    then: str
    level: int
    rotations: int
    products: int
    milliseconds: float
    register: int
    slots: tuple[int, ...]
    peak: float = 0.0
    error: float = 0.0

    @property
    def bits(self) -> float:
        """Predicted significant bits: the largest value over the largest error."""
        return noise.bits(self.error / (self.peak or 1.0))


@dataclass(frozen=True, eq=False)
class Interface:
    """What data owner and server agree on in public: no weights.

    ``gather``: for every uploaded ciphertext, the input index of each slot, -1 for zero, shape
    (ciphertexts, slots). Result i is found in slot i·stride, at the result's level and scale.
    """

    params: CKKS
    shape: tuple[int, ...]
    gather: np.ndarray
    scale: float
    bound: float
    outputs: int
    stride: int
    result_level: int
    result_scale: float

    @property
    def upload_bytes(self) -> int:
        """Bytes of the ciphertexts of one input."""
        return len(self.gather) * self.params.ciphertext_bytes(self.params.depth)

    def lay_out(self, x: np.ndarray) -> np.ndarray:
        """Inputs (…, *shape) on slots, shape (ciphertexts, …, slots)."""
        lead = x.shape[: max(0, x.ndim - len(self.shape))]
        if x.shape != (*lead, *self.shape):
            raise ShapeError(f"input of shape {x.shape}: the plan takes {self.shape}")
        padded = np.concatenate([x.reshape(*lead, -1), np.zeros((*lead, 1))], axis=-1)
        return np.moveaxis(padded[..., self.gather], -2, 0)

    def encrypt(self, context: Context, x: np.ndarray) -> list[CKKSVector]:
        """One input, encrypted for upload."""
        if x.shape != self.shape:
            raise ShapeError(f"input of shape {x.shape}: one at a time, of shape {self.shape}")
        within(x, self.bound)
        top, size = self.params.depth, self.params.slots
        estimate = Estimate(self.bound, noise.fresh_std(self.params, self.scale))
        handles = [context.e.encrypt(slots, top, self.scale) for slots in self.lay_out(x)]
        return [CKKSVector(context, h, top, self.scale, size, estimate) for h in handles]

    def check(self, inputs: Sequence[CKKSVector]) -> None:
        """ShapeError unless these ciphertexts were encrypted for this plan."""
        top = self.params.depth
        fits = all(
            c.level == top and isclose(c.scale, self.scale) and c.length == self.params.slots
            for c in inputs
        )
        if len(inputs) != len(self.gather) or not fits:
            raise ShapeError(
                f"{len(inputs)} ciphertexts do not fit the plan, which takes {len(self.gather)} "
                f"at level {top}: encrypt one input of shape {self.shape} with DataOwner(plan)"
            )

    def wrap(self, context: Context, output: Handle, error: float) -> CKKSVector:
        """A program's output as a ciphertext that its owner can decrypt."""
        room = self.params.log_q(self.result_level) - log2(self.result_scale) - 1
        estimate = Estimate(2.0**room, error / noise.largest(self.outputs))
        return CKKSVector(
            context, output, self.result_level, self.result_scale, self.outputs, estimate,
            self.stride,
        )  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Shown):
    """The dry run of a network on ciphertexts; made by ``he.plan``, run by a ``Server``.

    ``headroom``: bits by which values may outgrow those of the examples before the modulus
    overflows.
    """

    interface: Interface
    program: Program
    layers: tuple[Layer, ...]
    headroom: float = 0.0

    @property
    def bits(self) -> float:
        """Predicted significant bits of the outputs: largest output over largest error."""
        return self.layers[-1].bits

    @property
    def error(self) -> float:
        """Predicted largest error of an output."""
        return self.layers[-1].error

    @property
    def params(self) -> CKKS:
        """Parameters with exactly the rotation keys that the plan uses."""
        return self.interface.params

    @property
    def milliseconds(self) -> float:
        """Predicted server time for one input on the reference machine of ``cost.py``."""
        return sum(layer.milliseconds for layer in self.layers)

    @property
    def rotation_key_bytes(self) -> int:
        """Bytes of the rotation keys, sent once."""
        return len(self.program.rotations) * self.params.key_bytes

    @property
    def summary(self) -> str:
        """One line: parameters, precision, time, bytes."""
        return (
            f"{self.params!r} · ~{self.bits:.1f} bits · ~{self.milliseconds:.0f} ms · upload "
            f"{nbytes(self.interface.upload_bytes)} · {len(self.program.rotations)} rotation keys "
            f"{nbytes(self.rotation_key_bytes)}"
        )

    def table(self) -> Table:
        """Layer by layer: levels, rotations, products, predicted time and precision."""
        heads = ("layer", "outputs", "then", "level after", "rotations", "products", "ms", "bits")
        rows = [
            (
                *(x.name, x.outputs, x.then, x.level, x.rotations),
                *(x.products, round(x.milliseconds, 1), round(x.bits, 1)),
            )
            for x in self.layers
        ]
        return Table(heads, rows, caption=f"Plan · {self.summary}")

    def simulate(self, x: np.ndarray, noisy: bool = True, seed: int | None = None) -> np.ndarray:
        """The clear twin's outputs for inputs (…, *shape), shape (…, outputs)."""
        inside = self.interface
        slots = self.run_clear(x, PlainEvaluator(self.params, noisy, seed)).slots
        return slots[..., :: inside.stride][..., : inside.outputs]

    def run_clear(
        self,
        x: np.ndarray,
        twin: PlainEvaluator,
        watch: Callable[[int, Values], None] | None = None,
    ) -> Values:
        """The program on clear inputs (…, *shape); ``watch`` sees every register."""
        laid = self.interface.lay_out(as_numbers(x))
        top, scale = self.params.depth, self.interface.scale
        result: Values = self.program.run(
            twin, [twin.encrypt(s, top, scale) for s in laid], watch=watch
        )
        return result

    def check_keys(self, params: CKKS) -> None:
        """MissingKey unless keys made for ``params`` serve this plan."""
        missing = set(self.program.rotations) - set(params.rotations or ())
        if params.fingerprint != self.params.fingerprint or missing:
            raise MissingKey(
                f"these keys were made for {params!r}, the plan needs {self.params!r} with "
                f"rotations {self.program.rotations}: make the owner with DataOwner(plan)"
            )

    def to_bytes(self) -> bytes:
        """The whole plan, weights included: for the server, not for publication."""
        inside = {k: v for k, v in vars(self.interface).items() if k not in ("params", "gather")}
        header = {
            "params": self.params.to_json(),
            "interface": inside,
            "ops": self.program.ops,
            "output": self.program.output,
            "constants": [(c.level, c.scale) for c in self.program.constants],
            "layers": [asdict(layer) for layer in self.layers],
            "headroom": self.headroom,
        }
        values = [np.ascontiguousarray(c.values).tobytes() for c in self.program.constants]
        return wire.pack("plan", header, self.interface.gather.astype("<i4").tobytes(), *values)

    @classmethod
    def from_bytes(cls, data: bytes) -> Plan:
        """Raises BadBytes when the message is not whole or not a plan."""
        header, payloads = wire.unpack("plan", data)
        try:
            return cls(*_parts(header, *payloads))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise BadBytes("this plan is malformed: ask its owner for it again") from error


def _parts(h: dict[str, Any], gather: bytes, *values: bytes) -> tuple[Any, ...]:
    params = CKKS.from_json(h["params"])
    table = np.frombuffer(gather, "<i4").astype(int).reshape(-1, params.slots)
    inside = {**h["interface"], "shape": tuple(h["interface"]["shape"])}
    constants = tuple(
        Constant(np.frombuffer(v), *c) for v, c in zip(values, h["constants"], strict=True)
    )
    ops = tuple(Op(*op) for op in h["ops"])
    layers = tuple(Layer(**{**x, "slots": tuple(x["slots"])}) for x in h["layers"])
    interface = Interface(params=params, gather=table, **inside)
    program = Program(len(table), ops, constants, h["output"]).check()
    return interface, program, layers, h["headroom"]
