"""A plan's program as JSON that any engine can run, in Python or in a browser: version 2.

A description is one JSON object. Its parts, as :meth:`helib_py.Plan.to_json` writes them:

=============== =================================================================================
``format``      "helib_py.plan"; ``version``: 2. A reader refuses every other.
``parameters``  ``scheme`` "CKKS", ``ring`` N, ``primes`` (level 0 first) and ``special`` as
                decimal strings, ``security`` in bits, ``insecure``; ``request`` is what Python
                derives the set from
``rotations``   the steps for which rotation keys are needed, positive to the left
``input``       ``shape``, ``scale``; ``low`` and ``high``: what its numbers are within, which
                whoever encrypts them checks; ``gather``: an array (ciphertexts, slots) of indices
                into the flat input, -1 for zero: what to encrypt, at the top level
``steps``       [name, out, a, b]: register ``out`` = name(register ``a``, …). ``b`` is a register
                for add, subtract, multiply; the number of a constant for add_plain and
                multiply_plain; the steps of a rotate; the level of a lower; else 0. Registers
                0 … ciphertexts-1 hold the inputs. Rescale divides level and scale by one prime;
                relinearise goes back to two parts.
``constants``   ``level`` and ``scale`` to encode at; ``integers``: an array (slots,) of whole
                numbers; ``unit``, a power of two. The value of a slot is integer · unit.
``output``      its ``register``, ``level`` and ``scale``; result i of ``count`` is in slot
                i·``stride``; ``error``: the largest predicted
``layers``      what people are shown, see :class:`helib_py.plans.Layer`; and ``headroom`` in bits
``flood``       null, or statistical bits and answers that a server must flood for: one that does
                not know how refuses the plan
=============== =================================================================================

An array is ``dtype`` ("<i4" or "<f8"), ``shape`` and ``zlib``: base64 of zlib of its bytes.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Sequence
from math import isclose, log2, prod
from typing import Any

import numpy as np

from . import wire
from .errors import BadBytes
from .params import CKKS
from .program import TWO_REGISTERS, Constant, Op, Program

FORMAT, VERSION = "helib_py.plan", 2
LARGEST_ARRAY = 1 << 28  #: bytes of one array: a few compressed ones make many plain ones
LARGEST_PLAN = 1 << 30  #: bytes of all constants together
Described = dict[str, Any]


def opened(text: str | bytes) -> Described:
    """The description in a text; BadBytes when it is none, or of a newer version."""
    with wire.rebuilding("plan"):
        found = wire.parsed(text)
    if found.get("format") != FORMAT:
        raise BadBytes(f"this JSON is no {FORMAT}: pass the text that plan.to_json() made")
    if found.get("version") != VERSION:
        raise BadBytes(
            f"this plan is of version {found.get('version')!r} and only {VERSION} is known here: "
            "install the helib_py that wrote it"
        )
    return found


def array(values: np.ndarray, dtype: str) -> Described:
    """An array as JSON."""
    data = np.ascontiguousarray(values, dtype).tobytes()
    packed = base64.b64encode(zlib.compress(data, 6)).decode()
    return {"dtype": dtype, "shape": list(values.shape), "zlib": packed}


def numbers(described: Described, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """Back from JSON; ValueError unless it is of that dtype and shape."""
    if described["dtype"] != dtype or tuple(described["shape"]) != shape:
        raise ValueError(f"an array of {described['dtype']} {described['shape']}, not {shape}")
    size = prod(shape) * np.dtype(dtype).itemsize
    if not 0 <= size <= LARGEST_ARRAY:
        raise ValueError(f"an array of {size} bytes, at most {LARGEST_ARRAY} are read")
    data = zlib.decompressobj().decompress(base64.b64decode(described["zlib"]), size + 1)
    return np.frombuffer(data, dtype).reshape(shape)


def parameters(params: CKKS) -> Described:
    """The parameters, with every prime, for an engine that derives nothing."""
    return {
        "scheme": "CKKS", "ring": params.ring, "primes": [str(q) for q in params.primes],
        "special": str(params.special), "security": params.security,
        "insecure": not params.is_secure, "request": json.loads(params.to_json()),
    }  # fmt: skip


def to_parameters(described: Described, insecure: bool = False) -> CKKS:
    """The same set; ValueError when it is derived differently here.

    InsecureParameters for weak ones, unless ``insecure`` is the receiver's word.
    """
    params = CKKS.from_json(json.dumps(described["request"]), insecure)
    derived = {"ring", "primes", "special", "security"}
    if any(described[name] != parameters(params)[name] for name in derived):
        raise ValueError("these parameters contradict the request that they come from")
    return params


def steps(program: Program) -> Described:
    """A program's steps, and its constants, which ``rounded`` has made whole numbers of units."""
    constants = [
        {
            "level": c.level, "scale": c.scale, "unit": c.unit,
            "integers": array(c.values / c.unit, "<f8"),
        }
        for c in program.constants
    ]  # fmt: skip
    return {"rotations": program.rotations, "steps": program.ops, "constants": constants}


def to_program(described: Described, inputs: int, params: CKKS, scale: float) -> Program:
    """The program; BadBytes unless every step can be done, at the levels and scales it meets."""
    if 8 * params.slots * len(described["constants"]) > LARGEST_PLAN:
        raise ValueError(f"constants of more than {LARGEST_PLAN} bytes")
    constants = tuple(_constant(c, params.slots) for c in described["constants"])
    ops = tuple(_op(op) for op in described["steps"])
    program = Program(inputs, ops, constants, described["output"]["register"]).check()
    if program.rotations != tuple(described["rotations"]):
        raise ValueError("the rotations of this plan are not those of its steps")
    _check_levels(program, params, scale)
    return program


def _op(described: Sequence[Any]) -> Op:
    op = Op(*described)
    if type(op.name) is not str or any(type(number) is not int for number in op[1:]):
        raise ValueError(f"a step that is none: {described}")
    return op


def _constant(described: Described, slots: int) -> Constant:
    integers = numbers(described["integers"], "<f8", (slots,))
    values = integers * described["unit"]
    constant = Constant(values, *wire.typed(described, {"level": int, "scale": float}))
    if constant.unit != described["unit"] or not np.array_equal(integers, np.round(integers)):
        raise ValueError("a constant that is no whole number of its units")
    return constant


def _check_levels(program: Program, params: CKKS, scale: float) -> None:
    traced = program.trace(params.primes, scale)
    parts = dict.fromkeys(range(program.inputs), 2)
    for op in program.ops:
        level, at = traced[op.out]
        if not (_possible(op, program, traced, parts) and log2(at) < params.log_q(level)):
            raise BadBytes(f"a plan holds the impossible step {op}: ask for it again")
        three = op.name in ("square", "multiply")
        both = op.name in TWO_REGISTERS and parts[op.b] == 3
        parts[op.out] = (
            3 if three or (parts[op.a] == 3 and op.name != "relinearise") or both else 2
        )
    if parts[program.output] != 2:
        raise BadBytes("a plan's result has three parts: relinearise it, or ask for it again")


def _possible(
    op: Op, program: Program, traced: dict[int, tuple[int, float]], parts: dict[int, int]
) -> bool:
    """Whether levels, scales and parts allow this step."""
    level, scale = traced[op.a]
    match op.name:
        case "add" | "subtract":
            return traced[op.b][0] == level and isclose(traced[op.b][1], scale)
        case "multiply":
            return traced[op.b][0] == level and parts[op.a] == parts[op.b] == 2
        case "add_plain" | "multiply_plain":
            constant = program.constants[op.b]
            same = op.name == "multiply_plain" or isclose(constant.scale, scale)
            return constant.level == level and same
        case "lower":
            return 0 <= op.b <= level
        case "rescale":
            return level > 0
        case "rotate" | "square":
            return parts[op.a] == 2
    return True
