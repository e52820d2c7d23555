"""CKKS parameter sets: derived from what is wanted, checked against the security table."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from math import ceil, inf, log2, sqrt
from typing import Any

from ..errors import InsecureParameters, ParameterError
from ..tables import Table, nbytes

#: Largest log2(q·p) for a ternary secret, classical attacks: security bits → ring degree → bits.
#: Bossuat et al., "Security Guidelines for Implementing Homomorphic Encryption",
#: ePrint 2024/463, table 5.2.
MAX_MODULUS_BITS: dict[int, dict[int, int]] = {
    128: {4096: 106, 8192: 214, 16384: 430, 32768: 868, 65536: 1747, 131072: 3523},
    192: {8192: 147, 16384: 297, 32768: 597, 65536: 1199, 131072: 2411},
    256: {8192: 114, 16384: 230, 32768: 462, 65536: 929, 131072: 1866},
}
MAX_PRIME_BITS = 60  #: SEAL's limit for a prime of the chain
NOISE_STD = 3.24  #: standard deviation of SEAL's centred binomial noise


@dataclass(frozen=True)
class CKKS:
    """A CKKS parameter set, derived before any key exists.

    Give ``depth`` (multiplications in a row) and ``precision`` (bits wanted after the binary
    point); ring degree, primes and scale follow. ``ring``, ``prime_bits`` (data primes, the one
    that stays until the end first), ``special_bits`` and ``scale_bits`` override them.

    ``bound`` is a public promise: encrypted values lie in [-bound, bound]. ``rotations`` are the
    steps for which rotation keys are made; by default the powers of two, which compose to any.

    Raises InsecureParameters when the modulus is too large for the ring by the 2024 tables,
    unless ``insecure=True`` is written out, and ParameterError when nothing fits.

    >>> CKKS(depth=3, precision=20).ring
    8192
    """

    depth: int = 2
    precision: float = 20
    bound: float = 1.0
    security: int = 128
    ring: int = 0
    prime_bits: tuple[int, ...] = ()
    special_bits: int = 0
    scale_bits: float = 0.0
    rotations: tuple[int, ...] | None = None
    insecure: bool = False
    primes: tuple[int, ...] = field(init=False, repr=False)
    special: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        _check_request(self)
        ring, data, special, scale = _sizes(self)
        limit = MAX_MODULUS_BITS[self.security].get(ring, 0)
        if sum(data) + special > limit + len(data) and not self.insecure:
            raise InsecureParameters(self._refusal(ring, sum(data) + special))
        rotations = self.rotations
        if rotations is None:
            rotations = tuple(1 << i for i in range(ring.bit_length() - 2))
        derived = dict(ring=ring, prime_bits=data, special_bits=special, scale_bits=scale)
        derived |= dict(depth=len(data) - 1, precision=float(self.precision), rotations=rotations)
        primes = _primes(ring, data, special, scale)
        for name, value in (derived | dict(primes=primes[:-1], special=primes[-1])).items():
            object.__setattr__(self, name, value)
        if any(not 0 < step < self.slots for step in rotations):
            raise ParameterError(f"rotations={rotations}: from 1 to slots - 1, {self.slots - 1}")
        if not self.is_secure and not self.insecure:
            raise InsecureParameters(self._refusal(ring, self.modulus_bits))

    @property
    def slots(self) -> int:
        """Numbers in one ciphertext: half the ring degree."""
        return self.ring // 2

    @property
    def modulus_bits(self) -> float:
        """log2(q·p): all data primes and the special prime."""
        return sum(log2(q) for q in self.primes) + log2(self.special)

    @property
    def is_secure(self) -> bool:
        """Whether the 2024 table allows this modulus at this ring degree."""
        return self.modulus_bits <= MAX_MODULUS_BITS[self.security].get(self.ring, 0)

    @property
    def label(self) -> str:
        """``128-bit`` or ``INSECURE``; every repr and plot shows it."""
        return f"{self.security}-bit" if self.is_secure else "INSECURE"

    @property
    def scales(self) -> tuple[float, ...]:
        """The canonical scale of each level: scale(l-1) = scale(l)² / q(l), exactly.

        With one scale a level, any two ciphertexts of a level can be added as they are
        (Kim, Papadimitriou, Polyakov, ePrint 2020/1118).
        """
        scales = [2.0**self.scale_bits]
        for q in reversed(self.primes[1:]):
            scales.append(scales[-1] ** 2 / q)
        return tuple(reversed(scales))

    def log_q(self, level: int) -> float:
        """Bits of ciphertext modulus left at a level."""
        return sum(log2(q) for q in self.primes[: level + 1])

    def ciphertext_bytes(self, level: int) -> int:
        """Bytes of a ciphertext at a level, as SEAL writes it uncompressed."""
        return 113 + 2 * (level + 1) * self.ring * 8

    @property
    def key_bytes(self) -> int:
        """Bytes of one relinearisation or rotation key: 16·N·L·(L+1)."""
        return 16 * self.ring * (self.depth + 1) * (self.depth + 2)

    @property
    def fingerprint(self) -> str:
        """A short hash by which bytes of other parameters are recognised."""
        numbers = (self.ring, self.primes, self.special, self.scale_bits)
        return hashlib.sha256(repr(numbers).encode()).hexdigest()[:16]

    def to_json(self) -> str:
        """The request that rebuilds this very set with :meth:`from_json`."""
        given = asdict(self)
        return json.dumps({k: v for k, v in given.items() if k not in ("primes", "special")})

    @classmethod
    def from_json(cls, text: str) -> CKKS:
        """Rebuild a parameter set; the security check runs again. ValueError for other text."""
        given: dict[str, Any] = json.loads(text)
        lists = {k: tuple(v) for k, v in given.items() if isinstance(v, list)}
        return cls(**{**given, **lists})

    def explain(self) -> Table:
        """Every number of the set, with its reason."""
        limit = MAX_MODULUS_BITS[self.security].get(self.ring, 0)
        rotations = len(self.rotations or ())
        keys = nbytes((rotations + 1) * self.key_bytes)
        rows = [
            ("ring degree N", self.ring, f"smallest whose table entry ({limit} bits) holds q·p"),
            ("slots", self.slots, "N/2 numbers are computed on at once"),
            ("depth", self.depth, "rescalings in a row; each uses up one prime"),
            ("data primes (bits)", self.prime_bits, "the first stays, the last is dropped first"),
            ("special prime (bits)", self.special_bits, "in keys only; larger is less noise"),
            ("scale (bits)", self.scale_bits, "fixed-point scale of a fresh ciphertext"),
            ("modulus q·p (bits)", round(self.modulus_bits, 1), f"≤ {limit}, ePrint 2024/463"),
            ("security", self.label, "classical attacks, ternary secret"),
            ("ciphertext", nbytes(self.ciphertext_bytes(self.depth)), "2·N·8 bytes a prime"),
            ("evaluation keys", keys, f"1 relinearisation + {rotations} rotation keys"),
        ]
        return Table(("what", "value", "why"), rows, caption=repr(self))

    def __repr__(self) -> str:
        chain = ",".join(map(str, self.prime_bits))
        return (
            f"CKKS · N={self.ring} · depth {self.depth} · primes {chain}|{self.special_bits}"
            f" · scale 2^{self.scale_bits:g} · {self.label}"
        )

    def _refusal(self, ring: int, modulus_bits: float) -> str:
        table = MAX_MODULUS_BITS[self.security]
        enough = [n for n, limit in sorted(table.items()) if modulus_bits <= limit]
        fix = f"use ring={enough[0]}" if enough else "ask for less depth or less precision"
        return (
            f"a modulus of {modulus_bits:.0f} bits in a ring of degree {ring} is below "
            f"{self.security}-bit security (at most {table.get(ring, 0)} bits, "
            f"ePrint 2024/463): {fix}, or write insecure=True for a toy"
        )


def fresh_noise_bits(ring: int) -> float:
    """log2 of the largest slot error of a fresh ciphertext, times its scale.

    The rounding when the special prime is divided away dominates: its coefficients have
    variance (1+2N/3)/12, a slot sums N/2 of them, and the largest of N/2 slots is ~4 deviations.
    """
    return log2(4 * sqrt(ring / 2 * (1 + 2 * ring / 3) / 12))


Sizes = tuple[tuple[int, ...], int, float]


def _sizes(want: CKKS) -> tuple[int, tuple[int, ...], int, float]:
    """Ring, bits of data primes and special prime, scale: the smallest ring that holds them.

    A ring that was asked for is taken as it is; ``__post_init__`` then judges it.
    """
    if want.ring:
        return want.ring, *_bit_sizes(want, want.ring)
    for ring, limit in sorted(MAX_MODULUS_BITS[want.security].items()):
        data, special, scale = _bit_sizes(want, ring)
        if max(data) <= MAX_PRIME_BITS and sum(data) + special <= limit:
            return ring, data, special, scale
    raise ParameterError(
        f"depth {want.depth} at a scale of {scale:.0f} bits fits no ring at {want.security}-bit "
        f"security (primes have at most {MAX_PRIME_BITS} bits): ask for less precision, a smaller "
        "bound or less depth"
    )


def _bit_sizes(want: CKKS, ring: int) -> Sizes:
    """Bits of the data primes and the special prime, and the scale, for one ring degree."""
    growth = 2 + log2(want.depth + 1)  # errors add up along the circuit
    scale = want.scale_bits or float(ceil(want.precision + fresh_noise_bits(ring) + growth))
    headroom = 10 + max(0, ceil(log2(want.bound)))  # sums may reach 512 times the bound
    first = max(ceil(scale), min(ceil(scale) + headroom, MAX_PRIME_BITS))
    data = want.prime_bits or (first, *[round(scale)] * want.depth)
    # One bit stays free: primes near the scale may lie just above a power of two.
    spare = MAX_MODULUS_BITS[want.security].get(ring, 0) - sum(data) - 1
    special = want.special_bits or max(min(spare, MAX_PRIME_BITS), *data)
    return tuple(data), special, float(scale)


def _check_request(want: CKKS) -> None:
    if want.security not in MAX_MODULUS_BITS:
        raise ParameterError(f"security={want.security}: choose one of {sorted(MAX_MODULUS_BITS)}")
    if not isinstance(want.depth, int) or want.depth < 0:
        raise ParameterError(f"depth={want.depth}: a whole number of multiplications, 0 or more")
    if not 0 < want.precision < inf or not 0 < want.bound < inf:
        raise ParameterError("precision and bound: positive and finite")
    if want.ring and (want.ring < 1024 or want.ring & (want.ring - 1)):
        raise ParameterError(f"ring={want.ring}: use a power of two from 1024 up")
    given = [*want.prime_bits, *([want.special_bits] if want.special_bits else [])]
    if not all(20 <= b <= MAX_PRIME_BITS for b in given):
        raise ParameterError(
            f"prime_bits and special_bits {given}: each from 20 to {MAX_PRIME_BITS}"
        )
    if want.scale_bits and not 1 <= want.scale_bits < sum(want.prime_bits or (MAX_PRIME_BITS,)):
        raise ParameterError(f"scale_bits={want.scale_bits}: at least 1 and below the modulus")


def _primes(ring: int, data: Sequence[int], special: int, scale_bits: float) -> tuple[int, ...]:
    """Primes q ≡ 1 mod 2N of the sizes asked for, the special one last.

    A prime of the scale's own size is the one nearest to scale(l)²/2^s, so that the canonical
    scales stay at 2^s however many levels there are; any other is the largest below 2^bits.
    """
    scale, wanted = 2.0**scale_bits, [0.0] * len(data)
    found: dict[int, int] = {}
    for i, bits in [(0, data[0]), (len(data), special)]:
        found[i] = _nearest(2.0**bits, ring, found.values(), below=True)
    for i in reversed(range(1, len(data))):
        near = data[i] == round(scale_bits)
        wanted[i] = scale**2 / 2.0**scale_bits if near else 2.0 ** data[i]
        found[i] = _nearest(wanted[i], ring, found.values(), below=not near)
        scale = scale**2 / found[i] if near else scale
    return tuple(found[i] for i in range(len(data) + 1))


def _nearest(wanted: float, ring: int, taken: Collection[int], below: bool) -> int:
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
