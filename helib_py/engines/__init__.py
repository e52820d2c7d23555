"""What touches a cryptosystem: one Protocol, and an engine for each way of meeting it.

An ``Evaluator`` holds public keys only. A ``KeyHolder`` holds the secret key and can decrypt;
it hands out the ``bundle`` from which evaluators are made, here or in another process.
Handles are opaque: what an engine returns is given back to the same engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from ..errors import ParameterError
from ..params import BFV, CKKS, Paillier

Handle = Any  #: an engine's own ciphertext
Plain = Any  #: an engine's own encoded plaintext
Bundle = dict[str, bytes]  #: names of public keys → their bytes


class Operations(Protocol):
    """What circuits are made of, in every scheme with slots.

    Nothing is changed in place. ``multiply`` and ``square`` return three-part ciphertexts, which
    only ``add``, ``subtract``, ``rescale`` and ``relinearise`` accept. Rotation by k is
    ``np.roll(values, -k)``.
    """

    def add(self, a: Handle, b: Handle) -> Handle: ...
    def subtract(self, a: Handle, b: Handle) -> Handle: ...
    def negate(self, a: Handle) -> Handle: ...
    def add_plain(self, a: Handle, p: Plain) -> Handle: ...
    def multiply_plain(self, a: Handle, p: Plain) -> Handle: ...
    def multiply(self, a: Handle, b: Handle) -> Handle: ...
    def square(self, a: Handle) -> Handle: ...
    def relinearise(self, a: Handle) -> Handle: ...
    def rotate(self, a: Handle, steps: int) -> Handle: ...


class Arithmetic(Operations, Protocol):
    """The same on levels, which count the multiplications left, at exact scales: CKKS."""

    def encode(self, values: np.ndarray, level: int, scale: float) -> Plain: ...
    def rescale(self, a: Handle) -> Handle: ...
    def lower(self, a: Handle, level: int) -> Handle: ...


class Evaluator(Arithmetic, Protocol):
    """Everything that can be done without the secret key."""

    params: CKKS

    def encrypt(self, values: np.ndarray, level: int, scale: float) -> Handle: ...
    def dump(self, a: Handle) -> bytes: ...
    def load(self, data: bytes, level: int, scale: float) -> Handle: ...

    def rerandomise(self, a: Handle) -> Handle:
        """With a fresh encryption of 0 added."""

    def add_integers(self, a: Handle, coefficients: np.ndarray) -> Handle:
        """With a polynomial added, exactly: whole coefficients (N,), units of 1/scale."""


class KeyHolder(Protocol):
    """The one object with the secret key."""

    bundle: Bundle

    def decrypt(self, a: Handle) -> np.ndarray: ...

    def seeded(self, seed: bytes) -> Bundle:
        """The bundle with a public key whose random half is hashed from a seed."""


class Modular(Operations, Protocol):
    """The same on whole numbers modulo t, until the noise budget is used up: BFV.

    Numbers given, shape (slots,), are in (-t/2, t/2).
    """

    params: BFV

    def encode(self, values: np.ndarray) -> Plain: ...
    def encrypt(self, values: np.ndarray) -> Handle: ...
    def dump(self, a: Handle) -> bytes: ...
    def load(self, data: bytes) -> Handle: ...


class ModularKeys(Protocol):
    """The one object with a BFV secret key."""

    bundle: Bundle

    def decrypt(self, a: Handle) -> np.ndarray: ...

    def budget(self, a: Handle) -> int:
        """Bits of noise budget that are left, measured."""


class Integers(Protocol):
    """Whole numbers modulo n, added and multiplied by known ones: Paillier without its primes.

    Handles stand for one number each; the sequences that come in and go out are equally long.
    """

    params: Paillier
    modulus: int

    def encrypt(self, values: Sequence[int]) -> Handle: ...
    def rerandomise(self, a: Handle) -> Handle: ...
    def add(self, a: Handle, b: Handle) -> Handle: ...
    def add_plain(self, a: Handle, values: Sequence[int]) -> Handle: ...
    def multiply_plain(self, a: Handle, factors: Sequence[int]) -> Handle: ...

    def prepare(self, a: Handle, window: int = 0) -> Any:
        """Tables that make many combinations of the same handles faster: 2^window of each."""

    def combine(self, rows: np.ndarray, a: Handle, tables: Any = None) -> Handle:
        """Integer matrix (m, n) times n handles."""

    def pack(self, a: Handle, shift: int) -> Handle:
        """One handle for Σ aᵢ·2^(shift·i)."""

    def dump(self, a: Handle) -> bytes: ...
    def load(self, data: bytes) -> Handle: ...


class IntegerKeys(Protocol):
    """The primes."""

    bundle: Bundle

    def encrypt(self, values: Sequence[int]) -> Handle: ...
    def decrypt(self, a: Handle) -> list[int]: ...


#: What really encrypts, by parameters.
OWN_ENGINE: dict[type, str] = {CKKS: "pyfhel", BFV: "pyfhel", Paillier: "paillier"}


def new_keys(
    engine: str | None, params: CKKS | BFV | Paillier, primes: tuple[int, int] | None = None
) -> KeyHolder | ModularKeys | IntegerKeys:
    """Make all keys at once; ``engine`` is None for the scheme's own, or "plain", the clear twin.

    ``primes`` revives a Paillier key.
    """
    if isinstance(params, Paillier):
        if engine == "plain":
            from .plain_integers import PlainIntegerKeys

            return PlainIntegerKeys(params)
        _check_engine(engine, "paillier")
        from .paillier import PaillierKeys

        return PaillierKeys(params, primes)
    if primes is not None:
        raise ParameterError("primes are a Paillier key: leave them out, or pass he.Paillier()")
    return _modular_keys(engine, params) if isinstance(params, BFV) else _keys(engine, params)


def _keys(engine: str | None, params: CKKS) -> KeyHolder:
    if engine == "plain":
        from .plain import PlainKeys

        return PlainKeys(params)
    _check_engine(engine, "pyfhel")
    from .pyfhel import PyfhelKeys

    return PyfhelKeys(params)


def _modular_keys(engine: str | None, params: BFV) -> ModularKeys:
    if engine == "plain":
        from .plain_modular import PlainModularKeys

        return PlainModularKeys(params)
    _check_engine(engine, "pyfhel")
    from .pyfhel import PyfhelModularKeys

    return PyfhelModularKeys(params)


def evaluator(engine: str, params: CKKS, bundle: Bundle) -> Evaluator:
    """An evaluator from public keys; it has nothing to decrypt with."""
    if engine == "plain":
        from .plain import PlainEvaluator

        return PlainEvaluator(params)
    _check_engine(engine, "pyfhel")
    from .pyfhel import PyfhelEvaluator

    return PyfhelEvaluator(params, bundle)


def is_seeded(engine: str, params: CKKS, bundle: Bundle, seed: bytes) -> bool:
    """Whether a public key's random half is the one hashed from a seed, and so nobody's choice."""
    if engine == "plain":
        return True
    _check_engine(engine, "pyfhel")
    from .pyfhel import is_seeded as found

    return found(params, bundle, seed)


def modular(engine: str, params: BFV, bundle: Bundle) -> Modular:
    """The same for BFV."""
    if engine == "plain":
        from .plain_modular import PlainModular

        return PlainModular(params)
    _check_engine(engine, "pyfhel")
    from .pyfhel import PyfhelModular

    return PyfhelModular(params, bundle)


def integers(engine: str, params: Paillier, bundle: Bundle) -> Integers:
    """The same for Paillier."""
    if engine == "plain":
        from .plain_integers import PlainIntegers

        return PlainIntegers(params)
    _check_engine(engine, "paillier")
    from .paillier import PaillierEvaluator

    return PaillierEvaluator(params, bundle)


def _check_engine(engine: str | None, own: str) -> None:
    if engine not in (None, own):
        raise ParameterError(f"engine={engine!r}: choose {own!r} or 'plain'")


def rotation_path(steps: int, available: tuple[int, ...], slots: int) -> list[int]:
    """The shortest run of available steps, each used as often as needed, that adds up to steps.

    Greedy from the largest step, which is shortest for powers of two; empty when there is none.

    >>> rotation_path(11, (1, 2, 4, 8), 16)
    [8, 2, 1]
    """
    left, path = steps % slots, []
    for step in sorted(available, reverse=True):
        while 0 < step <= left:
            path.append(step)
            left -= step
    return path if left == 0 else []
