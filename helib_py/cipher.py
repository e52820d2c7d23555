"""What every scheme's ciphertext has in common: the operators, and what is refused on all."""

from __future__ import annotations

from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import ArrayLike

from .encoding import as_numbers
from .errors import BadValue, NotPolynomial, WrongKey


class Ciphertext:
    """An encrypted vector: immutable, computed with by whoever has the public bundle.

    ``+ - *`` with arrays and numbers from either side and with ciphertexts of the same key,
    ``W @ x``, ``rotate`` and ``sum``; a scheme that cannot do one of them says why. Truth, order
    and size of an encrypted value are refused: they cannot be seen.
    """

    __array_ufunc__ = None  # numpy then leaves array + ciphertext to __radd__
    __hash__ = None  # type: ignore[assignment]

    context: Any
    handle: Any
    length: int

    def __add__(self, other: Self | ArrayLike) -> Self:
        raise NotImplementedError

    def __mul__(self, other: Self | ArrayLike) -> Self:
        raise NotImplementedError

    def __neg__(self) -> Self:
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """Everything another party needs, given the public bundle; no key is included."""
        raise NotImplementedError

    def decode(self, opened: Any) -> np.ndarray:
        """The values, from what decrypting this ciphertext's handle gave."""
        raise NotImplementedError

    def __len__(self) -> int:
        return self.length

    def __radd__(self, other: ArrayLike) -> Self:
        return self + other

    def __sub__(self, other: Self | ArrayLike) -> Self:
        return self + (-other if isinstance(other, Ciphertext) else -as_numbers(other))

    def __rsub__(self, other: ArrayLike) -> Self:
        return -self + other

    def __rmul__(self, other: ArrayLike) -> Self:
        return self * other

    def __truediv__(self, other: ArrayLike) -> Self:
        if isinstance(other, Ciphertext):
            raise NotPolynomial("division by a ciphertext: multiply by a polynomial for 1/x")
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
    __mod__ = __floordiv__ = __rtruediv__ = __rpow__ = __getitem__ = __iter__ = _refuse


def same_key(a: Ciphertext, b: Ciphertext) -> None:
    """WrongKey unless both are under one key."""
    if a.context.key_id != b.context.key_id:
        raise WrongKey("ciphertexts under two owners' keys meet: encrypt both under one key")
