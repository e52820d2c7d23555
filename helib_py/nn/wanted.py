"""What is wanted of a plan: every option looked at before any work is done."""

from __future__ import annotations

from dataclasses import dataclass

from ..compile import Chain
from ..errors import ParameterError
from ..flooding import Terms, check_terms
from ..options import shown, tidy
from ..params import MAX_MODULUS_BITS
from ..plans import PRECISION


@dataclass(frozen=True)
class Wanted:
    """The options of ``he.plan``, which says what they mean.

    ParameterError for what is none, and for options that contradict or ignore one another.
    """

    precision: float
    ring: int | None
    security: int
    chain: Chain | None
    batch: bool
    refresh: str | None
    refresh_after: int | None
    flood: float | None
    answers: int
    insecure: bool

    def __post_init__(self) -> None:
        tidy(self)
        self._check_way()
        self._check_ignored()
        self._check_sizes()

    @property
    def terms(self) -> Terms | None:
        """Those of the flood, if there is to be one."""
        return None if self.flood is None else (self.flood, self.answers)

    def _check_way(self) -> None:
        if not isinstance(self.refresh, str | None) or self.refresh not in (
            None,
            "key holder",
            "bootstrap",
        ):
            raise ParameterError(
                f'refresh={shown(self.refresh)}: must be "key holder" or "bootstrap", or left out'
            )
        if self.batch and self.refresh:
            raise ParameterError(
                f"batch=True and refresh={self.refresh!r}: only one of them at a time"
            )

    def _check_ignored(self) -> None:
        bootstrap = self.refresh == "bootstrap"
        ignored = {
            "chain": self.chain is not None and (self.batch or self.refresh),
            "refresh_after": self.refresh_after is not None and self.refresh != "key holder",
            "insecure": self.insecure and not bootstrap,
            "ring": self.ring is not None and bootstrap,
            "security": self.security != 128 and bootstrap,
            "precision": self.precision != PRECISION and bootstrap,
            "flood": self.flood is not None and bootstrap,
            "answers": self.answers != 1 and self.flood is None,
        }
        if names := ", ".join(name for name, wrong in ignored.items() if wrong):
            way = "batch=True" if self.batch else f"refresh={self.refresh!r}"
            way = "flood=None" if names == "answers" else way
            raise ParameterError(f"{names} would be ignored with {way}: leave it out")

    def _check_sizes(self) -> None:
        if self.security not in MAX_MODULUS_BITS:
            raise ParameterError(f"security={self.security}: one of {sorted(MAX_MODULUS_BITS)}")
        if self.ring is not None and self.ring not in MAX_MODULUS_BITS[self.security]:
            raise ParameterError(
                f"ring={self.ring}: one of {sorted(MAX_MODULUS_BITS[self.security])} at "
                f"{self.security} bits of security"
            )
        if self.refresh_after is not None and self.refresh_after < 1:
            raise ParameterError(f"refresh_after={self.refresh_after}: 1 layer or more")
        if not isinstance(self.chain, Chain | None):
            raise ParameterError(f"chain={shown(self.chain)}: he.Chain(…), or leave it out")
        if self.flood is not None:
            check_terms(self.flood, self.answers, insecure=False)
