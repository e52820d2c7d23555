"""What the data owner and the server of a batch agree on."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isclose
from typing import Any

import numpy as np

from .. import wire
from ..context import Context
from ..engines import KeyHolder
from ..errors import BadBytes, ShapeError
from ..params import CKKS
from ..span import Span
from .sealed import EncryptedBatch, load
from .steps import Place


@dataclass(frozen=True, eq=False)
class BatchInterface:
    """What data owner and server agree on in public: no weights.

    Value i of every image is in ciphertext i, image j in slot j of all of them. ``span``: what
    the numbers of an image are within.
    """

    params: CKKS
    shape: tuple[int, ...]
    scale: float
    span: Span
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
        """Images (count, *shape) as slots (inputs, slots), the images again where some are left.

        An image of zeros may be unlike all examples, and what outgrows the modulus in one slot
        spoils all of them. Raises ShapeError, and Overflow for numbers outside the span.
        """
        if x.ndim != 1 + len(self.shape) or x.shape[1:] != self.shape or not len(x):
            raise ShapeError(f"batch of shape {x.shape}: it must be (images, *{self.shape})")
        if len(x) > self.params.slots:
            raise ShapeError(
                f"{len(x)} images but {self.params.slots} slots: he.predict runs any number of "
                "batches"
            )
        self.span.check(x)
        again = np.resize(x, (self.params.slots, self.inputs))
        return np.ascontiguousarray(again.T)

    def describe(self) -> dict[str, Any]:
        """All but the parameters, as JSON."""
        kept = {k: v for k, v in vars(self).items() if k not in ("params", "span")}
        return kept | asdict(self.span)

    @classmethod
    def described(cls, header: dict[str, Any], params: CKKS) -> BatchInterface:
        """Back from JSON; ValueError for one that contradicts itself."""
        kinds = {"shape": list, "scale": float, "outputs": int, "result": list}
        shape, scale, outputs, result = wire.typed(header, kinds)
        if any(type(side) is not int or side < 1 for side in shape) or not scale > 0:
            raise ValueError("inputs that there cannot be")
        return cls(params, tuple(shape), scale, Span.told(header), outputs, Place(*result))

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
