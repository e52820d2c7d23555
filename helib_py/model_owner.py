"""Scenario 2: the model is encrypted and goes to where the data is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import ArrayLike

from . import wire
from .bundle import PublicBundle
from .encoding import as_numbers
from .errors import BadBytes, ParameterError, ShapeError
from .options import shown
from .paillier import PaillierVector, expect_fresh, row_width
from .params import Paillier
from .roles import DataOwner
from .tables import nbytes


class ModelOwner:
    """Holds the secret key of an encrypted model; decrypts the scores that come back."""

    def __init__(
        self,
        params: Paillier,
        engine: str | None = None,
        primes: tuple[int, int] | None = None,
    ) -> None:
        if not isinstance(params, Paillier) or params.factor_bound < 1:
            raise ParameterError(
                f"{shown(params)}: an encrypted linear model takes he.Paillier() with a "
                "factor_bound of at least 1, as its bias is multiplied by 1"
            )
        self.params = params
        self._owner = DataOwner(params, engine, primes)
        self.public = self._owner.public

    def encrypt_model(self, weights: ArrayLike, bias: ArrayLike = 0.0) -> SealedModel:
        """Weights (features,) or (outputs, features) and their bias, encrypted to be sent.

        |weights| and |bias| are at most the parameters' ``bound``. The outputs are side by side in
        one ciphertext a feature, so that one product of powers gives all scores. Raises Overflow,
        and ShapeError, also for more outputs than there is room for.
        """
        matrix, added = as_numbers(weights), as_numbers(bias)
        if matrix.ndim not in (1, 2) or added.shape not in ((), matrix.shape[:-1]):
            raise ShapeError(f"weights {matrix.shape}, bias {added.shape}: (outputs, features)")
        column = np.broadcast_to(added, matrix.shape[:-1])[..., None]
        both = np.concatenate([matrix, column], axis=-1)
        width = row_width(self.params, terms=both.shape[-1])
        if both.ndim == 2 and len(both) * width > self.params.capacity:
            raise ShapeError(
                f"{len(both)} outputs of {width} bits, side by side in {self.params.capacity}: "
                f"encrypt at most {self.params.capacity // width} outputs a model, the others as "
                "another one, or lower precision, factor_precision or the bounds"
            )
        options = {"width": width} if both.ndim == 2 else {}
        return SealedModel(self.public, self._owner.encrypt(both, **options).to_bytes())

    def decrypt(self, scores: PaillierVector | bytes) -> np.ndarray:
        """Scores of the inputs, shape (inputs,), or (inputs, outputs) of a model with several."""
        return self._owner.decrypt(scores).T

    def __repr__(self) -> str:
        return f"ModelOwner (holds the secret key) · {self.public.params!r}"


@dataclass(frozen=True, eq=False, repr=False)
class SealedModel:
    """An encrypted linear model at the data owner, who has no key and sees no weight.

    Called with one input (features,) or many (inputs, features), it gives encrypted scores:
    packed, re-randomised when they leave, and shielded: every bit of a plaintext beyond the
    scores' own is random. So dishonest weights carry out no more than those, and one, given that
    the modulus is proper: `from_bytes` refuses one that does not prove it.
    """

    public: PublicBundle
    sealed: bytes

    @cached_property
    def weights(self) -> PaillierVector:
        """The encrypted weights, the bias last, with the tables that make products fast."""
        weights = self.public.load(self.sealed)
        if not isinstance(weights, PaillierVector):
            raise BadBytes(
                "these are no Paillier weights: ask the model's owner for a sealed model"
            )
        return expect_fresh(weights, terms=weights.length).prepared()

    @property
    def outputs(self) -> int:
        """Scores for each input."""
        return self.weights.slots.lanes

    def __call__(self, x: ArrayLike) -> PaillierVector:
        """Encrypted scores; |x| is at most the parameters' ``factor_bound``. ShapeError."""
        inputs = np.atleast_2d(as_numbers(x))
        features = self.weights.length - 1
        if inputs.ndim != 2 or inputs.shape[1] != features:
            raise ShapeError(f"inputs {inputs.shape}: this model takes {features} features")
        ones = np.ones((len(inputs), 1))
        scores = self.weights @ np.hstack([inputs, ones]).T
        return scores.packed().shielded()

    def to_bytes(self) -> bytes:
        """What the model owner sends, once: public key and encrypted weights."""
        return wire.pack("sealed model", {}, self.public.to_bytes(), self.sealed)

    @classmethod
    def from_bytes(
        cls,
        data: bytes,
        agreed: Paillier | None = None,
        insecure: bool = False,
        engine: str | None = None,
    ) -> SealedModel:
        """Raises BadBytes when the message is not whole, or not under the ``agreed`` parameters.

        Agree on them before: a model owner who may choose the bound chooses how wide a score is,
        and with it how much of the inputs one score can carry. Without that, keys of the default
        size are taken, 128-bit security, with any bounds; smaller ones with ``insecure=True``.
        """
        _, payloads = wire.unpack("sealed model", data)
        with wire.rebuilding("sealed model"):
            bundle, sealed = payloads
        insecure = agreed.insecure if agreed else insecure
        public = PublicBundle.from_bytes(bundle, insecure, engine)
        usual = Paillier().bits
        if agreed is None and getattr(public.params, "bits", 0) != usual and not insecure:
            raise BadBytes(
                f"a model under {public.params!r}: where nothing was agreed on, keys have {usual} "
                "bits; agree on others and pass them, agreed=he.Paillier(…)"
            )
        if agreed is not None and public.params.fingerprint != agreed.fingerprint:
            raise BadBytes(f"a model under {public.params!r}, {agreed!r} was agreed on: refuse it")
        model = cls(public, sealed)
        _ = model.weights  # loaded, so that what is damaged is refused now
        return model

    def __reduce__(self) -> tuple[object, tuple[bytes, Paillier, bool, str]]:
        given = (self.to_bytes(), cast(Paillier, self.public.params), False, self.public.engine)
        return SealedModel.from_bytes, given

    def __repr__(self) -> str:
        size = nbytes(len(self.to_bytes()))
        return f"SealedModel (no key) · {size} · {self.public.params!r}"
