"""Microsoft SEAL 4.4 by seal-python: the only importer of ``seal``."""

from __future__ import annotations

import struct
from functools import lru_cache

import numpy as np
import seal

from ...errors import ParameterError
from ...params import BFV, CKKS
from .. import Handle, Plain
from .layout import parms, switching_keys
from .library import Rotations

_NONE = seal.compr_mode_type.none


@lru_cache(maxsize=8)
def context(params: CKKS | BFV) -> seal.SEALContext:
    """Without SEAL's own security table, an older one: ``params`` has refused already."""
    scheme = seal.scheme_type.bfv if isinstance(params, BFV) else seal.scheme_type.ckks
    wanted = seal.EncryptionParameters(scheme)
    wanted.set_poly_modulus_degree(params.ring)
    wanted.set_coeff_modulus([seal.Modulus(q) for q in (*params.primes, params.special)])
    if isinstance(params, BFV):
        wanted.set_plain_modulus(params.modulus)
    made = seal.SEALContext(wanted, True, seal.sec_level_type.none)
    if not made.parameters_set():
        reason = made.parameter_error_message()
        raise ParameterError(f"SEAL refuses these parameters: {reason}; choose another ring")
    return made


class Native:
    """A context and public keys; see ``Library``."""

    def __init__(self, params: CKKS | BFV) -> None:
        self._context, self._ring = context(params), params.ring
        self._evaluator = seal.Evaluator(self._context)
        levels = range(1, len(params.primes) + 1)
        self._ids = [struct.unpack("<4Q", parms(params, primes)) for primes in levels]
        self._key_parms = parms(params, len(params.primes) + 1)
        whole = isinstance(params, BFV)
        self._encoder = (seal.BatchEncoder if whole else seal.CKKSEncoder)(self._context)

    def use(self, public: bytes, relinearisation: bytes, rotations: Rotations) -> None:
        if public:
            key = self._context.from_public_str(public)
            self._encryptor = seal.Encryptor(self._context, key)
        if relinearisation:
            self._relinearisation = self._context.from_relin_str(relinearisation)
        # One object a step: what SEAL loads is never larger than a single key.
        self._rotations = {
            steps: self._context.from_galois_str(
                switching_keys({index: key}, self._ring, self._key_parms)
            )
            for steps, (index, key) in rotations.items()
        }

    def plain(self, values: np.ndarray, scale: float, level: int) -> Plain:
        if np.iscomplexobj(values):
            encoded = self._encoder.encode_complex(values, scale)
        else:
            encoded = self._encoder.encode(values, scale)
        if level < len(self._ids) - 1:
            self._evaluator.mod_switch_to_inplace(encoded, self._ids[level])
        return encoded

    def whole_plain(self, values: np.ndarray) -> Plain:
        return self._encoder.encode(values)

    def load_plain(self, data: bytes) -> Plain:
        plain = seal.Plaintext()
        plain.load_bytes(self._context, data)
        return plain

    def dump_plain(self, p: Plain) -> bytes:
        return bytes(p.to_bytes(_NONE))

    def encrypt(self, p: Plain) -> Handle:
        return self._encryptor.encrypt(p)

    def zero(self, level: int, scale: float) -> Handle:
        fresh = self._encryptor.encrypt_zero(self._ids[level])
        fresh.scale(scale)
        return fresh

    def load(self, data: bytes) -> Handle:
        loaded = seal.Ciphertext()
        loaded.load_bytes(self._context, data)
        return loaded

    def dump(self, a: Handle) -> bytes:
        return bytes(a.to_string(_NONE))

    def level(self, a: Handle) -> int:
        return int(a.coeff_modulus_size()) - 1

    def parts(self, a: Handle) -> int:
        return int(a.size())

    def scale(self, a: Handle) -> float:
        return float(a.scale())

    def add(self, a: Handle, b: Handle) -> Handle:
        return self._evaluator.add(a, b)

    def subtract(self, a: Handle, b: Handle) -> Handle:
        return self._evaluator.sub(a, b)

    def negate(self, a: Handle) -> Handle:
        return self._evaluator.negate(a)

    def add_plain(self, a: Handle, p: Plain) -> Handle:
        return self._evaluator.add_plain(a, p)

    def multiply_plain(self, a: Handle, p: Plain) -> Handle:
        return self._evaluator.multiply_plain(a, p)

    def multiply(self, a: Handle, b: Handle) -> Handle:
        return self._evaluator.multiply(a, b)

    def square(self, a: Handle) -> Handle:
        return self._evaluator.square(a)

    def relinearise(self, a: Handle) -> Handle:
        return self._evaluator.relinearize(a, self._relinearisation)

    def rotate(self, a: Handle, steps: int) -> Handle:
        return self._evaluator.apply_galois(
            a, pow(3, steps, 2 * self._ring), self._rotations[steps]
        )

    def rescale(self, a: Handle) -> Handle:
        return self._evaluator.rescale_to_next(a)

    def lower(self, a: Handle, level: int) -> Handle:
        return self._evaluator.mod_switch_to(a, self._ids[level])


def expand(params: CKKS, kind: str, written: bytes) -> bytes:
    """See ``library.expand``."""
    made = context(params)
    if kind == "ciphertext":
        return bytes(made.from_cipher_str(written).to_string(_NONE))
    read = {
        "public": made.from_public_str,
        "relinearisation": made.from_relin_str,
        "rotation": made.from_galois_str,
    }
    return bytes(read[kind](written).to_string())


class NativeSecret:
    """A fresh secret key; see ``Secret``."""

    def __init__(self, params: CKKS | BFV) -> None:
        made = context(params)
        self._maker = seal.KeyGenerator(made)
        self._secret = self._maker.secret_key()
        self._decryptor = seal.Decryptor(made, self._secret)
        whole = isinstance(params, BFV)
        self._encoder = (seal.BatchEncoder if whole else seal.CKKSEncoder)(made)

    def __reduce__(self) -> str:
        raise TypeError("a secret key is not copied, and not pickled: send owner.public instead")

    def public_key(self) -> bytes:
        return bytes(self._maker.create_public_key().to_string())

    def relinearisation_key(self) -> bytes:
        return bytes(self._maker.create_relin_keys().to_string())

    def rotation_key(self, steps: int) -> bytes:
        key = seal.GaloisKeys()
        self._maker.create_galois_keys([steps], key)
        return bytes(key.to_string())

    def secret_key(self) -> bytes:
        return bytes(self._secret.to_string())

    def decrypt(self, a: Handle) -> np.ndarray:
        return np.asarray(self._encoder.decode(self._decryptor.decrypt(a)))

    def decrypt_complex(self, a: Handle) -> np.ndarray:
        return np.asarray(self._encoder.decode_complex(self._decryptor.decrypt(a)))

    def budget(self, a: Handle) -> int:
        return int(self._decryptor.invariant_noise_budget(a))
