"""The parties. The data owner holds the secret key; whoever is made from a public bundle has none.

An owner and its servers share nothing but bytes. Decrypting exists on the owner only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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
from .errors import (
    BadBytes,
    NoSecretKey,
    OutOfAnswers,
    ParameterError,
    ShapeError,
    WrongKey,
)
from .flooding import Allowance, check_terms
from .noise import check_outlasts
from .params import BFV, CKKS, Paillier
from .plans import Interface, Plan
from .tables import nbytes

Params = CKKS | BFV | Paillier
Wanted = Any  #: parameters, a plan, or a plan's interface
_PARAMS: dict[str, Any] = {"CKKS": CKKS, "BFV": BFV, "Paillier": Paillier}
_SCHEME: dict[type, Any] = {CKKS: ckks, BFV: bfv, Paillier: paillier}  #: their encrypt and load


FREE_BYTES = 1 << 29  #: that a bundle may take, however few its own bytes are
_NAMES = ("seed", "public", "pair", "blinding", "proof")  #: what says whose key it is


@dataclass(frozen=True, eq=False, repr=False)
class PublicBundle:
    """Parameters and public keys: all that may leave the owner, and enough to compute."""

    params: Params
    engine: str
    keys: engines.Bundle

    @cached_property
    def key_id(self) -> str:
        """A hash of parameters and public key, by which ciphertexts know where they belong."""
        named = [self.keys[name] for name in _NAMES if name in self.keys]
        return _hash(self.params.fingerprint.encode(), *named)

    @property
    def fingerprint(self) -> str:
        """A hash of the whole bundle, to be compared over another channel.

        Nothing else tells who made it: whoever can replace a bundle on its way reads all that is
        then encrypted with it.
        """
        return _hash(self.to_bytes())

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
            "format": engines.FORMATS[self.engine],
            "keys": list(self.keys),
        }
        return wire.pack("public bundle", header, *self.keys.values())

    @classmethod
    def from_bytes(
        cls, data: bytes, insecure: bool = False, engine: str | None = None
    ) -> PublicBundle:
        """A stranger's bundle: parameters derived anew, keys as long as these make them.

        ``insecure=True`` accepts parameters below the security tables: that is for whoever
        receives them to say, and what the sender says of it is not read. ``engine``: what is to
        compute with it here; a clear twin's, which encrypts nothing, is accepted with "plain"
        only. Raises InsecureParameters, ParameterError, and BadBytes for keys that are not whole,
        or that no honest owner can have made.
        """
        header, payloads = wire.unpack("public bundle", data)
        with wire.rebuilding("public bundle"):
            kinds = {"scheme": str, "params": str, "format": str, "keys": list}
            scheme, params, form, names = wire.typed(header, kinds)
            made = _PARAMS[scheme].from_json(params, insecure)
            own = engines.engine_for(form, made, engine)
            keys = dict(zip(names, payloads, strict=True))
            if not set(keys) <= {*_NAMES, "relinearisation", "rotation"} - {"pair"}:
                raise ValueError("it holds what is no public key")
            if own != "plain" and _light(made, keys):
                raise ValueError("parameters so large come with all their keys")
        bundle = cls(made, own, keys)
        _ = bundle.context  # loaded, so that what is damaged is refused now
        return bundle

    def __reduce__(self) -> tuple[object, tuple[bytes, bool, str]]:
        return PublicBundle.from_bytes, (self.to_bytes(), self.params.insecure, self.engine)

    def __repr__(self) -> str:
        sizes = " · ".join(f"{name} {nbytes(len(data))}" for name, data in self.keys.items())
        return f"PublicBundle · {self.params!r} · keys: {sizes}"


def _light(params: Params, keys: engines.Bundle) -> bool:
    """Whether parameters would take far more memory than was sent: by few bytes, from anyone."""
    if isinstance(params, Paillier):
        return False
    return params.context_bytes > max(FREE_BYTES, 4 * sum(map(len, keys.values())))


def received(public: PublicBundle | bytes, insecure: bool) -> PublicBundle:
    """A bundle as it is, or from bytes, which only the receiver can call secure enough."""
    if isinstance(public, PublicBundle):
        return public
    return PublicBundle.from_bytes(public, insecure)  # which refuses what is no bytes


def _hash(*parts: bytes) -> str:
    """Of parts and where they end: 128 bits, in hexadecimal."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()[:32]


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
        self.interface: Any = getattr(wanted, "interface", wanted)  # of any plan
        inside = self.interface
        params: Any = getattr(inside, "params", inside)
        engine = engine or engines.own_engine(params)
        self._keys: Any = engines.new_keys(engine, params, primes)
        self.public = PublicBundle(params, engine, self._keys.bundle)
        self._published: list[int] = []  # of how many each was to be one

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

        No noise helps against ciphertexts that were made to extract the key. So what another
        party computed is refused (BadValue), unless you vouch for it by the largest ``error`` that
        a value can have, for BFV by ``c.promise(bound, budget=bits)``. OutOfAnswers.
        """
        c = self._own(c)
        check_terms(statistical_bits, answers, self.public.params.insecure)
        flood = c.cover(statistical_bits, answers, error)
        opened = self._keys.decrypt(c.handle)
        if flood is None:
            return c.decode(opened)
        check_outlasts(flood, c.bound, len(c), precision)
        if len(self._published) >= min([answers, *self._published]):
            raise OutOfAnswers(
                f"{len(self._published)} decryptions were published under noise for "
                f"{min(self._published)}: make a new key and publish under more answers= with it"
            )
        self._published.append(answers)
        return c.covered(opened, flood)

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
        self.public = received(public, insecure)
        self.plan = plan if flood is None else plan.flooded(flood, answers)
        self._allowance = Allowance(self.plan.flood)
        if not isinstance(self.public.params, CKKS):
            raise ParameterError("a plan runs on CKKS: pass the bundle of DataOwner(plan)")
        plan.check_keys(self.public.params)
        if isinstance(plan, Plan):
            self._encoded = plan.program.encode(self.public.context.e)

    def run(self, inputs: Upload) -> Any:
        """The encrypted result for one input, as ``owner.encrypt(x)`` gave it or as its bytes.

        Of a plan for batches, an EncryptedBatch for an EncryptedBatch. Raises ShapeError,
        WrongKey, BadBytes for what is no input of this plan, OutOfMemory, OutOfAnswers.
        """
        if isinstance(self.plan, BatchPlan):
            (scores,) = batch.run_all(self.plan, self.public, self._counted([inputs]))
            return scores
        if not isinstance(inputs, list | tuple):
            raise ShapeError(f"{type(inputs).__name__}: pass what DataOwner(plan).encrypt(x) gave")
        context, inside = self.public.context, self.plan.interface
        loaded: list[Any] = [c if _at_home(c, context) else self.public.load(c) for c in inputs]
        inside.check(loaded)
        self._allowance.take()
        output = self.plan.program.run(context.e, [c.handle for c in loaded], self._encoded)
        if self.plan.flood:
            return inside.flooded(context, output, self.plan.flood)
        return inside.wrap(context, output, self.plan.error)

    def run_all(
        self, uploads: Iterable[Upload], workers: int = 2, tick: batch.Tick | None = None
    ) -> Iterator[bytes]:
        """Results of many inputs in order, as bytes, from worker processes.

        SEAL is single-threaded and Python's lock is held during its calls, so threads would not
        help. Each worker is a new process that gets the plan and the public bundle, as bytes. They
        share the inputs out among them, and the work on each batch; of that ``tick`` is told.
        """
        uploads = self._counted(uploads)
        if isinstance(self.plan, BatchPlan):
            results = batch.run_all(self.plan, self.public, uploads, workers, tick)
            yield from (result.to_bytes() for result in results)
            return
        jobs = ([c if isinstance(c, bytes) else c.to_bytes() for c in up] for up in uploads)
        given = (self.plan.to_bytes(), self.public.to_bytes(), self.public.params.insecure)
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

    def __init__(self, plan: bytes, public: bytes, insecure: bool) -> None:
        self._server = Server(Plan.from_bytes(plan, insecure), public, insecure)

    def __call__(self, upload: Sequence[bytes]) -> bytes:
        result: bytes = self._server.run(upload).to_bytes()
        return result


def _at_home(c: Ciphertext | bytes, context: Context) -> bool:
    return isinstance(c, Ciphertext) and c.context.evaluator is context.evaluator
