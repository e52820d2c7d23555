"""What CKKS and BFV parameters have in common: a ring, a chain of primes, the security table."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from dataclasses import asdict
from functools import lru_cache
from math import log2
from typing import Any, Self, TypeVar

from .. import wire
from ..errors import InsecureParameters, ParameterError
from ..options import flag
from ..tables import nbytes

#: Largest log2(q·p) for a ternary secret, classical attacks: security bits → ring degree → bits.
#: Bossuat et al., "Security Guidelines for Implementing Homomorphic Encryption",
#: ePrint 2024/463, table 5.2.
MAX_MODULUS_BITS: dict[int, dict[int, int]] = {
    128: {2048: 53, 4096: 106, 8192: 214, 16384: 430, 32768: 868, 65536: 1747, 131072: 3523},
    192: {8192: 147, 16384: 297, 32768: 597, 65536: 1199, 131072: 2411},
    256: {8192: 114, 16384: 230, 32768: 462, 65536: 929, 131072: 1866},
}
MAX_RING = 131072  #: the largest that the table knows
MAX_DEPTH = 200  #: no table has room for more; looked at before any work
MAX_PRIME_BITS = 60  #: SEAL's limit for a prime of the chain
NOISE_STD = 3.24  #: standard deviation of SEAL's centred binomial noise

Row = tuple[str, object, str]  #: of a table: what, value, why


class PrimeChain:
    """A ring of degree N modulo data primes, and a special prime that only keys use."""

    depth: int
    security: int
    ring: int
    prime_bits: tuple[int, ...]
    special_bits: int
    rotations: tuple[int, ...] | None
    insecure: bool
    primes: tuple[int, ...]
    special: int

    @property
    def slots(self) -> int:
        """Numbers in one ciphertext: half the ring degree."""
        return self.ring // 2

    @property
    def limit(self) -> int:
        """The largest log2(q·p) that the 2024 table allows at this ring degree; 0 for none."""
        return MAX_MODULUS_BITS[self.security].get(self.ring, 0)

    @property
    def modulus_bits(self) -> float:
        """log2(q·p): all data primes and the special prime."""
        return sum(log2(q) for q in self.primes) + log2(self.special)

    @property
    def is_secure(self) -> bool:
        """Whether the 2024 table allows this modulus at this ring degree."""
        return self.modulus_bits <= self.limit

    @property
    def label(self) -> str:
        """``128-bit`` or ``INSECURE``; every repr and plot shows it."""
        return f"{self.security}-bit" if self.is_secure else "INSECURE"

    @property
    def key_bytes(self) -> int:
        """Bytes of one relinearisation or rotation key: 16·N·L·(L+1)."""
        return 16 * self.ring * len(self.primes) * (len(self.primes) + 1)

    @property
    def context_bytes(self) -> int:
        """Bytes that SEAL takes for its tables: 64·N for every prime of every level."""
        count = len(self.primes) + 1
        return 32 * self.ring * count * (count + 1)

    def size_rows(self) -> list[Row]:
        """For ``explain``: ring degree and slots."""
        why = f"smallest whose table entry ({self.limit} bits) holds q·p"
        return [
            ("ring degree N", self.ring, why),
            ("slots", self.slots, "N/2 numbers are computed on at once"),
        ]

    def security_rows(self) -> list[Row]:
        """For ``explain``: the modulus and what the table says of it."""
        why = f"≤ {self.limit}, ePrint 2024/463"
        return [
            ("modulus q·p (bits)", round(self.modulus_bits, 1), why),
            ("security", self.label, "classical attacks, ternary secret"),
        ]

    def key_row(self) -> Row:
        """For ``explain``: what a server downloads once."""
        rotations = len(self.rotations or ())
        size = nbytes((rotations + 1) * self.key_bytes)
        return "evaluation keys", size, f"1 relinearisation + {rotations} rotation keys"

    def to_json(self) -> str:
        """The request that rebuilds this very set with :meth:`from_json`."""
        given: dict[str, Any] = asdict(self)  # type: ignore[call-overload]
        fields = self.__dataclass_fields__  # type: ignore[attr-defined]
        return json.dumps({name: v for name, v in given.items() if fields[name].init})

    @classmethod
    def from_json(cls, text: str, insecure: bool = False) -> Self:
        """Rebuild a parameter set; every check runs again, whatever the text says of itself.

        InsecureParameters for weak ones unless ``insecure=True`` is written here, where they are
        received. ParameterError for those that there are not, BadBytes for other text.
        """
        with wire.rebuilding("parameter set"):
            given = wire.parsed(text)
            lists = {k: tuple(v) for k, v in given.items() if isinstance(v, list)}
            return received(cls, {**given, **lists}, insecure)


P = TypeVar("P")


def received(make: Callable[..., P], given: dict[str, Any], insecure: bool) -> P:
    """``make(**given)``; that it may be insecure is the receiver's word, not the sender's."""
    flag(insecure, "insecure")
    try:
        return make(**{**given, "insecure": False})
    except (InsecureParameters, ParameterError):
        if not insecure:
            raise
        return make(**{**given, "insecure": True})


def check_request(want: PrimeChain) -> None:
    """ParameterError for what no chain can be made of, whatever the scheme."""
    if want.security not in MAX_MODULUS_BITS:
        raise ParameterError(f"security={want.security}: choose one of {sorted(MAX_MODULUS_BITS)}")
    if not 0 <= want.depth <= MAX_DEPTH:
        raise ParameterError(
            f"depth={want.depth}: a whole number of multiplications, from 0 to {MAX_DEPTH}"
        )
    ring = want.ring
    if ring and (not 1024 <= ring <= MAX_RING or ring & (ring - 1)):
        raise ParameterError(f"ring={ring}: use a power of two from 1024 to {MAX_RING}")
    given = [*want.prime_bits, *([want.special_bits] if want.special_bits else [])]
    if len(given) > MAX_DEPTH + 2:
        raise ParameterError(f"{len(given)} primes: at most {MAX_DEPTH + 2}")
    if not all(20 <= b <= MAX_PRIME_BITS for b in given):
        raise ParameterError(
            f"prime_bits and special_bits {given}: each from 20 to {MAX_PRIME_BITS}"
        )


def check_rotations(rotations: tuple[int, ...] | None, ring: int) -> tuple[int, ...]:
    """The steps to make keys for, by default the powers of two; ParameterError beyond the row."""
    if rotations is None:
        return tuple(1 << i for i in range(ring.bit_length() - 2))
    there = all(0 < step < ring // 2 for step in rotations)
    if not there or len(set(rotations)) < len(rotations):
        raise ParameterError(
            f"rotations={rotations}: different steps, from 1 to slots - 1, {ring // 2 - 1}"
        )
    return rotations


def check_security(want: PrimeChain, ring: int, modulus_bits: float, slack: int = 0) -> None:
    """InsecureParameters when the table forbids so large a modulus and nobody asked for a toy.

    ``slack``: bits by which primes that are yet to be found may turn out smaller.
    """
    table = MAX_MODULUS_BITS[want.security]
    if modulus_bits <= table.get(ring, 0) + slack or want.insecure:
        return
    enough = [n for n, limit in sorted(table.items()) if modulus_bits <= limit]
    fix = f"use ring={enough[0]}" if enough else "ask for less depth or less precision"
    raise InsecureParameters(
        f"a modulus of {modulus_bits:.0f} bits in a ring of degree {ring} is below "
        f"{want.security}-bit security (at most {table.get(ring, 0)} bits, "
        f"ePrint 2024/463): {fix}, or write insecure=True for a toy"
    )


def special_size(want: PrimeChain, ring: int, data: Collection[int], spare: int = 0) -> int:
    """Bits of the special prime: what the table leaves, at least as many as any data prime."""
    left = MAX_MODULUS_BITS[want.security].get(ring, 0) - sum(data) - spare
    return want.special_bits or max(min(left, MAX_PRIME_BITS), *data)


def nearest_prime(wanted: float, ring: int, taken: Collection[int], below: bool) -> int:
    """The free prime q ≡ 1 mod 2N nearest to a number, or the largest below it."""
    start = int(wanted) // (2 * ring)
    for k in range(start):
        for candidate in (start - k,) if below else (start - k, start + 1 + k):
            q = candidate * 2 * ring + 1
            fits = q < 2**MAX_PRIME_BITS and not (below and q > wanted)
            if fits and q not in taken and is_prime(q):
                return q
    raise ParameterError(
        f"no free prime near 2^{log2(wanted):.1f} for ring {ring}: ask for larger primes"
    )


@lru_cache(maxsize=4096)
def is_prime(n: int) -> bool:
    """Miller–Rabin with the first twelve primes: exact below 2^64.

    >>> is_prime(2**31 - 1), is_prime(2**32 + 1)
    (True, False)
    """
    bases = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
    if n < 2 or any(n % p == 0 for p in bases):
        return n in bases
    twos = ((n - 1) & (1 - n)).bit_length() - 1
    odd = (n - 1) >> twos
    return all(_passes(n, base, odd, twos) for base in bases)


def _passes(n: int, base: int, odd: int, twos: int) -> bool:
    x = pow(base, odd, n)
    if x in (1, n - 1):
        return True
    return any((x := x * x % n) == n - 1 for _ in range(twos - 1))
