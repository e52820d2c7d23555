"""The parties. The data owner holds the secret key; whoever is made from a public bundle has none.

An owner and its servers share nothing but bytes. Decrypting exists on the owner only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import batch, engines
from .batch import BatchInterface, BatchPlan, EncryptedBatch
from .bundle import PublicBundle, received
from .cipher import WATCHER, Ciphertext, told
from .context import Context
from .encoding import as_numbers
from .errors import (
    BadBytes,
    NoSecretKey,
    OutOfAnswers,
    ParameterError,
    ShapeError,
    WrongKey,
)
from .flooding import COUNTING, Allowance, check_terms
from .memory import check_memory, enough_memory
from .noise import check_outlasts
from .options import real, shown
from .params import BFV, CKKS, Paillier
from .plans import Interface, Plan

Wanted = Any  #: parameters, a plan, or a plan's interface


class DataOwner:
    """Holds the secret key: encrypts inputs, decrypts results.

    Made from parameters it encrypts vectors; made from a plan it encrypts that plan's inputs,
    in the layout both sides agreed on. ``engine``: "seal" or "pyfhel", by default the first of
    these that is installed; ``engine="plain"`` makes the clear twin: nothing is encrypted, levels
    and errors are those to expect. ``primes`` revives a Paillier key.
    """

    def __init__(
        self, wanted: Wanted, engine: str | None = None, primes: tuple[int, int] | None = None
    ) -> None:
        self.interface, params = _wanted(wanted)
        engine = engines.chosen(engine, params)
        with enough_memory("making these keys", "ask for fewer rotations= or less depth"):
            self._keys: Any = engines.new_keys(engine, params, primes)
        self.public = PublicBundle(params, engine, self._keys.bundle)
        self._published: list[int] = []  # of how many each was to be one

    def encrypt(self, x: ArrayLike, bound: float | None = None, **options: Any) -> Any:
        """A vector or number as a Ciphertext; from a plan's owner, one input of its shape.

        The latter is the list of ciphertexts to upload; of a plan for batches, an EncryptedBatch
        of images (count, *shape). Raises BadValue, ShapeError, Overflow; ParameterError for
        options, which a plan has settled.
        """
        if isinstance(self.interface, Interface | BatchInterface):
            _check_settled(bound=bound, **options)
        if isinstance(self.interface, BatchInterface):
            return batch.encrypt(self.interface, self.public, as_numbers(x))
        if isinstance(self.interface, Interface):
            return list(self.interface.encrypt(self.public.context, as_numbers(x)))
        if isinstance(self.interface, Paillier):
            options["by"] = self._keys  # knowing the primes, the owner is faster
        return self.public.encrypt(x, bound, **options)

    def encrypt_all(
        self, inputs: ArrayLike, workers: int = 2, tick: batch.Tick | None = None
    ) -> Iterator[Any]:
        """What to upload for many inputs (count, *shape), for ``Server.run_all``.

        Batches are encrypted in worker processes; ``tick`` is told how many ciphertexts are done.
        """
        if tick is not None and not callable(tick):
            raise ParameterError(f"tick={shown(tick)}: a function, told how many are done")
        if isinstance(self.interface, BatchInterface):
            return batch.encrypt_all(self.interface, self.public, _several(inputs), workers, tick)
        return (self.encrypt(x) for x in _several(inputs))

    def decrypt(self, c: Ciphertext | EncryptedBatch | bytes) -> np.ndarray:
        """The values, shape (length,), of a batch (images, outputs).

        WrongKey for another owner's ciphertext.
        """
        if isinstance(self.interface, BatchInterface):
            return self.interface.open(self.public.context, self._keys, c)
        c = self._own(c)
        return c.decode(self._keys.decrypt(c.handle))

    def publish(
        self,
        c: Ciphertext | bytes,
        answers: int = 1,
        *,
        statistical_bits: float = 40.0,
        precision: float = 7.0,
        error: float | None = None,
    ) -> np.ndarray:
        """The values of a ciphertext, to be shown to anybody.

        A CKKS decryption is message plus error, and whoever has the ciphertext and sees the error
        knows the key (Li, Micciancio, ePrint 2020/1533). So noise is added that hides the errors
        of ``answers`` decryptions, and this owner publishes no more than that. ``precision``: bits
        below the ciphertext's bound that must outlast it, else ParameterError. BFV and Paillier
        decrypt exactly, and values are shown as they are.

        No noise helps against ciphertexts that were made to extract the key. So what came as bytes
        from anywhere is refused (BadValue), whatever its label says, and all that was computed
        with it, unless you vouch for it by the largest ``error`` that a value can have, for BFV by
        ``c.promise(bound, budget=bits)``. OutOfAnswers.
        """
        precision = real(precision, "precision")
        error = None if error is None else real(error, "error", 0)
        c = self._own(c)
        check_terms(statistical_bits, answers, self.public.params.insecure)
        flood = c.cover(statistical_bits, answers, error)
        opened = self._keys.decrypt(c.handle)
        if flood is None:
            return c.decode(opened)
        check_outlasts(flood, c.bound, len(c), precision)
        self._count(answers)
        return c.covered(opened, flood)

    def _count(self, answers: int) -> None:
        """One more decryption is shown; OutOfAnswers where the noise of one was for fewer."""
        with COUNTING:
            if len(self._published) >= min([answers, *self._published]):
                raise OutOfAnswers(
                    f"{len(self._published)} decryptions were published under noise for "
                    f"{min(self._published)}: make a new key and publish under more answers= "
                    "with it"
                )
            self._published.append(answers)

    def budget(self, c: Ciphertext | bytes) -> int:
        """Bits of noise budget left in a BFV ciphertext, measured: that takes the secret key.

        0 when it can no longer be decrypted. ParameterError for other schemes.
        """
        if not isinstance(self.public.params, BFV):
            scheme = type(self.public.params).__name__
            raise ParameterError(
                f"{scheme} has no noise budget, BFV has: see .bits of a {scheme} ciphertext"
            )
        measured: int = self._keys.budget(self._own(c).handle)
        return measured

    def _own(self, c: object) -> Ciphertext:
        """A ciphertext under this owner's key, ready to be opened."""
        if not isinstance(c, Ciphertext | bytes):
            raise BadBytes(f"{type(c).__name__} given: decrypt one ciphertext, or its bytes")
        if isinstance(c, Ciphertext) and c.context.key_id != self.public.key_id:
            raise WrongKey(
                "this ciphertext is under another owner's key: only they can decrypt it"
            )
        if isinstance(c, bytes) or c.context.evaluator is not self.public.context.evaluator:
            c = self.public.load(c)
        return c

    def __repr__(self) -> str:
        return f"DataOwner (holds the secret key) · {self.public.params!r}"

    def __reduce__(self) -> str:
        raise NoSecretKey("an owner is not pickled, it holds the secret key: send owner.public")


def _wanted(wanted: Wanted) -> tuple[Any, Any]:
    """What an owner agrees to, and its parameters; ParameterError for what has none."""
    inside = getattr(wanted, "interface", wanted)  # of any plan
    params = inside.params if isinstance(inside, Interface | BatchInterface) else inside
    if not isinstance(params, CKKS | BFV | Paillier):
        raise ParameterError(
            f"{shown(wanted)}: an owner is made from he.CKKS(…), he.BFV(…), he.Paillier(…), or "
            "from what he.plan(net, X) gave; of bootstraps with he.BootstrapOwner"
        )
    return inside, params


def _several(inputs: ArrayLike) -> np.ndarray:
    x = as_numbers(inputs)
    if not x.ndim:
        raise ShapeError("a single number: give many inputs, (count, *shape)")
    return x


def _check_settled(**options: Any) -> None:
    if given := [name for name, value in options.items() if value is not None]:
        raise ParameterError(
            f"{', '.join(given)}: a plan has settled how its inputs are encrypted, leave it out"
        )


class Server:
    """Runs a plan on ciphertexts. Made from a public bundle, it cannot decrypt.

    ``flood``: statistical bits by which noise hides what the errors of answers tell of the
    weights, for ``answers`` answers; more are refused. A plan made with ``flood=`` floods without
    being told. Only answers of this very object are counted: whoever starts it anew, or takes
    another key, starts anew.

    ``insecure=True`` accepts the bytes of a toy's bundle, see ``PublicBundle.from_bytes``.
    ParameterError when too little outlasts the flood, see ``Plan.flooded``.
    """

    def __init__(
        self,
        plan: Plan | BatchPlan,
        public: PublicBundle | bytes,
        insecure: bool = False,
        *,
        flood: float | None = None,
        answers: int = 1,
    ) -> None:
        if not isinstance(plan, Plan | BatchPlan):
            raise ParameterError(
                f"{shown(plan)}: a server runs what he.plan(net, X) gave; with refresh= that is "
                "for he.DeepServer or he.BootstrapServer"
            )
        self.public = received(public, insecure)
        self.plan = plan if flood is None else plan.flooded(flood, answers)
        self._allowance = Allowance(self.plan.flood)
        if not isinstance(self.public.params, CKKS):
            raise ParameterError("a plan runs on CKKS: pass the bundle of DataOwner(plan)")
        plan.check_keys(self.public.params)
        if isinstance(plan, Plan):
            check_memory(plan.memory_bytes, "running this plan")
            with enough_memory("encoding these weights", "plan a smaller network"):
                self._encoded = plan.program.encode(self.public.context.e)

    def run(self, inputs: Upload) -> Any:
        """The encrypted result for one input, as ``owner.encrypt(x)`` gave it or as its bytes.

        Of a plan for batches, an EncryptedBatch for an EncryptedBatch. Raises ShapeError,
        WrongKey, BadBytes for what is no input of this plan, OutOfMemory, OutOfAnswers.
        """
        start = perf_counter()
        with enough_memory("this run", "run fewer inputs at once"):
            result = self._run(inputs)
        if (watcher := WATCHER.get()) is not None:
            watcher.ran(self.plan, result, perf_counter() - start)
        return result

    def _run(self, inputs: Upload) -> Any:
        if isinstance(self.plan, BatchPlan):
            (scores,) = batch.run_all(self.plan, self.public, self._counted([inputs]))
            return scores
        context, inside = self.public.context, self.plan.interface
        parts = _parts(inputs)
        loaded: list[Any] = [c if _at_home(c, context) else self.public.load(c) for c in parts]
        inside.check(loaded)
        self._allowance.take()
        output = self.plan.program.run(context.e, [c.handle for c in loaded], self._encoded)
        if self.plan.flood:
            return told(inside.flooded(context, output, self.plan.flood))
        return told(inside.wrap(context, output, self.plan.error))

    def run_all(
        self, uploads: Iterable[Upload], workers: int = 2, tick: batch.Tick | None = None
    ) -> Iterator[bytes]:
        """Results of many inputs in order, as bytes, from worker processes.

        SEAL is single-threaded and Python's lock is held during its calls, so threads would not
        help. Each worker is a new process that gets the plan and the public bundle, as bytes. They
        share the inputs out among them, and the work on each batch; of that ``tick`` is told.
        """
        if not isinstance(uploads, Iterable):
            raise ShapeError(f"{shown(uploads)}: pass what DataOwner(plan).encrypt_all(X) gave")
        uploads = self._counted(uploads)
        if isinstance(self.plan, BatchPlan):
            results = batch.run_all(self.plan, self.public, uploads, workers, tick)
            yield from (result.to_bytes() for result in results)
            return
        jobs = (
            [c if isinstance(c, bytes) else c.to_bytes() for c in _parts(up)] for up in uploads
        )
        public = self.public
        given = (self.plan.to_bytes(), public.to_bytes(), public.params.insecure, public.engine)
        with batch.crew(workers, _Worker, *given) as run:
            yield from run(jobs)

    def _counted(self, uploads: Iterable[Upload]) -> Iterator[Upload]:
        """The uploads, each of them counted, as far as the flood is sized for them."""
        for upload in uploads:
            self._allowance.take()
            yield upload

    def __repr__(self) -> str:
        return f"Server (no secret key) · {self.plan.summary}"


Upload = Any  #: a sequence of ciphertexts or of their bytes, or an EncryptedBatch or its bytes


class _Worker:
    """A server that a worker process makes for itself."""

    def __init__(self, plan: bytes, public: bytes, insecure: bool, engine: str) -> None:
        bundle = PublicBundle.from_bytes(public, insecure, engine)
        self._server = Server(Plan.from_bytes(plan, insecure), bundle)

    def __call__(self, upload: Sequence[bytes]) -> bytes:
        result: bytes = self._server.run(upload).to_bytes()
        return result


def _parts(upload: Upload) -> Sequence[Ciphertext | bytes]:
    """The ciphertexts of one input, each an object or its bytes."""
    if not isinstance(upload, list | tuple) or not all(
        isinstance(c, Ciphertext | bytes) for c in upload
    ):
        raise ShapeError(f"{shown(upload)}: pass what DataOwner(plan).encrypt(x) gave")
    return upload


def _as_bytes(c: Ciphertext | bytes) -> bytes:
    return c if isinstance(c, bytes) else c.to_bytes()


def _at_home(c: Ciphertext | bytes, context: Context) -> bool:
    return isinstance(c, Ciphertext) and c.context.evaluator is context.evaluator
