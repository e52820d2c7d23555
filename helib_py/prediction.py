"""Many inputs through encryption, server and decryption in one call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from numpy.typing import ArrayLike

from .batch import BatchPlan, Tick
from .encoding import as_numbers
from .errors import ParameterError
from .options import shown
from .roles import DataOwner, Server


def predict(
    owner: DataOwner, server: Server, inputs: ArrayLike, progress: bool = False, workers: int = 2
) -> np.ndarray:
    """The scores (count, outputs) of any number of inputs (count, *shape), computed encrypted.

    Of no inputs, an empty array. With a plan for batches, in batches of as many as there are
    slots. Each party works in ``workers`` processes of its own; the server not for a single
    batch, which would be done before they are up. ``progress=True`` shows a bar. Raises what
    ``owner.encrypt_all`` and ``server.run_all`` do.
    """
    if not isinstance(owner, DataOwner) or not isinstance(server, Server):
        raise ParameterError(
            f"{shown(owner)}, {shown(server)}: pass a he.DataOwner and a he.Server of one plan; "
            "for plans with refreshes see he.interact"
        )
    x, batched = as_numbers(inputs), isinstance(server.plan, BatchPlan)
    if not x.size:
        return np.zeros((0, server.plan.interface.outputs))
    alone = batched and len(x) <= server.plan.params.slots
    with _bar(server, len(x), progress) as tick:
        uploads = owner.encrypt_all(x, workers, tick)
        results = server.run_all(uploads, 1 if alone else workers, tick)
        scores = []
        for result in results:
            scores.append(np.atleast_2d(owner.decrypt(result)))
            if not batched:
                tick(1)
        return np.concatenate(scores)


@contextmanager
def _bar(server: Server, count: int, progress: bool) -> Iterator[Tick]:
    """A progress bar over inputs, or over the ciphertexts of batches."""
    total, unit = count, "input"
    if isinstance(server.plan, BatchPlan):
        batches = -(-count // server.plan.params.slots)
        total, unit = batches * server.plan.ciphertexts, "ciphertext"
    if not progress:
        yield lambda done: None
        return
    from tqdm.auto import tqdm

    with tqdm(total=total, unit=unit) as bar:
        yield bar.update
