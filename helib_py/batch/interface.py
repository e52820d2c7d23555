"""What the data owner and the server of a batch agree on."""

from __future__ import annotations

from dataclasses import dataclass
from math import isclose

import numpy as np

from ..context import Context
from ..encoding import within
from ..engines import KeyHolder
from ..errors import BadBytes, ShapeError
from ..params import CKKS
from .sealed import EncryptedBatch, load
from .steps import Place


@dataclass(frozen=True, eq=False)
class BatchInterface:
    """What data owner and server agree on in public: no weights.

    Value i of every image is in ciphertext i, image j in slot j of all of them.
    """

    params: CKKS
    shape: tuple[int, ...]
    scale: float
    bound: float
    outputs: int
    result: Place

    @property
    def inputs(self) -> int:
        """Ciphertexts of a batch: numbers of one image."""
        return int(np.prod(self.shape))

    @property
    def upload_bytes(self) -> int:
        """Bytes of a batch, whether its slots are all used or not."""
        return self.inputs * 16 * len(self.params.primes) * self.params.ring

    def planes(self, x: np.ndarray) -> np.ndarray:
        """Images (count, *shape) as slots (inputs, slots), zero where there is no image.

        Raises ShapeError, and Overflow where the promised bound is broken.
        """
        if x.ndim != 1 + len(self.shape) or x.shape[1:] != self.shape or not len(x):
            raise ShapeError(f"batch of shape {x.shape}: it must be (images, *{self.shape})")
        if len(x) > self.params.slots:
            raise ShapeError(
                f"{len(x)} images but {self.params.slots} slots: he.predict runs any number of "
                "batches"
            )
        within(x, self.bound)
        out = np.zeros((self.inputs, self.params.slots))
        out[:, : len(x)] = x.reshape(len(x), -1).T
        return out

    def fresh(self, context: Context, images: int, residues: np.ndarray) -> EncryptedBatch:
        """Inputs just encrypted, as a batch."""
        place = Place(self.params.depth, self.scale)
        return EncryptedBatch(context.keyless, images, place, residues)

    def answer(self, context: Context, images: int, residues: np.ndarray) -> EncryptedBatch:
        """The last step's outputs, as a batch."""
        return EncryptedBatch(context.keyless, images, self.result, residues)

    def open(self, context: Context, keys: KeyHolder, data: object) -> np.ndarray:
        """The owner's part: scores (images, outputs). WrongKey, BadBytes, ShapeError."""
        batch = load(context, data)
        if batch.values != self.outputs:
            raise BadBytes(
                f"{batch!r} is no result of this plan, of {self.outputs} outputs: decrypt what "
                "its server's run gave"
            )
        if context.is_twin:
            return batch.residues[:, : batch.images].T.copy()
        from ..engines.seal import Residues

        residues = Residues(context.e)
        handles = (residues.handle(r, batch.place.scale) for r in batch.residues)
        return np.stack([keys.decrypt(h)[: batch.images] for h in handles], axis=1)

    def check(self, batch: EncryptedBatch) -> None:
        """ShapeError unless this batch was encrypted for this plan."""
        level, scale, parts = batch.place
        fits = (level, parts) == (self.params.depth, 2) and isclose(scale, self.scale)
        if not fits or batch.residues.shape != (self.inputs, *batch.shape_of_one):
            raise ShapeError(
                f"{batch!r} does not fit the plan, which takes {self.inputs} values at level "
                f"{self.params.depth}: encrypt images of shape {self.shape} with DataOwner(plan)"
            )
