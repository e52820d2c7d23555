"""The owner's part of a batch: encrypting thousands of images, value by value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from ..encoding import as_numbers
from .interface import BatchInterface
from .sealed import EncryptedBatch
from .twin import Twin
from .workers import Run, Tick, crew

if TYPE_CHECKING:
    from ..bundle import PublicBundle

EACH = 8  #: ciphertexts a job makes


def encrypt(interface: BatchInterface, public: PublicBundle, images: np.ndarray) -> EncryptedBatch:
    """Images (count, *shape), no more than there are slots, as one batch.

    Raises BadValue, ShapeError, Overflow.
    """
    planes = interface.planes(as_numbers(images))
    with crew(1, Encrypter, interface, public) as run:
        return interface.fresh(public.context, len(images), _encrypted(planes, run, None))


def encrypt_all(
    interface: BatchInterface,
    public: PublicBundle,
    images: np.ndarray,
    workers: int = 1,
    tick: Tick | None = None,
) -> Iterator[EncryptedBatch]:
    """Images (count, *shape) as batches, as many of them in each as there are slots.

    With several workers in new processes, which are given public keys only. ``tick`` is told of
    ciphertexts done. Raises BadValue, ShapeError, Overflow.
    """
    x, slots = as_numbers(images), interface.params.slots
    with crew(workers, Encrypter, interface, public) as run:
        for start in range(0, max(1, len(x)), slots):
            part = x[start : start + slots]
            residues = _encrypted(interface.planes(part), run, tick)
            yield interface.fresh(public.context, len(part), residues)


def _encrypted(planes: np.ndarray, run: Run, tick: Tick | None) -> np.ndarray:
    """Every plane of slots encrypted, in jobs of a few."""
    jobs = [planes[start : start + EACH] for start in range(0, len(planes), EACH)]
    out = np.empty(0)
    for i, done in enumerate(run(jobs)):
        if not i:
            out = np.empty((len(planes), *done.shape[1:]), done.dtype)
        out[i * EACH : i * EACH + len(done)] = done
        if tick is not None:
            tick(len(done))
    return out


class Encrypter:
    """Encrypts planes (k, slots), to residues (k, 2, primes, N) or the clear twin's values."""

    def __init__(self, interface: BatchInterface, public: PublicBundle) -> None:
        self._params, self._scale = interface.params, interface.scale
        self._context = public.context

    def __call__(self, planes: np.ndarray) -> np.ndarray:
        """The work of a job."""
        if self._context.is_twin:
            return Twin(self._params, np.random.default_rng()).encrypt(planes, self._scale)
        from ..engines.seal import Residues

        e, top = self._context.e, self._params.depth
        residues = Residues(e)
        handles = (e.encrypt(plane, top, self._scale) for plane in planes)
        return np.stack([residues.array(handle, top) for handle in handles])
