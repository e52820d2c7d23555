"""Paillier on whole numbers: the only importer of phe, which decrypts.

Paillier, EUROCRYPT '99; the fast randomiser is that of Damgård, Jurik and Nielsen, "A
generalization of Paillier's public-key system with applications to electronic voting", 2010.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property
from math import gcd

import numpy as np
from gmpy2 import is_prime, mpz, powmod
from phe import PaillierPrivateKey, PaillierPublicKey

from .. import randomness
from ..errors import BadBytes, ParameterError
from ..params import Paillier, value_bits
from . import Bundle, powers
from .proper import is_proper, prove

Handles = tuple[mpz, ...]


class PaillierEvaluator:
    """Encrypts and computes with the public key: n, and Damgård's h^n where the key has one."""

    def __init__(self, params: Paillier, bundle: Bundle) -> None:
        self.params = params
        public = bundle.get("public", b"")
        self.n = mpz(int.from_bytes(public, "big"))
        if self.n.bit_length() != params.bits or 8 * len(public) != params.bits:
            raise BadBytes(f"a key of {self.n.bit_length()} bits: its label must say the same")
        if not is_proper(int(self.n), bundle.get("proof", b"")):
            raise BadBytes(
                "the public key does not prove that its modulus is a proper one, whose results "
                "hide what they were computed from: refuse it, or ask its owner for another"
            )
        self.modulus, self.n_squared = int(self.n), self.n**2
        self._generator = mpz(int.from_bytes(bundle.get("blinding", b""), "big"))
        if "blinding" in bundle:
            _check_generator(self._generator, self.n)

    @cached_property
    def _comb(self) -> powers.Comb:
        return powers.Comb(self._generator, self.n_squared, self.params.bits // 2)

    def blind(self) -> mpz:
        """A random encryption of 0: r^n, or (h^n)^α with α of half the length, by a comb."""
        if not self._generator:
            return self.textbook_blind()
        return self._comb.power(randomness.bits(self.params.bits // 2))

    def textbook_blind(self) -> mpz:
        """r^n for a random r, as Paillier wrote it: one power with an exponent of full length."""
        return powmod(randomness.below(int(self.n) - 1) + 1, self.n, self.n_squared)

    def encrypt(self, values: Sequence[int]) -> Handles:
        return tuple(c * self.blind() % self.n_squared for c in self._bare(values))

    def _bare(self, values: Sequence[int]) -> Handles:
        return tuple((1 + value % self.n * self.n) % self.n_squared for value in values)

    def rerandomise(self, a: Handles) -> Handles:
        """By the textbook: results go to the key's owner, who made the generator of the comb.

        With a generator of small order, which nobody else can recognise, the comb would blind
        little, and the masks that went in would tell the owner what was computed.
        """
        return tuple(c * self.textbook_blind() % self.n_squared for c in a)

    def add(self, a: Handles, b: Handles) -> Handles:
        return tuple(x * y % self.n_squared for x, y in zip(a, b, strict=True))

    def add_plain(self, a: Handles, values: Sequence[int]) -> Handles:
        return self.add(a, self._bare(values))

    def multiply_plain(self, a: Handles, factors: Sequence[int]) -> Handles:
        return tuple(
            powmod(c, factor, self.n_squared) for c, factor in zip(a, factors, strict=True)
        )

    def prepare(self, a: Handles, window: int = 0) -> powers.Straus:
        bits = value_bits(self.params.factor_precision, self.params.factor_bound)
        return powers.Straus(a, self.n_squared, window or powers.window_for(bits))

    def combine(
        self, rows: np.ndarray, a: Handles, tables: powers.Straus | None = None
    ) -> Handles:
        if tables is None:
            return tuple(powers.multiply_out(a, rows, self.n_squared))
        bits = int(np.abs(rows).max(initial=0)).bit_length() + 1
        return tuple(tables.product(rows, bits))

    def pack(self, a: Handles, shift: int) -> Handles:
        return (powers.horner(a, shift, self.n_squared),)

    def dump(self, a: Handles) -> bytes:
        size = self.params.ciphertext_bytes
        return b"".join(int(c).to_bytes(size, "big") for c in a)

    def load(self, data: bytes) -> Handles:
        size = self.params.ciphertext_bytes
        handles = tuple(
            mpz(int.from_bytes(data[i : i + size], "big")) for i in range(0, len(data), size)
        )
        product = mpz(1)
        for c in handles:
            product = product * c % self.n
        ours = all(c < self.n_squared for c in handles) and gcd(int(product), int(self.n)) == 1
        if len(data) % size or not ours:
            raise BadBytes("these bytes hold no Paillier ciphertexts: send them again")
        return handles


class PaillierKeys:
    """The primes: decrypts, and encrypts faster modulo p² and q². ``primes`` revives a key."""

    def __init__(self, params: Paillier, primes: tuple[int, int] | None = None) -> None:
        p, q = primes or _new_primes(params.bits)
        half = params.bits // 2
        if not all(v.bit_length() == half and is_prime(v) for v in (p, q)) or _close(p, q):
            raise ParameterError(
                f"primes: two primes of {half} bits each, more than 2^{half - 100} apart, since "
                "those close to each other are found at once (FIPS 186-5, A.1.3)"
            )
        n = p * q
        if n.bit_length() != params.bits:
            raise ParameterError(f"primes of a {n.bit_length()}-bit key: use bits={params.bits}")
        public = n.to_bytes(params.bits // 8, "big")
        self.bundle: Bundle = {"public": public, "proof": prove(p, q)}
        self._private = PaillierPrivateKey(PaillierPublicKey(n), p, q)
        self._params, self._n = params, mpz(n)
        if _good(p, q):
            h = mpz(-pow(_derived(p, q), 2, n) % n)
            generator = int(powmod(h, n, self._n**2))
            self.bundle["blinding"] = generator.to_bytes(params.ciphertext_bytes, "big")
        self._evaluator = PaillierEvaluator(params, self.bundle)

    @property
    def primes(self) -> tuple[int, int]:
        return self._private.p, self._private.q

    @cached_property
    def _halves(self) -> tuple[tuple[mpz, powers.Comb], ...]:
        """For p² and q²: the modulus, and the comb of the generator modulo it."""
        generator, bits = int.from_bytes(self.bundle["blinding"], "big"), self._params.bits // 2
        squares = [mpz(prime) ** 2 for prime in self.primes]
        return tuple((square, powers.Comb(generator % square, square, bits)) for square in squares)

    def blind(self) -> mpz:
        """A random encryption of 0, modulo p² and q² apart and put together (CRT)."""
        (p2, comb_p), (q2, comb_q) = self._halves
        exponent = randomness.bits(self._params.bits // 2)
        at_p, at_q = comb_p.power(exponent), comb_q.power(exponent)
        return mpz(at_q + (at_p - at_q) * self._q2_inverse % p2 * q2)

    @cached_property
    def _q2_inverse(self) -> mpz:
        (p2, _), (q2, _) = self._halves
        return powmod(q2, -1, p2)

    def __reduce__(self) -> str:
        raise TypeError("a secret key is not pickled: send owner.public instead")

    def encrypt(self, values: Sequence[int]) -> Handles:
        """As the evaluator does; the secret halves the length of every product."""
        evaluator = self._evaluator
        if "blinding" not in self.bundle:
            return evaluator.encrypt(values)
        bare = evaluator.add_plain((mpz(1),) * len(values), values)
        return tuple(c * self.blind() % evaluator.n_squared for c in bare)

    def decrypt(self, a: Handles) -> list[int]:
        """The whole numbers, in (-n/2, n/2)."""
        opened = [self._private.raw_decrypt(int(c)) for c in a]
        n = int(self._n)
        return [value - n if value > n // 2 else value for value in opened]


def _new_primes(bits: int) -> tuple[int, int]:
    """Two primes as the comb needs them, whose product has exactly ``bits`` bits."""
    p = q = _new_prime(bits // 2)
    while _close(p, q) or not _good(p, q):
        q = _new_prime(bits // 2)
    return p, q


def _new_prime(bits: int) -> int:
    """3 modulo 4; its two top bits are set, so that a product of two is as long as it can be."""
    candidate = mpz(randomness.bits(bits) | 3 << (bits - 2) | 3)
    while not is_prime(candidate):
        candidate += 4
    return int(candidate)


def _derived(p: int, q: int) -> int:
    """A number modulo p·q that nobody else can foretell: of a key that is revived the same one."""
    size = (p * q).bit_length() // 8 + 16
    seed = b"helib_py blinding" + b"".join(v.to_bytes(size, "big") for v in sorted((p, q)))
    return 1 + int.from_bytes(hashlib.shake_256(seed).digest(size), "big") % (p * q - 1)


def _close(p: int, q: int) -> bool:
    """Whether Fermat's way to factor p·q is worth a try; of toys only where they are equal."""
    return abs(p - q) <= 1 << max(0, p.bit_length() - 100)


def _check_generator(generator: mpz, n: mpz) -> None:
    """BadBytes for one that is out of range or blinds nothing at all."""
    trivial = generator % n in (0, 1, n - 1) or gcd(int(generator), int(n)) != 1
    if trivial or not 0 < generator < n**2:
        raise BadBytes("the public key's blinding part hides nothing: ask its owner again")


def _good(p: int, q: int) -> bool:
    """Whether -x² generates as Damgård, Jurik and Nielsen (2010, section 4.2) assume."""
    return p % 4 == q % 4 == 3 and gcd(p - 1, q - 1) == 2
