"""What computing on ciphertexts takes, without the secret."""

from __future__ import annotations

from dataclasses import dataclass

from .engines import Evaluator
from .errors import MissingKey
from .params import CKKS


@dataclass(frozen=True, eq=False, repr=False)
class Context:
    """An evaluator, and which key and parameters it belongs to.

    ``evaluator`` is None for a ciphertext that came out of a pickle: pickles carry no keys.
    """

    params: CKKS
    key_id: str
    engine: str
    evaluator: Evaluator | None

    @property
    def e(self) -> Evaluator:
        """The evaluator; MissingKey without one."""
        if self.evaluator is None:
            raise MissingKey(
                "this ciphertext came out of a pickle and has no keys to compute with: "
                "hand it to a party first, public.load(c)"
            )
        return self.evaluator
