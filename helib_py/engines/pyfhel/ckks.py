"""CKKS on Pyfhel 3.5 over SEAL 4.1."""

from __future__ import annotations

import hashlib
from math import isclose

import numpy as np
from Pyfhel import PyCtxt, PyPtxt

from ...errors import BadBytes
from ...flooding import embed
from ...params import BFV, CKKS
from .. import Bundle
from .seal import Keys, Operations

_PLAIN_HEADER = 88  #: bytes before the residues of a plaintext, as SEAL writes it
_HEADER = 113  #: the same of a ciphertext, or of a public key, which is an encryption of 0
_LIMB = 30  #: bits of whole coefficients that float64 transforms without an error


class PyfhelKeys(Keys):
    """The secret key of CKKS."""

    def decrypt(self, a: PyCtxt) -> np.ndarray:
        return np.asarray(self._pyfhel.decryptFrac(a))

    def seeded(self, seed: bytes) -> Bundle:
        params, key = self._params, self.bundle["public"]
        shape = (len(params.primes) + 1, params.ring)
        old = np.frombuffer(key, np.uint64, offset=_HEADER).astype(object).reshape(2, *shape)
        secret = self._pyfhel.to_bytes_secret_key("none")
        s = np.frombuffer(secret, np.uint64, offset=_PLAIN_HEADER).astype(object).reshape(shape)
        a = random_half(params, seed)
        # -(a·s + e) for the new a, with the old e
        masked = (old[0] + (old[1] - a) * s) % _moduli(params)
        new = key[:_HEADER] + np.stack([masked, a]).astype(np.uint64).tobytes()
        return {**self.bundle, "public": new}


def random_half(params: CKKS | BFV, seed: bytes) -> np.ndarray:
    """a of a public key (-(a·s + e), a): residues hashed from a seed, shape (primes, N)."""
    count = (len(params.primes) + 1) * params.ring
    drawn = np.frombuffer(hashlib.shake_256(seed).digest(16 * count), np.uint64).astype(object)
    wide = drawn[:count] << 64 | drawn[count:]
    return np.asarray(wide.reshape(-1, params.ring) % _moduli(params))


def is_seeded(params: CKKS, bundle: Bundle, seed: bytes) -> bool:
    """Whether the public key's random half comes from that seed."""
    return bundle["public"].endswith(random_half(params, seed).astype(np.uint64).tobytes())


def _moduli(params: CKKS | BFV) -> np.ndarray:
    return np.array([*params.primes, params.special], dtype=object)[:, None]


class PyfhelEvaluator(Operations):
    """Evaluator made from public keys only."""

    def __init__(self, params: CKKS, bundle: Bundle) -> None:
        super().__init__(params, bundle)
        self.params = params

    def encode(self, values: np.ndarray, level: int, scale: float) -> PyPtxt:
        plain = self._pyfhel.encodeFrac(np.array(values, dtype=np.float64), scale=scale)
        return self._at(level, plain)

    def encrypt(self, values: np.ndarray, level: int, scale: float) -> PyCtxt:
        self.need("public")
        return self._pyfhel.encryptPtxt(self.encode(values, level, scale))

    def rescale(self, a: PyCtxt) -> PyCtxt:
        out = PyCtxt(copy_ctxt=a)
        self._pyfhel.rescale_to_next(out)
        return out

    def lower(self, a: PyCtxt, level: int) -> PyCtxt:
        out = PyCtxt(copy_ctxt=a)
        for _ in range(_level(out, self.params) - level):
            self._pyfhel.mod_switch_to_next_ctxt(out)
        return out

    def load(self, data: bytes, level: int, scale: float) -> PyCtxt:
        loaded = PyCtxt(pyfhel=self._pyfhel)
        try:
            loaded.from_bytes(data, "ckks")
            agree = _level(loaded, self.params) == level and isclose(loaded.scale, scale)
            agree = agree and loaded.size() == 2
        except (RuntimeError, ValueError) as error:
            raise BadBytes("this is no ciphertext of these parameters: send it again") from error
        if not agree:
            raise BadBytes("the ciphertext's level or scale differs from its label: send it again")
        return loaded

    def zero_like(self, a: PyCtxt, scale: float) -> PyCtxt:
        return self.encrypt(np.zeros(self.params.slots), _level(a, self.params), scale)

    def rerandomise(self, a: PyCtxt) -> PyCtxt:
        return self.add(a, self.zero_like(a, a.scale))

    def add_integers(self, a: PyCtxt, coefficients: np.ndarray) -> PyCtxt:
        level = _level(a, self.params)
        primes = np.array(self.params.primes[: level + 1], dtype=object)[:, None]
        total, shift = np.zeros((level + 1, self.params.ring), dtype=object), 0
        while np.any(coefficients):
            last = bool(np.all(np.abs(coefficients) < 1 << _LIMB))  # which alone has a sign
            limb = coefficients if last else coefficients & ((1 << _LIMB) - 1)
            small = self._integers(limb.astype(np.int64), level)
            total = (total + (_residues(small, level) << shift)) % primes
            coefficients, shift = (coefficients - limb) >> _LIMB, shift + _LIMB
        plain = PyPtxt(pyfhel=self._pyfhel)
        header = self._integers(np.zeros(self.params.ring), level).to_bytes("none")
        residues = total.astype(np.uint64).tobytes()
        plain.from_bytes(header[:_PLAIN_HEADER] + residues, "ckks")
        plain.set_scale(a.scale)
        return self.add_plain(a, plain)

    def _integers(self, coefficients: np.ndarray, level: int) -> PyPtxt:
        """A plaintext of small whole coefficients: SEAL rounds its own transform back to them."""
        return self._at(level, self._pyfhel.encodeComplex(embed(coefficients), scale=1.0))

    def _at(self, level: int, plain: PyPtxt) -> PyPtxt:
        """A plaintext that was encoded at the top, brought down."""
        for _ in range(self.params.depth - level):
            self._pyfhel.mod_switch_to_next_ptxt(plain, False)
        return plain


def _level(a: PyCtxt, params: CKKS) -> int:
    """The true level, from the size: Pyfhel's ``mod_level`` is a hand counter and errs."""
    size = int(a.sizeof_ciphertext())
    return size // (int(a.size()) * params.ring * 8) - 1


def _residues(plain: PyPtxt, level: int) -> np.ndarray:
    """Residues of a plaintext in NTT form, as Python's numbers, shape (level + 1, N)."""
    words = np.frombuffer(plain.to_bytes("none"), np.uint64, offset=_PLAIN_HEADER)
    return words.reshape(level + 1, -1).astype(object)
