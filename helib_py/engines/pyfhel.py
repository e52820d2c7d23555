"""CKKS on Pyfhel 3.5 over SEAL 4.1. The only file that imports Pyfhel.

Pyfhel's operators guess levels and scales, its ciphertexts can decrypt themselves, and a missing
key crashes the process or is replaced by a wrong one. So only its named functions are used, with
exact scales; evaluators get a Pyfhel object that never held a secret key; and every key is made
once, in one place.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import isclose

import numpy as np
from Pyfhel import PyCtxt, Pyfhel, PyPtxt

from ..errors import BadBytes, MissingKey, ParameterError
from ..params import CKKS
from . import Bundle, rotation_path


def _context(params: CKKS) -> Pyfhel:
    """A fresh Pyfhel object with a context and no keys.

    ``sec=0`` because the 2024 table of ``params`` has already refused what is insecure; SEAL's
    own table is the older one and knows no N = 65536.
    """
    pyfhel = Pyfhel()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about default scales, which are never used here
        primes = [*params.primes, params.special]
        status = pyfhel.contextGen("CKKS", n=params.ring, scale=2.0**30, qi=primes, sec=0)
    if b"success" not in (status if isinstance(status, bytes) else status.encode()):
        raise ParameterError(f"SEAL refuses these parameters: {status!r}; choose another ring")
    return pyfhel


class PyfhelKeys:
    """The secret key, and the bundle of public keys made with it."""

    def __init__(self, params: CKKS) -> None:
        self._params = params
        self._pyfhel = _context(params)
        self._pyfhel.keyGen()
        self.bundle: Bundle = {"public": self._pyfhel.to_bytes_public_key("none")}
        if params.depth:
            self._pyfhel.relinKeyGen()
            self.bundle["relinearisation"] = self._pyfhel.to_bytes_relin_key("none")
        if params.rotations:
            self._pyfhel.rotateKeyGen(list(params.rotations))
            self.bundle["rotation"] = self._pyfhel.to_bytes_rotate_key("none")

    def decrypt(self, a: PyCtxt) -> np.ndarray:
        return np.asarray(self._pyfhel.decryptFrac(a))

    def __reduce__(self) -> str:
        raise TypeError("a secret key is not pickled: send owner.public instead")


class PyfhelEvaluator:
    """Evaluator made from public keys only."""

    def __init__(self, params: CKKS, bundle: Bundle) -> None:
        self.params = params
        self._pyfhel = _context(params)
        self._has = frozenset(bundle)
        load: dict[str, Callable[[bytes], int]] = {
            "public": self._pyfhel.from_bytes_public_key,
            "relinearisation": self._pyfhel.from_bytes_relin_key,
            "rotation": self._pyfhel.from_bytes_rotate_key,
        }
        for name, data in bundle.items():
            try:
                load[name](data)
            except (KeyError, RuntimeError, ValueError) as error:
                raise BadBytes(f"the {name} key is damaged: ask its owner again") from error

    def encode(self, values: np.ndarray, level: int, scale: float) -> PyPtxt:
        plain = self._pyfhel.encodeFrac(np.array(values, dtype=np.float64), scale=scale)
        for _ in range(self.params.depth - level):
            self._pyfhel.mod_switch_to_next_ptxt(plain, False)
        return plain

    def encrypt(self, values: np.ndarray, level: int, scale: float) -> PyCtxt:
        self._need("public")
        fresh = self._pyfhel.encryptFrac(np.array(values, dtype=np.float64), scale=scale)
        return self.lower(fresh, level)

    def add(self, a: PyCtxt, b: PyCtxt) -> PyCtxt:
        return self._masked(self._pyfhel.add, a, b)

    def subtract(self, a: PyCtxt, b: PyCtxt) -> PyCtxt:
        return self._masked(self._pyfhel.sub, a, b)

    def negate(self, a: PyCtxt) -> PyCtxt:
        return self._pyfhel.negate(a, True)

    def add_plain(self, a: PyCtxt, p: PyPtxt) -> PyCtxt:
        return self._pyfhel.add_plain(a, p, True)

    def multiply_plain(self, a: PyCtxt, p: PyPtxt) -> PyCtxt:
        try:
            return self._pyfhel.multiply_plain(a, p, True)
        except RuntimeError as error:
            return self._zero_like(a, a.scale * p.scale, error)

    def multiply(self, a: PyCtxt, b: PyCtxt) -> PyCtxt:
        return self._pyfhel.multiply(a, b, True)

    def square(self, a: PyCtxt) -> PyCtxt:
        return self._pyfhel.square(a, True)

    def relinearise(self, a: PyCtxt) -> PyCtxt:
        self._need("relinearisation")
        out = PyCtxt(copy_ctxt=a)
        self._pyfhel.relinearize(out)
        return out

    def rescale(self, a: PyCtxt) -> PyCtxt:
        out = PyCtxt(copy_ctxt=a)
        self._pyfhel.rescale_to_next(out)
        return out

    def lower(self, a: PyCtxt, level: int) -> PyCtxt:
        out = PyCtxt(copy_ctxt=a)
        for _ in range(_level(out, self.params) - level):
            self._pyfhel.mod_switch_to_next_ctxt(out)
        return out

    def rotate(self, a: PyCtxt, steps: int) -> PyCtxt:
        self._need("rotation")
        path = rotation_path(steps, self.params.rotations or (), self.params.slots)
        if not path:
            raise MissingKey(
                f"no rotation key for {steps} and none that compose to it: make the owner from "
                f"parameters with rotations=(…, {steps}); here {self.params.rotations}"
            )
        for step in path:
            a = self._pyfhel.rotate(a, step, True)
        return a

    def dump(self, a: PyCtxt) -> bytes:
        return bytes(a.to_bytes("none"))

    def load(self, data: bytes, level: int, scale: float) -> PyCtxt:
        loaded = PyCtxt(pyfhel=self._pyfhel)
        try:
            loaded.from_bytes(data, "ckks")
            agree = _level(loaded, self.params) == level and isclose(loaded.scale, scale)
        except (RuntimeError, ValueError) as error:
            raise BadBytes("this is no ciphertext of these parameters: send it again") from error
        if not agree:
            raise BadBytes("the ciphertext's level or scale differs from its label: send it again")
        return loaded

    def _need(self, key: str) -> None:
        if key not in self._has:
            raise MissingKey(
                f"this party was given no {key} key: make the owner from parameters that need it "
                "(depth ≥ 1, rotations not empty) and send its public bundle again"
            )

    def _masked(self, operation: Callable[..., PyCtxt], a: PyCtxt, b: PyCtxt) -> PyCtxt:
        """SEAL refuses a sum whose masks cancel, as in x - x: then mask it afresh."""
        try:
            return operation(a, b, True)
        except RuntimeError as error:
            zero = self._zero_like(a, a.scale, error)
            return operation(self._pyfhel.add(a, zero, True), b, True)

    def _zero_like(self, a: PyCtxt, scale: float, error: RuntimeError) -> PyCtxt:
        """A fresh encryption of 0 at the level of a, if that is what SEAL refused to make."""
        if "transparent" not in str(error):
            raise error
        return self.encrypt(np.zeros(self.params.slots), _level(a, self.params), scale)


def _level(a: PyCtxt, params: CKKS) -> int:
    """The true level, from the size: Pyfhel's ``mod_level`` is a hand counter and errs."""
    size = int(a.sizeof_ciphertext())
    return size // (int(a.size()) * params.ring * 8) - 1
