"""Parameters, keys and parties of random circuits: new ones for every few circuits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from math import hypot
from typing import Any

import numpy as np

import helib_py as he
from helib_py import noise
from helib_py.errors import HelibError
from helib_py.noise import Estimate
from helib_py.params import dependent

from .entries.parties import engines

Random = np.random.Generator
EACH = 40  #: circuits with the same keys


@dataclass(frozen=True)
class Setting:
    """One owner's key, and two parties with public keys: on both libraries where there are two."""

    scheme: str
    owner: he.DataOwner
    parties: tuple[he.PublicBundle, he.PublicBundle]

    @property
    def params(self) -> Any:
        """The owner's."""
        return self.owner.public.params

    @property
    def code(self) -> str:
        """As Python."""
        fields = {k: v for k, v in vars(self.params).items() if k in _WRITTEN[self.scheme]}
        said = ", ".join(f"{name}={value!r}" for name, value in fields.items())
        first, second = (party.engine for party in self.parties)
        return (
            f"owner = he.DataOwner(he.{self.scheme}({said}), {self.owner.public.engine!r})\n"
            f"# computed with on {first!r}, after a hop on {second!r}"
        )

    def sent(self, c: Any, there: he.PublicBundle) -> Any:
        """A ciphertext as another party has it, who is told its bound and precision."""
        arrived: Any = there.load(c.to_bytes())
        if self.scheme == "CKKS":
            std = hypot(c.estimate.std, noise.fresh_std(self.params, c.scale))
            return replace(arrived, estimate=Estimate(c.estimate.bound, std))
        if self.scheme == "BFV":
            left = c.model.left(dependent(c.noise, c.model.fresh))
            return arrived.promise(c.bound, budget=max(0, left))
        return arrived


_COMMON = ("depth", "bound", "ring", "prime_bits", "special_bits", "rotations", "insecure")
_WRITTEN = {
    "CKKS": (*_COMMON, "precision", "scale_bits"),
    "BFV": (*_COMMON, "plain_bits"),
    "Paillier": (
        "bits", "precision", "bound", "factor_precision", "factor_bound", "insecure",
    ),
}  # fmt: skip


@lru_cache(maxsize=2)
def setting(seed: int, block: int, scheme: str, engine: str) -> Setting:
    """That of a block of circuits."""
    random = np.random.default_rng([seed, block, len(scheme)])
    while True:
        try:
            owner = he.DataOwner(_PARAMS[scheme](random), engine)
            break
        except HelibError:
            continue  # parameters that there are not
    others = [name for name in engines(scheme) if name not in ("plain", engine)]
    names = [engine, *(others if engine != "plain" else []), engine][:2]
    data = owner.public.to_bytes()
    parties = [he.PublicBundle.from_bytes(data, True, name) for name in names]
    return Setting(scheme, owner, (parties[0], parties[1]))


def _ckks(random: Random) -> he.CKKS:
    depth, bits = int(random.integers(0, 6)), int(random.integers(25, 46))
    bound = float(random.choice([1.0, 1.0, 4.0, 0.5]))
    if random.random() < 0.15:
        few = (1, 2, 4) if random.random() < 0.7 else None
        return he.CKKS(depth=min(depth, 3), precision=20, bound=bound, rotations=few)
    first = min(60, bits + int(random.integers(4, 20)))
    return he.CKKS(
        ring=int(random.choice([1024, 1024, 2048, 4096])), prime_bits=(first, *[bits] * depth),
        special_bits=int(random.integers(first, 61)), scale_bits=float(bits), bound=bound,
        insecure=True,
    )  # fmt: skip


def _bfv(random: Random) -> he.BFV:
    if random.random() < 0.1:
        return he.BFV(depth=int(random.integers(1, 3)), plain_bits=20, bound=4)
    ring = int(random.choice([1024, 1024, 2048, 4096]))
    plain = ring.bit_length() + int(random.integers(1, 20))
    primes = tuple(random.integers(35, 61, int(random.integers(1, 6))).tolist())
    bound = int(random.integers(1, 9))
    return he.BFV(ring=ring, plain_bits=plain, prime_bits=primes, bound=bound, insecure=True)


def _paillier(random: Random) -> he.Paillier:
    return he.Paillier(
        bits=int(random.choice([256, 320, 512])), precision=int(random.integers(3, 30)),
        factor_precision=int(random.integers(0, 20)), insecure=True,
        bound=float(random.choice([1.0, 2.0, 7.5])), factor_bound=float(random.choice([4, 16])),
    )  # fmt: skip


_PARAMS: dict[str, Callable[[Random], Any]] = {"CKKS": _ckks, "BFV": _bfv, "Paillier": _paillier}
