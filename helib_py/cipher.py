"""What every scheme's ciphertext has in common: the operators, and what is refused on all."""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from functools import reduce, wraps
from inspect import signature
from typing import Any, NoReturn, Protocol, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from . import wire
from .encoding import as_numbers
from .errors import BadBytes, BadValue, NotPolynomial, WrongKey


class Watcher(Protocol):
    """Who is told of every operation while a ledger is open."""

    def operation(self, method: Callable[..., Any], a: Ciphertext, *operands: Any) -> Any:
        """Carry out ``method(a, *operands)`` and note it."""

    def encrypted(self, c: Ciphertext, values: ArrayLike, seconds: float) -> None:
        """Note what a fresh ciphertext holds."""


Method = TypeVar("Method", bound=Callable[..., Any])

#: The open ledger, of this thread or task; None almost always.
WATCHER: ContextVar[Watcher | None] = ContextVar("WATCHER", default=None)
WATCHED = (
    "__add__", "__sub__", "__neg__", "__mul__", "__pow__", "__matmul__", "__rmatmul__", "rotate",
    "sum", "combine", "lower", "packed",
)  # fmt: skip


def _watched(method: Method) -> Method:
    @wraps(method)
    def call(a: Ciphertext, *operands: Any, **named: Any) -> Any:
        watcher = WATCHER.get()
        if watcher is None:
            return method(a, *operands, **named)
        return watcher.operation(method, *signature(method).bind(a, *operands, **named).args)

    return cast(Method, call)


class Ciphertext(ABC):
    """An encrypted vector: immutable, computed with by whoever has the public bundle.

    ``+ - *`` with arrays and numbers from either side and with ciphertexts of the same key,
    ``W @ x``, ``rotate`` and ``sum``; a scheme that cannot do one of them says why. Truth, order
    and size of an encrypted value are refused: they cannot be seen.
    """

    __array_ufunc__ = None  # numpy then leaves array + ciphertext to __radd__
    __hash__ = None  # type: ignore[assignment]

    def __init_subclass__(cls) -> None:
        for name in WATCHED:
            if name in vars(cls):
                setattr(cls, name, _watched(vars(cls)[name]))

    context: Any
    handle: Any
    length: int

    @abstractmethod
    def __add__(self, other: Self | ArrayLike) -> Self: ...

    @abstractmethod
    def __mul__(self, other: Self | ArrayLike) -> Self: ...

    @abstractmethod
    def __neg__(self) -> Self: ...

    @property
    @abstractmethod
    def bound(self) -> float:
        """No |value| is larger: promised in public."""

    @abstractmethod
    def promise(self, bound: float) -> Self:
        """The same ciphertext with a tighter public bound, which the caller vouches for."""

    @_watched
    def combine(self, terms: Sequence[Self], factors: ArrayLike) -> Self:
        """Σ factor·term, at the cost of one product where the scheme can."""
        products = [term * float(f) for term, f in zip(terms, as_numbers(factors), strict=True)]
        return reduce(lambda a, b: a + b, products)

    @abstractmethod
    def to_bytes(self) -> bytes:
        """Everything another party needs, given the public bundle; no key is included."""

    @abstractmethod
    def decode(self, opened: Any) -> np.ndarray:
        """The values, from what decrypting this ciphertext's handle gave."""

    def __len__(self) -> int:
        return self.length

    def __radd__(self, other: ArrayLike) -> Self:
        return self + other

    @_watched
    def __sub__(self, other: Self | ArrayLike) -> Self:
        return self + (-other if isinstance(other, Ciphertext) else -as_numbers(other))

    @_watched
    def __rsub__(self, other: ArrayLike) -> Self:
        return -self + other

    def __rmul__(self, other: ArrayLike) -> Self:
        return self * other

    @_watched
    def __truediv__(self, other: ArrayLike) -> Self:
        if isinstance(other, Ciphertext):
            raise NotPolynomial(
                "division by a ciphertext: let the key's owner divide, or on CKKS multiply by a "
                "polynomial for 1/x"
            )
        divisor = as_numbers(other)
        if np.any(divisor == 0):
            raise BadValue("division by zero: leave the zeros out of the divisor")
        return self * (1 / divisor)

    def _refuse(self, *_: object) -> NoReturn:
        raise NotPolynomial(
            "an encrypted value has no truth, order or size that can be seen: decrypt first, or "
            "use a polynomial instead of a comparison"
        )

    __bool__ = __float__ = __int__ = __index__ = __array__ = __abs__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _refuse
    __mod__ = __floordiv__ = __rtruediv__ = __rpow__ = _refuse

    def _refuse_slot(self, *_: object) -> NoReturn:
        raise NotPolynomial(
            "single values cannot be picked out of a ciphertext: multiply by a mask of zeros and "
            "ones, rotate, or decrypt first"
        )

    __getitem__ = __iter__ = _refuse_slot


C = TypeVar("C", bound=Ciphertext)


def power(x: C, exponent: int) -> C:
    """x ** exponent by ⌈log2(exponent)⌉ products in a row; each power used is computed once."""
    powers = {1: x}

    def compute(n: int) -> C:
        if n not in powers:
            powers[n] = compute((n + 1) // 2) * compute(n // 2)
        return powers[n]

    try:
        whole = operator.index(exponent)
    except TypeError:
        whole = 0
    if whole < 1:
        raise NotPolynomial(f"x ** {exponent}: only whole powers from 1 up are polynomials")
    return compute(whole)


def unpacked(
    context: Any, data: bytes | Ciphertext, label: dict[str, type]
) -> tuple[dict[str, Any], bytes]:
    """A ciphertext's label and payload; ``label`` gives the types of what only its scheme has.

    BadBytes for other bytes or parameters, WrongKey for another owner's.
    """
    data = data.to_bytes() if isinstance(data, Ciphertext) else data
    header, payloads = wire.unpack("ciphertext", data)
    kinds = {"params": str, "engine": str, "key": str, **label}
    if len(payloads) != 1 or any(not isinstance(header.get(n), k) for n, k in kinds.items()):
        raise BadBytes("the ciphertext's label is incomplete: send it again")
    if header["params"] != context.params.fingerprint or header["engine"] != context.engine:
        raise BadBytes("this ciphertext was made with other parameters: use its owner's bundle")
    if header["key"] != context.key_id:
        raise WrongKey("this ciphertext is under another owner's key: use that owner's bundle")
    return header, payloads[0]


def same_key(a: Ciphertext, b: Ciphertext) -> None:
    """WrongKey unless both are under one key."""
    if a.context.key_id != b.context.key_id:
        raise WrongKey("ciphertexts under two owners' keys meet: encrypt both under one key")
