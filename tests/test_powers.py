"""Products of powers: every fast way gives what the textbook's gives, at the cost it states."""

from functools import reduce
from math import gcd, prod

import gmpy2
import numpy as np
import pytest
from gmpy2 import mpz, powmod
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from helib_py.engines import powers

SMALL = ((1 << 61) - 1, (1 << 89) - 1)  # Mersenne primes
N = mpz(SMALL[0] * SMALL[1]) ** 2
MAX_BITS = 49  # of an exponent with its sign: factors have 48 at most
some = settings(max_examples=60, deadline=None, derandomize=True)
units = st.integers(2, int(N) - 1).filter(lambda x: gcd(x, int(N)) == 1).map(mpz)
windows = st.integers(2, 14)


@st.composite
def problems(draw):
    """Bases and rows of exponents, at the edges of their bit length more often than not."""
    count, rows, top = draw(st.integers(1, 6)), draw(st.integers(1, 4)), draw(st.integers(0, 47))
    edges = [0, 1, -1, 2**top, -(2**top), 2 ** (top + 1) - 1, 1 - 2 ** (top + 1)]
    exponents = st.sampled_from(edges) | st.integers(min(edges), max(edges))
    matrix = draw(arrays(np.int64, (rows, count), elements=exponents))
    return draw(st.lists(units, min_size=count, max_size=count)), matrix


def bits_of(rows):
    return int(np.abs(rows).max(initial=0)).bit_length() + 1


def by_textbook(bases, rows):
    return [powers.textbook(bases, row.tolist(), N) for row in rows]


@some
@given(st.lists(st.tuples(units, st.integers(-(10**6), 10**6)), max_size=5))
def test_the_textbook_multiplies_powers_and_inverts_for_a_negative_exponent(pairs):
    expected = prod((pow(int(b), e, int(N)) for b, e in pairs), start=1) % N
    assert powers.textbook([b for b, _ in pairs], [e for _, e in pairs], N) == expected


@some
@given(problems(), windows)
def test_straus_is_the_textbook_s_product(problem, window):
    bases, rows = problem
    got = powers.Straus(bases, N, window).product(rows, bits_of(rows))
    assert got == by_textbook(bases, rows)


@some
@given(problems(), windows)
def test_pippenger_is_the_textbook_s_product(problem, window):
    bases, rows = problem
    assert powers.pippenger(bases, rows, N, window, bits_of(rows)) == by_textbook(bases, rows)


@some
@given(problems())
def test_multiplying_out_is_the_textbook_s_product(problem):
    bases, rows = problem
    assert powers.multiply_out(bases, rows, N) == by_textbook(bases, rows)


@some
@given(problems(), windows, st.integers(0, 20))
def test_tables_serve_exponents_of_any_size(problem, window, more):
    """Prepared for the largest, used for smaller ones."""
    bases, rows = problem
    bits = min(MAX_BITS, bits_of(rows) + more)
    assert powers.Straus(bases, N, window).product(rows, bits) == by_textbook(bases, rows)


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (0, 4)])
def test_rows_of_zeros_give_one(shape):
    bases, rows = [mpz(3)] * shape[1], np.zeros(shape, dtype=np.int64)
    for got in (
        powers.multiply_out(bases, rows, N),
        powers.Straus(bases, N, 4).product(rows, 1),
        powers.pippenger(bases, rows, N, 4, 1),
    ):
        assert got == [1] * shape[0]


@pytest.mark.parametrize("window", range(2, 15))
def test_digits_recombine_up_to_the_very_edge_of_every_bit_length(window):
    for bits in range(1, MAX_BITS + 1):
        edge = 2 ** (bits - 1) - 1
        numbers = np.array([-edge, -(edge // 2) - 1, -1, 0, 1, edge // 2 + 1, edge])
        numbers = np.clip(numbers, -edge, edge)
        cut = powers.digits(numbers, window, powers.positions_for(bits, window))
        weights = [1 << (window * i) for i in range(len(cut))]
        assert (np.array(weights, dtype=object) @ cut.astype(object)).tolist() == numbers.tolist()
        assert -(2 ** (window - 1)) <= cut.min()
        assert cut.max() < 2 ** (window - 1)


def assert_smallest_window(bits):
    window = powers.window_for(bits)
    digits = powers.positions_for(bits, window)
    assert digits == powers.positions_for(bits, 8)
    assert window == 2 or powers.positions_for(bits, window - 1) > digits


@pytest.mark.parametrize("bits", [1, *range(9, MAX_BITS)])
def test_the_window_of_prepared_tables_is_the_smallest_with_as_few_digits(bits):
    assert_smallest_window(bits)


@pytest.mark.parametrize("bits", range(2, 9))
def test_of_few_bits_the_window_is_the_smallest_too(bits):
    assert_smallest_window(bits)


@some
@given(units, st.integers(1, 300), st.integers(1, 9), st.integers(1, 9), st.data())
def test_a_comb_gives_the_power(base, bits, teeth, blocks, data):
    edges = st.sampled_from([0, 1, 2**bits - 1, 2 ** (bits - 1)])
    exponent = data.draw(edges | st.integers(0, 2**bits - 1))
    got = powers.Comb(base, N, bits, teeth, blocks).power(exponent)
    assert got == powmod(base, exponent, N)


@some
@given(st.lists(units, max_size=8))
def test_inverses_times_their_numbers_are_one(values):
    found = powers.inverses(values, N)
    assert [a * b % N for a, b in zip(values, found, strict=True)] == [1] * len(values)


def test_a_number_without_inverse_is_not_passed_over():
    with pytest.raises(ZeroDivisionError):
        powers.inverses([mpz(5), mpz(SMALL[0]), mpz(7)], N)


@some
@given(st.lists(units, min_size=1, max_size=6), st.integers(0, 100))
def test_horner_s_rule_puts_the_first_number_lowest(values, shift):
    expected = [powmod(value, 1 << (shift * i), N) for i, value in enumerate(values)]
    assert powers.horner(values, shift, N) == reduce(lambda a, b: a * b % N, expected)


class Counted(int):
    """An integer whose products are counted; a power by ``powmod`` does not occur."""

    products = 0

    def __mul__(self, other):
        Counted.products += 1
        return Counted(int(self) * int(other))

    def __mod__(self, other):
        return Counted(int(self) % int(other))


@pytest.fixture
def count(monkeypatch):
    """Modular products that a call takes."""
    monkeypatch.setattr(powers, "mpz", Counted)
    monkeypatch.setattr(powers, "invert", lambda a, m: Counted(gmpy2.invert(int(a), int(m))))

    def counting(call):
        Counted.products = 0
        call()
        return Counted.products

    return counting


SHAPES = [(1, 1, 2), (1, 1, 48), (3, 1, 12), (40, 2, 9), (12, 30, 17), (150, 4, 8), (8, 60, 24)]


def example(inputs, rows, bits):
    """Exponents without a zero digit to save, as far as chance goes."""
    random = np.random.default_rng(inputs * rows)
    top = 2 ** (bits - 1)
    exponents = random.integers(-top + 1, top, (rows, inputs))
    exponents[0, 0] = top - 1
    return [Counted(x) for x in random.integers(2, 2**60, inputs).tolist()], exponents


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("window", [2, 4, 7])
def test_no_way_takes_more_products_than_its_cost(count, shape, window):
    bases, rows = example(*shape)
    modulus, bits = Counted(N), shape[2]
    real = count(lambda: powers.pippenger(bases, rows, modulus, window, bits))
    stated = powers.pippenger_cost(*shape, window)
    assert 0.5 * stated - (1 << window) * len(rows) * bits <= real <= stated
    straus = powers.Straus(bases, modulus, window)
    stated = powers.straus_cost(*shape, window, tables=False)
    assert 0.5 * stated <= count(lambda: straus.product(rows, bits)) <= stated
    real = count(lambda: powers.Straus(bases, modulus, window).product(rows, bits))
    assert 0.5 * stated <= real <= powers.straus_cost(*shape, window)


@pytest.mark.parametrize("shape", SHAPES)
def test_multiplying_out_takes_no_more_products_than_any_way_and_window(count, shape):
    bases, rows = example(*shape)
    ways = (powers.straus_cost, powers.pippenger_cost)
    cheapest = min(cost(*shape, window) for cost in ways for window in range(2, 15))
    assert count(lambda: powers.multiply_out(bases, rows, Counted(N))) <= cheapest


@pytest.mark.parametrize("shape", SHAPES)
def test_multiplying_out_goes_the_way_of_the_smaller_cost(monkeypatch, shape):
    bases, rows = example(*shape)
    gone = []
    monkeypatch.setattr(powers, "pippenger", lambda *_: gone.append(powers.pippenger_cost))
    monkeypatch.setattr(powers.Straus, "_one", lambda *_: gone.append(powers.straus_cost))
    powers.multiply_out([mpz(x) for x in bases], rows, N)
    ways = (powers.straus_cost, powers.pippenger_cost)
    costs = {way: min(way(*shape, window) for window in range(2, 15)) for way in ways}
    assert costs[gone[0]] == min(costs.values())


def test_both_ways_are_gone():
    """Few bases and many rows share squarings; many bases fill buckets."""
    few, many = (8, 60, 24), (784, 64, 9)
    for shape, cheaper in ((few, powers.straus_cost), (many, powers.pippenger_cost)):
        ways = (powers.straus_cost, powers.pippenger_cost)
        assert min(ways, key=lambda w: min(w(*shape, x) for x in range(2, 15))) is cheaper
