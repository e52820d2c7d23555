"""What the engine asks of a library over SEAL, and which libraries there are."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np

from ...errors import BadBytes, MissingExtra
from ...params import BFV, CKKS
from .. import Handle, Plain

#: By name: the module to import, and the extra that installs it.
MODULES = {"seal": ("seal", "ckks"), "pyfhel": ("Pyfhel", "pyfhel")}


#: For every step that has a key: where SEAL keeps it, and its residues (digits, 2, primes, N).
Rotations = Mapping[int, tuple[int, np.ndarray]]


class Library(Protocol):
    """A context and public keys. Scales are as given, nothing is changed in place."""

    def plain(self, values: np.ndarray, scale: float, level: int) -> Plain:
        """Encode float64 (slots,), or complex, for a level."""

    def whole_plain(self, values: np.ndarray) -> Plain:
        """Encode int64 (N,) for BFV, both rows of slots."""

    def load_plain(self, data: bytes) -> Plain: ...
    def dump_plain(self, p: Plain) -> bytes: ...
    def encrypt(self, p: Plain) -> Handle: ...
    def zero(self, level: int, scale: float) -> Handle:
        """A fresh encryption of 0; for BFV level and scale are the only ones there are."""

    def load(self, data: bytes) -> Handle: ...
    def dump(self, a: Handle) -> bytes: ...
    def level(self, a: Handle) -> int: ...
    def parts(self, a: Handle) -> int: ...
    def scale(self, a: Handle) -> float: ...
    def add(self, a: Handle, b: Handle) -> Handle: ...
    def subtract(self, a: Handle, b: Handle) -> Handle: ...
    def negate(self, a: Handle) -> Handle: ...
    def add_plain(self, a: Handle, p: Plain) -> Handle: ...
    def multiply_plain(self, a: Handle, p: Plain) -> Handle: ...
    def multiply(self, a: Handle, b: Handle) -> Handle: ...
    def square(self, a: Handle) -> Handle: ...
    def relinearise(self, a: Handle) -> Handle: ...
    def rotate(self, a: Handle, steps: int) -> Handle:
        """By a step that has a key."""

    def rescale(self, a: Handle) -> Handle: ...
    def lower(self, a: Handle, level: int) -> Handle: ...

    def use(self, public: bytes, relinearisation: bytes, rotations: Rotations) -> None:
        """Take public keys as SEAL writes them, or none; rotation keys as residues."""


class Secret(Protocol):
    """A fresh secret key, and what is made with it."""

    def public_key(self) -> bytes: ...
    def relinearisation_key(self) -> bytes: ...
    def rotation_key(self, steps: int) -> bytes: ...
    def secret_key(self) -> bytes: ...

    def decrypt(self, a: Handle) -> np.ndarray:
        """Slots: float64 (N/2,) for CKKS, int64 (N,) for BFV."""

    def decrypt_complex(self, a: Handle) -> np.ndarray: ...
    def budget(self, a: Handle) -> int: ...


def installed() -> list[str]:
    """Names of the libraries that are there, the preferred one first."""
    return [name for name, (module, _) in MODULES.items() if find_spec(module)]


def _module(name: str) -> Any:
    module, extra = MODULES[name]
    if not find_spec(module):
        raise MissingExtra(f"engine {name!r} needs {module}: pip install 'helib-py[{extra}]'")
    if name == "seal":
        from . import native

        return native
    from . import pyfhel

    return pyfhel


def open_library(name: str, params: CKKS | BFV) -> Library:
    """A context without keys; MissingExtra where the library is not installed."""
    library: Library = _module(name).Native(params)
    return library


def new_secret(name: str, params: CKKS | BFV) -> Secret:
    """A new secret key."""
    secret: Secret = _module(name).NativeSecret(params)
    return secret


def expand(name: str, params: CKKS, kind: str, written: bytes) -> bytes:
    """What SEAL makes of bytes with seeds in them: "ciphertext", or the name of a public key.

    BadBytes where they hold what are no residues of these parameters.
    """
    try:
        expanded: bytes = _module(name).expand(params, kind, written)
    except (RuntimeError, ValueError) as error:
        raise BadBytes("these are no residues of these parameters: send them again") from error
    return expanded
