"""Paillier parameter sets: the size of the modulus and the public fixed-point format."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import ceil, log2

from .. import wire
from ..errors import InsecureParameters, ParameterError
from ..options import tidy
from ..tables import Table, nbytes
from .chain import received

#: Bits of an RSA-like modulus → bits of security against factoring.
#: NIST SP 800-57 part 1 rev. 5, table 2.
FACTORING: dict[int, int] = {2048: 112, 3072: 128, 7680: 192, 15360: 256}
MAX_BITS = 16384  #: larger keys take minutes, and no level of security asks for them
MAX_FACTOR_BITS = 48  #: quantised plaintext factors fit a machine word, windows included
MAX_VALUE_BITS = 1000  #: and whole values a double's range
SPARE_BITS = 16  #: 65,536 packed ciphertexts can be summed up


@dataclass(frozen=True)
class Paillier:
    """A Paillier parameter set: modulus n of ``bits`` bits, and one fixed-point format for all.

    Encrypted numbers are kept to ``precision`` bits after the binary point and lie in
    [-bound, bound]; the plain numbers that multiply them, the factors, are kept to
    ``factor_precision`` bits and lie in [-factor_bound, factor_bound]. All four are public and
    none depends on the data, so that a ciphertext's label says nothing about its content.

    2048 bits are 112-bit security, which NIST allows until 2030. Fewer raise InsecureParameters
    unless ``insecure=True`` is written out.

    >>> Paillier()
    Paillier · 3072-bit n · fixed point 2^-24, factors 2^-16 · 128-bit
    """

    bits: int = 3072
    precision: int = 24
    bound: float = 1.0
    factor_precision: int = 16
    factor_bound: float = 16.0
    insecure: bool = False

    def __post_init__(self) -> None:
        tidy(self)  # 1 and 1.0 are the same promise
        _check(self)
        if not self.security and not self.insecure:
            raise InsecureParameters(
                f"a modulus of {self.bits} bits can be factored or soon will be (NIST SP 800-57): "
                "use bits=3072, or 2048 until 2030, or write insecure=True for a toy"
            )

    @property
    def security(self) -> int:
        """Bits of security by the size of the modulus; 0 below 2048 bits."""
        return max((level for bits, level in FACTORING.items() if bits <= self.bits), default=0)

    @property
    def is_secure(self) -> bool:
        """Whether the modulus has at least 2048 bits, 112-bit security."""
        return self.security > 0

    @property
    def label(self) -> str:
        """``128-bit`` or ``INSECURE``; every repr and plot shows it."""
        return f"{self.security}-bit" if self.is_secure else "INSECURE"

    @property
    def capacity(self) -> int:
        """Bits of a plaintext that may be used: |integer| < 2^capacity never wraps around."""
        return self.bits - 2

    @property
    def ciphertext_bytes(self) -> int:
        """Bytes of one ciphertext, a number modulo n²."""
        return self.bits // 4

    @property
    def fingerprint(self) -> str:
        """A short hash by which bytes of other parameters are recognised."""
        numbers = {name: value for name, value in asdict(self).items() if name != "insecure"}
        return hashlib.sha256(json.dumps(numbers).encode()).hexdigest()[:32]

    def to_json(self) -> str:
        """The request that rebuilds this very set with :meth:`from_json`."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str, insecure: bool = False) -> Paillier:
        """Rebuild a parameter set; see :meth:`helib_py.CKKS.from_json`."""
        with wire.rebuilding("parameter set"):
            return received(cls, wire.parsed(text), insecure)

    def explain(self) -> Table:
        """Every number of the set, with its reason."""
        until = ", allowed by NIST until 2030" if self.security == 112 else ""
        step, factor = f"2^-{self.precision}", f"2^-{self.factor_precision}"
        width = packed_bits(self, self.bound)
        rows = [
            ("modulus n (bits)", self.bits, "a product of two primes; plaintexts live modulo n"),
            ("security", self.label, f"best known factoring, NIST SP 800-57{until}"),
            (
                "ciphertext",
                nbytes(self.ciphertext_bytes),
                "a number modulo n², for each plaintext",
            ),
            ("fixed point", step, "a value is a whole multiple of it: public, the same for all"),
            ("bound", self.bound, "promised: |encrypted values| stay below it"),
            ("factors", factor, "the same for the plain numbers that multiply them"),
            ("factor bound", self.factor_bound, "promised: |plain factors| stay below it"),
            ("fresh values side by side", self.capacity // width, f"{width} bits each, if packed"),
        ]
        return Table(("what", "value", "why"), rows, caption=repr(self))

    def __repr__(self) -> str:
        return (
            f"Paillier · {self.bits}-bit n · fixed point 2^-{self.precision}, "
            f"factors 2^-{self.factor_precision} · {self.label}"
        )


def value_bits(precision: int, bound: float) -> int:
    """Bits of a signed slot that holds every multiple of 2^-precision in [-bound, bound].

    >>> value_bits(8, 1.0)
    10
    """
    return precision + max(ceil(log2(bound)), 1 - precision) + 2


def packed_bits(params: Paillier, bound: float) -> int:
    """Bits of a packed slot: of a value within the bound, with room for sums or one product."""
    factor = ceil(Fraction(params.factor_bound) * (1 << params.factor_precision))
    room = max(SPARE_BITS, factor.bit_length())
    return min(value_bits(params.precision, bound) + room, params.capacity)


def _check(want: Paillier) -> None:
    if not 64 <= want.bits <= MAX_BITS or want.bits % 8:
        raise ParameterError(
            f"bits={want.bits}: a multiple of 8 up to {MAX_BITS}, 3072 for 128-bit security"
        )
    _check_sizes(want)
    factor = value_bits(want.factor_precision, want.factor_bound)
    if factor > MAX_FACTOR_BITS:
        raise ParameterError(
            f"plain factors of {factor} bits: at most {MAX_FACTOR_BITS}, lower "
            "factor_precision or factor_bound"
        )
    value = value_bits(want.precision, want.bound)
    if value > min(want.capacity, MAX_VALUE_BITS):
        raise ParameterError(
            f"values of {value} bits: at most {min(want.capacity, MAX_VALUE_BITS)}, lower "
            "precision or bound"
        )


def _check_sizes(want: Paillier) -> None:
    for name in ("precision", "factor_precision"):
        value = getattr(want, name)
        if not 0 <= value <= MAX_VALUE_BITS:
            raise ParameterError(f"{name}={value}: a whole number of bits, 0 or more")
    for name in ("bound", "factor_bound"):
        if getattr(want, name) <= 0:
            raise ParameterError(f"{name}={getattr(want, name):g}: must be above 0")
