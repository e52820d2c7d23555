"""The parties. The data owner holds the secret key; whoever is made from a public bundle has none.

An owner and its servers share nothing but bytes. Decrypting exists on the owner only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from . import batch, bfv, ckks, engines, paillier, wire
from .batch import BatchInterface, BatchPlan, EncryptedBatch
from .cipher import WATCHER, Ciphertext
from .context import BFVContext, Context, PaillierContext
from .encoding import as_numbers
from .errors import BadBytes, NoSecretKey, ParameterError, ShapeError, WrongKey
from .params import BFV, CKKS, Paillier
from .plans import Interface, Plan
from .tables import Shown, Table, nbytes

Params = CKKS | BFV | Paillier
Wanted = Any  #: parameters, a plan, or a plan's interface
_PARAMS: dict[str, Any] = {"CKKS": CKKS, "BFV": BFV, "Paillier": Paillier}
_SCHEME: dict[type, Any] = {CKKS: ckks, BFV: bfv, Paillier: paillier}  #: their encrypt and load


@dataclass(frozen=True, eq=False, repr=False)
class PublicBundle:
    """Parameters and public keys: all that may leave the owner, and enough to compute."""

    params: Params
    engine: str
    keys: engines.Bundle

    @property
    def key_id(self) -> str:
        """A short hash of the public key, by which ciphertexts know where they belong."""
        return hashlib.sha256(self.keys["public"]).hexdigest()[:16]

    @cached_property
    def context(self) -> Any:
        """The scheme's ``Context``: the evaluator made from these keys, loaded on first use."""
        label = (self.key_id, self.engine)
        if isinstance(self.params, Paillier):
            integers = engines.integers(self.engine, self.params, self.keys)
            return PaillierContext(self.params, *label, integers)
        if isinstance(self.params, BFV):
            return BFVContext(
                self.params, *label, engines.modular(self.engine, self.params, self.keys)
            )
        return Context(self.params, *label, engines.evaluator(self.engine, self.params, self.keys))

    def encrypt(self, values: ArrayLike, bound: float | None = None, **options: Any) -> Ciphertext:
        """Anyone may encrypt; see ``encrypt`` of ``helib_py.ckks``, ``bfv`` and ``paillier``.

        ``options`` are the scheme's own: ``packed=True`` for Paillier.
        """
        start = perf_counter()
        c: Ciphertext = _SCHEME[type(self.params)].encrypt(self.context, values, bound, **options)
        if (watcher := WATCHER.get()) is not None:
            watcher.encrypted(c, values, perf_counter() - start)
        return c

    def load(self, data: bytes | Ciphertext) -> Ciphertext:
        """A ciphertext from bytes; see :func:`helib_py.ckks.load`."""
        c: Ciphertext = _SCHEME[type(self.params)].load(self.context, data)
        return c

    def decrypt(self, *_: object) -> np.ndarray:
        """Always refused: there is no secret key in here."""
        raise NoSecretKey("a public bundle cannot decrypt: send the result back to its owner")

    def to_bytes(self) -> bytes:
        """The bundle as one message; its size is what a server downloads once."""
        header = {
            "scheme": type(self.params).__name__,
            "params": self.params.to_json(),
            "engine": self.engine,
            "keys": list(self.keys),
        }
        return wire.pack("public bundle", header, *self.keys.values())

    @classmethod
    def from_bytes(cls, data: bytes) -> PublicBundle:
        """Raises BadBytes when the message is not whole, InsecureParameters for weak ones."""
        header, payloads = wire.unpack("public bundle", data)
        try:
            keys = dict(zip(header["keys"], payloads, strict=True))
            params = _PARAMS[header["scheme"]].from_json(header["params"])
            return cls(params, header["engine"], keys)
        except (KeyError, TypeError, ValueError) as error:
            raise BadBytes("this public bundle is malformed: ask its owner again") from error

    def __reduce__(self) -> tuple[object, tuple[bytes]]:
        return PublicBundle.from_bytes, (self.to_bytes(),)

    def __repr__(self) -> str:
        sizes = " · ".join(f"{name} {nbytes(len(data))}" for name, data in self.keys.items())
        return f"PublicBundle · {self.params!r} · keys: {sizes}"


class DataOwner:
    """Holds the secret key: encrypts inputs, decrypts results.

    Made from parameters it encrypts vectors; made from a plan it encrypts that plan's inputs,
    in the layout both sides agreed on. ``engine="plain"`` makes the clear twin: nothing is
    encrypted, levels and errors are those to expect. ``primes`` revives a Paillier key.
    """

    def __init__(
        self, wanted: Wanted, engine: str | None = None, primes: tuple[int, int] | None = None
    ) -> None:
        self.interface: Any = getattr(wanted, "interface", wanted)  # of any plan
        inside = self.interface
        params: Any = getattr(inside, "params", inside)
        self._keys: Any = engines.new_keys(engine, params, primes)
        self.public = PublicBundle(
            params, engine or engines.OWN_ENGINE[type(params)], self._keys.bundle
        )

    def encrypt(self, x: ArrayLike, bound: float | None = None, **options: Any) -> Any:
        """A vector or number as a Ciphertext; from a plan's owner, one input of its shape.

        The latter is the list of ciphertexts to upload; of a plan for batches, an EncryptedBatch
        of images (count, *shape). Raises BadValue, ShapeError, Overflow.
        """
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
        if isinstance(self.interface, BatchInterface):
            return batch.encrypt_all(
                self.interface, self.public, as_numbers(inputs), workers, tick
            )
        return (self.encrypt(x) for x in as_numbers(inputs))

    def decrypt(self, c: Ciphertext | EncryptedBatch | bytes) -> np.ndarray:
        """The values, shape (length,), of a batch (images, outputs).

        WrongKey for another owner's ciphertext.
        """
        if isinstance(self.interface, BatchInterface):
            return self.interface.open(self.public.context, self._keys, c)
        c = self._own(c)
        return c.decode(self._keys.decrypt(c.handle))

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


class Server:
    """Runs a plan on ciphertexts. Made from a public bundle, it cannot decrypt."""

    def __init__(self, plan: Plan | BatchPlan, public: PublicBundle | bytes) -> None:
        self.public = PublicBundle.from_bytes(public) if isinstance(public, bytes) else public
        self.plan = plan
        if not isinstance(self.public.params, CKKS):
            raise ParameterError("a plan runs on CKKS: pass the bundle of DataOwner(plan)")
        plan.check_keys(self.public.params)
        if isinstance(plan, Plan):
            self._encoded = plan.program.encode(self.public.context.e)

    def run(self, inputs: Upload) -> Any:
        """The encrypted result for one input, as ``owner.encrypt(x)`` gave it or as its bytes.

        Of a plan for batches, an EncryptedBatch for an EncryptedBatch. Raises ShapeError,
        WrongKey, BadBytes for what is no input of this plan, OutOfMemory.
        """
        if isinstance(self.plan, BatchPlan):
            (scores,) = batch.run_all(self.plan, self.public, [inputs])
            return scores
        if not isinstance(inputs, list | tuple):
            raise ShapeError(f"{type(inputs).__name__}: pass what DataOwner(plan).encrypt(x) gave")
        context = self.public.context
        loaded: list[Any] = [c if _at_home(c, context) else self.public.load(c) for c in inputs]
        self.plan.interface.check(loaded)
        handles = [c.handle for c in loaded]
        output = self.plan.program.run(context.e, handles, self._encoded)
        return self.plan.interface.wrap(context, output, self.plan.error)

    def run_all(
        self, uploads: Iterable[Upload], workers: int = 2, tick: batch.Tick | None = None
    ) -> Iterator[bytes]:
        """Results of many inputs in order, as bytes, from worker processes.

        SEAL is single-threaded and Python's lock is held during its calls, so threads would not
        help. Each worker is a new process that gets the plan and the public bundle, as bytes. They
        share the inputs out among them, and the work on each batch; of that ``tick`` is told.
        """
        if isinstance(self.plan, BatchPlan):
            results = batch.run_all(self.plan, self.public, uploads, workers, tick)
            yield from (result.to_bytes() for result in results)
            return
        jobs = ([c if isinstance(c, bytes) else c.to_bytes() for c in up] for up in uploads)
        given = (self.plan.to_bytes(), self.public.to_bytes())
        with batch.crew(workers, _Worker, *given) as run:
            yield from run(jobs)

    def __repr__(self) -> str:
        return f"Server (no secret key) · {self.plan.summary}"


Upload = Any  #: a sequence of ciphertexts or of their bytes, or an EncryptedBatch or its bytes


class _Worker:
    """A server that a worker process makes for itself."""

    def __init__(self, plan: bytes, public: bytes) -> None:
        self._server = Server(Plan.from_bytes(plan), public)

    def __call__(self, upload: Sequence[bytes]) -> bytes:
        result: bytes = self._server.run(upload).to_bytes()
        return result


def _at_home(c: Ciphertext | bytes, context: Context) -> bool:
    return isinstance(c, Ciphertext) and c.context.evaluator is context.evaluator


@dataclass(repr=False)
class Transcript(Shown):
    """Everything that crosses between parties, as bytes: pass each message through ``send``."""

    messages: list[tuple[str, str, str, int]] = field(default_factory=list)

    def send(self, sender: str, receiver: str, what: str, data: bytes) -> bytes:
        """Note a message and hand its bytes on; anything but bytes is refused."""
        if not isinstance(data, bytes):
            raise ShapeError(f"only bytes cross between parties, not {type(data).__name__}")
        self.messages.append((sender, receiver, what, len(data)))
        return data

    def table(self) -> Table:
        """Who saw what."""
        rows = [(s, r, what, nbytes(size)) for s, r, what, size in self.messages]
        return Table(("from", "to", "what was seen", "bytes"), rows, "Everything that crossed")
