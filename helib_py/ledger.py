"""A ledger: what every operation took and what is left, while it is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import Token
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from .cipher import WATCHER, Ciphertext, Watcher
from .encoding import as_numbers
from .errors import BadValue
from .noise import bits, measured_bits
from .roles import DataOwner
from .tables import Shown, Table, nbytes

#: what is written for a method; braces: the operand's letter
_SHOWN = {
    "__add__": "x + {}", "__sub__": "x - {}", "__rsub__": "{} - x", "__neg__": "-x",
    "__mul__": "x * {}", "__truediv__": "x / {}", "__pow__": "x ** k", "__matmul__": "x @ {}",
    "__rmatmul__": "W @ x", "lower": "lower", "rotate": "rotate", "sum": "sum",
    "mean": "mean", "combine": "combine", "packed": "pack",
}  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One operation and its result; None is what a scheme does not have or nobody measured.

    In ``operation`` x and y are ciphertexts; of what is not encrypted k is a number, v a vector
    and M or W a matrix.
    ``predicted`` and ``measured``: bits of precision, or of noise budget for BFV.
    ``is_secure``: whether the parameters are.
    """

    operation: str
    level: int | None
    scale: float | None
    predicted: float
    measured: float | None
    seconds: float
    nbytes: int
    scheme: str
    is_secure: bool


class Ledger(Shown):
    """Context manager: notes each operation on ciphertexts of any scheme while it is open.

    With ``debug_key`` each result is also measured, by its key's holder: never for another party
    to see. A BFV budget is read off the ciphertext, a precision needs the values, so these are
    computed alongside in the clear; ciphertexts stay in memory as long as the ledger. WrongKey
    for ciphertexts under another key, BadValue when a ledger is open already.

    >>> import helib_py as he
    >>> owner = he.DataOwner(he.CKKS(depth=1), "plain")
    >>> with Ledger() as ledger:
    ...     y = owner.encrypt([0.5]) * 2
    >>> [entry.operation for entry in ledger]
    ['encrypt', 'x * k']
    """

    def __init__(self, debug_key: DataOwner | None = None) -> None:
        self._owner = debug_key
        self._entries: list[Entry] = []
        self._clear: dict[int, tuple[Ciphertext, np.ndarray]] = {}
        self._token: Token[Watcher | None] | None = None

    def __enter__(self) -> Self:
        if WATCHER.get() is not None:
            raise BadValue("a ledger is open already: close it first, they do not nest")
        self._token = WATCHER.set(self)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._token is not None
        WATCHER.reset(self._token)
        self._token = None

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    # --- told by ciphertexts -------------------------------------------------------------

    def encrypted(self, c: Ciphertext, values: ArrayLike, seconds: float) -> None:
        """A fresh ciphertext and what it holds."""
        self._note("encrypt", c, np.atleast_1d(as_numbers(values)), seconds)

    def operation(self, method: Callable[..., Any], a: Ciphertext, *operands: Any) -> Any:
        """Carry it out unwatched, so that what it is made of is not noted again."""
        token = WATCHER.set(None)
        try:
            start = perf_counter()
            out = method(a, *operands)
            seconds = perf_counter() - start
            clear, name = None, method.__name__
            if self._owner is not None and not hasattr(out, "budget"):
                clear = _APPLY[name](*(self._values(x) for x in (a, *operands)))
            shown = _SHOWN[name]
            if "{}" in shown:
                shown = shown.format(_letter(a, *operands))
            self._note(shown, out, clear, seconds)
        finally:
            WATCHER.reset(token)
        return out

    def ran(self, plan: Any, result: Any, seconds: float) -> None:
        """A whole plan, in one line; `helib_py.layer_bits` looks inside."""
        (level, scale, *_), params = plan.interface.result, plan.params
        entry = ("plan", level, scale, bits(plan.error), None, seconds, result.nbytes)
        self._entries.append(Entry(*entry, type(params).__name__, params.is_secure))

    def _note(
        self, operation: str, c: Ciphertext, clear: np.ndarray | None, seconds: float
    ) -> None:
        measured = None if self._owner is None else self._measure(self._owner, c, clear)
        predicted = c.budget if hasattr(c, "budget") else c.bits  # type: ignore[attr-defined]
        level, scale = getattr(c, "level", None), getattr(c, "scale", None)
        size = c.nbytes  # type: ignore[attr-defined]
        numbers = (level, scale, predicted, measured, seconds, size)
        params = c.context.params
        self._entries.append(Entry(operation, *numbers, type(params).__name__, params.is_secure))

    def _measure(self, owner: DataOwner, c: Ciphertext, clear: np.ndarray | None) -> float:
        """Bits, with the key: of budget, or of precision against the values in the clear."""
        if hasattr(c, "budget"):
            return float(owner.budget(c))
        assert clear is not None
        opened = owner.decrypt(c)
        self._clear[id(c.handle)] = (c, np.broadcast_to(clear, _shape(c)))
        return measured_bits(opened, self._clear[id(c.handle)][1])

    def _values(self, x: Any) -> Any:
        """What an operand holds: known from before, or else opened with the key."""
        if isinstance(x, list | tuple):
            return [self._values(one) for one in x]
        if not isinstance(x, Ciphertext):
            return int(x) if isinstance(x, int | np.integer) else as_numbers(x)
        if id(x.handle) not in self._clear:
            assert self._owner is not None
            self._clear[id(x.handle)] = (x, self._owner.decrypt(x))
        return self._clear[id(x.handle)][1]

    # --- shown ---------------------------------------------------------------------------

    def table(self) -> Table:
        """A row for every operation; bits are of precision, or of budget."""
        head = ("operation", "level", "log2 scale", "predicted bits", "measured", "ms", "bytes")
        rows = [
            (
                e.operation,
                "–" if e.level is None else e.level,
                "–" if e.scale is None else _log2(e.scale),
                round(e.predicted, 1),
                "–" if e.measured is None else round(e.measured, 1),
                round(1000 * e.seconds, 2),
                nbytes(e.nbytes),
            )
            for e in self._entries
        ]
        return Table(head, rows, "Ledger")


_APPLY: dict[str, Callable[..., Any]] = {
    "__add__": lambda a, b: a + b,
    "__sub__": lambda a, b: a - b,
    "__rsub__": lambda a, b: b - a,
    "__neg__": lambda a: -a,
    "__mul__": lambda a, b: a * b,
    "__truediv__": lambda a, b: a / b,
    "__pow__": lambda a, k: a**k,
    "__matmul__": lambda a, b: a @ b,
    "__rmatmul__": lambda a, b: b @ a,
    "rotate": lambda a, k: np.roll(a, -k, axis=-1),
    "sum": lambda a, axis=-1: a.sum(axis=-1, keepdims=True),
    "mean": lambda a, axis=-1: a.mean(axis=-1, keepdims=True),
    "combine": lambda a, terms, factors: sum(f * t for f, t in zip(factors, terms, strict=True)),
    "lower": lambda a, level: a,
    "packed": lambda a: a,
}


def _letter(a: Ciphertext, operand: Any) -> str:
    """What stands for an operand: whether it is encrypted, and its shape."""
    if isinstance(operand, Ciphertext):
        return "x" if operand is a else "y"
    return "kvM"[min(np.ndim(operand), 2)]


def _shape(c: Ciphertext) -> tuple[int, ...]:
    return getattr(c, "shape", (c.length,))


def _log2(scale: float) -> float:
    """Of CKKS the scale is a factor, of Paillier it is in bits already."""
    return scale if isinstance(scale, int) else round(float(np.log2(scale)), 2)
