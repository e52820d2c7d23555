"""A plan: a network's steps, levels, scales, rotations and weights, as data."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from math import isclose, prod

import numpy as np

from . import noise, portable, wire
from .ckks import CKKSVector
from .context import Context
from .encoding import as_numbers
from .engines import Handle
from .engines.plain import PlainEvaluator, Values
from .engines.worst import Reach, WorstCase
from .errors import MissingKey, ShapeError
from .flooding import ANY, Flood, check_terms, outlasting
from .noise import Estimate
from .options import instance
from .params import CKKS
from .portable import Described
from .program import Program
from .span import Span
from .tables import Shown, Table, grown, nbytes

PRECISION = 7.0  #: significant bits that are enough for a label
MOST_SIDES, MOST_INPUTS = 16, 1 << 25  #: of an input; looked at before any array is made


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
    (ciphertexts, slots). ``span``: what the numbers of an input are within. Result i is found in
    slot i·stride, at the result's level and scale, and again after every ``period``.
    """

    params: CKKS
    shape: tuple[int, ...]
    gather: np.ndarray
    scale: float
    span: Span
    outputs: int
    stride: int
    result_level: int
    result_scale: float
    period: int

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
        self.span.check(x)
        top, size = self.params.depth, self.params.slots
        estimate = Estimate(self.span.bound, noise.fresh_std(self.params, self.scale))
        handles = [context.e.encrypt(slots, top, self.scale) for slots in self.lay_out(x)]
        return [
            CKKSVector(context, h, top, self.scale, size, estimate, original=h) for h in handles
        ]

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
        output["period"] = self.period
        given = {"shape": self.shape, "scale": self.scale, **asdict(self.span)}
        return {"input": given | {"gather": portable.array(self.gather, "<i4")}, "output": output}

    @classmethod
    def described(cls, described: Described, params: CKKS) -> Interface:
        """Back from a plan's JSON; ValueError for one that contradicts itself."""
        given, out = described["input"], described["output"]
        (scale,) = wire.typed(given, {"scale": float})
        kinds = {"count": int, "stride": int, "level": int, "scale": float, "period": int}
        outputs, stride, *result = wire.typed(out, kinds)
        shape, (rows, _) = tuple(given["shape"]), given["gather"]["shape"]
        gather = portable.numbers(given["gather"], "<i4", (rows, params.slots)).astype(int)
        if len(shape) > MOST_SIDES or any(type(side) is not int or side < 1 for side in shape):
            raise ValueError("an input of a shape that there is not")
        inside = rows and gather.min() >= -1 and gather.max() < prod(shape) <= MOST_INPUTS
        period = result[-1]
        repeats = min(period, stride) > 0 and params.slots % period == period % stride == 0
        if not (inside and repeats and 0 < outputs * stride <= period):
            raise ValueError("its inputs or outputs are outside of shape or slots")
        return cls(params, shape, gather, scale, Span.told(given), outputs, stride, *result)

    def flooded(self, context: Context, output: Handle, flood: Flood) -> CKKSVector:
        """The same under a flood, ready to leave: fresh, and empty but for what repeats."""
        e = context.e
        coefficients = flood.mask(self.params.ring, self.params.modulus(self.result_level))
        handle = e.add_integers(e.rerandomise(output), coefficients)
        c = self.wrap(context, handle, noise.rarely(self.outputs) * flood.slot_std)
        return replace(c, period=self.period, original=handle)

    def read(self, slots: np.ndarray) -> np.ndarray:
        """The outputs (…, outputs), from all slots of a result (…, slots)."""
        return slots[..., :: self.stride][..., : self.outputs]

    def wrap(self, context: Context, output: Handle, error: float) -> CKKSVector:
        """A program's output as a ciphertext that its owner can decrypt."""
        room = noise.room(self.params, *self.result)
        estimate = Estimate(room, error / noise.rarely(self.outputs))
        return CKKSVector(
            context, output, self.result_level, self.result_scale, self.outputs, estimate,
            self.stride,
        )  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Plan(Shown):
    """The dry run of a network on ciphertexts; made by ``he.plan``, run by a ``Server``.

    ``headroom``: bits by which values may outgrow those of the examples before the modulus
    overflows. ``flood``: what is added to answers, see :meth:`flooded`.
    """

    interface: Interface
    program: Program
    layers: tuple[Layer, ...]
    headroom: float = 0.0
    flood: Flood | None = None

    @property
    def bits(self) -> float:
        """Predicted significant bits of the outputs: largest output over largest error."""
        return noise.bits(self.error / (self.layers[-1].peak or 1.0))

    @property
    def error(self) -> float:
        """Predicted largest error of an output, with the flood if there is one."""
        error, inside = self.layers[-1].error, self.interface
        if self.flood is None:
            return error
        return float(np.hypot(error, noise.largest(inside.outputs) * self.flood.slot_std))

    @property
    def params(self) -> CKKS:
        """Parameters with exactly the rotation keys that the plan uses."""
        return self.interface.params

    @property
    def milliseconds(self) -> float:
        """Predicted server time for one input on the reference machine of ``cost.py``."""
        return sum(layer.milliseconds for layer in self.layers)

    @cached_property
    def memory_bytes(self) -> int:
        """Bytes of all that a server holds at a time for one input, but for the keys."""
        traced = self.program.trace(self.params.primes, self.interface.scale)
        levels = {register: level for register, (level, _) in traced.items()}
        return 8 * self.params.ring * self.program.polynomials(levels)

    @property
    def rotation_key_bytes(self) -> int:
        """Bytes of the rotation keys, sent once."""
        return len(self.program.rotations) * self.params.key_bytes

    @property
    def summary(self) -> str:
        """One line: parameters, precision, time, bytes."""
        flood = f" · {self.flood}" if self.flood else ""
        return (
            f"{self.params!r} · ~{self.bits:.1f} bits{flood} · values may grow "
            f"{grown(self.headroom)} · ~{self.milliseconds:.0f} ms · "
            f"upload {nbytes(self.interface.upload_bytes)} · {len(self.program.rotations)} "
            f"rotation keys {nbytes(self.rotation_key_bytes)}"
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

    def room(self, x: np.ndarray) -> float:
        """Bits of the modulus above the largest intermediate value of inputs (…, *shape).

        Below 0 it overflows, and nothing that decrypts is right. For whoever has inputs in clear.
        """
        peaks: dict[int, float] = {}
        twin = PlainEvaluator(self.params, noisy=False)
        self.run_clear(x, twin, lambda register, value: peaks.update({register: value.peak}))
        return self.program.headroom(self.params.primes, self.interface.scale, peaks)

    def simulate(self, x: np.ndarray, noisy: bool = True, seed: int | None = None) -> np.ndarray:
        """The clear twin's outputs for inputs (…, *shape), shape (…, outputs)."""
        twin = PlainEvaluator(self.params, noisy, seed)
        return self.interface.read(self.run_clear(x, twin).slots)

    def run_clear(
        self,
        x: np.ndarray,
        twin: PlainEvaluator,
        watch: Callable[[int, Values], None] | None = None,
    ) -> Values:
        """The program on clear inputs (…, *shape); ``watch`` sees every register."""
        instance(twin, PlainEvaluator, "a clear twin, PlainEvaluator(plan.params)")
        instance(watch, Callable | None, "a function of register and values for watch=")
        laid = self.interface.lay_out(as_numbers(x))
        top, scale = self.params.depth, self.interface.scale
        result: Values = self.program.run(
            twin, [twin.encrypt(s, top, scale) for s in laid], watch=watch
        )
        return result

    def leaving(self, last: Layer) -> Layer:
        """The last layer with the error of the encryption of zero under which results leave."""
        fresh = noise.fresh_std(self.params, self.interface.result_scale)
        added = noise.rarely(self.interface.outputs) * fresh
        return replace(last, error=float(np.hypot(last.error, added)))

    def worst(self, bound: np.ndarray, more: float = 0.0) -> Reach:
        """The outputs' largest magnitudes and errors, for inputs up to ``bound`` (*shape).

        Of all slots before they are read; ``more`` is error that the inputs had before.
        """
        engine, top = WorstCase(self.params), self.params.depth
        laid = self.interface.lay_out(bound)
        fresh = [engine.fresh(slots, top, self.interface.scale, more) for slots in laid]
        with np.errstate(over="ignore", invalid="ignore"):  # beyond all bounds is an answer, too
            result: Reach = engine.rerandomise(self.program.run(engine, fresh))
        return result

    @cached_property
    def worst_error(self) -> float:
        """Deviation of the error of a slot of the result, for the worst inputs there may be."""
        inside = self.interface
        return float(self.worst(np.full(inside.shape, inside.span.bound)).std.max())

    def flooded(
        self,
        statistical_bits: float = 40.0,
        answers: int = 1,
        precision: float = PRECISION,
        *,
        insecure: bool = False,
    ) -> Plan:
        """The same plan, whose answers' errors tell their owner nothing of the weights.

        Noise is added that hides the errors of ``answers`` answers, for all inputs within the
        promised bound (see `Flood` for what ``statistical_bits`` mean); whoever breaks the bound
        still gets no more than ``flood.capacity`` bits an answer. ParameterError when fewer than
        ``precision`` significant bits outlast it.
        """
        check_terms(statistical_bits, answers, insecure)
        flood = Flood(
            statistical_bits, answers, self.worst_error, *self.interface.result[1:],
            self.interface.period,
        )  # fmt: skip
        return outlasting(replace(self, flood=flood), precision)

    def check_keys(self, params: CKKS) -> None:
        """MissingKey unless keys made for ``params`` serve this plan."""
        instance(params, CKKS, "the parameters of the keys, owner.public.params")
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
            "flood": self.flood and [self.flood.statistical_bits, self.flood.answers],
        }
        return json.dumps(described)

    @classmethod
    def from_json(cls, text: str | bytes, insecure: bool = False) -> Plan:
        """Raises BadBytes when the text is no plan, an impossible one, or of a newer version.

        InsecureParameters where its parameters are weak, unless ``insecure=True`` is written here.
        """
        described = portable.opened(text)
        with wire.rebuilding("plan"):
            plan = cls(*_parts(described, insecure))
            if described["flood"] is None:
                return plan
            statistical_bits, answers = described["flood"]
        return plan.flooded(statistical_bits, answers, ANY, insecure=insecure)

    def to_bytes(self) -> bytes:
        """The JSON with a checksum: for the server, not for publication."""
        return wire.pack("plan", {}, self.to_json().encode())

    @classmethod
    def from_bytes(cls, data: bytes, insecure: bool = False) -> Plan:
        """Raises BadBytes when the message is not whole or not a plan; as ``from_json``."""
        _, payloads = wire.unpack("plan", data)
        return cls.from_json(b"".join(payloads), insecure)


def _parts(
    described: Described, insecure: bool
) -> tuple[Interface, Program, tuple[Layer, ...], float]:
    params = portable.to_parameters(described["parameters"], insecure)
    interface = Interface.described(described, params)
    inputs = len(interface.gather)
    program = portable.to_program(described, inputs, params, interface.scale)
    if program.trace(params.primes, interface.scale)[program.output] != interface.result:
        raise ValueError("its output is not where its steps end")
    layers = tuple(_layer(x, params.slots) for x in described["layers"])
    if not layers:
        raise ValueError("it has no layers")
    return interface, program, layers, *wire.typed(described, {"headroom": float})


def _layer(described: Described, slots: int) -> Layer:
    kinds: dict[str, type] = {"name": str, "outputs": int, "then": str, "level": int}
    kinds |= {"rotations": int, "products": int, "milliseconds": float, "register": int}
    kinds |= {"slots": list, "peak": float, "error": float}
    fields = dict(zip(kinds, wire.typed(described, kinds), strict=True))
    if any(type(slot) is not int or not 0 <= slot < slots for slot in fields["slots"]):
        raise ValueError("a layer whose values are in slots that there are not")
    return Layer(**{**fields, "slots": tuple(fields["slots"])})
