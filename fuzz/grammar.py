"""Lines of random circuits, as Python that runs on ciphertexts and on numpy alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

import helib_py as he

from .clear import Clear

Random = np.random.Generator
LENGTHS = (1, 2, 3, 4, 4, 5, 7, 8, 8, 16, 33)
CURVES = ("tanh", "sigmoid", "relu", "gelu")


def draw(shape: int | tuple[int, ...], seed: int, whole: bool = False) -> np.ndarray:
    """Numbers in [-1, 1], or whole ones in [-3, 3]: the same for the same seed."""
    random = np.random.default_rng(seed)
    return random.integers(-3, 4, shape) if whole else random.uniform(-1, 1, shape)


@lru_cache(maxsize=64)
def curve(kind: str, degree: int, reach: float) -> he.Polynomial:
    """A fitted polynomial."""
    return he.fit(kind, degree, reach)


class Lines:
    """Makes lines about the values there are so far."""

    def __init__(self, random: Random, scheme: str, slots: int, products: bool) -> None:
        self._random, self._whole, self._slots = random, scheme == "BFV", slots
        self._integers = scheme == "Paillier"
        own: dict[str, Sequence[Callable[[str, str, Clear], str]]] = {
            "CKKS": [self._product, self._power, self._fraction, self._curve, self._lower,
                     self._combine, self._quotient, self._dot],
            "BFV": [self._product, self._power, self._combine, self._dot],
            "BFV without products": [self._combine],  # no key for them was made
            "Paillier": [self._fraction, self._quotient, self._pack, self._again],
        }  # fmt: skip
        common = [self._sum, self._array, self._matrix]
        common += [*common, self._number, self._turn, self._total, self._negative, self._promise]
        ways = own[scheme if products or not self._whole else f"{scheme} without products"]
        self._ways = [*common, *ways, *ways]

    def first(self) -> list[str]:
        """Encryptions to begin with, most of them equally long."""
        length, lines = self._length(), []
        for _ in range(int(self._random.integers(1, 4))):
            size = length if self._random.random() < 0.8 else self._length()
            lines.append(f"encrypt({self._drawn(size)}{self._options()})")
        if self._integers and self._random.random() < 0.4:
            lines.append(f"encrypt({self._drawn((2, length))})")
        return lines

    def _length(self) -> int:
        """Mostly short; sometimes all slots."""
        full = self._slots and self._random.random() < 0.05
        return self._slots if full else int(self._pick(LENGTHS))

    def _options(self) -> str:
        choice = self._random.random()
        if choice < 0.15:
            return f", bound={int(self._random.integers(3, 8))}"
        return ", packed=True" if self._integers and choice < 0.25 else ""

    def next(self, values: Sequence[Clear]) -> str:
        """One more line."""
        i = int(self._random.integers(len(values)))
        alike = [k for k, v in enumerate(values) if v.values.shape == values[i].values.shape]
        j = self._pick(alike if self._random.random() < 0.95 else range(len(values)))
        way = self._ways[self._random.integers(len(self._ways))]
        return way(f"v[{i}]", f"v[{j}]", values[i])

    def _pick(self, among: Any) -> Any:
        return list(among)[int(self._random.integers(len(among)))]

    def _drawn(self, shape: Any) -> str:
        seed = int(self._random.integers(10_000))
        return f"draw({shape}, {seed}{', whole=True' if self._whole else ''})"

    def _any(self) -> Any:
        """A number: a small whole one, or, where that is allowed, any."""
        whole = self._whole or self._random.random() < 0.5
        return int(self._random.integers(-4, 8)) if whole else round(self._random.normal(), 3)

    def _sum(self, x: str, y: str, value: Clear) -> str:
        return f"{x} {self._pick('+-')} {y}"

    def _product(self, x: str, y: str, value: Clear) -> str:
        return self._pick([f"{x} * {y}", f"{x} * {x}", f"{x} * {y}"])

    def _array(self, x: str, y: str, value: Clear) -> str:
        array = self._drawn(value.values.shape[-1])
        return self._pick([f"{x} + {array}", f"{array} - {x}", f"{x} * {array}", f"{array} * {x}"])

    def _number(self, x: str, y: str, value: Clear) -> str:
        number = self._any()
        return self._pick([f"{number} * {x}", f"{x} + {number}", f"{number} - {x}"])

    def _matrix(self, x: str, y: str, value: Clear) -> str:
        n, m = value.values.shape[-1], self._pick(LENGTHS)
        ways = [f"{self._drawn((m, n))} @ {x}", f"{x} @ {self._drawn((n, m))}"]
        return self._pick([*ways, f"{self._drawn(n)} @ {x}", f"{x} @ {self._drawn(n)}"])

    def _turn(self, x: str, y: str, value: Clear) -> str:
        return f"{x}.rotate({int(self._random.integers(-3, 9))})"

    def _total(self, x: str, y: str, value: Clear) -> str:
        return f"{x}.sum(axis=-1)"

    def _negative(self, x: str, y: str, value: Clear) -> str:
        return f"-{x}"

    def _promise(self, x: str, y: str, value: Clear) -> str:
        return f"{x}.promise({self._reach(value)})"

    def _reach(self, value: Clear) -> float:
        """A bound that holds, with some room."""
        top = float(np.abs(value.values).max()) * 1.1 + 0.01
        return float(np.ceil(top)) if self._whole else float(f"{top:.3g}") + 0.01

    def _power(self, x: str, y: str, value: Clear) -> str:
        return f"{x} ** {int(self._random.integers(1, 6))}"

    def _fraction(self, x: str, y: str, value: Clear) -> str:
        return f"{round(self._random.normal(), 3)} * {x}"

    def _quotient(self, x: str, y: str, value: Clear) -> str:
        return f"{x} / {self._pick([2, 3, -0.75, 8])}"

    def _dot(self, x: str, y: str, value: Clear) -> str:
        return f"{x} @ {y}"

    def _lower(self, x: str, y: str, value: Clear) -> str:
        return f"{x}.lower({int(self._random.integers(0, 4))})"

    def _combine(self, x: str, y: str, value: Clear) -> str:
        return f"{x}.combine([{x}, {y}, {x}], [{self._any()}, {self._any()}, 1])"

    def _curve(self, x: str, y: str, value: Clear) -> str:
        reach, degree = max(1.0, self._reach(value)), int(self._random.integers(1, 8))
        return f"curve({self._pick(CURVES)!r}, {degree}, {reach})({x}.promise({reach}))"

    def _pack(self, x: str, y: str, value: Clear) -> str:
        return f"{x}.packed(){self._pick(['', '.shielded()'])}"

    def _again(self, x: str, y: str, value: Clear) -> str:
        return self._pick([f"{x}.rerandomised()", f"{x}.prepared()"])
