"""A plan: a network's steps, levels, scales, rotations and weights, as data."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from math import isclose, log2, prod

import numpy as np

from . import noise, portable, wire
from .ckks import CKKSVector
from .context import Context
from .encoding import as_numbers, within
from .engines import Handle
from .engines.plain import PlainEvaluator, Values
from .errors import BadBytes, MissingKey, ShapeError
from .noise import Estimate
from .params import CKKS
from .portable import Described
from .program import Program
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

    @property
    def result(self) -> tuple[int, float]:
        """Level and scale of the output."""
        return self.result_level, self.result_scale

    def describe(self, register: int, error: float) -> Described:
        """The parts ``input`` and ``output`` of a plan's JSON."""
        level, scale = self.result
        output = {"register": register, "level": level, "scale": scale}
        output |= {"stride": self.stride, "count": self.outputs, "error": error}
        given = {"shape": self.shape, "bound": self.bound, "scale": self.scale}
        return {"input": given | {"gather": portable.array(self.gather, "<i4")}, "output": output}

    @classmethod
    def described(cls, described: Described, params: CKKS) -> Interface:
        """Back from a plan's JSON; ValueError for one that contradicts itself."""
        given, out = described["input"], described["output"]
        shape, outputs, stride = tuple(given["shape"]), int(out["count"]), int(out["stride"])
        rows = int(given["gather"]["shape"][0])
        gather = portable.numbers(given["gather"], "<i4", (rows, params.slots)).astype(int)
        inside = rows and gather.min() >= -1 and gather.max() < prod(shape)
        if not (inside and min(outputs, stride) > 0 and outputs * stride <= params.slots):
            raise ValueError("its inputs or outputs are outside of shape or slots")
        bound, scale = float(given["bound"]), float(given["scale"])
        return cls(
            params, shape, gather, scale, bound, outputs, stride, out["level"], out["scale"]
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

    def to_json(self) -> str:
        """The whole plan, weights included, for any engine: see :mod:`helib_py.portable`."""
        inside = self.interface.describe(self.program.output, self.error)
        described = {
            "format": portable.FORMAT,
            "version": portable.VERSION,
            "parameters": portable.parameters(self.params),
            **inside,
            **portable.steps(self.program),
            "layers": [asdict(layer) for layer in self.layers],
            "headroom": self.headroom,
        }
        return json.dumps(described)

    @classmethod
    def from_json(cls, text: str | bytes) -> Plan:
        """Raises BadBytes when the text is no plan, an impossible one, or of a newer version.

        InsecureParameters where its parameters are weak and do not say so.
        """
        described = portable.opened(text)
        try:
            return cls(*_parts(described))
        except (KeyError, TypeError, ValueError, IndexError, zlib.error) as error:
            raise BadBytes(
                f"this plan is malformed: ask its owner for it again ({error})"
            ) from error

    def to_bytes(self) -> bytes:
        """The JSON with a checksum: for the server, not for publication."""
        return wire.pack("plan", {}, self.to_json().encode())

    @classmethod
    def from_bytes(cls, data: bytes) -> Plan:
        """Raises BadBytes when the message is not whole or not a plan."""
        _, payloads = wire.unpack("plan", data)
        return cls.from_json(b"".join(payloads))


def _parts(described: Described) -> tuple[Interface, Program, tuple[Layer, ...], float]:
    params = portable.to_parameters(described["parameters"])
    interface = Interface.described(described, params)
    inputs = len(interface.gather)
    program = portable.to_program(described, inputs, params, interface.scale)
    if program.trace(params.primes, interface.scale)[program.output] != interface.result:
        raise ValueError("its output is not where its steps end")
    layers = tuple(Layer(**{**x, "slots": tuple(x["slots"])}) for x in described["layers"])
    if not layers:
        raise ValueError("it has no layers")
    return interface, program, layers, float(described["headroom"])
