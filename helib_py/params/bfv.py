"""BFV parameter sets: derived from depth and plain modulus, checked against the table."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil, isqrt

from ..errors import ParameterError
from ..options import tidy
from ..tables import Table, nbytes
from .budget import Budget
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

MAX_PLAIN_BITS = 50  #: a float64 holds every smaller whole number
SPARE_BITS = 8  #: of budget beyond the products: for sums of 256 of them, or rotations


@dataclass(frozen=True)
class BFV(PrimeChain):
    """A BFV parameter set: vectors of whole numbers modulo a prime t, derived before any key.

    Give ``depth`` (products in a row) and ``plain_bits`` (t is the largest prime below
    2^plain_bits that allows slots); ring degree and primes follow. ``ring``, ``prime_bits`` (data
    primes) and ``special_bits`` override them; with ``prime_bits`` it is ``depth`` that follows.

    ``bound`` is a public promise: encrypted values lie in [-bound, bound], by default the largest
    for which ``depth`` squarings in a row stay below t/2. ``rotations`` are the steps for which
    rotation keys are made; by default the powers of two, which compose to any.

    Raises InsecureParameters when the modulus is too large for the ring by the 2024 tables,
    unless ``insecure=True`` is written out, and ParameterError when nothing fits.

    >>> BFV(depth=2, plain_bits=20)
    BFV · N=8192 · mod 1032193 · depth 2 · primes 52,52|60 · 128-bit
    """

    depth: int = 2
    plain_bits: int = 20
    bound: int = 0
    security: int = 128
    ring: int = 0
    prime_bits: tuple[int, ...] = ()
    special_bits: int = 0
    rotations: tuple[int, ...] | None = None
    insecure: bool = False
    modulus: int = field(init=False, repr=False)
    primes: tuple[int, ...] = field(init=False, repr=False)
    special: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        tidy(self)
        _check_request(self)
        ring, data, special = _sizes(self)
        check_security(self, ring, sum(data) + special, slack=len(data))
        rotations, modulus = check_rotations(self.rotations, ring), _plain_modulus(self, ring)
        primes = [modulus]  # a prime of the chain must be another
        for bits in (*data, special):
            primes.append(nearest_prime(2.0**bits, ring, primes, below=True))
        derived = dict(ring=ring, prime_bits=data, special_bits=special, rotations=rotations)
        derived |= dict(modulus=modulus, primes=tuple(primes[1:-1]), special=primes[-1])
        for name, value in derived.items():
            object.__setattr__(self, name, value)
        check_security(self, ring, self.modulus_bits)
        object.__setattr__(self, "depth", _products(self.model))
        object.__setattr__(self, "bound", self.bound or _root(modulus // 2, self.depth))

    @cached_property
    def model(self) -> Budget:
        """How much noise budget each operation takes."""
        return Budget(self.ring, self.modulus, self.primes, self.special)

    @property
    def budget(self) -> int:
        """Bits of noise budget of a fresh ciphertext, as predicted."""
        return self.model.left(self.model.fresh)

    @property
    def ciphertext_bytes(self) -> int:
        """Bytes of a ciphertext, without its label."""
        return 2 * len(self.primes) * self.ring * 8

    @property
    def fingerprint(self) -> str:
        """A short hash by which bytes of other parameters are recognised."""
        numbers = ("BFV", self.ring, self.modulus, self.primes, self.special)
        return hashlib.sha256(repr(numbers).encode()).hexdigest()[:32]

    def explain(self) -> Table:
        """Every number of the set, with its reason."""
        fresh = self.model.fresh
        product = self.budget - self.model.left(self.model.product(fresh, fresh))
        rows = [
            *self.size_rows(),
            ("plain modulus t", self.modulus, "a prime, 1 modulo 2N; numbers live modulo t"),
            ("depth", self.depth, "products in a row that the budget is enough for"),
            ("bound", self.bound, "promised: |encrypted values| stay below it, results below t/2"),
            ("data primes (bits)", self.prime_bits, "their product is q; more is more budget"),
            ("special prime (bits)", self.special_bits, "in keys only; larger is less noise"),
            *self.security_rows(),
            ("fresh noise budget (bits)", self.budget, "at 0 decryption fails"),
            ("a product takes (bits)", product, "some log2(t·N); an addition at most 1"),
            ("ciphertext", nbytes(self.ciphertext_bytes), "2·N·8 bytes a prime"),
            self.key_row(),
        ]
        return Table(("what", "value", "why"), rows, caption=repr(self))

    def __repr__(self) -> str:
        chain = ",".join(map(str, self.prime_bits))
        return (
            f"BFV · N={self.ring} · mod {self.modulus} · depth {self.depth}"
            f" · primes {chain}|{self.special_bits} · {self.label}"
        )


def _check_request(want: BFV) -> None:
    check_request(want)
    if not 2 <= want.plain_bits <= MAX_PLAIN_BITS:
        raise ParameterError(f"plain_bits={want.plain_bits}: at most {MAX_PLAIN_BITS}, such as 20")
    if not 0 <= want.bound < 2 ** (want.plain_bits - 1):
        raise ParameterError(
            f"bound={want.bound}: a whole number below t/2, or raise plain_bits; 0 derives it"
        )


def _plain_modulus(want: BFV, ring: int) -> int:
    """The largest prime of so many bits that is 1 modulo 2N, so that there are slots."""
    if want.plain_bits > ring.bit_length():
        t = nearest_prime(2.0**want.plain_bits, ring, (), below=True)
        if t.bit_length() == want.plain_bits:
            return t
    raise ParameterError(
        f"no prime of {want.plain_bits} bits is 1 modulo {2 * ring}: raise plain_bits"
    )


Sizes = tuple[int, tuple[int, ...], int]


def _sizes(want: BFV) -> Sizes:
    """Ring, bits of the data primes and of the special one: the smallest ring that holds them.

    A ring that was asked for is taken as it is; ``__post_init__`` then judges it.
    """
    if want.ring:
        return want.ring, *_bit_sizes(want, want.ring)
    for ring, limit in sorted(MAX_MODULUS_BITS[want.security].items()):
        data, special = _bit_sizes(want, ring)
        if sum(data) + special <= limit:
            return ring, data, special
    raise _too_deep(want)


def _too_deep(want: BFV) -> ParameterError:
    return ParameterError(
        f"depth {want.depth} modulo {want.plain_bits} bits fits no ring at {want.security}-bit "
        "security: ask for less depth or a smaller plain_bits"
    )


def _bit_sizes(want: BFV, ring: int) -> tuple[tuple[int, ...], int]:
    """Bits of the data primes and the special prime: as few primes as the table has room for."""
    if want.prime_bits:
        return want.prime_bits, special_size(want, ring, want.prime_bits)
    total, table = _needed(want, ring), MAX_MODULUS_BITS[want.security]
    if total > max(table.values()):
        raise _too_deep(want)
    fewest, most = ceil(total / MAX_PRIME_BITS), total // max(30, want.plain_bits + 1)
    choices = [_split(total, count) for count in range(fewest, max(fewest, most) + 1)]
    sizes = [(data, special_size(want, ring, data)) for data in choices]
    return next((s for s in sizes if sum(s[0]) + s[1] <= table.get(ring, 0)), sizes[0])


def _split(total: int, count: int) -> tuple[int, ...]:
    return tuple(total // count + (i < total % count) for i in range(count))


def _needed(want: BFV, ring: int) -> int:
    """Bits of q that the products and the spare take."""
    model = Budget(ring, _plain_modulus(want, ring), (2.0**40,), 2.0**40)
    product = model.product(model.fresh, model.fresh) - model.fresh
    return 40 - model.left(model.fresh + want.depth * product) + SPARE_BITS + 1


def _products(model: Budget) -> int:
    """Products in a row that leave the spare bits; ParameterError when there is no budget at all.

    Primes lie just below their power of two, so one bit less than was planned for is enough.
    """
    noise, count = model.fresh, -1
    while model.left(noise) >= SPARE_BITS:
        noise, count = model.product(noise, noise), count + 1
    if count < 0:
        raise ParameterError(
            f"a fresh ciphertext has {max(0, model.left(noise))} bits of noise budget, fewer than "
            f"the {SPARE_BITS} to spare: add primes, or use a smaller plain_bits"
        )
    return count


def _root(number: int, squarings: int) -> int:
    """The largest whole number, at least 1, that so many squarings keep at or below a number."""
    for _ in range(squarings):
        number = isqrt(number)
    return max(1, number)
