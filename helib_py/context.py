"""What computing on ciphertexts takes, without the secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic, Self, TypeVar

from .engines import FORMATS, Evaluator, Integers, Modular
from .errors import BadBytes, MissingKey, WrongKey
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

    @property
    def keyless(self) -> Self:
        """The same without its keys: it tells whose a ciphertext is, and can be pickled."""
        return replace(self, evaluator=None)

    @property
    def is_twin(self) -> bool:
        """Whether nothing is encrypted."""
        return self.engine == "plain"

    @property
    def warning(self) -> str:
        """What every repr of a ciphertext ends in: nothing, or that it is no secret."""
        insecure = "" if self.params.is_secure else " · INSECURE"
        return insecure + " · clear twin, NOT ENCRYPTED" * self.is_twin

    def stamp(self) -> dict[str, str]:
        """What bytes under this key begin with."""
        form = FORMATS[self.engine]
        return {"params": self.params.fingerprint, "format": form, "key": self.key_id}

    def check(self, header: Mapping[str, Any]) -> None:
        """BadBytes for bytes of other parameters, WrongKey for those under another owner's key."""
        stamp = self.stamp()
        if any(header.get(name) != stamp[name] for name in ("params", "format")):
            raise BadBytes("these bytes were made with other parameters: use their owner's bundle")
        if header.get("key") != stamp["key"]:
            raise WrongKey("this is under another owner's key: use that owner's bundle")


Context = Computing[CKKS, Evaluator]
BFVContext = Computing[BFV, Modular]
PaillierContext = Computing[Paillier, Integers]
