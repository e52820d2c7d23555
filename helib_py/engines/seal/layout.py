"""SEAL's bytes, version 4: headers that are written here, and residues, which alone cross.

Ciphertexts and keys cross between parties as bare residues, uint64, little-endian, of a shape that
follows from the parameters. So no header of a stranger is ever read by SEAL, and versions of SEAL
that do not read each other's bytes read these.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence

import numpy as np

from ...errors import BadBytes
from ...params import BFV, CKKS

PLAIN_HEADER = 88  #: bytes before the residues of a plaintext or of a secret key
HEADER = 113  #: the same of a ciphertext, or of a public key, which is an encryption of 0
_INNER = 24  #: of the array inside, its count included
OWN = 16  #: of the header with which everything starts
_MAGIC, _MAJOR, _MINOR = 0xA15E, 4, 1  #: the oldest version that all can read


def parms(params: CKKS | BFV, primes: int) -> bytes:
    """SEAL's 32 bytes that stand for the first so many primes; keys have one more than a level."""
    scheme, modulus = (1, params.modulus) if isinstance(params, BFV) else (2, 0)
    chain = (*params.primes, params.special)[:primes]
    numbers = (scheme, params.ring, *chain, modulus)
    return hashlib.blake2b(struct.pack(f"<{len(numbers)}Q", *numbers), digest_size=32).digest()


def ciphertext(residues: np.ndarray, parms: bytes, ntt: bool, scale: float) -> bytes:
    """A ciphertext as SEAL writes it, out of residues (parts, primes, N)."""
    parts, primes, ring = residues.shape
    label = struct.pack("<?QQQdQ", ntt, parts, ring, primes, scale, 1)
    return headed([parms, label, *_array(residues)])


def seeded_ciphertext(half: np.ndarray, parms: bytes, scale: float, seed: bytes) -> bytes:
    """One whose second part is to be expanded: residues (primes, N), a generator and its seed."""
    primes, ring = half.shape
    label = struct.pack("<?QQQdQ", True, 2, ring, primes, scale, 1)
    return headed([parms, label, *_array(half), headed([seed])])


def plaintext(residues: np.ndarray, parms: bytes, scale: float) -> bytes:
    """A plaintext in NTT form as SEAL writes it, out of residues (primes, N)."""
    label = struct.pack("<Qd", residues.size, scale)
    return headed([parms, label, *_array(residues)])


def switching_keys(keys: Mapping[int, np.ndarray], count: int, parms: bytes) -> bytes:
    """Relinearisation or rotation keys out of residues (digits, 2, primes, N), by their index.

    ``count``: how many indices there are.
    """
    pieces = [parms, struct.pack("<Q", count)]
    for index in range(count):
        digits = keys.get(index, ())
        pieces.append(struct.pack("<Q", len(digits)))
        pieces += [ciphertext(digit, parms, True, 1.0) for digit in digits]
    return headed(pieces)


def numbers(written: bytes, header: int) -> np.ndarray:
    """Everything after a header as flat uint64; not to be written to."""
    return np.frombuffer(written, "<u8", offset=header)


def read_switching_keys(written: bytes, shape: tuple[int, ...]) -> list[np.ndarray]:
    """The keys that are there, in the order of their indices, each of a shape (digits, 2, …)."""
    place, found = OWN + 32 + 8, []
    one = HEADER + 8 * int(np.prod(shape[1:]))
    (count,) = struct.unpack_from("<Q", written, place - 8)
    for _ in range(count):
        (digits,) = struct.unpack_from("<Q", written, place)
        place += 8
        if digits:
            key = [
                written[place + i * one + HEADER : place + (i + 1) * one] for i in range(digits)
            ]
            found.append(np.frombuffer(b"".join(key), "<u8").reshape(shape))
            place += digits * one
    return found


def residues(data: bytes, shape: tuple[int, ...], what: str) -> np.ndarray:
    """Bare residues as they crossed; BadBytes unless there are exactly as many as expected."""
    if not isinstance(data, bytes | memoryview) or len(data) != 8 * int(np.prod(shape)):
        raise BadBytes(f"this {what} is not as long as its parameters make it: ask for it again")
    return np.frombuffer(data, "<u8").reshape(shape)


def rotation_index(steps: int, ring: int) -> int:
    """Where SEAL keeps the key of a rotation: (3^steps mod 2N - 1) / 2."""
    return (pow(3, steps, 2 * ring) - 1) // 2


def headed(pieces: Sequence[bytes | memoryview]) -> bytes:
    """Pieces behind the header that tells how long they are together."""
    return b"".join([_start(OWN + sum(map(len, pieces))), *pieces])


def _start(size: int) -> bytes:
    return struct.pack("<HBBBBHQ", _MAGIC, OWN, _MAJOR, _MINOR, 0, 0, size)


def _array(residues: np.ndarray) -> tuple[bytes, memoryview]:
    data = np.ascontiguousarray(residues, "<u8")
    inner = _start(_INNER + data.nbytes) + struct.pack("<Q", data.size)
    return inner, data.data.cast("B")
