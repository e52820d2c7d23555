"""Parameter sets, one module a scheme: derived from what is wanted, refused when insecure."""

from .bfv import BFV
from .budget import Budget, dependent, independent
from .chain import (
    MAX_DEPTH,
    MAX_MODULUS_BITS,
    MAX_PRIME_BITS,
    MAX_RING,
    NOISE_STD,
    is_prime,
    received,
)
from .ckks import CKKS
from .paillier import FACTORING, MAX_FACTOR_BITS, MAX_VALUE_BITS, Paillier, packed_bits, value_bits

__all__ = [
    "BFV", "CKKS", "FACTORING", "MAX_DEPTH", "MAX_FACTOR_BITS", "MAX_MODULUS_BITS",
    "MAX_PRIME_BITS", "MAX_RING", "MAX_VALUE_BITS", "NOISE_STD", "Budget", "Paillier", "dependent",
    "independent", "is_prime", "packed_bits", "received", "value_bits",
]  # fmt: skip
