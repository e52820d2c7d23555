"""What crosses between owner and server: a batch of ciphertexts, one value of all images each."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import isfinite, prod
from typing import Any

import numpy as np

from .. import wire
from ..context import Context
from ..errors import BadBytes, WrongKey
from ..params import CKKS
from ..tables import nbytes
from .steps import Place

_KIND = "batch"
_LABEL = {
    "params": str, "engine": str, "key": str, "images": int, "values": int, "level": int,
    "scale": float, "parts": int,
}  # fmt: skip
MOST_PARTS = 16  #: SEAL's limit


@dataclass(frozen=True, eq=False, repr=False)
class EncryptedBatch:
    """Numbers of many images, encrypted: slot j of ciphertext i is value i of image j.

    ``residues``: uint64 (values, parts, level + 1, N); of the clear twin float64 (values, slots).
    """

    params: CKKS
    engine: str
    key_id: str
    images: int
    place: Place
    residues: np.ndarray

    @property
    def values(self) -> int:
        """Ciphertexts: numbers of one image."""
        return len(self.residues)

    @property
    def shape_of_one(self) -> tuple[int, ...]:
        """Of the array that holds one ciphertext, by its label."""
        return _shape(self.params, self.engine, self.place)

    @property
    def nbytes(self) -> int:
        """Bytes of the ciphertexts, without their label."""
        return self.residues.nbytes

    def to_bytes(self) -> bytes:
        """One message: a label with a checksum of every polynomial, then the residues."""
        header = {
            "params": self.params.fingerprint,
            "engine": self.engine,
            "key": self.key_id,
            "images": self.images,
            "values": self.values,
            "level": self.place.level,
            "scale": self.place.scale,
            "parts": self.place.parts,
        }
        label = wire.pack(_KIND, header, _sums(self.residues).tobytes())
        start = struct.pack("<Q", len(label)) + label + bytes(-len(label) % 8)
        return b"".join([start, np.ascontiguousarray(self.residues).data])

    def __repr__(self) -> str:
        twin = "" if self.engine == "pyfhel" else " · clear twin, NOT ENCRYPTED"
        insecure = "" if self.params.is_secure else " · INSECURE"
        return (
            f"Batch of {self.images} × {self.values} · level {self.place.level}/"
            f"{self.params.depth} · {nbytes(self.nbytes)}{insecure}{twin}"
        )


def load(context: Context, data: object) -> EncryptedBatch:
    """A batch as it came, or out of its bytes; these are not copied.

    BadBytes for truncated, altered or foreign bytes, WrongKey for another owner's.
    """
    if isinstance(data, EncryptedBatch):
        _check_label(context, data.params.fingerprint, data.engine, data.key_id)
        return data
    header, sums, start = _label(data)
    assert isinstance(data, bytes)
    _check_label(context, header["params"], header["engine"], header["key"])
    place = Place(header["level"], header["scale"], header["parts"])
    shape = (header["values"], *_shape(context.params, context.engine, place))
    if not _possible(header, context.params) or len(data) != start + 8 * prod(shape):
        raise BadBytes("the batch's label contradicts its parameters or its length: send it again")
    kind = np.uint64 if context.engine == "pyfhel" else np.float64
    residues = np.frombuffer(data, kind, offset=start).reshape(shape)
    if _sums(residues).tobytes() != sums:
        raise BadBytes("these bytes are truncated or altered: send the batch again")
    if context.engine == "pyfhel":
        _check_residues(residues, context.params)
    return EncryptedBatch(
        context.params, context.engine, context.key_id, header["images"], place, residues
    )


def _label(data: object) -> tuple[dict[str, Any], bytes, int]:
    """Header, checksums, and where the residues start."""
    if not isinstance(data, bytes) or len(data) < 8:
        raise BadBytes("this is no batch: pass an encrypted batch, or its to_bytes()")
    length = struct.unpack_from("<Q", data)[0]
    header, payloads = wire.unpack(_KIND, data[8 : 8 + length])
    whole = len(payloads) == 1 and all(isinstance(header.get(k), v) for k, v in _LABEL.items())
    if not whole:
        raise BadBytes("the batch's label is incomplete: send it again")
    return header, payloads[0], 8 + length + -length % 8


def _shape(params: CKKS, engine: str, place: Place) -> tuple[int, ...]:
    """Of one ciphertext."""
    if engine != "pyfhel":
        return (params.slots,)
    return place.parts, place.level + 1, params.ring


def _possible(header: dict[str, Any], params: CKKS) -> bool:
    """Whether a label's numbers can be those of a batch of these parameters."""
    return (
        header["values"] > 0
        and 0 < header["images"] <= params.slots
        and 0 <= header["level"] <= params.depth
        and 2 <= header["parts"] <= MOST_PARTS
        and isfinite(header["scale"])
        and header["scale"] > 0
    )


def _sums(residues: np.ndarray) -> np.ndarray:
    """The sum of every polynomial modulo 2^64: finds accidents, and takes a tenth of a hash."""
    return np.asarray(residues.view(np.uint64).sum(axis=-1, dtype=np.uint64))


def _check_residues(residues: np.ndarray, params: CKKS) -> None:
    """BadBytes unless they are residues, and of ciphertexts: a plaintext has no second part."""
    for i in range(residues.shape[2]):
        if residues[:, :, i].max() >= params.primes[i]:
            raise BadBytes("numbers in this batch are no residues of these parameters: send again")
    if not residues[:, 1, 0, :64].any(axis=1).all():
        raise BadBytes("a value in this batch is not encrypted: its owner must encrypt it")


def _check_label(context: Context, fingerprint: str, engine: str, key_id: str) -> None:
    if fingerprint != context.params.fingerprint or engine != context.engine:
        raise BadBytes("this batch was made with other parameters: use its owner's bundle")
    if key_id != context.key_id:
        raise WrongKey("this batch is under another owner's key: use that owner's bundle")
