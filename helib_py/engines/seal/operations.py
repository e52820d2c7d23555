"""What is computed alike in CKKS and BFV, with public keys only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np

from ...errors import BadBytes, EngineFailed, MissingKey
from ...params import BFV, CKKS
from .. import Bundle, Handle, Plain, rotation_path
from . import layout
from .keys import SEED, public_shape, random_half, switching_shape
from .library import Rotations, open_library

Method = TypeVar("Method", bound=Callable[..., Any])


def guarded(method: Method) -> Method:
    """What the library refuses, as only a stranger's ciphertexts can make it, in our words."""

    @wraps(method)
    def call(*given: Any) -> Any:
        try:
            return method(*given)
        except (RuntimeError, ValueError, IndexError) as error:
            raise EngineFailed(
                f"SEAL refuses to {method.__name__.replace('_', ' ')}: {error}; these ciphertexts "
                "were not made for this: encrypt the inputs again"
            ) from error

    return cast(Method, call)


class Operations(ABC):
    """Evaluator made from public keys only."""

    def __init__(self, params: CKKS | BFV, bundle: Bundle, library: str) -> None:
        self._rotations, self._slots = params.rotations or (), params.slots
        self._parms = [layout.parms(params, primes + 1) for primes in range(len(params.primes))]
        self._has = frozenset("public" if name == "pair" else name for name in bundle)
        self._ring = params.ring
        keys = _keys(params, bundle)  # their sizes are looked at before a context is made
        self.lib = open_library(library, params)
        try:
            self.lib.use(*keys)
        except (RuntimeError, ValueError) as error:
            raise BadBytes("these public keys are damaged: ask their owner again") from error

    @abstractmethod
    def zero_like(self, a: Handle, scale: float) -> Handle:
        """A fresh encryption of 0 that can stand where ``a`` does."""

    def rerandomise(self, a: Handle) -> Handle:
        return self.add(a, self.zero_like(a, self.lib.scale(a)))

    @guarded
    def add(self, a: Handle, b: Handle) -> Handle:
        return self._masked(self.lib.add, a, b)

    @guarded
    def subtract(self, a: Handle, b: Handle) -> Handle:
        return self._masked(self.lib.subtract, a, b)

    @guarded
    def negate(self, a: Handle) -> Handle:
        return self.lib.negate(a)

    @guarded
    def add_plain(self, a: Handle, p: Plain) -> Handle:
        return self.lib.add_plain(a, p)

    @guarded
    def multiply_plain(self, a: Handle, p: Plain) -> Handle:
        try:
            return self.lib.multiply_plain(a, p)
        except RuntimeError as error:
            return self._instead(a, self.lib.scale(a) * self._scale_of(p), error)

    def _scale_of(self, p: Plain) -> float:
        return 1.0

    @guarded
    def multiply(self, a: Handle, b: Handle) -> Handle:
        return self._masked(self.lib.multiply, a, b)

    @guarded
    def square(self, a: Handle) -> Handle:
        return self._masked(self.lib.square, a)

    @guarded
    def relinearise(self, a: Handle) -> Handle:
        self.need("relinearisation")
        return self._masked(self.lib.relinearise, a)

    @guarded
    def rotate(self, a: Handle, steps: int) -> Handle:
        self.need("rotation")
        path = rotation_path(steps, self._rotations, self._slots)
        if not path:
            raise MissingKey(
                f"no rotation key for {steps} and none that compose to it: make the owner from "
                f"parameters with rotations=(…, {steps}); here {self._rotations}"
            )
        for step in path:
            a = self._masked(self.lib.rotate, a, step)
        return a

    def dump(self, a: Handle) -> bytes:
        """The residues (parts, primes, N), uint64, and nothing else."""
        return self.lib.dump(a)[layout.HEADER :]

    def _load(self, data: bytes, level: int, scale: float, ntt: bool) -> Handle:
        """A ciphertext of two parts; BadBytes unless it is exactly that, and encrypted."""
        shape = (2, level + 1, self._ring)
        residues = layout.residues(data, shape, "ciphertext")
        return self.of_residues(residues, scale, ntt)

    def of_residues(self, residues: np.ndarray, scale: float, ntt: bool = True) -> Handle:
        """A ciphertext out of uint64 (parts, primes, N); BadBytes unless each is below its prime.

        And unless there is a mask: where all parts but the first are 0, anyone can read it.
        """
        if not residues[1:].any():
            raise BadBytes("this is not encrypted: its owner must encrypt it")
        written = layout.ciphertext(residues, self._parms[residues.shape[1] - 1], ntt, scale)
        try:
            return self.lib.load(written)
        except (RuntimeError, ValueError) as error:
            raise BadBytes("these are no residues of these parameters: send them again") from error

    def need(self, key: str) -> None:
        """MissingKey unless the owner's bundle had it."""
        if key not in self._has:
            raise MissingKey(
                f"this party was given no {key} key: make the owner from parameters that need it "
                "(depth ≥ 1, rotations not empty) and send its public bundle again"
            )

    def _masked(self, operation: Callable[..., Handle], a: Handle, *others: Any) -> Handle:
        """SEAL refuses what loses its mask, as x - x does: then mask it afresh, and once more.

        A stranger's ciphertext can be made to lose it or not by the weights that it meets: to
        refuse would tell of them.
        """
        try:
            return operation(a, *others)
        except RuntimeError as error:
            zero = self._instead(a, self.lib.scale(a), error)
            return operation(self.lib.add(a, zero), *others)

    def _instead(self, a: Handle, scale: float, error: RuntimeError) -> Handle:
        """A fresh 0 at the place of a, if that is what SEAL refused to make."""
        if "transparent" not in str(error):
            raise error
        return self.zero_like(a, scale)


def _keys(params: CKKS | BFV, bundle: Bundle) -> tuple[bytes, bytes, Rotations]:
    """Public keys as the library takes them; BadBytes unless all are exactly as long as they must.

    The random half of the public key is made here, from its seed.
    """
    parms, shape = layout.parms(params, len(params.primes) + 1), switching_shape(params)
    public = relinearisation = b""
    if (pair := _pair(params, bundle)) is not None:
        public = layout.ciphertext(pair, parms, True, 1.0)
    if "relinearisation" in bundle:
        key = layout.residues(bundle["relinearisation"], shape, "relinearisation key")
        relinearisation = layout.switching_keys({0: key}, 1, parms)
    rotations: dict[int, tuple[int, np.ndarray]] = {}
    if "rotation" in bundle:
        steps = params.rotations or ()
        turned = layout.residues(bundle["rotation"], (len(steps), *shape), "rotation key")
        places = (layout.rotation_index(step, params.ring) for step in steps)
        rotations = dict(zip(steps, zip(places, turned, strict=True), strict=True))
    return public, relinearisation, rotations


def _pair(params: CKKS | BFV, bundle: Bundle) -> np.ndarray | None:
    """Both halves of the public key, (2, primes, N); ``pair`` is what `Foreign` expanded."""
    shape = public_shape(params)
    if "pair" in bundle:
        return layout.residues(bundle["pair"], (2, *shape), "public key")
    if "public" not in bundle:
        return None
    if len(bundle.get("seed", b"")) != SEED:
        raise BadBytes("this public key does not come with its seed: ask its owner again")
    b = layout.residues(bundle["public"], shape, "public key")
    return np.stack([b, random_half(params, bundle["seed"])])
