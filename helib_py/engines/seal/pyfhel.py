"""Microsoft SEAL 4.1 by Pyfhel 3.5: the only importer of ``Pyfhel``.

Pyfhel's operators guess levels and scales, its ciphertexts can decrypt themselves, and a missing
key crashes the process or is replaced by a wrong one. So only its named functions are used, with
exact scales; what computes gets a Pyfhel object that never held a secret key; and every key is
made once, in one place.
"""

from __future__ import annotations

import warnings

import numpy as np
from Pyfhel import PyCtxt, Pyfhel, PyPtxt

from ...errors import ParameterError
from ...params import BFV, CKKS
from .layout import parms, switching_keys
from .library import Rotations


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


class Native:
    """A context and public keys; see ``Library``."""

    def __init__(self, params: CKKS | BFV) -> None:
        self._pyfhel = context(params)
        self._ring, self._top = params.ring, len(params.primes) - 1
        self._scheme = "bfv" if isinstance(params, BFV) else "ckks"
        self._key_parms = parms(params, len(params.primes) + 1)

    def use(self, public: bytes, relinearisation: bytes, rotations: Rotations) -> None:
        if public:
            self._pyfhel.from_bytes_public_key(public)
        if relinearisation:
            self._pyfhel.from_bytes_relin_key(relinearisation)
        if rotations:
            together = dict(rotations.values())
            self._pyfhel.from_bytes_rotate_key(
                switching_keys(together, self._ring, self._key_parms)
            )

    def plain(self, values: np.ndarray, scale: float, level: int) -> PyPtxt:
        encode = self._pyfhel.encodeFrac
        if np.iscomplexobj(values):
            encode = self._pyfhel.encodeComplex
        encoded = encode(values, scale=scale)
        for _ in range(self._top - level):
            self._pyfhel.mod_switch_to_next_ptxt(encoded, False)
        return encoded

    def whole_plain(self, values: np.ndarray) -> PyPtxt:
        return self._pyfhel.encodeInt(values)

    def load_plain(self, data: bytes) -> PyPtxt:
        plain = PyPtxt(pyfhel=self._pyfhel)
        plain.from_bytes(data, self._scheme)
        return plain

    def dump_plain(self, p: PyPtxt) -> bytes:
        return bytes(p.to_bytes("none"))

    def encrypt(self, p: PyPtxt) -> PyCtxt:
        return self._pyfhel.encryptPtxt(p)

    def zero(self, level: int, scale: float) -> PyCtxt:
        if self._scheme == "bfv":
            return self.encrypt(self.whole_plain(np.zeros(self._ring, np.int64)))
        return self.encrypt(self.plain(np.zeros(self._ring // 2), scale, level))

    def load(self, data: bytes) -> PyCtxt:
        loaded = PyCtxt(pyfhel=self._pyfhel)
        loaded.from_bytes(data, self._scheme)
        return loaded

    def dump(self, a: PyCtxt) -> bytes:
        return bytes(a.to_bytes("none"))

    def level(self, a: PyCtxt) -> int:
        """The true level, from the size: Pyfhel's ``mod_level`` is a hand counter and errs."""
        return int(a.sizeof_ciphertext()) // (int(a.size()) * self._ring * 8) - 1

    def parts(self, a: PyCtxt) -> int:
        return int(a.size())

    def scale(self, a: PyCtxt) -> float:
        return float(a.scale)

    def add(self, a: PyCtxt, b: PyCtxt) -> PyCtxt:
        return self._pyfhel.add(a, b, True)

    def subtract(self, a: PyCtxt, b: PyCtxt) -> PyCtxt:
        return self._pyfhel.sub(a, b, True)

    def negate(self, a: PyCtxt) -> PyCtxt:
        return self._pyfhel.negate(a, True)

    def add_plain(self, a: PyCtxt, p: PyPtxt) -> PyCtxt:
        return self._pyfhel.add_plain(a, p, True)

    def multiply_plain(self, a: PyCtxt, p: PyPtxt) -> PyCtxt:
        return self._pyfhel.multiply_plain(a, p, True)

    def multiply(self, a: PyCtxt, b: PyCtxt) -> PyCtxt:
        return self._pyfhel.multiply(a, b, True)

    def square(self, a: PyCtxt) -> PyCtxt:
        return self._pyfhel.square(a, True)

    def relinearise(self, a: PyCtxt) -> PyCtxt:
        out = PyCtxt(copy_ctxt=a)
        self._pyfhel.relinearize(out)
        return out

    def rotate(self, a: PyCtxt, steps: int) -> PyCtxt:
        return self._pyfhel.rotate(a, steps, True)

    def rescale(self, a: PyCtxt) -> PyCtxt:
        out = PyCtxt(copy_ctxt=a)
        self._pyfhel.rescale_to_next(out)
        return out

    def lower(self, a: PyCtxt, level: int) -> PyCtxt:
        out = PyCtxt(copy_ctxt=a)
        for _ in range(self.level(out) - level):
            self._pyfhel.mod_switch_to_next_ctxt(out)
        return out


def expand(params: CKKS, kind: str, written: bytes) -> bytes:
    """See ``library.expand``."""
    made = context(params)
    if kind == "ciphertext":
        loaded = PyCtxt(pyfhel=made)
        loaded.from_bytes(written, "ckks")
        return bytes(loaded.to_bytes("none"))
    name = {"public": "public", "relinearisation": "relin", "rotation": "rotate"}[kind]
    getattr(made, f"from_bytes_{name}_key")(written)
    return bytes(getattr(made, f"to_bytes_{name}_key")("none"))


class NativeSecret:
    """A fresh secret key; see ``Secret``."""

    def __init__(self, params: CKKS | BFV) -> None:
        self._pyfhel = context(params)
        self._pyfhel.keyGen()

    def __reduce__(self) -> str:
        raise TypeError("a secret key is not copied, and not pickled: send owner.public instead")

    def public_key(self) -> bytes:
        return bytes(self._pyfhel.to_bytes_public_key("none"))

    def relinearisation_key(self) -> bytes:
        self._pyfhel.relinKeyGen()
        return bytes(self._pyfhel.to_bytes_relin_key("none"))

    def rotation_key(self, steps: int) -> bytes:
        self._pyfhel.rotateKeyGen([steps])
        return bytes(self._pyfhel.to_bytes_rotate_key("none"))

    def secret_key(self) -> bytes:
        return bytes(self._pyfhel.to_bytes_secret_key("none"))

    def decrypt(self, a: PyCtxt) -> np.ndarray:
        whole = self._pyfhel.scheme.name == "bfv"
        return np.asarray((self._pyfhel.decryptInt if whole else self._pyfhel.decryptFrac)(a))

    def decrypt_complex(self, a: PyCtxt) -> np.ndarray:
        return np.asarray(self._pyfhel.decryptComplex(a))

    def budget(self, a: PyCtxt) -> int:
        return int(self._pyfhel.noise_level(a))
