"""Many numbers in one plaintext: packed, in rows, guarded, shielded; and prepared tables."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import assert_bits, assert_refused, uniform
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

import helib_py as he
from helib_py import randomness
from helib_py.errors import Overflow, ShapeError

few = settings(max_examples=20, deadline=None, derandomize=True)
values = st.sampled_from([-1.0, 1.0, 0.0]) | st.integers(-(2**24), 2**24).map(lambda k: k / 2**24)


def whole(owner, c):
    """The plaintexts themselves, as whoever holds the key sees them."""
    return owner._keys.decrypt(c.handle)


@few
@given(st.data())
def test_packing_keeps_every_number_exactly(toy, data):
    shape = data.draw(array_shapes(min_dims=1, max_dims=2, max_side=9))
    x = data.draw(arrays(np.float64, shape, elements=values))
    c = toy.encrypt(x)
    for packed in (c.packed(), (c + x).promise(2).packed() - x):
        assert np.array_equal(toy.decrypt(packed), x)
        assert np.array_equal(toy.decrypt(packed.to_bytes()), x)
    assert c.packed().shape == c.shape


@pytest.mark.parametrize(
    "wanted", [{}, {"bound": 8, "factor_bound": 10}, {"factor_precision": 0, "factor_bound": 1}]
)
def test_parameters_say_how_many_numbers_are_packed_into_one_plaintext(wanted):
    params = he.Paillier(**wanted)
    said = {row[0]: row[1] for row in params.explain()}["fresh values side by side"]
    c = he.DataOwner(params, "plain").encrypt(np.zeros(200), packed=True)
    assert f"{said} a plaintext" in repr(c)


@few
@given(arrays(np.float64, st.integers(1, 40), elements=values))
def test_a_vector_packed_when_encrypted_keeps_every_number_exactly(toy, x):
    c = toy.encrypt(x, packed=True)
    assert np.array_equal(toy.decrypt(c.to_bytes()), x)
    assert np.array_equal(toy.decrypt(c.packed() - x[::-1]), x - x[::-1])
    assert len(c.handle) == -(-len(x) // 10)  # 26 bits and 21 to spare, of 510


def roomy(c):
    """The same, packed with room for one more product."""
    return (c * 1 * 1 * 1).packed().promise(1)


def test_what_is_packed_is_added_and_multiplied_by_one_number(toy):
    x, y = uniform(30), uniform(30, 1)
    for a, b in ((toy.encrypt(x).packed(), toy.encrypt(y).packed()),
                 (toy.encrypt(x, packed=True), toy.encrypt(y, packed=True))):  # fmt: skip
        assert_bits(toy.decrypt(a + b - x / 2), x / 2 + y)
        assert_bits(toy.decrypt(1 - a), 1 - x)
    assert_bits(toy.decrypt(16 * a), 16 * x)  # packed when encrypted, with room for that
    with pytest.raises(Overflow, match="promise") as error:
        16 * toy.encrypt(x).packed()
    assert_refused(error)
    assert_bits(toy.decrypt(0.5 * roomy(toy.encrypt(x))), x / 2)


@pytest.mark.parametrize("sign", [1, -1])
def test_packed_when_encrypted_there_is_room_for_65536_summands(toy, sign):
    c, x = toy.encrypt(sign * np.array([1.0, -1.0, 1.0]), packed=True), sign
    for _ in range(16):
        c, x = c + c, x + x
    assert np.array_equal(toy.decrypt(c), [x, -x, x])
    _, more = doubled_until_refused(toy, c)
    assert more <= 32


def test_fewer_ciphertexts_leave_when_packed(toy):
    c = np.ones((60, 4)) @ toy.encrypt(uniform(4))
    assert len(c.packed().to_bytes()) < len(c.to_bytes()) / 6
    assert c.packed().nbytes == len(c.packed().handle) * 128


def test_rows_of_a_chosen_width_are_packed_side_by_side(toy):
    X, M = uniform((3, 4)), uniform((4, 7), 1)
    width = he.paillier.row_width(toy.public.params, terms=4)
    c = (toy.encrypt(X, width=width) @ M).packed()
    assert c.slots.width == width
    assert len(c.handle) == 3  # three columns of three rows each, of seven
    assert_bits(toy.decrypt(c.to_bytes()), X @ M, at_least=c.bits)


@few
@given(st.data())
def test_a_promise_that_is_broken_is_caught_when_decrypting(toy, data):
    """Up to 2^8 times the promised bound, wherever in the plaintext."""
    size = data.draw(st.integers(1, 6))
    x = np.array(data.draw(st.lists(st.floats(-0.01, 0.01), min_size=size, max_size=size)))
    x[data.draw(st.integers(0, size - 1))] = data.draw(st.sampled_from([1, -1])) * data.draw(
        st.floats(0.02, 1)
    )
    broken = toy.encrypt(x).promise(0.01)
    for c in (broken, broken.packed(), broken.packed().shielded()):
        with pytest.raises(Overflow, match="broke the bound") as error:
            toy.decrypt(c.to_bytes())
    assert_refused(error)


@pytest.mark.parametrize("rows", [1, 3])
def test_a_row_that_outgrew_its_slot_is_caught_when_decrypting(toy, rows):
    broken = toy.encrypt(np.full((rows, 2), 0.9), width=40).promise(0.01)
    for c in (broken, broken.packed()):
        with pytest.raises(Overflow, match="broke the bound"):
            toy.decrypt(c)


def test_what_is_left_in_unused_slots_or_above_them_is_caught(toy):
    c = toy.encrypt(uniform(5)).packed()
    width = c.slots.width
    forged = (replace(c, length=4), replace(c, handle=c.e.add_plain(c.handle, [1 << 5 * width])))
    for c in forged:
        with pytest.raises(Overflow, match="broke the bound"):
            toy.decrypt(c)


def doubled_until_refused(toy, c):
    """The ciphertext after as many doublings as it lets pass, and what it is times the first."""
    times = 1.0
    while True:
        try:
            c, times = c + c, 2 * times
        except Overflow:
            return c, times


def test_overflow_of_a_packed_number_is_refused_before_it_happens(toy_key):
    full, times = doubled_until_refused(toy_key, toy_key.encrypt([0.75]))
    c, more = doubled_until_refused(toy_key, full.packed())
    assert_bits(toy_key.decrypt(c) / times / more, [0.75])


@pytest.mark.parametrize("bound", [1e147, 1e200])
def test_a_bound_that_no_packed_slot_holds_is_refused(toy_key, bound):
    with pytest.raises(Overflow):
        toy_key.encrypt([bound / 2], bound=bound, packed=True)


def test_a_nearly_full_number_survives_packing_and_sending(toy):
    full, times = doubled_until_refused(toy, toy.encrypt([0.75]))
    assert_bits(toy.decrypt(full.packed().to_bytes()) / times, [0.75])


SHIELDED = {
    "one": lambda x: x.sum(),
    "packed": lambda x: x.packed(),
    "packed when computed": lambda x: (np.ones((50, 5)) @ x).packed(),
}


@pytest.mark.parametrize("name", SHIELDED)
@pytest.mark.parametrize("drawn", [lambda n: 0, lambda n: n - 1, None], ids=["0", "most", "any"])
def test_a_shield_leaves_the_numbers_as_they_are(toy, monkeypatch, name, drawn):
    """Smallest or largest, it never wraps around."""
    if drawn:
        monkeypatch.setattr(randomness, "below", drawn)
    for x in (np.array([-1.0, 1.0, 0.5, -0.25, -1.0]), np.full(5, -1.0), np.ones(5)):
        c = SHIELDED[name](toy.encrypt(x)).packed()
        shielded = c.shielded()
        assert np.array_equal(toy.decrypt(shielded.to_bytes()), toy.decrypt(c))


def test_a_shield_is_as_wide_as_what_is_free_and_evenly_drawn(toy_twin):
    c = toy_twin.encrypt([0.5, -0.5]).packed()
    used, free = 2 * c.slots.width, toy_twin.public.params.capacity - 2 * c.slots.width
    drawn = [whole(toy_twin, c.shielded())[0] >> used for _ in range(500)]
    assert len(set(drawn)) == 500
    for place in (0, free // 2, free - 1):  # 250 ± 6 standard deviations
        assert 180 < sum(v >> place & 1 for v in drawn) < 320


def test_a_shield_hides_what_outgrew_the_slots(toy_twin):
    """All but the carry of its addition at the very top, see below."""
    c = toy_twin.encrypt([0.5, -0.5]).packed()
    used = 2 * c.slots.width
    secret = replace(c, handle=c.e.add_plain(c.handle, [0b1011001 << used]))
    seen = {whole(toy_twin, secret.shielded())[0] >> used & 0xFFFF for _ in range(40)}
    assert len(seen) > 30
    assert np.array_equal(toy_twin.decrypt(secret.shielded()), [0.5, -0.5])


def test_nothing_above_the_slots_shows_whatever_the_numbers_were(toy_key):
    """Half of all numbers modulo n are beyond the capacity; the top bits tell such from honest."""
    capacity = toy_key.public.params.capacity
    honest = toy_key.encrypt([0.5, -0.5]).packed()
    dishonest = replace(honest, handle=honest.e.add_plain(honest.handle, [1 << capacity]))
    tops = [
        {whole(toy_key, c.shielded())[0] >> capacity for _ in range(20)}
        for c in (honest, dishonest)
    ]
    assert tops[0] & tops[1]


def test_unused_slots_are_shielded_too(toy_key):
    c = (np.ones((10, 2)) @ toy_key.encrypt([0.5, 0.25])).packed()
    assert (c.slots.per, c.length) == (9, 10)
    seen = {whole(toy_key, c.shielded())[1] >> c.slots.width & 0xFFFF for _ in range(20)}
    assert len(seen) > 10


def test_a_shield_is_put_up_once(toy):
    c = toy.encrypt([0.5]).packed().shielded()
    assert c.shielded() is c
    assert c.shield


SENT = {
    "sum": lambda c: c.sum(),
    "rotate": lambda c: c.rotate(1),
    "vector of factors": lambda c: c * np.ones(2),
    "matrix": lambda c: np.ones((1, 2)) @ c,
}
COMPUTED = {
    "scalar factor": lambda c: c * 0.5,
    "sum with itself": lambda c: c + c,
    "sum with another": lambda c: replace(c, shield=False) + c,
    "plain sum": lambda c: c + 0.5,
    "negative": lambda c: -c,
}


def refused_when_shielded(toy, use):
    c = roomy(toy.encrypt([0.5, 0.25])).shielded()
    with pytest.raises(ShapeError) as error:
        use(c)
    assert_refused(error)


@pytest.mark.parametrize("name", SENT)
def test_what_is_shielded_is_not_computed_on(toy, name):
    refused_when_shielded(toy, SENT[name])


@pytest.mark.parametrize("name", COMPUTED)
def test_what_is_shielded_is_neither_added_nor_scaled(toy, name):
    refused_when_shielded(toy, COMPUTED[name])


@few
@given(arrays(np.int64, (3, 4), elements=st.integers(-(2**20), 2**20)).map(lambda W: W / 2**16))
def test_prepared_tables_change_no_result(toy, W):
    x = uniform(4)
    c = toy.encrypt(x)
    prepared = c.prepared()
    for use in (lambda c: W @ c, lambda c: c @ W.T, lambda c: W[:1] @ c, lambda c: 2 * c + c):
        assert whole(toy, use(c)) == whole(toy, use(prepared))
    assert repr(prepared) == repr(c)
    X = toy.encrypt(np.stack([x, -x])).prepared()
    assert_bits(toy.decrypt(X @ W.T), np.stack([x, -x]) @ W.T, at_least=14)


def test_tables_stay_with_the_numbers_they_were_made_from(toy_key):
    c = toy_key.encrypt([0.5, 0.25]).prepared()
    assert c.tables is not None
    for out in (c + 1, 2 * c, c.rotate(1), -c, c.rerandomised(), c.promise(0.5)):
        assert out.tables is None
