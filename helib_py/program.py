"""A computation on ciphertexts as data: recorded once, run by any engine.

``Recorder`` looks like an engine and writes down what it is asked to do; the ``Program`` it yields
is a list of single operations on numbered registers, with the plaintexts they use.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, log2
from typing import NamedTuple

import numpy as np

from .engines import Arithmetic, Handle, Plain
from .errors import BadBytes, ShapeError

SPARE = 20  #: bits that constants keep beyond those of their scale


class Op(NamedTuple):
    """``registers[out] = name(registers[a], …)``.

    ``b`` is a second register for add, subtract and multiply; the number of a plaintext for
    add_plain and multiply_plain; the steps for rotate; the level for lower; else 0.
    """

    name: str
    out: int
    a: int
    b: int = 0


class Constant(NamedTuple):
    """A plaintext: slot values, shape (slots,), and the level and scale it is encoded at."""

    values: np.ndarray
    level: int
    scale: float

    @property
    def unit(self) -> float:
        """What values are rounded to: a power of two, a millionth of what encoding resolves."""
        return float(2.0 ** -ceil(log2(self.scale) + SPARE))

    def rounded(self) -> Constant:
        """The nearest constant of whole units."""
        return self._replace(values=np.round(self.values / self.unit) * self.unit)


@dataclass(frozen=True, eq=False)
class Program:
    """Registers 0 … inputs-1 hold the inputs; ``output`` is the register of the result."""

    inputs: int
    ops: tuple[Op, ...]
    constants: tuple[Constant, ...]
    output: int

    @property
    def rotations(self) -> tuple[int, ...]:
        """The steps it rotates by: exactly the rotation keys it needs."""
        return tuple(sorted({op.b for op in self.ops if op.name == "rotate"}))

    def count(self, name: str) -> int:
        """How many operations of one kind it has."""
        return sum(op.name == name for op in self.ops)

    def rounded(self) -> Program:
        """With every constant a whole number of units, as it is written down for other engines."""
        return replace(self, constants=tuple(c.rounded() for c in self.constants))

    def check(self) -> Program:
        """Itself, or BadBytes: known operations on registers and constants that exist."""
        known = set(range(self.inputs))
        for op in self.ops:
            plain = op.name not in _WITH_PLAINTEXT or 0 <= op.b < len(self.constants)
            if op.name not in OPERATIONS or not known.issuperset(_reads(op)) or not plain:
                raise BadBytes(f"a plan holds the impossible step {op}: ask for it again")
            known.add(op.out)
        if self.output not in known:
            raise BadBytes(
                f"a plan yields register {self.output}, which nothing fills: ask for it again"
            )
        return self

    def trace(self, primes: Sequence[int], scale: float) -> dict[int, tuple[int, float]]:
        """Level and scale of every register, for inputs at the top level with one scale."""
        top = len(primes) - 1
        seen = dict.fromkeys(range(self.inputs), (top, scale))
        for op in self.ops:
            level, at = seen[op.a]
            if op.name == "rescale":
                level, at = level - 1, at / primes[level]
            elif op.name == "lower":
                level = op.b
            elif op.name == "multiply_plain":
                at *= self.constants[op.b].scale
            elif op.name in ("square", "multiply"):
                at *= at if op.name == "square" else seen[op.b][1]
            seen[op.out] = (level, at)
        return seen

    def polynomials(self, levels: Mapping[int, int]) -> int:
        """The most that its constants and registers hold at a time, each modulo one prime.

        ``levels``: of every register, as ``trace`` gives them. Few lines can fill any memory.
        """
        parts = dict.fromkeys(range(self.inputs), 2)
        for op in self.ops:
            three = op.name in ("square", "multiply")
            kept = 2 if op.name == "relinearise" else max(parts[r] for r in _reads(op))
            parts[op.out] = 3 if three else kept
        size = {r: count * (levels[r] + 1) for r, count in parts.items()}
        held = {r: size[r] for r in range(self.inputs)}
        now = most = sum(held.values())
        for op, spent in zip(self.ops, self._spent(), strict=True):
            now += size[op.out] - held.get(op.out, 0)
            held[op.out] = size[op.out]
            most = max(most, now)
            now -= sum(held.pop(register) for register in spent)
        return most + sum(constant.level + 1 for constant in self.constants)

    def headroom(self, primes: Sequence[int], scale: float, peaks: Mapping[int, float]) -> float:
        """Bits between modulus and largest value, in the register where it is tightest.

        ``peaks``: the largest magnitude in each register that counts.
        """
        modulus = np.cumsum(np.log2(np.array(primes, dtype=float)))
        return min(
            float(modulus[level]) - 1 - log2(at) - log2(max(peaks[r], 1.0))
            for r, (level, at) in self.trace(primes, scale).items()
            if r in peaks
        )

    def encode(self, engine: Arithmetic) -> list[Plain]:
        """All plaintexts, encoded at just the level and scale they are used at."""
        return [engine.encode(*constant) for constant in self.constants]

    def run(
        self,
        engine: Arithmetic,
        inputs: Sequence[Handle],
        encoded: Sequence[Plain] | None = None,
        watch: Callable[[int, Handle], None] | None = None,
    ) -> Handle:
        """Run it on any engine; ``watch(register, handle)`` sees every result."""
        if len(inputs) != self.inputs:
            raise ShapeError(f"{len(inputs)} ciphertexts given, the plan takes {self.inputs}")
        encoded = self.encode(engine) if encoded is None else encoded
        registers: dict[int, Handle] = dict(enumerate(inputs))
        spent = self._spent()
        for i, op in enumerate(self.ops):
            registers[op.out] = _apply(engine, op, registers, encoded)
            if watch:
                watch(op.out, registers[op.out])
            for register in spent[i]:
                del registers[register]
        return registers[self.output]

    def _spent(self) -> list[list[int]]:
        """After each operation, the registers that nothing needs any more, or ever did."""
        last = {r: i for i, op in enumerate(self.ops) for r in (*_reads(op), op.out)}
        spent: list[list[int]] = [[] for _ in self.ops]
        for register, i in last.items():
            if register != self.output:
                spent[i].append(register)
        return spent


TWO_REGISTERS = ("add", "subtract", "multiply")
_WITH_PLAINTEXT = ("add_plain", "multiply_plain")
_WITH_NUMBER = ("rotate", "lower")
_ONE_REGISTER = ("negate", "square", "relinearise", "rescale")
OPERATIONS = (*TWO_REGISTERS, *_WITH_PLAINTEXT, *_WITH_NUMBER, *_ONE_REGISTER)


def _reads(op: Op) -> tuple[int, ...]:
    return (op.a, op.b) if op.name in TWO_REGISTERS else (op.a,)


def _apply(
    engine: Arithmetic, op: Op, registers: dict[int, Handle], encoded: Sequence[Plain]
) -> Handle:
    if op.name not in OPERATIONS:
        raise BadBytes(f"a plan holds the unknown operation {op.name!r}: ask for it again")
    a = registers[op.a]
    if op.name in TWO_REGISTERS:
        return getattr(engine, op.name)(a, registers[op.b])
    if op.name in _WITH_PLAINTEXT:
        return getattr(engine, op.name)(a, encoded[op.b])
    if op.name in _WITH_NUMBER:
        return getattr(engine, op.name)(a, op.b)
    return getattr(engine, op.name)(a)


class Recorder:
    """Arithmetic that computes nothing: handles are register numbers, plaintexts numbers too."""

    def __init__(self, inputs: int) -> None:
        self.inputs = list(range(inputs))
        self.ops: list[Op] = []
        self._constants: list[Constant] = []

    def encode(self, values: np.ndarray, level: int, scale: float) -> int:
        """Note a plaintext; its number stands for it."""
        self._constants.append(Constant(values, level, scale))
        return len(self._constants) - 1

    def __getattr__(self, name: str) -> Callable[..., int]:
        if name not in OPERATIONS:
            raise AttributeError(f"a plan cannot hold the operation {name!r}")
        return lambda a, b=0: self._write(name, a, b)

    def _write(self, name: str, a: int, b: int) -> int:
        out = len(self.inputs) + len(self.ops)
        self.ops.append(Op(name, out, a, b))
        return out

    def program(self, output: int) -> Program:
        """What was recorded, with one register as its result."""
        return Program(len(self.inputs), tuple(self.ops), tuple(self._constants), output)
