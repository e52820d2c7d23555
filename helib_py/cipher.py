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
from .errors import BadValue, NotPolynomial, ShapeError, WrongKey
from .flooding import Flood


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
    original: Any  #: the handle, where it was encrypted here; no operation ever returns it

    @property
    def is_computed(self) -> bool:
        """Whether it is anything but just encrypted here: it leaves re-randomised only."""
        return self.handle is not self.original

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
        products = [t * f for t, f in zip(terms, one_each(terms, factors), strict=True)]
        return reduce(lambda a, b: a + b, products)

    @abstractmethod
    def to_bytes(self) -> bytes:
        """Everything another party needs, given the public bundle; no key is included.

        The one way out. A computed ciphertext gets a fresh encryption of zero, so that nobody
        without the key can tell what it was computed from, and its label says nothing that
        depends on the numbers it was computed with.
        """

    @abstractmethod
    def decode(self, opened: Any) -> np.ndarray:
        """The values, from what decrypting this ciphertext's handle gave."""

    def cover(self, statistical_bits: float, answers: int, error: float | None) -> Flood | None:
        """The noise without which its decryption must not be published; None: it is exact.

        ``error``: the largest of a value, where it is not known here. BadValue where it must be.
        """
        return None

    def covered(self, opened: Any, flood: Flood) -> np.ndarray:
        """The values under such noise."""
        return self.decode(opened)

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
) -> tuple[list[Any], bytes]:
    """The fields of a ciphertext's label, of these types and in this order, and its payload.

    BadBytes for other bytes or parameters, WrongKey for another owner's.
    """
    data = data.to_bytes() if isinstance(data, Ciphertext) else data
    header, payloads = wire.unpack("ciphertext", data)
    context.check(header)
    with wire.rebuilding("ciphertext"):
        (payload,) = payloads
        return wire.typed(header, label), payload


def untold(what: str, how: str) -> BadValue:
    """The refusal to publish what a party computed that nobody vouches for."""
    return BadValue(
        f"another party computed this ciphertext and its {what} is not known here: if that party "
        f"is honest, say how large it can be, {how}; if it is not, a decryption that is published "
        "can give the key away, whatever noise is added: keep it to yourself"
    )


def one_each(terms: Sequence[Ciphertext], factors: ArrayLike) -> list[float]:
    """The factors of a weighted sum; ShapeError unless there is one for every term."""
    numbers = as_numbers(factors)
    if not terms or numbers.shape != (len(terms),):
        raise ShapeError(f"{len(terms)} terms, factors {numbers.shape}: one for each, or more")
    found: list[float] = numbers.tolist()
    return found


def same_key(a: Ciphertext, b: Ciphertext) -> None:
    """WrongKey unless both are under one key, and on one engine; MissingKey out of a pickle."""
    if a.context.key_id != b.context.key_id:
        raise WrongKey("ciphertexts under two owners' keys meet: encrypt both under one key")
    if a.context.engine != b.context.engine:
        raise WrongKey(
            f"ciphertexts of the engines {a.context.engine!r} and {b.context.engine!r} meet: hand "
            "one to the other's party first, public.load(c)"
        )
    _ = a.context.e, b.context.e
