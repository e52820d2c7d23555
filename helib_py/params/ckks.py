"""CKKS parameter sets: derived from what is wanted, checked against the security table."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil, log2, prod, sqrt

from ..errors import ParameterError
from ..options import tidy, whole
from ..tables import Table, nbytes
from .chain import (
    MAX_MODULUS_BITS,
    MAX_PRIME_BITS,
    PrimeChain,
    check_request,
    check_rotations,
    check_security,
    nearest_prime,
    special_size,
)


@dataclass(frozen=True)
class CKKS(PrimeChain):
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
        tidy(self)
        _check_request(self)
        ring, data, special, scale = _sizes(self)
        check_security(self, ring, sum(data) + special, slack=len(data))
        rotations = check_rotations(self.rotations, ring)
        derived = dict(ring=ring, prime_bits=data, special_bits=special, scale_bits=scale)
        derived |= dict(depth=len(data) - 1, rotations=rotations)
        primes = _primes(ring, data, special, scale)
        for name, value in (derived | dict(primes=primes[:-1], special=primes[-1])).items():
            object.__setattr__(self, name, value)
        check_security(self, ring, self.modulus_bits)

    @property
    def scales(self) -> tuple[float, ...]:
        """The canonical scale of each level: scale(l-1) = scale(l)² / q(l), exactly.

        With one scale a level, any two ciphertexts of a level can be added as they are
        (Kim, Papadimitriou, Polyakov, ePrint 2020/1118).
        """
        scales = [2.0**self.scale_bits]
        for q in reversed(self.primes[1:]):
            scales.append(scales[-1] * scales[-1] / q)
        return tuple(reversed(scales))

    def log_q(self, level: int) -> float:
        """Bits of ciphertext modulus left at a level."""
        return sum(log2(q) for q in self._left(level))

    def modulus(self, level: int) -> int:
        """The ciphertext modulus that is left at a level."""
        return prod(self._left(level))

    def ciphertext_bytes(self, level: int) -> int:
        """Bytes of a ciphertext at a level, without its label."""
        return 2 * len(self._left(level)) * self.ring * 8

    def _left(self, level: int) -> tuple[int, ...]:
        """The primes of a level."""
        return self.primes[: whole(level, "level", 0, self.depth) + 1]

    @property
    def fingerprint(self) -> str:
        """A short hash by which bytes of other parameters are recognised."""
        numbers = (self.ring, self.primes, self.special, self.scale_bits)
        return hashlib.sha256(repr(numbers).encode()).hexdigest()[:32]

    def explain(self) -> Table:
        """Every number of the set, with its reason."""
        rows = [
            *self.size_rows(),
            ("depth", self.depth, "rescalings in a row; each uses up one prime"),
            ("data primes (bits)", self.prime_bits, "the first stays, the last is dropped first"),
            ("special prime (bits)", self.special_bits, "in keys only; larger is less noise"),
            ("scale (bits)", self.scale_bits, "fixed-point scale of a fresh ciphertext"),
            *self.security_rows(),
            ("ciphertext", nbytes(self.ciphertext_bytes(self.depth)), "2·N·8 bytes a prime"),
            self.key_row(),
        ]
        return Table(("what", "value", "why"), rows, caption=repr(self))

    def __repr__(self) -> str:
        chain = ",".join(map(str, self.prime_bits))
        return (
            f"CKKS · N={self.ring} · depth {self.depth} · primes {chain}|{self.special_bits}"
            f" · scale 2^{self.scale_bits:g} · {self.label}"
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
    special = special_size(want, ring, data, spare=1)
    return tuple(data), special, float(scale)


def _check_request(want: CKKS) -> None:
    check_request(want)
    if want.precision <= 0 or want.bound <= 0:
        raise ParameterError(
            f"precision={want.precision:g}, bound={want.bound:g}: both must be above 0"
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
        found[i] = nearest_prime(2.0**bits, ring, found.values(), below=True)
    for i in reversed(range(1, len(data))):
        near = data[i] == round(scale_bits)
        wanted[i] = scale**2 / 2.0**scale_bits if near else 2.0 ** data[i]
        found[i] = nearest_prime(wanted[i], ring, found.values(), below=not near)
        scale = scale**2 / found[i] if near else scale
    return tuple(found[i] for i in range(len(data) + 1))
