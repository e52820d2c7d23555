"""The server's part of a batch: linear layers on residues, the rest on single ciphertexts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..context import Context
from .groups import shares
from .modular import Scratch, multiply
from .plans import BatchPlan
from .sealed import EncryptedBatch, load
from .steps import Place
from .twin import Twin
from .workers import Local, Shared, Tick, check_memory, crew

if TYPE_CHECKING:
    from ..bundle import PublicBundle

Upload = EncryptedBatch | bytes


def run_all(
    plan: BatchPlan,
    public: PublicBundle,
    uploads: Iterable[Upload],
    workers: int = 1,
    tick: Tick | None = None,
) -> Iterator[EncryptedBatch]:
    """Encrypted scores of every batch, in order.

    With several workers each step is shared out among new processes, which are given the plan and
    public keys only. ``tick`` is told of ciphertexts done. Raises ShapeError, WrongKey, BadBytes
    for what is no batch of this plan, OutOfMemory when there is too little.
    """
    context = public.context
    if context.is_twin:
        yield from (_on_twin(plan, context, upload) for upload in uploads)
        return
    check_memory(plan.memory_bytes(workers))
    memory = Local() if workers < 2 else Shared([plan.region_bytes(-1), plan.region_bytes(0)])
    with crew(workers, Runner, plan, public, memory) as run:
        jobs = [[Job(i, k, workers) for k in range(len(shares(groups, workers)))]
                for i, groups in enumerate(plan.groups)]  # fmt: skip
        for upload in uploads:
            batch = checked(plan, context, upload)
            memory.put(batch.residues)
            for done in chain.from_iterable(run(step) for step in jobs):
                if tick:
                    tick(done)
            out = memory.get(len(plan.steps) - 1, plan.shape(len(plan.steps) - 1))
            yield plan.interface.answer(context, batch.images, out.copy())


def checked(plan: BatchPlan, context: Context, upload: Upload) -> EncryptedBatch:
    """A batch that fits the plan and the key."""
    batch = load(context, upload)
    plan.interface.check(batch)
    return batch


def _on_twin(plan: BatchPlan, context: Context, upload: Upload) -> EncryptedBatch:
    batch = checked(plan, context, upload)
    twin = Twin(plan.params, np.random.default_rng())
    values = twin.run(plan.steps, batch.residues.T, plan.interface.scale)[-1]
    return plan.interface.answer(context, batch.images, np.ascontiguousarray(values.T))


class Job(NamedTuple):
    """One of the shares into which a step is cut for so many workers."""

    step: int
    share: int
    workers: int


class Runner:
    """What does jobs in one process, with public keys only."""

    def __init__(self, plan: BatchPlan, public: PublicBundle, memory: Local | Shared) -> None:
        from ..engines.seal import Residues

        self._plan, self._e, self._memory = plan, public.context.e, memory
        self._residues, self._scratch = Residues(self._e), Scratch()

    def __call__(self, job: Job) -> int:
        """Some rows of a step, out of one array of residues into the next; how many."""
        plan, number = self._plan, job.step
        groups = shares(plan.groups[number], job.workers)[job.share]
        source = self._memory.get(number - 1, plan.shape(number - 1))
        target = self._memory.get(number, plan.shape(number))
        step, place = plan.steps[number], plan.passages[number].sums
        rows = np.concatenate([group.rows for group in groups])
        biases = residues_of(step.bias[rows], place.scale, self._primes(place))
        sums = multiply(groups, source, biases, plan.cuts(number), self._scratch)
        for row, one in zip(rows, sums, strict=True):
            target[row] = self._continued(one, place, step.then)
            if step is plan.steps[-1]:
                self._leave(target[row], plan.interface.result)
        return len(rows)

    def _primes(self, place: Place) -> tuple[int, ...]:
        return self._plan.params.primes[: place.level + 1]

    def _continued(self, one: np.ndarray, place: Place, then: Sequence[str]) -> np.ndarray:
        """One ciphertext after what follows the products."""
        if not one[1:].any():
            self._mask(one, place)
        if not then:
            return one
        handle = self._residues.handle(one, place.scale)
        for operation in then:
            handle = getattr(self._e, operation)(handle)
            place = place.after(operation, self._plan.params.primes)
        return self._residues.array(handle, place.level)

    def _leave(self, one: np.ndarray, place: Place) -> None:
        """The one way out, in place: re-randomised, and flooded if the plan says so."""
        self._mask(one, place)
        if flood := self._plan.flood:
            modulus = self._plan.params.modulus(place.level)
            noise = flood.mask(self._plan.params.ring, modulus)
            handle = self._residues.handle(one, place.scale)
            one[:] = self._residues.array(self._e.add_integers(handle, noise), place.level)

    def _mask(self, one: np.ndarray, place: Place) -> None:
        """Add a fresh encryption of 0, in place: to every result, and to what has cancelled out.

        From results without it, anyone could work out the weights, which they are sums of inputs
        with; weights of zero, or inputs made to cancel, would even leave what anyone can read.
        """
        fresh = self._residues.zero(place.level, place.scale)
        one[:2] = (one[:2] + fresh) % np.array(self._primes(place), dtype=np.uint64)[:, None]


def residues_of(values: np.ndarray, scale: float, primes: Sequence[int]) -> np.ndarray:
    """Numbers at a scale, exactly, modulo every prime: int64 (values, primes)."""
    whole = [round(Fraction(value) * Fraction(scale)) for value in values.tolist()]
    return np.array([[number % prime for prime in primes] for number in whole], dtype=np.int64)
