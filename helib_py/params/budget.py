"""How much of BFV's noise budget each operation takes: a model, with neither keys nor data.

For a ciphertext c of m is (t/q)·c(s) = m + v modulo t, and decryption is right as long as every
coefficient of v, the invariant noise, stays below 1/2. The budget is -log2(2·max|v|) bits
(Laine, "Simple Encrypted Arithmetic Library 2.3.1", the definition of invariant noise).

A *noise* in this file is log2 of the standard deviation of v's coefficients. Variances are those
of Biasioli, Marcolla, Calderini and Mono, ePrint 2023/600, made pessimistic in three places:
powers of the secret are as large as in their worst slot, noises that meet are fully dependent,
and plaintexts have the largest coefficients there can be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, log, log2, sqrt

from .chain import NOISE_STD

LARGEST = 6.0  #: deviations that none of a ring's coefficients exceeds


@dataclass(frozen=True)
class Budget:
    """The model for one ring, plaintext modulus t and chain of primes."""

    ring: int
    modulus: int
    primes: Sequence[float]
    special: float

    def left(self, noise: float) -> int:
        """Whole bits of budget; 0 or less when decryption may fail."""
        return floor(-noise - log2(LARGEST) - 1)

    def noise_for(self, budget: int) -> float:
        """The noise with which so many bits are left."""
        return -budget - log2(LARGEST) - 1

    @property
    def fresh(self) -> float:
        """A public-key encryption: SEAL encrypts modulo q·p, divides p away and adds q·m/t."""
        inside = (4 * self.ring / 3 + 1) * NOISE_STD**2 / self.special**2
        return self._at_q(self._rounding + inside + 1 / 12)

    @property
    def turning(self) -> float:
        """Relinearising or rotating once: a digit a prime times a key's error, over p."""
        digits = sum((q / self.special) ** 2 for q in self.primes) / 3
        return self._at_q(self.ring * digits * NOISE_STD**2 + self._rounding)

    @property
    def shift(self) -> float:
        """Adding a plaintext: q·m/t is rounded."""
        return self._at_q(1 / 12)

    def turned(self, noise: float, times: int) -> float:
        """After so many rotations by a step that has a key."""
        return independent(noise, *[self.turning] * times)

    def scaled(self, noise: float, factor: int) -> float:
        """A product with one whole number; times 0 is a fresh encryption of 0."""
        return noise + log2(factor) if factor else self.fresh

    def product(self, a: float, b: float) -> float:
        """A product of ciphertexts, relinearised: v is v1·(t/q)c2(s) + v2·(t/q)c1(s).

        Coefficients of both parts of c are uniform below q. In the worst of N/2 slots |s|² is
        some ln N times its mean 2N/3. All other terms are smaller by a factor of t.
        """
        largest = 1 + log(self.ring) * 2 * self.ring / 3
        growth = log2(self.modulus * sqrt(self.ring / 12 * largest))
        return self.turned(dependent(a, b) + growth, 1)

    def plain_product(self, noise: float, period: int, terms: int = 1) -> float:
        """Σ v·p over plaintexts p of integers below t/2 that repeat in the slots.

        A vector that repeats every ``period`` slots has 2·period coefficients that are not 0. Of
        one that stands alone SEAL takes the residue below t, not the one that is nearest to 0.
        """
        return noise + log2(self.modulus / 2 * sqrt(2 * max(2, period) * terms))

    def _at_q(self, variance: float) -> float:
        log_q = sum(log2(q) for q in self.primes)
        return log2(self.modulus) - log_q + log2(variance) / 2

    @property
    def _rounding(self) -> float:
        """Variance of what rounding c0 + c1·s leaves, s ternary."""
        return (1 + 2 * self.ring / 3) / 12


def dependent(*noises: float) -> float:
    """Of a sum whose terms may be the same: deviations add up."""
    top = max(noises)
    return top + log2(sum(2.0 ** (noise - top) for noise in noises))


def independent(*noises: float) -> float:
    """Of a sum whose terms have nothing to do with each other: variances add up."""
    return dependent(*(2 * noise for noise in noises)) / 2
