"""CKKS parameters with room to bootstrap: the network's primes, and the circuit's above them.

The circuit is the default of Lattigo 6 (Bossuat, Troncoso-Pastoriza, Hubaux, "Bootstrapping for
Approximate Homomorphic Encryption with Negligible Failure-Probability by Using Sparse-Secret
Encapsulation", ePrint 2022/024): 15 levels, 821 bits.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import ceil, log2, sqrt

from ..errors import ParameterError
from ..options import listed, tidy, whole
from ..tables import Table, nbytes
from .chain import PrimeChain, check_security

FIRST_BITS, SCALE_BITS = 55, 40  #: the prime that stays; the others, and the scale
#: Slots to coefficients, x mod 1, coefficients to slots: the lowest first.
CIRCUIT_BITS = (39,) * 3 + (60,) * 8 + (56,) * 4
SPECIAL_BITS = 60
NETWORK_SPECIALS = 2  #: special primes of the keys that the network's own layers use
EPHEMERAL_WEIGHT = 32  #: of the secret that a ciphertext is under while its modulus is raised
SECURE_RING, TOY_RING = 65536, 1024
MIN_WIDTH = 16  #: with fewer slots to refresh, Lattigo's circuit has other levels
#: A slot that was refreshed is off by this times N, for values up to 1 that fill their slots.
_REFRESH_NOISE = 2.0**-42.4


@dataclass(frozen=True, repr=False)
class BootstrapParams(PrimeChain):
    """Parameters under which a ciphertext of ``width`` values is refreshed to ``levels`` levels.

    The network runs in the ring of the bootstrap. A smaller one would be faster and is what
    Lattigo offers, but its key for the way back holds samples under the small ring's secret
    modulo all primes, which no table allows. The secret is ternary and dense, as the 2024 table
    has it.

    Raises InsecureParameters below the table, unless ``insecure=True`` is written out.
    """

    ring: int = SECURE_RING
    levels: int = 5
    width: int = 64
    security: int = 128
    insecure: bool = False

    def __post_init__(self) -> None:
        tidy(self)
        if self.security != 128:
            raise ParameterError(
                f"security={self.security}: only 128, for the ephemeral secret of weight "
                f"{EPHEMERAL_WEIGHT} is some 165 bits at the best"
            )
        if not 1024 <= self.ring <= SECURE_RING or self.ring & (self.ring - 1):
            raise ParameterError(f"ring={self.ring}: a power of two from 1024 to {SECURE_RING}")
        if not 3 <= self.levels <= 20:
            raise ParameterError(
                f"levels={self.levels}: a layer takes 2, the next bootstrap 1; use 3 to 20"
            )
        if not MIN_WIDTH <= self.width <= self.slots // 2 or self.width & (self.width - 1):
            raise ParameterError(
                f"width={self.width}: a power of two from {MIN_WIDTH} to {self.slots // 2}; "
                "use narrower layers, or a larger ring"
            )
        check_security(self, self.ring, self.modulus_bits)

    @property
    def network_bits(self) -> tuple[int, ...]:
        """Bits of the primes that the network computes with, the one that stays first."""
        return (FIRST_BITS, *[SCALE_BITS] * self.levels)

    @property
    def specials(self) -> int:
        """Special primes of the bootstrap's keys: for two digits, or what the table leaves.

        Fewer digits make smaller keys.
        """
        data = self.network_bits + CIRCUIT_BITS
        room = (self.limit - sum(data)) // SPECIAL_BITS
        two_digits = ceil(len(data) / 2)
        return two_digits if room < 1 else min(two_digits, room)

    @property
    def modulus_bits(self) -> float:
        """log2(q·p) of the largest keys."""
        return float(sum(self.network_bits) + sum(CIRCUIT_BITS) + self.specials * SPECIAL_BITS)

    @property
    def secret_weight(self) -> int:
        """Non-zero coefficients of the secret: 2N/3, what a uniform ternary one has on average."""
        return round(2 * self.ring / 3)

    @property
    def gain(self) -> int:
        """What values are multiplied by when they are refreshed, to be less noisy afterwards.

        Only ``width`` slots hold anything, so on average over all slots values are small beside
        the noise; but beyond a quarter of what fills them, the approximation of x mod 1 is worse.
        """
        return max(1, self.slots // self.width // 4)

    @property
    def share(self) -> float:
        """How large values are, times the gain, beside some that would fill all slots."""
        return self.gain * self.width / self.slots

    @property
    def refresh_std(self) -> float:
        """Standard deviation of the noise that refreshing adds to a slot; measured."""
        return _REFRESH_NOISE * self.ring / self.share

    @property
    def rescaling_std(self) -> float:
        """Standard deviation of the error that rescaling adds to a slot; compare ``noise.py``."""
        return sqrt(self.ring / 2 * (1 + self.secret_weight) / 12) / 2.0**SCALE_BITS

    @property
    def bootstrap_key_bytes(self) -> int:
        """Bytes of the keys of the bootstrap; how many there are was counted in Lattigo 6.2."""
        count = round(2.6 + 2.4 * log2(self.width)) + round(log2(self.slots / self.width))
        return count * self._key_bytes(len(self.network_bits + CIRCUIT_BITS), self.specials)

    def network_key_bytes(self, rotations: Collection[int]) -> int:
        """Bytes of one relinearisation key and the rotation keys for the network's layers."""
        count = len(listed(rotations, "rotations, a tuple of steps"))
        return (1 + count) * self._key_bytes(len(self.network_bits), NETWORK_SPECIALS)

    def ciphertext_bytes(self, level: int) -> int:
        """Bytes of a ciphertext at a level."""
        return 2 * (whole(level, "level", 0) + 1) * self.ring * 8

    def _key_bytes(self, data: int, specials: int) -> int:
        return ceil(data / specials) * 2 * (data + specials) * self.ring * 8

    def explain(self) -> Table:
        """Every number of the set, with its reason, and what its security rests on."""
        circuit = f"{len(CIRCUIT_BITS)} primes, {sum(CIRCUIT_BITS)} bits"
        short = f"weight {EPHEMERAL_WEIGHT}, {FIRST_BITS + SPECIAL_BITS} bits"
        rows = [
            ("ring degree N", self.ring, "of the network and of the bootstrap"),
            ("network primes (bits)", self.network_bits, "a layer and its square take two"),
            ("bootstrap circuit", circuit, "Lattigo's default, ePrint 2022/024"),
            ("special primes", f"{self.specials} of {SPECIAL_BITS} bits", "in keys only"),
            ("secret", f"ternary, weight {self.secret_weight}", "2N/3, as if uniform"),
            ("modulus q·p (bits)", int(self.modulus_bits), f"≤ {self.limit}, ePrint 2024/463"),
            ("security", self.label, "classical attacks, ternary secret"),
            ("ephemeral secret", short, "in one key; not in the table: ePrint 2022/024"),
            ("slots refreshed", self.width, "all others are zeroed first"),
            ("bootstrap keys", nbytes(self.bootstrap_key_bytes), "sent to the server once"),
        ]
        return Table(("what", "value", "why"), rows, caption=repr(self))

    def __repr__(self) -> str:
        return (
            f"BootstrapParams({self.label}, N={self.ring}, {self.levels} levels, "
            f"{self.modulus_bits:.0f} bits)"
        )
