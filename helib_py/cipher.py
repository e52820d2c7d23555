"""What every scheme's ciphertext has in common: the operators, and what is refused on all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from dataclasses import replace
from functools import reduce, wraps
from inspect import signature
from typing import Any, NoReturn, Protocol, Self, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from . import wire
from .dispatch import Dispatched
from .encoding import as_array, as_exact, as_numbers, power_of_two
from .errors import BadValue, NotPolynomial, ShapeError, WrongKey
from .flooding import Flood
from .options import listed, whole


class Watcher(Protocol):
    """Who is told of every operation while a ledger is open."""

    def operation(self, method: Callable[..., Any], a: Ciphertext, *operands: Any) -> Any:
        """Carry out ``method(a, *operands)`` and note it."""

    def encrypted(self, c: Ciphertext, values: ArrayLike, seconds: float) -> None:
        """Note what a fresh ciphertext holds."""

    def ran(self, plan: Any, result: Any, seconds: float) -> None:
        """Note that a server ran a plan."""


Method = TypeVar("Method", bound=Callable[..., Any])

#: The open ledger, of this thread or task; None almost always.
WATCHER: ContextVar[Watcher | None] = ContextVar("WATCHER", default=None)
WATCHED = (
    "__add__", "__sub__", "__neg__", "__mul__", "__pow__", "__matmul__", "__rmatmul__", "rotate",
    "sum", "mean", "combine", "lower", "packed",
)  # fmt: skip


def _watched(method: Method) -> Method:
    @wraps(method)
    def call(a: Ciphertext, *operands: Any, **named: Any) -> Any:
        watcher = WATCHER.get()
        if watcher is None:
            return method(a, *operands, **named)
        return watcher.operation(method, *signature(method).bind(a, *operands, **named).args)

    return cast(Method, call)


class Ciphertext(Dispatched, ABC):
    """An encrypted vector: immutable, computed with by whoever has the public bundle.

    ``+ - *`` with arrays and numbers from either side and with ciphertexts of the same key,
    ``W @ x``, ``rotate`` and ``sum``; a scheme that cannot do one of them says why. Truth, order
    and size of an encrypted value are refused: they cannot be seen.
    """

    __hash__ = None  # type: ignore[assignment]

    def __init_subclass__(cls) -> None:
        for name in WATCHED:
            if name in vars(cls):
                setattr(cls, name, _watched(vars(cls)[name]))

    context: Any
    handle: Any
    length: int
    original: Any  #: the handle, where it was encrypted here; no operation ever returns it
    told: bool  #: whether what is known of its noise is a label's word, or follows from one

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

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of what decrypts."""
        return (self.length,)

    def mean(self, axis: int | None = None) -> Self:
        """The mean of all values (of a matrix, of each row), as an encrypted vector of one."""
        return self.sum(axis) / self.length

    @abstractmethod
    def sum(self, axis: int | None = None) -> Self:
        """The sum of all values (of a matrix, of each row), as an encrypted vector of one."""

    @abstractmethod
    def rotate(self, steps: int) -> Self:
        """``np.roll(x, -steps)``."""

    def dot(self, other: Any) -> Self:
        """``x @ other``, or the product with a single number, as numpy has it."""
        other = other if isinstance(other, Ciphertext) else as_array(other)
        return self @ other if np.ndim(other) else self * other  # type: ignore[no-any-return]

    def __len__(self) -> int:
        return self.shape[0]

    def __copy__(self) -> Self:
        return self  # which nothing changes

    def __deepcopy__(self, memo: object) -> Self:
        return self

    def __pos__(self) -> Self:
        return self

    def __radd__(self, other: ArrayLike) -> Self:
        return self + other

    @_watched
    def __sub__(self, other: Self | ArrayLike) -> Self:
        return self + (-other if isinstance(other, Ciphertext) else -as_exact(other))

    @_watched
    def __rsub__(self, other: ArrayLike) -> Self:
        return -self + other

    def __rmul__(self, other: ArrayLike) -> Self:
        return self * other

    @_watched
    def __truediv__(self, other: ArrayLike) -> Self:
        if isinstance(other, Ciphertext):
            other.__rtruediv__(1.0)
        divisor = as_numbers(other)
        if np.any(divisor == 0):
            raise BadValue("division by zero: leave the zeros out of the divisor")
        return self * (1 / divisor)

    def __rtruediv__(self, other: ArrayLike) -> NoReturn:
        raise NotPolynomial(
            "division by a ciphertext: let the key's owner divide, or on CKKS multiply by a "
            "polynomial for 1/x, he.fit(lambda x: 1 / x, degree, (low, high))"
        )

    def __rpow__(self, other: ArrayLike) -> NoReturn:
        raise NotPolynomial(
            "an encrypted exponent: on CKKS use a polynomial, "
            "he.fit(lambda x: 2.0**x, degree, (low, high))"
        )

    def __array__(self, *_: object, **__: object) -> NoReturn:
        raise NotPolynomial(
            "a ciphertext is no array of numbers, and does not meet one of another scheme: "
            "decrypt first, or write W @ c for W.dot(c)"
        )

    def __format__(self, spec: str) -> str:
        return repr(self) if not spec else self._refuse()

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise NotPolynomial(
            "an encrypted value has no truth, order, size or digits that can be seen: decrypt "
            "first, or use a polynomial instead of a comparison"
        )

    __bool__ = __float__ = __int__ = __index__ = __complex__ = __abs__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _refuse
    __mod__ = __rmod__ = __floordiv__ = __rfloordiv__ = __divmod__ = __rdivmod__ = _refuse
    __round__ = __trunc__ = __floor__ = __ceil__ = __invert__ = _refuse
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = _refuse
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _refuse

    def _refuse_slot(self, *_: object, **__: object) -> NoReturn:
        raise NotPolynomial(
            "single values cannot be picked out of a ciphertext: multiply by a mask of zeros and "
            "ones, rotate, or decrypt first; c.sum() is the sum of all"
        )

    __getitem__ = __setitem__ = __delitem__ = __iter__ = _refuse_slot


C = TypeVar("C", bound=Ciphertext)
MAX_POWER = 1 << 64  #: no chain of primes has levels for more


def power(x: C, exponent: int) -> C:
    """x ** exponent by ⌈log2(exponent)⌉ products in a row; each power used is computed once."""
    powers = {1: x}

    def compute(n: int) -> C:
        if n not in powers:
            powers[n] = compute((n + 1) // 2) * compute(n // 2)
        return powers[n]

    return compute(whole(exponent, "the exponent of a ciphertext", 1, MAX_POWER, NotPolynomial))


def stretched(x: C, length: int, zeros: bool) -> C:
    """One value, which every slot holds, as ``length`` of it; x itself if it holds more.

    ``zeros``: the slots behind them must be zero, which takes a product with a mask unless the
    length is a power of two.
    """
    if x.length != 1 or length < 2:
        return x
    wide = cast(C, replace(cast(Any, x), length=length))
    masked = zeros and length != power_of_two(length)
    return wide * np.ones(length) if masked else wide


def broadcast(a: C, b: C, zeros: bool = True) -> tuple[C, C]:
    """Both equally long, one value repeated as numpy does: WrongKey, ShapeError if they differ."""
    same_key(a, b)
    a, b = stretched(a, b.length, zeros), stretched(b, a.length, zeros)
    same_length(a, b)
    return (told(a), told(b)) if a.told or b.told else (a, b)


def told(x: C) -> C:
    """Marked as one of whose noise only a label tells, which whoever sent it has written."""
    return x if x.told else cast(C, replace(cast(Any, x), told=True))


def same_length(a: Ciphertext, b: Ciphertext) -> None:
    """WrongKey and ShapeError unless two ciphertexts can meet, value by value."""
    same_key(a, b)
    if a.length != b.length:
        raise ShapeError(f"{a.length} encrypted values meet {b.length}: make them equally long")


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
    """The refusal to publish what a party made that nobody vouches for."""
    return BadValue(
        f"this ciphertext came as bytes, or follows from some, and of its {what} nothing is known "
        f"but their sender's word: if all who made it are honest, say how large it can be, {how}; "
        "if not, a decryption that is published can give the key away, whatever noise is added: "
        "keep it to yourself"
    )


def one_each(terms: Sequence[Ciphertext], factors: ArrayLike) -> list[float]:
    """The factors of a weighted sum; ShapeError unless there is one for every term."""
    numbers, terms = as_numbers(factors), listed(terms, "terms: a list of ciphertexts")
    if (
        not terms
        or not all(isinstance(term, Ciphertext) for term in terms)
        or numbers.shape != (len(terms),)
    ):
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
