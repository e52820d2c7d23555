"""What leaves an owner: parameters and public keys, enough to encrypt and to compute with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import bfv, ckks, engines, paillier, wire
from .cipher import WATCHER, Ciphertext
from .context import BFVContext, Context, PaillierContext
from .errors import NoSecretKey, ParameterError
from .memory import enough_memory
from .params import BFV, CKKS, Paillier
from .tables import nbytes

Params = CKKS | BFV | Paillier
_PARAMS: dict[str, Any] = {"CKKS": CKKS, "BFV": BFV, "Paillier": Paillier}
_SCHEME: dict[type, Any] = {CKKS: ckks, BFV: bfv, Paillier: paillier}  #: their encrypt and load


FREE_BYTES = 1 << 29  #: that a bundle may take, however few its own bytes are
_NAMES = ("seed", "public", "pair", "blinding", "proof")  #: what says whose key it is


@dataclass(frozen=True, eq=False, repr=False)
class PublicBundle:
    """Parameters and public keys: all that may leave the owner, and enough to compute."""

    params: Params
    engine: str
    keys: engines.Bundle

    @cached_property
    def key_id(self) -> str:
        """A hash of parameters and public key, by which ciphertexts know where they belong."""
        named = [self.keys[name] for name in _NAMES if name in self.keys]
        return _hash(self.params.fingerprint.encode(), *named)

    @property
    def fingerprint(self) -> str:
        """A hash of the whole bundle, to be compared over another channel.

        Nothing else tells who made it: whoever can replace a bundle on its way reads all that is
        then encrypted with it.
        """
        return _hash(self.to_bytes())

    @cached_property
    @enough_memory("loading these keys", "ask their owner for fewer rotations= or a smaller ring")
    def context(self) -> Any:
        """The scheme's ``Context``: the evaluator made from these keys, loaded on first use."""
        label = (self.key_id, self.engine)
        if isinstance(self.params, Paillier):
            integers = engines.integers(self.engine, self.params, self.keys)
            return PaillierContext(self.params, *label, integers)
        if isinstance(self.params, BFV):
            return BFVContext(
                self.params, *label, engines.modular(self.engine, self.params, self.keys)
            )
        return Context(self.params, *label, engines.evaluator(self.engine, self.params, self.keys))

    def encrypt(self, values: ArrayLike, bound: float | None = None, **options: Any) -> Ciphertext:
        """Anyone may encrypt; see ``encrypt`` of ``helib_py.ckks``, ``bfv`` and ``paillier``.

        ``options`` are the scheme's own: ``packed=True`` for Paillier.
        """
        start = perf_counter()
        c: Ciphertext = _SCHEME[type(self.params)].encrypt(self.context, values, bound, **options)
        if (watcher := WATCHER.get()) is not None:
            watcher.encrypted(c, values, perf_counter() - start)
        return c

    def load(self, data: bytes | Ciphertext) -> Ciphertext:
        """A ciphertext from bytes; see :func:`helib_py.ckks.load`."""
        c: Ciphertext = _SCHEME[type(self.params)].load(self.context, data)
        return c

    def decrypt(self, *_: object) -> np.ndarray:
        """Always refused: there is no secret key in here."""
        raise NoSecretKey("a public bundle cannot decrypt: send the result back to its owner")

    def to_bytes(self) -> bytes:
        """The bundle as one message; its size is what a server downloads once."""
        header = {
            "scheme": type(self.params).__name__,
            "params": self.params.to_json(),
            "format": engines.FORMATS[self.engine],
            "keys": list(self.keys),
        }
        return wire.pack("public bundle", header, *self.keys.values())

    @classmethod
    def from_bytes(
        cls, data: bytes, insecure: bool = False, engine: str | None = None
    ) -> PublicBundle:
        """A stranger's bundle: parameters derived anew, keys as long as these make them.

        ``insecure=True`` accepts parameters below the security tables: that is for whoever
        receives them to say, and what the sender says of it is not read. ``engine``: what is to
        compute with it here; a clear twin's, which encrypts nothing, is accepted with "plain"
        only. Raises InsecureParameters, ParameterError, and BadBytes for keys that are not whole,
        or that no honest owner can have made.
        """
        header, payloads = wire.unpack("public bundle", data)
        with wire.rebuilding("public bundle"):
            kinds = {"scheme": str, "params": str, "format": str, "keys": list}
            scheme, params, form, names = wire.typed(header, kinds)
            made = _PARAMS[scheme].from_json(params, insecure)
            own = engines.engine_for(form, made, engine)
            keys = dict(zip(names, payloads, strict=True))
            if not set(keys) <= {*_NAMES, "relinearisation", "rotation"} - {"pair"}:
                raise ValueError("it holds what is no public key")
            if own != "plain" and _light(made, keys):
                raise ValueError("parameters so large come with all their keys")
        bundle = cls(made, own, keys)
        _ = bundle.context  # loaded, so that what is damaged is refused now
        return bundle

    def __reduce__(self) -> tuple[object, tuple[bytes, bool, str]]:
        return PublicBundle.from_bytes, (self.to_bytes(), self.params.insecure, self.engine)

    def __repr__(self) -> str:
        sizes = " · ".join(f"{name} {nbytes(len(data))}" for name, data in self.keys.items())
        return f"PublicBundle · {self.params!r} · keys: {sizes}"


def _light(params: Params, keys: engines.Bundle) -> bool:
    """Whether parameters would take far more memory than was sent: by few bytes, from anyone."""
    if isinstance(params, Paillier):
        return False
    return params.context_bytes > max(FREE_BYTES, 4 * sum(map(len, keys.values())))


def received(public: PublicBundle | bytes, insecure: bool) -> PublicBundle:
    """A bundle as it is, or from bytes, which only the receiver can call secure enough."""
    if isinstance(public, PublicBundle):
        return public
    if isinstance(getattr(public, "public", None), PublicBundle | bytes):
        raise ParameterError(
            f"{type(public).__name__} given, which holds a secret key: pass its .public, which is "
            "all that may leave it"
        )
    return PublicBundle.from_bytes(public, insecure)  # which refuses what is no bytes


def _hash(*parts: bytes) -> str:
    """Of parts and where they end: 128 bits, in hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:32]
