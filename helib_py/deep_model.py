"""Scenario 2 with hidden layers: the whole network is encrypted and goes to where the data is."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike

from . import engines, noise, packing, wire
from .agreement import Agreement, Stage
from .balance import balanced
from .bundle import PublicBundle
from .encoding import as_numbers, within
from .engines import Evaluator, Handle, KeyHolder
from .errors import BadBytes, NoSecretKey, OutOfAnswers, ShapeError, WrongKey
from .flooding import COUNTING
from .network import Affine, only_squares
from .options import whole
from .params import MAX_RING
from .tables import nbytes


class DeepModelOwner:
    """Holds the weights of a network and the secret key; decrypts the answers that come back.

    ``net``: a torch ``Sequential`` with squares or quadratics between its layers, or what
    ``helib_py.nn.read`` makes of it. ``examples``, shape (count, *input), show how large hidden
    units and outputs get; ``margin`` is how much larger they may become. ``terms`` are those of
    an :class:`Agreement`; the smallest ring that allows them is taken, unless ``ring`` is given.

    Raises ParameterError, InsecureParameters, NotPolynomial, ShapeError before any key exists.
    """

    def __init__(
        self,
        net: Any,
        examples: ArrayLike,
        engine: str | None = None,
        *,
        ring: int = 0,
        **terms: Any,
    ) -> None:
        x = as_numbers(examples)
        if x.ndim < 2 or not len(x):
            raise ShapeError(f"examples of shape {x.shape}: give a batch, (count, *input shape)")
        affines = _affines(net, x.shape[1:])
        with _advised(net):
            ring = whole(ring, "ring", 0, MAX_RING)
            self.agreed, self._affines = balanced(affines, x.reshape(len(x), -1), ring, terms)
        params = self.agreed.params
        engine = engines.chosen(engine, params)
        self._keys = cast(KeyHolder, engines.new_keys(engine, params))
        self.public = PublicBundle(params, engine, self._keys.bundle)

    def encrypt_model(self) -> SealedNetwork:
        """All weights and biases, each ciphertext on the level where it is needed."""
        e, sealed = self.public.context.e, list[bytes]()
        for stage, affine in zip(self.agreed.stages, self._affines, strict=True):
            weights = stage.folding.weights(affine.dense)
            for values in weights.reshape(-1, weights.shape[-1]):
                sealed.append(e.dump(e.encrypt(values, stage.level, stage.weights)))
            for values in stage.folding.bias(affine.bias):
                sealed.append(e.dump(e.encrypt(values, stage.level - 1, stage.sums)))
        return SealedNetwork(self.public, self.agreed, tuple(sealed))

    def decrypt(self, answer: Answer | bytes) -> np.ndarray:
        """The outputs, shape (outputs,): the mean over all slots that hold the same one.

        Raises BadBytes for other bytes, WrongKey for an answer under another owner's key.
        """
        data = answer.to_bytes() if isinstance(answer, Answer) else answer
        header, payloads = wire.unpack("answer", data)
        if header.get("key") != self.public.key_id:
            raise WrongKey("this answer is under another model owner's key: only they can read it")
        if header.get("agreement") != _fingerprint(self.agreed) or len(payloads) != 1:
            raise BadBytes("this answer is under another agreement: ask for it again")
        handle = self.public.context.e.load(payloads[0], 0, self.agreed.stages[-1].sums)
        repeated = self._keys.decrypt(handle).reshape(-1, self.agreed.period)
        outputs: np.ndarray = repeated.mean(axis=0)[: self.agreed.widths[-1]]
        return outputs

    def __reduce__(self) -> str:
        raise NoSecretKey("a model owner is not pickled, it holds the secret key: send a model")

    def __repr__(self) -> str:
        return f"DeepModelOwner (holds the secret key) · {self.agreed!r}"


@dataclass(frozen=True, eq=False, repr=False)
class SealedNetwork:
    """An encrypted network at the data owner, who has no secret key and sees no weight.

    Called with one input, it gives an encrypted answer that is re-randomised, flooded, and empty
    but for the outputs. The flood is sized for ``agreed.answers`` answers about one input: more
    are refused. Only answers of this very object are counted: a pickle's copy, or the bytes loaded
    once more, would count anew, so one that has given answers is not pickled.
    """

    public: PublicBundle
    agreed: Agreement
    sealed: tuple[bytes, ...]
    _given: Counter[bytes] = field(default_factory=Counter, init=False)

    @cached_property
    def layers(self) -> list[Layer]:
        """Ciphertexts of the weights and of the bias of every layer; BadBytes for others."""
        e, left = self.public.context.e, iter(self.sealed)
        expected = sum(s.folding.groups * (s.folding.terms + 1) for s in self.agreed.stages)
        if len(self.sealed) != expected:
            raise BadBytes(
                f"{len(self.sealed)} ciphertexts, not {expected}: ask for the model again"
            )
        layers = []
        for s in self.agreed.stages:
            groups, terms = range(s.folding.groups), range(s.folding.terms)
            weights = [[e.load(next(left), s.level, s.weights) for _ in terms] for _ in groups]
            layers.append((s, weights, [e.load(next(left), s.level - 1, s.sums) for _ in groups]))
        return layers

    def __call__(self, x: ArrayLike) -> Answer:
        """The encrypted outputs for one input (features,), or of any shape with as many numbers.

        |x| ≤ the agreement's ``input_bound``. Inputs that are nearly the same, such as frames of a
        film, count as one towards ``answers``, but only equal ones can be counted here. Raises
        ShapeError, Overflow, BadValue, OutOfAnswers.
        """
        e, bare = self.public.context.e, self.evaluate(x)
        self._count(as_numbers(x))  # after all that may be refused about an input
        masked = e.add_integers(e.rerandomise(bare), self.agreed.mask())
        return Answer(self.public, self.agreed, e.dump(masked))

    def _count(self, x: np.ndarray) -> None:
        asked = hashlib.sha256((x + 0.0).tobytes()).digest()  # + 0.0: of 0 there is one only
        with COUNTING:
            if self._given[asked] + 1 > self.agreed.answers:
                raise OutOfAnswers(
                    f"answers={self.agreed.answers} about one input was agreed on, and about this "
                    "one they have been given: agree on more before the model is made"
                )
            self._given[asked] += 1

    def evaluate(self, x: ArrayLike) -> Handle:
        """The engine's own ciphertext before it is masked: its noise tells of x, never send it."""
        values = as_numbers(x).reshape(-1)
        if len(values) != self.agreed.widths[0]:
            raise ShapeError(
                f"input of shape {np.shape(x)}: one at a time, of {self.agreed.widths[0]} numbers"
            )
        within(values, self.agreed.input_bound, "input_bound")
        e, first = self.public.context.e, self.agreed.stages[0]
        inputs = [e.encode(v, first.level, first.inputs) for v in first.folding.inputs(values)]
        sums: list[Handle] = []
        for k, (stage, weights, biases) in enumerate(self.layers):
            if k:
                inputs = [e.rescale(e.relinearise(e.square(y))) for y in sums]
            sums = [
                e.add(_sum(e, stage, inputs, row, plain=k == 0), bias)
                for row, bias in zip(weights, biases, strict=True)
            ]
        return sums[0]

    def to_bytes(self) -> bytes:
        """What the model owner sends, once: public keys and encrypted weights."""
        header = {"agreement": self.agreed.to_json()}
        return wire.pack("sealed network", header, self.public.to_bytes(), *self.sealed)

    @classmethod
    def from_bytes(
        cls, data: bytes, agreed: Agreement, engine: str | None = None
    ) -> SealedNetwork:
        """Raises BadBytes when the message is not whole, or not what was ``agreed`` on.

        A model owner who may choose the widths chooses how much of an input an answer can carry,
        and who may choose the norms how little it is flooded. The clear twin, which encrypts
        nothing, is accepted only with ``engine="plain"``.
        """
        header, payloads = wire.unpack("sealed network", data)
        if header.get("agreement") != agreed.to_json() or not payloads:
            raise BadBytes(f"a model under other terms, {agreed!r} was agreed on: refuse it")
        public = PublicBundle.from_bytes(payloads[0], agreed.insecure, engine)
        if public.params.fingerprint != agreed.params.fingerprint:
            raise BadBytes(f"keys for {public.params!r}, {agreed!r} was agreed on: refuse them")
        network = cls(public, agreed, tuple(payloads[1:]))
        _ = network.layers  # loaded, so that what is damaged is refused now
        return network

    def __reduce__(self) -> tuple[object, tuple[bytes, Agreement, str]]:
        if self._given:
            raise OutOfAnswers(
                "a sealed network that has given answers is not pickled, its copy would count "
                "them anew: pickle it before, and let one copy answer"
            )
        return SealedNetwork.from_bytes, (self.to_bytes(), self.agreed, self.public.engine)

    def __repr__(self) -> str:
        size = nbytes(sum(map(len, self.sealed)))
        return f"SealedNetwork (no secret key) · {size} · {self.agreed!r}"


Layer = tuple[Stage, list[list[Handle]], list[Handle]]


@dataclass(frozen=True, eq=False, repr=False)
class Answer:
    """Encrypted outputs, ready to be sent: masked already, and not computed on any further."""

    public: PublicBundle
    agreed: Agreement
    payload: bytes

    @property
    def bits(self) -> float:
        """Predicted precision: -log2 of the largest error to expect, almost all of it flood."""
        error = np.hypot(self.agreed.error, self.agreed.flood.slot_std)
        return float(noise.bits(noise.largest(self.agreed.widths[-1]) * error))

    def to_bytes(self) -> bytes:
        """What goes back to the model owner."""
        header = {"agreement": _fingerprint(self.agreed), "key": self.public.key_id}
        return wire.pack("answer", header, self.payload)

    def __repr__(self) -> str:
        secure = f" · {self.agreed.params.label}" if self.agreed.params.is_secure else ""
        return (
            f"Answer of {self.agreed.widths[-1]} · ~{self.bits:.0f} bits · flooded, "
            f"{self.agreed.statistical_bits:g} statistical bits · {nbytes(len(self.payload))}"
            f"{secure}{self.public.context.warning}"
        )


def _sum(
    e: Evaluator, stage: Stage, inputs: Sequence[Any], weights: Sequence[Handle], plain: bool
) -> Handle:
    """Σ inputs·weights, folded before it is rescaled: rotations add no error there."""
    times = e.multiply_plain if plain else e.multiply
    product = reduce(e.add, [times(w, z) for w, z in zip(weights, inputs, strict=True)])
    product = product if plain else e.relinearise(product)
    return e.rescale(packing.fold(e, product, stage.folding.folds))


def _fingerprint(agreed: Agreement) -> str:
    return hashlib.sha256(agreed.to_json().encode()).hexdigest()[:32]


def _advised(net: Any) -> AbstractContextManager[None]:
    """So that a refusal names what is wrong with a torch network."""
    if isinstance(net, list | tuple):
        return nullcontext()
    from .nn import advised

    return advised(net)


def _affines(net: Any, shape: tuple[int, ...]) -> Sequence[Affine]:
    """The layers as matrices; a torch network is read by what alone knows torch."""
    if not isinstance(net, list | tuple):
        from .nn import read

        net = read(net, shape)
    if not net or not all(isinstance(layer, Affine) for layer in net):
        raise ShapeError(
            "no layers: give a torch Sequential, or the list that nn.read makes of it"
        )
    affines: Sequence[Affine] = net
    only_squares(affines, "an encrypted network")
    return affines
