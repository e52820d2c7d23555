"""Products of powers modulo n², the whole cost of Paillier: the textbook's way and faster ones.

A fast way is chosen by counting modular multiplications. How long one takes depends on the
exponents, so a party that is timed from outside should not answer at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import numpy as np
from gmpy2 import invert, mpz, powmod


def textbook(bases: Sequence[mpz], exponents: Sequence[int], modulus: mpz) -> mpz:
    """Π baseᵢ^exponentᵢ, one power after the other; a negative exponent inverts."""
    product = mpz(1)
    for base, exponent in zip(bases, exponents, strict=True):
        product = product * powmod(base, int(exponent), modulus) % modulus
    return product


def inverses(values: Sequence[mpz], modulus: mpz) -> list[mpz]:
    """All inverses for one inversion and three products each (Montgomery's trick).

    ZeroDivisionError when one has no inverse.

    >>> [int(x) for x in inverses([mpz(2), mpz(3)], mpz(7))]
    [4, 5]
    """
    before = [mpz(1)]
    for value in values:
        before.append(before[-1] * value % modulus)
    rest, out = invert(before[-1], modulus), []
    for value, product in zip(reversed(values), reversed(before[:-1]), strict=True):
        out.append(rest * product % modulus)
        rest = rest * value % modulus
    return out[::-1]


def digits(exponents: np.ndarray, window: int, positions: int) -> np.ndarray:
    """Signed digits in [-2^(w-1), 2^(w-1)), lowest first, shape (positions, …).

    Adding 2^(w-1) at every position makes the digits of the sum non-negative.

    >>> digits(np.array([7, -3]), 3, 2).tolist()
    [[-1, -3], [1, 0]]
    """
    half = 1 << (window - 1)
    shifts = window * np.arange(positions)
    lifted = exponents.astype(np.int64) + int((half << shifts).sum())
    return np.array([((lifted >> s) & (2 * half - 1)) - half for s in shifts])


def window_for(bits: int, largest: int = 8) -> int:
    """The smallest window that makes as few positions as the largest one does.

    >>> window_for(8), window_for(13), window_for(20)
    (8, 7, 7)
    """
    fewest = positions_for(bits, largest)
    return next(w for w in range(2, largest + 1) if positions_for(bits, w) == fewest)


def positions_for(bits: int, window: int) -> int:
    """Signed digits that an exponent of so many bits, its sign included, needs; window ≥ 2.

    The largest digit is 2^(w-1) - 1, so that several positions fall short of a whole bit.
    """
    return 1 if bits <= window else -(-(bits + 1) // window)


class Comb:
    """Powers of one base with many exponents (Lim and Lee, CRYPTO '94).

    The exponent is cut into ``teeth`` rows and each row into ``blocks``; the products of the
    rows' bases are in a table of blocks·2^teeth entries, so that a power takes
    bits/teeth products and bits/(teeth·blocks) squarings.
    """

    def __init__(
        self, base: mpz, modulus: mpz, bits: int, teeth: int = 9, blocks: int = 8
    ) -> None:
        self._modulus, self._teeth = modulus, teeth
        self._columns = -(-bits // (teeth * blocks))
        self._row = self._columns * blocks
        rows = [base]
        for _ in range(teeth - 1):
            rows.append(powmod(rows[-1], mpz(1) << self._row, modulus))
        self._tables = [_subset_products(rows, modulus)]
        for _ in range(blocks - 1):
            rows = [powmod(row, mpz(1) << self._columns, modulus) for row in rows]
            self._tables.append(_subset_products(rows, modulus))

    def power(self, exponent: int) -> mpz:
        """base^exponent, 0 ≤ exponent < 2^bits."""
        width, rows = self._row, self._teeth
        cut = [exponent >> (width * i) & ((1 << width) - 1) for i in range(rows)]
        written = [f"{row:0{width}b}"[::-1] for row in cut][::-1]
        picks = [int("".join(column), 2) for column in zip(*written, strict=True)]
        product, modulus = mpz(1), self._modulus
        for column in reversed(range(self._columns)):
            product = product * product % modulus
            for table, pick in zip(self._tables, picks[column :: self._columns], strict=True):
                product = product * table[pick] % modulus
        return product


def _subset_products(factors: Sequence[mpz], modulus: mpz) -> list[mpz]:
    """Entry k is the product of the factors whose bits are set in k."""
    table = [mpz(1)]
    for factor in factors:
        table += [entry * factor % modulus for entry in table]
    return table


class Straus:
    """Products of powers of the same bases, again and again, with shared squarings.

    For each base a table of its powers by a signed digit (Straus 1964; Menezes et al., Handbook
    of Applied Cryptography, algorithm 14.88): count·2^window entries.
    """

    def __init__(self, bases: Sequence[mpz], modulus: mpz, window: int) -> None:
        self.window, self._modulus = window, modulus
        half = 1 << (window - 1)
        pairs = zip(bases, inverses(bases, modulus), strict=True)
        # Index d holds base^d; Python counts a negative d from the end, where the inverses are.
        self._tables = [
            _run(base, half, modulus) + _run(inverse, half + 1, modulus)[:0:-1]
            for base, inverse in pairs
        ]

    def product(self, rows: np.ndarray, bits: int) -> list[mpz]:
        """Π baseᵢ^exponentᵢ for each row of exponents, shape (rows, bases)."""
        cut = digits(rows, self.window, positions_for(bits, self.window))
        return [self._one(cut[:, i]) for i in range(len(rows))]

    def _one(self, cut: np.ndarray) -> mpz:
        product, modulus = mpz(1), self._modulus
        for position in cut[::-1].tolist():
            for _ in range(self.window if product != 1 else 0):
                product = product * product % modulus
            for table, digit in zip(self._tables, position, strict=True):
                if digit:
                    product = product * table[digit] % modulus
        return product


def _run(base: mpz, count: int, modulus: mpz) -> list[mpz]:
    """base^0 … base^(count-1)."""
    out = [mpz(1)]
    for _ in range(count - 1):
        out.append(out[-1] * base % modulus)
    return out


def pippenger(
    bases: Sequence[mpz], rows: np.ndarray, modulus: mpz, window: int, bits: int
) -> list[mpz]:
    """Π baseᵢ^exponentᵢ for each row, by buckets of equal digits (Pippenger 1976; Bernstein 2002).

    Each base is multiplied into the bucket of its digit; then Π bucket_d^d takes two products a
    bucket. The rows share the inverses.
    """
    signed = {1: list(bases), -1: inverses(bases, modulus)}
    cut = digits(rows, window, positions_for(bits, window))
    out = []
    for i in range(len(rows)):
        product = mpz(1)
        for position in cut[::-1, i].tolist():
            for _ in range(window if product != 1 else 0):
                product = product * product % modulus
            product = product * _buckets(signed, position, modulus) % modulus
        out.append(product)
    return out


def _buckets(signed: dict[int, list[mpz]], position: list[int], modulus: mpz) -> mpz:
    positive, negative = signed[1], signed[-1]
    bucket = [mpz(1)] * (max(map(abs, position), default=0) + 1)
    for i, digit in enumerate(position):
        if digit > 0:
            bucket[digit] = bucket[digit] * positive[i] % modulus
        elif digit:
            bucket[-digit] = bucket[-digit] * negative[i] % modulus
    running = total = mpz(1)
    for entry in bucket[:0:-1]:
        running = running * entry % modulus if entry != 1 else running
        total = total * running % modulus
    return total


def straus_cost(count: int, rows: int, bits: int, window: int, tables: bool = True) -> int:
    """Modular products of :class:`Straus`, its tables included unless they are there already."""
    positions = positions_for(bits, window)
    build = count * ((1 << window) + 3) if tables else 0
    return build + rows * (positions * count + window * (positions - 1))


def pippenger_cost(count: int, rows: int, bits: int, window: int) -> int:
    """Modular products of :func:`pippenger`, at most."""
    positions = positions_for(bits, window)
    each = positions * (count + (1 << window) + 1) + window * (positions - 1)
    return 3 * count + rows * each


def multiply_out(bases: Sequence[mpz], rows: np.ndarray, modulus: mpz) -> list[mpz]:
    """Π baseᵢ^exponentᵢ for each row, by whichever way takes the fewest products."""
    bits = int(np.abs(rows).max(initial=0)).bit_length() + 1
    if not np.any(rows):
        return [mpz(1)] * len(rows)
    shape = (len(bases), len(rows), bits)
    windows = range(2, max(2, min(bits, 14)) + 1)
    straus = min(windows, key=lambda w: straus_cost(*shape, w))
    buckets = min(windows, key=lambda w: pippenger_cost(*shape, w))
    if straus_cost(*shape, straus) < pippenger_cost(*shape, buckets):
        return Straus(bases, modulus, straus).product(rows, bits)
    return pippenger(bases, rows, modulus, buckets, bits)


def horner(values: Sequence[mpz], shift: int, modulus: mpz) -> mpz:
    """Π valueᵢ^(2^(shift·i)): plaintexts side by side, the first one lowest."""
    step = mpz(1) << shift
    return reduce(lambda done, value: powmod(done, step, modulus) * value % modulus, values[::-1])
