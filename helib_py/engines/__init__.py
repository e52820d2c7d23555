"""What touches a cryptosystem: one Protocol, and an engine for each way of meeting it.

An ``Evaluator`` holds public keys only. A ``KeyHolder`` holds the secret key and can decrypt;
it hands out the ``bundle`` from which evaluators are made, here or in another process.
Handles are opaque: what an engine returns is given back to the same engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from ..errors import BadBytes, ParameterError
from ..extras import named_if_missing
from ..options import shown
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

    def rerandomise(self, a: Handle) -> Handle:
        """With a fresh encryption of 0 added: nobody can tell what it was computed from."""


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

    def add_integers(self, a: Handle, coefficients: np.ndarray) -> Handle:
        """With a polynomial added, exactly: whole coefficients (N,), units of 1/scale."""


class KeyHolder(Protocol):
    """The one object with the secret key."""

    bundle: Bundle

    def decrypt(self, a: Handle) -> np.ndarray: ...


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


#: Engines by name → the format of the bytes that they read and write.
FORMATS: dict[str, str] = {
    "seal": "SEAL residues", "pyfhel": "SEAL residues", "paillier": "Paillier numbers",
    "plain": "clear twin",
}  # fmt: skip


def own_engine(params: CKKS | BFV | Paillier) -> str:
    """What really encrypts here: for CKKS and BFV the preferred library that is installed."""
    if isinstance(params, Paillier):
        return "paillier"
    from .seal import installed

    return (*installed(), "seal")[0]  # with none, its refusal names the extra


def chosen(asked: str | None, params: CKKS | BFV | Paillier) -> str:
    """The engine asked for, or the machine's own; ParameterError for what is none."""
    engine = own_engine(params) if asked is None else asked
    _check_engine(engine, params)
    return engine


def engine_for(written: object, params: CKKS | BFV | Paillier, asked: str | None) -> str:
    """The engine that reads bytes of a format here: the one asked for, or the machine's own.

    BadBytes for a format that it does not read, and for a clear twin's that nobody asked for.
    """
    engine = chosen(asked, params)
    if written == FORMATS[engine]:
        return engine
    if written == FORMATS["plain"]:
        raise BadBytes(
            "these are a clear twin's, under which nothing is encrypted: refuse them, or read "
            'them with engine="plain" if that is what you want'
        )
    raise BadBytes(
        f"bytes of the format {written!r}: engine={engine!r} reads {FORMATS[engine]!r} only"
    )


def new_keys(
    engine: str, params: CKKS | BFV | Paillier, primes: tuple[int, int] | None = None
) -> KeyHolder | ModularKeys | IntegerKeys:
    """Make all keys at once. ``primes`` revives a Paillier key."""
    _check_engine(engine, params)
    if isinstance(params, Paillier):
        if engine == "plain":
            from .plain_integers import PlainIntegerKeys

            return PlainIntegerKeys(params)
        with named_if_missing():
            from .paillier import PaillierKeys
        return PaillierKeys(params, primes)
    if primes is not None:
        raise ParameterError("primes are a Paillier key: leave them out, or pass he.Paillier()")
    return _modular_keys(engine, params) if isinstance(params, BFV) else _keys(engine, params)


def _keys(engine: str, params: CKKS) -> KeyHolder:
    if engine == "plain":
        from .plain import PlainKeys

        return PlainKeys(params)
    from .seal import SealKeys

    return SealKeys(params, engine)


def _modular_keys(engine: str, params: BFV) -> ModularKeys:
    if engine == "plain":
        from .plain_modular import PlainModularKeys

        return PlainModularKeys(params)
    from .seal import SealModularKeys

    return SealModularKeys(params, engine)


def evaluator(engine: str, params: CKKS, bundle: Bundle) -> Evaluator:
    """An evaluator from public keys; it has nothing to decrypt with."""
    _check_engine(engine, params)
    if engine == "plain":
        from .plain import PlainEvaluator

        return PlainEvaluator(params)
    from .seal import SealEvaluator

    return SealEvaluator(params, bundle, engine)


def modular(engine: str, params: BFV, bundle: Bundle) -> Modular:
    """The same for BFV."""
    _check_engine(engine, params)
    if engine == "plain":
        from .plain_modular import PlainModular

        return PlainModular(params)
    from .seal import SealModular

    return SealModular(params, bundle, engine)


def integers(engine: str, params: Paillier, bundle: Bundle) -> Integers:
    """The same for Paillier."""
    _check_engine(engine, params)
    if engine == "plain":
        from .plain_integers import PlainIntegers

        return PlainIntegers(params)
    with named_if_missing():
        from .paillier import PaillierEvaluator
    return PaillierEvaluator(params, bundle)


def _check_engine(engine: str, params: CKKS | BFV | Paillier) -> None:
    fitting = ["paillier"] if isinstance(params, Paillier) else ["seal", "pyfhel"]
    if not isinstance(engine, str) or engine not in (*fitting, "plain"):
        raise ParameterError(f"engine={shown(engine)}: choose one of {fitting}, or 'plain'")


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
