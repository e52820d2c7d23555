"""What computing on ciphertexts takes, without the secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from .engines import Evaluator, Integers, Modular
from .errors import MissingKey
from .params import BFV, CKKS, Paillier

P = TypeVar("P", CKKS, BFV, Paillier)
E = TypeVar("E", Evaluator, Modular, Integers)


@dataclass(frozen=True, eq=False, repr=False)
class Computing(Generic[P, E]):
    """An evaluator, and which key and parameters it belongs to.

    ``evaluator`` is None for a ciphertext that came out of a pickle: pickles carry no keys.
    """

    params: P
    key_id: str
    engine: str
    evaluator: E | None

    @property
    def e(self) -> E:
        """The evaluator; MissingKey without one."""
        if self.evaluator is None:
            raise MissingKey(
                "this ciphertext came out of a pickle and has no keys to compute with: "
                "hand it to a party first, public.load(c)"
            )
        return self.evaluator


Context = Computing[CKKS, Evaluator]
BFVContext = Computing[BFV, Modular]
PaillierContext = Computing[Paillier, Integers]
