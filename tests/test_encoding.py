"""Laws of slot layouts."""

import re
from fractions import Fraction

import numpy as np
import pytest
from helpers import assert_refused
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from helib_py.encoding import (
    Layout,
    Slots,
    as_numbers,
    as_whole,
    power_of_two,
    quantise,
    repeat,
    within,
)
from helib_py.errors import BadValue, Overflow, ShapeError

SLOTS = 64
numbers = st.floats(-1e6, 1e6)
vectors = st.integers(1, SLOTS).flatmap(lambda n: arrays(np.float64, n, elements=numbers))


@st.composite
def layouts(draw):
    """Any order of the values on any block, with holes; every value has a place."""
    length = 1 << draw(st.integers(0, 4))
    count = draw(st.integers(1, length))
    order = np.full(length, -1)
    order[:count] = np.arange(count)
    block = 1 << draw(st.integers(0, 2))
    return Layout(block, np.array(draw(st.permutations(order.tolist()))))


@given(st.integers(1, 10**6))
def test_power_of_two_is_the_smallest_that_is_enough(n):
    p = power_of_two(n)
    assert p & (p - 1) == 0
    assert p >= n > p // 2 or n == p == 1


@given(vectors)
def test_repeating_keeps_the_vector_in_front(x):
    assert np.array_equal(repeat(x, SLOTS)[: len(x)], x)


@given(vectors)
def test_repeating_has_a_power_of_two_period_and_zeros_for_padding(x):
    slots, period = repeat(x, SLOTS), power_of_two(len(x))
    assert np.array_equal(np.roll(slots, period), slots)
    assert not slots[len(x) : period].any()


@given(vectors, st.integers(-100, 100))
def test_rotating_the_slots_rotates_the_padded_vector(x, k):
    padded = np.pad(x, (0, power_of_two(len(x)) - len(x)))
    assert np.array_equal(np.roll(repeat(x, SLOTS), k), repeat(np.roll(padded, k), SLOTS))


@pytest.mark.parametrize("shape", [(0,), (65,), (2, 2), ()])
def test_what_is_no_vector_of_the_slots_is_refused(shape):
    with pytest.raises(ShapeError) as error:
        repeat(np.zeros(shape), SLOTS)
    assert_refused(error)


@given(layouts(), st.data())
def test_find_is_the_inverse_of_spread(layout, data):
    count = int(layout.order.max()) + 1
    values = data.draw(arrays(np.float64, count, elements=numbers))
    assert np.array_equal(layout.spread(values, SLOTS)[layout.find()], values)


@given(layouts())
def test_spread_repeats_with_the_period_and_is_zero_elsewhere(layout):
    values = np.arange(1.0, layout.order.max() + 2)
    slots = layout.spread(values, SLOTS)
    assert np.array_equal(np.roll(slots, layout.period), slots)
    used = np.tile(np.repeat(layout.order, layout.block) >= 0, SLOTS // layout.period)
    used &= np.arange(SLOTS) % layout.block == 0
    assert np.array_equal(slots != 0, used)


@given(layouts())
def test_find_gives_the_first_slot_of_each_value(layout):
    values = np.arange(1.0, layout.order.max() + 2)
    slots = layout.spread(values, SLOTS)
    assert [int(np.flatnonzero(slots == v)[0]) for v in values] == layout.find().tolist()


@given(st.integers(1, SLOTS))
def test_a_dense_layout_spreads_as_a_repeated_vector(count):
    values = np.arange(1.0, count + 1)
    assert np.array_equal(Layout.dense(count).spread(values, SLOTS), repeat(values, SLOTS))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_number_line_has_a_place_for(value):
    with pytest.raises(BadValue, match=r"index \(1, 0\)") as error:
        as_numbers([[0.0, 1.0], [value, value]])
    assert_refused(error)


@pytest.mark.parametrize("values", ["text", [1j], [None], [[1], [1, 2]], {"a": 1}, b"bytes"])
def test_what_is_no_number_is_refused(values):
    with pytest.raises(BadValue) as error:
        as_numbers(values)
    assert_refused(error)


def test_numbers_are_a_contiguous_copy():
    source = np.arange(12.0).reshape(3, 4)[:, ::2]
    copy = as_numbers(source)
    assert copy.flags.c_contiguous
    assert copy.flags.writeable
    assert not np.shares_memory(copy, source)
    assert as_numbers([True, False]).dtype == np.float64


@given(vectors)
def test_a_bound_is_kept_exactly(x):
    top = np.abs(x).max()
    assume(top > 1e-300)  # a bound is above 0
    within(x, top)
    with pytest.raises(Overflow) as error:
        within(x, np.nextafter(top, 0))
    assert_refused(error)


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (lambda x: within(9 * x, 4), "a value{} reaches 9 but"),
        (lambda x: as_whole(x / 2), "0.5{} is no whole number:"),
        (lambda x: as_numbers(np.where(x > 0, np.nan, x)), "value nan{}: replace NaN"),
    ],
)
def test_a_refusal_says_where_unless_there_is_one_number_only(check, said):
    for x, place in (np.float64(1.0), ""), (np.array([[0.0, 1.0]]), " at index (0, 1)"):
        with pytest.raises((BadValue, Overflow), match=re.escape(said.format(place))):
            check(np.asarray(x))


@given(vectors, st.integers(0, 900))
def test_quantising_gives_the_nearest_whole_multiple(x, precision):
    assume(not x.any() or np.abs(x).max() * 2.0**precision > 0.5)
    for value, whole in zip(x, quantise(x, precision), strict=True):
        assert type(whole) is int
        assert 2 * abs(Fraction(value) * 2**precision - whole) <= 1


def test_quantising_at_the_largest_precision_keeps_the_smallest_values():
    assert quantise(np.array([2.0**-950, 0.5]), 1000).tolist() == [2**50, 2**999]
    assert quantise(np.array([2.0**-950]), 1000).tolist() == [2**50]


@given(vectors, st.integers(0, 60))
def test_what_quantises_to_nothing_is_refused_and_zeros_are_not(x, precision):
    x = x * 2.0 ** -(precision + 1) / max(1.0, np.abs(x).max())
    assume(x.any())
    with pytest.raises(BadValue, match="precision") as error:
        quantise(x, precision)
    assert_refused(error)
    assert quantise(0 * x, precision).tolist() == [0] * len(x)


@st.composite
def slots_and_numbers(draw):
    """Signed numbers up to the very edge of their slots, in lanes and side by side."""
    slots = Slots(draw(st.integers(2, 70)), draw(st.integers(1, 4)), draw(st.integers(1, 4)))
    edge = (1 << (slots.width - 1)) - 1
    whole = st.sampled_from([-edge, edge, 0, -1]) | st.integers(-edge, edge)
    rows = st.lists(whole, min_size=slots.lanes, max_size=slots.lanes)
    columns = draw(st.lists(rows, min_size=1, max_size=9))
    return slots, np.array(columns, dtype=object).T, edge


@given(slots_and_numbers())
def test_unpacking_is_the_inverse_of_packing(case):
    slots, numbers, edge = case
    packed = slots.pack(numbers)
    length = numbers.shape[1]
    assert len(packed) == -(-length // slots.per)
    assert np.array_equal(slots.unpack(packed, length, edge), numbers)
    assert slots.room(edge)
    assert not slots.room(edge + 1)


@given(slots_and_numbers(), st.integers(1, 2**40))
def test_what_is_above_all_slots_is_ignored_under_a_shield_and_refused_without(case, above):
    slots, numbers, edge = case
    length = numbers.shape[1]
    top = above << (slots.width * slots.lanes * slots.per)
    modulus = top << 3
    packed = [plaintext + top for plaintext in slots.pack(numbers)]
    assert np.array_equal(slots.unpack(packed, length, edge, modulus), numbers)
    with pytest.raises(Overflow, match="promised") as error:
        slots.unpack(packed, length, edge)
    assert_refused(error)


@given(slots_and_numbers())
def test_a_limit_is_kept_exactly(case):
    slots, numbers, _ = case
    top = max(abs(v) for v in numbers.ravel())
    assume(top > 0)
    packed = slots.pack(numbers)
    assert np.array_equal(slots.unpack(packed, numbers.shape[1], top), numbers)
    with pytest.raises(Overflow):
        slots.unpack(packed, numbers.shape[1], top - 1)
