"""A proof that a stranger's Paillier modulus n is proper: gcd(n, φ(n)) = 1.

Only then does r^n range over all n-th residues, so that re-randomising hides what a result was
computed from; with a modulus made for it, weights can carry all of an input past every mask.
Goldberg, Reyzin, Sagga, Baldimtsi, "Efficient Noninteractive Certification of RSA Moduli and
Beyond", ePrint 2018/057, section 3.1: whoever can take n-th roots of challenges that a hash chose
knows that every number has one. With no prime below 2^16 in n, a wrong modulus has a root for one
challenge in 2^16 at the most, and for eight in one try of 2^128.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

from gmpy2 import gcd, invert, mpz, powmod, primorial

SMALLEST = 1 << 16  #: no smaller prime divides n
ROOTS = 8


def prove(p: int, q: int) -> bytes:
    """The n-th roots of all challenges, for n = p·q, computed modulo p and q apart."""
    n = mpz(p) * q
    lift = invert(q, p)
    roots = []
    for challenge in _challenges(int(n)):
        at_p, at_q = (powmod(challenge, invert(n, prime - 1), prime) for prime in (p, q))
        roots.append(at_q + (at_p - at_q) * lift % p * q)
    return b"".join(int(root).to_bytes(_size(int(n)), "big") for root in roots)


@lru_cache(maxsize=256)
def is_proper(n: int, proof: bytes) -> bool:
    """Whether the proof is one, for this n."""
    size = _size(n)
    if len(proof) != ROOTS * size or gcd(n, primorial(SMALLEST)) != 1:
        return False
    roots = (int.from_bytes(proof[i : i + size], "big") for i in range(0, len(proof), size))
    pairs = zip(roots, _challenges(n), strict=True)
    return all(root < n and powmod(root, n, n) == challenge for root, challenge in pairs)


def _challenges(n: int) -> list[int]:
    """Numbers modulo n that a hash of n chose."""
    size = _size(n)
    seed = b"helib_py proper modulus" + n.to_bytes(size, "big")
    drawn = hashlib.shake_256(seed).digest(ROOTS * (size + 16))
    pieces = (drawn[i : i + size + 16] for i in range(0, len(drawn), size + 16))
    return [int.from_bytes(piece, "big") % n for piece in pieces]


def _size(n: int) -> int:
    return (n.bit_length() + 7) // 8
