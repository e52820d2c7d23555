"""What CKKS and BFV on Pyfhel have in common: the context, the keys, and most operations.

Pyfhel's operators guess levels and scales, its ciphertexts can decrypt themselves, and a missing
key crashes the process or is replaced by a wrong one. So only its named functions are used, with
exact scales; evaluators get a Pyfhel object that never held a secret key; and every key is made
once, in one place.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable

from Pyfhel import PyCtxt, Pyfhel, PyPtxt

from ...errors import BadBytes, MissingKey, ParameterError
from ...params import BFV, CKKS
from .. import Bundle, rotation_path


def context(params: CKKS | BFV) -> Pyfhel:
    """A fresh Pyfhel object with a context and no keys.

    ``sec=0`` because the 2024 table of ``params`` has already refused what is insecure; SEAL's
    own table is the older one and knows no N = 65536. With ``sec`` and ``qi_sizes`` Pyfhel would
    choose BFV primes of its own, so the primes are given, and looked at again.
    """
    pyfhel, primes = Pyfhel(), [*params.primes, params.special]
    own = {"t": params.modulus} if isinstance(params, BFV) else {"scale": 2.0**30}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about default scales, which are never used here
        scheme = "BFV" if isinstance(params, BFV) else "CKKS"
        status = pyfhel.contextGen(scheme, n=params.ring, qi=primes, sec=0, **own)
    good = b"success" in (status if isinstance(status, bytes) else status.encode())
    if not good or list(pyfhel.qi) != primes:
        raise ParameterError(f"SEAL refuses these parameters: {status!r}; choose another ring")
    return pyfhel


class Keys:
    """The secret key, and the bundle of public keys made with it."""

    def __init__(self, params: CKKS | BFV) -> None:
        self._params = params
        maker = context(params)
        maker.keyGen()
        self.bundle: Bundle = {"public": maker.to_bytes_public_key("none")}
        if params.depth:
            maker.relinKeyGen()
            self.bundle["relinearisation"] = maker.to_bytes_relin_key("none")
        if params.rotations:
            maker.rotateKeyGen(list(params.rotations))
            self.bundle["rotation"] = maker.to_bytes_rotate_key("none")
        self._pyfhel = context(params)  # without the evaluation keys, which may be gigabytes
        self._pyfhel.from_bytes_public_key(self.bundle["public"])  # decrypting asks for it
        self._pyfhel.from_bytes_secret_key(maker.to_bytes_secret_key("none"))

    def __reduce__(self) -> str:
        raise TypeError("a secret key is not pickled: send owner.public instead")


class Operations(ABC):
    """What is computed alike in both schemes, with public keys only."""

    def __init__(self, params: CKKS | BFV, bundle: Bundle) -> None:
        self._rotations, self._slots = params.rotations or (), params.slots
        self._pyfhel = context(params)
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

    @abstractmethod
    def zero_like(self, a: PyCtxt, scale: float) -> PyCtxt:
        """A fresh encryption of 0 that can stand where ``a`` does."""

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
            return self._instead(a, a.scale * p.scale, error)

    def multiply(self, a: PyCtxt, b: PyCtxt) -> PyCtxt:
        return self._pyfhel.multiply(a, b, True)

    def square(self, a: PyCtxt) -> PyCtxt:
        return self._pyfhel.square(a, True)

    def relinearise(self, a: PyCtxt) -> PyCtxt:
        self.need("relinearisation")
        out = PyCtxt(copy_ctxt=a)
        self._pyfhel.relinearize(out)
        return out

    def rotate(self, a: PyCtxt, steps: int) -> PyCtxt:
        self.need("rotation")
        path = rotation_path(steps, self._rotations, self._slots)
        if not path:
            raise MissingKey(
                f"no rotation key for {steps} and none that compose to it: make the owner from "
                f"parameters with rotations=(…, {steps}); here {self._rotations}"
            )
        for step in path:
            a = self._pyfhel.rotate(a, step, True)
        return a

    def dump(self, a: PyCtxt) -> bytes:
        return bytes(a.to_bytes("none"))

    def need(self, key: str) -> None:
        """MissingKey unless the owner's bundle had it."""
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
            zero = self._instead(a, a.scale, error)
            return operation(self._pyfhel.add(a, zero, True), b, True)

    def _instead(self, a: PyCtxt, scale: float, error: RuntimeError) -> PyCtxt:
        """A fresh 0 at the place of a, if that is what SEAL refused to make."""
        if "transparent" not in str(error):
            raise error
        return self.zero_like(a, scale)
