"""Parameter sets, one module a scheme: derived from what is wanted, refused when insecure."""

from .ckks import CKKS, MAX_MODULUS_BITS, MAX_PRIME_BITS, NOISE_STD, is_prime
from .paillier import FACTORING, Paillier, value_bits

__all__ = [
    "CKKS", "FACTORING", "MAX_MODULUS_BITS", "MAX_PRIME_BITS", "NOISE_STD", "Paillier",
    "is_prime", "value_bits",
]  # fmt: skip
