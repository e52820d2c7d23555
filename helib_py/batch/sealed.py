"""What crosses between owner and server: a batch of ciphertexts, one value of all images each."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import log2, prod
from typing import Any

import numpy as np

from .. import wire
from ..context import Context
from ..errors import BadBytes
from ..params import CKKS
from ..tables import nbytes
from .steps import Place

_KIND = "batch"
_LABEL = {"images": int, "values": int, "level": int, "scale": float}


@dataclass(frozen=True, eq=False, repr=False)
class EncryptedBatch:
    """Numbers of many images, encrypted: slot j of ciphertext i is value i of image j.

    ``residues``: uint64 (values, parts, level + 1, N); of the clear twin float64 (values, slots).
    """

    context: Context
    images: int
    place: Place
    residues: np.ndarray

    @property
    def params(self) -> CKKS:
        """Its parameters."""
        return self.context.params

    @property
    def values(self) -> int:
        """Ciphertexts: numbers of one image."""
        return len(self.residues)

    @property
    def shape_of_one(self) -> tuple[int, ...]:
        """Of the array that holds one ciphertext, by its label."""
        return _shape(self.context, self.place)

    @property
    def nbytes(self) -> int:
        """Bytes of the ciphertexts, without their label."""
        return self.residues.nbytes

    def to_bytes(self) -> bytes:
        """One message: a label with a checksum of every polynomial, then the residues."""
        header = {
            **self.context.stamp(),
            "images": self.images,
            "values": self.values,
            "level": self.place.level,
            "scale": self.place.scale,
        }
        label = wire.pack(_KIND, header, _sums(self.residues).tobytes())
        start = struct.pack("<Q", len(label)) + label + bytes(-len(label) % 8)
        return b"".join([start, np.ascontiguousarray(self.residues).data])

    def __repr__(self) -> str:
        return (
            f"Batch of {self.images} × {self.values} · level {self.place.level}/"
            f"{self.params.depth} · {nbytes(self.nbytes)}{self.context.warning}"
        )


def load(context: Context, data: object) -> EncryptedBatch:
    """A batch as it came, or out of its bytes; these are not copied.

    BadBytes for truncated, altered or foreign bytes, WrongKey for another owner's.
    """
    if isinstance(data, EncryptedBatch):
        context.check(data.context.stamp())
        return data
    label, sums, start = _label(data)
    assert isinstance(data, bytes)
    context.check(label)
    with wire.rebuilding("batch"):
        images, values, level, scale = wire.typed(label, _LABEL)
        shape = _possible(context, images, values, Place(level, scale))
        kind = np.float64 if context.is_twin else np.uint64
        if len(data) != start + 8 * prod(shape):
            raise ValueError("its label contradicts its length")
        residues = np.frombuffer(data, kind, offset=start).reshape(shape)
    if _sums(residues).tobytes() != sums:
        raise BadBytes("these bytes are truncated or altered: send the batch again")
    if not context.is_twin:
        _check_residues(residues, context.params)
    elif not np.all(np.isfinite(residues)):
        raise BadBytes("this batch holds what is no number: send it again")
    return EncryptedBatch(context.keyless, images, Place(level, scale), residues)


def _label(data: object) -> tuple[dict[str, Any], bytes, int]:
    """Header, checksums, and where the residues start."""
    if not isinstance(data, bytes) or len(data) < 8:
        raise BadBytes("this is no batch: pass an encrypted batch, or its to_bytes()")
    length = struct.unpack_from("<Q", data)[0]
    header, payloads = wire.unpack(_KIND, data[8 : 8 + length])
    with wire.rebuilding("batch"):
        (sums,) = payloads
    return header, sums, 8 + length + -length % 8


def _shape(context: Context, place: Place) -> tuple[int, ...]:
    """Of one ciphertext."""
    if context.is_twin:
        return (context.params.slots,)
    return place.parts, place.level + 1, context.params.ring


def _possible(context: Context, images: int, values: int, place: Place) -> tuple[int, ...]:
    """The shape of all residues; ValueError unless a label's numbers can be those of a batch."""
    params = context.params
    inside = 0 <= place.level <= params.depth and 0 < images <= params.slots
    if not (values > 0 and inside and 0 <= log2(place.scale) < params.log_q(place.level)):
        raise ValueError("a label that contradicts its parameters")
    return values, *_shape(context, place)


def _sums(residues: np.ndarray) -> np.ndarray:
    """A sum of every polynomial modulo 2^64: finds accidents, and takes a fraction of a hash.

    Each number counts an odd number of times, by its place: those that were swapped are found.
    """
    places = 2 * np.arange(residues.shape[-1], dtype=np.uint64) + np.uint64(1)
    return np.asarray(np.einsum("...i,i->...", residues.view(np.uint64), places))


def _check_residues(residues: np.ndarray, params: CKKS) -> None:
    """BadBytes unless they are residues, and of ciphertexts: a plaintext has no second part."""
    for i in range(residues.shape[2]):
        if residues[:, :, i].max() >= params.primes[i]:
            raise BadBytes("numbers in this batch are no residues of these parameters: send again")
    if not residues[:, 1, 0, :64].any(axis=1).all():
        raise BadBytes("a value in this batch is not encrypted: its owner must encrypt it")
