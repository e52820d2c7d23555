"""A network by interaction: numpy's result, bytes only, and what each side sees."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from helpers import assert_bits, assert_refused, knows_primes, uniform
from hypothesis import given, settings
from hypothesis import strategies as st

import helib_py as he
from helib_py.errors import (
    BadBytes,
    BadValue,
    HelibError,
    NoSecretKey,
    Overflow,
    ParameterError,
    ShapeError,
    WrongKey,
)
from helib_py.interaction import check_layers, interact, mask

few = settings(max_examples=15, deadline=None, derandomize=True)


def network(sizes, seed=0):
    """Layers whose values stay within 1, masked or not."""
    return [
        (uniform((m, n), seed + i, bound=0.25 / n), uniform(m, seed + 9 * i, bound=0.2))
        for i, (n, m) in enumerate(pairwise(sizes))
    ]


def clear(layers, x):
    """The same in numpy; x is a vector, or a matrix with a row for each input."""
    for i, (W, b) in enumerate(layers):
        x = (np.maximum(x, 0) if i else x) @ W.T + b
    return x


sizes = st.lists(st.integers(1, 5), min_size=2, max_size=4)


@few
@given(sizes=sizes, rows=st.integers(0, 4), seed=st.integers(9, 99), masked=st.booleans())
def test_the_network_agrees_with_numpy(toy, sizes, rows, seed, masked):
    """On a vector or on rows, masked or not."""
    layers = network(sizes, seed)
    x = uniform((rows, sizes[0]) if rows else sizes[0], seed)
    sent = he.PublicBundle.from_bytes(toy.public.to_bytes(), True, toy.public.engine)
    server = he.LinearServer(mask(layers) if masked else layers, sent)
    assert server.depth == len(layers)
    assert_bits(interact(toy, server, x), clear(layers, x), at_least=11)


def test_every_layer_is_right_to_the_bits_its_label_states(toy):
    ((W, b),) = network([5, 4])
    x = uniform(5)
    back = he.LinearServer([(W, b)], toy.public).linear(0, toy.encrypt(x).to_bytes())
    assert_bits(toy.decrypt(back), W @ x + b, at_least=toy.public.load(back).bits)


def test_only_bytes_cross_and_the_transcript_tells_which(toy):
    layers, told = network([4, 3, 2]), he.Transcript()
    interact(toy, he.LinearServer(layers, toy.public), uniform(4), told)
    assert [message[:2] for message in told.messages] == 2 * [
        ("data owner", "server"), ("server", "data owner"),
    ]  # fmt: skip
    assert [message[2] for message in told.messages] == [
        "encrypted inputs of layer 1", "pre-activations of layer 1, for the data owner to open",
        "encrypted inputs of layer 2", "pre-activations of layer 2, for the data owner to open",
    ]  # fmt: skip
    ups, downs = [m[3] for m in told.messages[::2]], [m[3] for m in told.messages[1::2]]
    assert 4 * 128 < ups[0] < 4 * 128 + 600
    assert 3 * 128 < ups[1] < 3 * 128 + 600
    assert max(downs) < 128 + 600  # one ciphertext each


def test_what_crosses_has_the_same_size_whatever_is_in_it(toy):
    sizes = set()
    for scale in (1, 0.1, 0):
        told, layers = he.Transcript(), [(scale * W, b) for W, b in network([4, 3, 2])]
        interact(toy, he.LinearServer(layers, toy.public), scale * uniform(4), told)
        sizes.add(tuple(message[3] for message in told.messages))
    assert len(sizes) == 1


def test_the_server_answers_the_same_question_differently_each_time(toy_key):
    server = he.LinearServer([(0 * np.eye(2), np.zeros(2))], toy_key.public)
    question = toy_key.encrypt([0.5, 0.25]).to_bytes()
    assert len({server.linear(0, question) for _ in range(5)}) == 5


def test_nothing_leads_from_a_server_to_the_primes(toy_key):
    server = he.LinearServer(network([4, 3, 2]), toy_key.public.to_bytes(), insecure=True)
    answer = server.linear(0, toy_key.encrypt(uniform(4)).to_bytes())
    for root in (server, answer, he.LinearServer(network([2, 2]), toy_key.public)):
        assert not knows_primes(root, toy_key)
    assert knows_primes(toy_key, toy_key)  # so it would have been found
    with pytest.raises(NoSecretKey):
        server.public.decrypt(answer)


def test_a_server_s_repr_tells_sizes_and_no_weight(toy):
    assert "LinearServer (no secret key) · 4-3-2" in repr(
        he.LinearServer(network([4, 3, 2]), toy.public)
    )


# --- masks -----------------------------------------------------------------------------


@few
@given(sizes=sizes, seed=st.integers(9, 99))
def test_a_mask_leaves_the_network_unchanged(sizes, seed):
    layers, x = network(sizes, seed), uniform((6, sizes[0]), seed)
    before = [(W.copy(), b.copy()) for W, b in layers]
    masked = mask(layers)
    assert [W.shape for W, _ in masked] == [W.shape for W, _ in layers]
    assert_bits(clear(masked, x), clear(layers, x), at_least=48)
    assert all(np.array_equal(a, b) for old, new in zip(before, layers, strict=True)
               for a, b in zip(old, new, strict=True))  # fmt: skip


def test_a_mask_permutes_and_scales_every_hidden_unit_by_less_than_four():
    layers = network([4, 60, 40, 3])
    (W, b), _, (_, last) = masked = mask(layers)
    assert np.array_equal(last, layers[-1][1])
    for (_, hidden), (_, original) in zip(masked[:-1], layers[:-1], strict=True):
        assert not set(hidden) & set(original)
    ratios = b[:, None] / layers[0][1]  # the units' rows show which one each was
    same = np.isclose(W[:, 0] / W[:, 1], (layers[0][0][:, 0] / layers[0][0][:, 1])[:, None]).T
    assert (same.sum(axis=0) == 1).all()
    assert (same.sum(axis=1) == 1).all()
    assert not same.diagonal().all()
    scales = ratios[same]
    assert (scales > 0.25).all()
    assert (scales < 4).all()
    assert np.ptp(scales) > 0.2


def test_masks_differ_and_one_layer_has_nothing_to_mask():
    layers = network([4, 30, 2])
    assert not np.allclose(mask(layers)[0][1], mask(layers)[0][1])
    ((W, b),) = mask(layers[:1])
    assert np.array_equal(W, layers[0][0])
    assert np.array_equal(b, layers[0][1])


# --- refusals ----------------------------------------------------------------------------

LAYERS = {
    "none": [],
    "a vector for W": [(np.ones(3), np.ones(3))],
    "a bias of another size": [(np.ones((2, 3)), np.ones(3))],
    "a number for b": [(np.ones((1, 3)), 0.5)],
    "layers that do not meet": [(np.ones((2, 3)), np.ones(2)), (np.ones((2, 3)), np.ones(2))],
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_that_do_not_fit_are_refused(toy, name):
    for use in (check_layers, mask, lambda layers: he.LinearServer(layers, toy.public)):
        with pytest.raises(ShapeError) as error:
            use(LAYERS[name])
        assert_refused(error)


REFUSED = {
    "text": (BadBytes, lambda o, other: "text"),
    "a ciphertext that is not bytes": (BadBytes, lambda o, other: None),
    "junk": (BadBytes, lambda o, other: b"junk"),
    "too few inputs": (ShapeError, lambda o, other: o.encrypt([0.5]).to_bytes()),
    "too many inputs": (ShapeError, lambda o, other: o.encrypt(np.zeros(4)).to_bytes()),
    "packed inputs": (BadBytes, lambda o, other: o.encrypt(np.ones(3), packed=True).to_bytes()),
    "another's inputs": (WrongKey, lambda o, other: other.encrypt(np.zeros(3)).to_bytes()),
    "a bundle": (BadBytes, lambda o, other: o.public.to_bytes()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_input_is_refused(toy_key, other_toy_key, name):
    kind, made = REFUSED[name]
    server = he.LinearServer([(np.ones((2, 3)), np.ones(2))], toy_key.public)
    with pytest.raises(kind) as error:
        server.linear(0, made(toy_key, other_toy_key))
    assert_refused(error)


@pytest.mark.parametrize("layer", [-1, 1, 99])
def test_a_layer_that_does_not_exist_is_refused(toy, layer):
    server = he.LinearServer([(np.eye(2), np.zeros(2))], toy.public)
    with pytest.raises(HelibError):
        server.linear(layer, toy.encrypt([0.5, 0.5]).to_bytes())


def test_junk_is_no_bundle(toy):
    with pytest.raises(BadBytes) as error:
        he.LinearServer(network([2, 2]), b"junk")
    assert_refused(error)


def test_a_server_takes_the_bundle_of_a_paillier_key_only():
    with pytest.raises(ParameterError) as error:
        he.LinearServer(network([2, 2]), he.DataOwner(he.CKKS(depth=1), "plain").public)
    assert_refused(error)


@pytest.mark.parametrize(
    ("kind", "layers", "x"),
    [
        (Overflow, [(17 * np.eye(2), np.zeros(2))], [0.5, 0.5]),
        (Overflow, [(4 * np.eye(2), np.zeros(2))] * 2, [0.5, 0.5]),
        (Overflow, [(np.eye(2), np.zeros(2))], [0.5, 1.5]),
        (Overflow, [(np.eye(2), np.array([0, 50.0]))], [0.5, 0.5]),
        (BadValue, [(np.eye(2), np.zeros(2))], [0.5, np.nan]),
        (BadValue, [(1e-9 * np.eye(2), np.zeros(2))], [0.5, 0.5]),
        (ShapeError, [(np.eye(2), np.zeros(2))], [0.5]),
    ],
    ids=["weights", "activations", "inputs", "biases", "NaN", "vanishing weights", "shape"],
)
def test_numbers_outside_what_was_promised_are_refused(toy, kind, layers, x):
    with pytest.raises(kind) as error:
        interact(toy, he.LinearServer(layers, toy.public), x)
    assert_refused(error)


@pytest.mark.parametrize("bound", [None, 2.0**430])
def test_a_dishonest_client_reads_no_row_of_weights_from_one_answer(toy_key, bound):
    """Inputs 2^(40 i) put every weight of a unit into digits of its own."""
    W = np.arange(1, 11)[None] / 16
    digits = [1 << 40 * i for i in range(10)]
    question = toy_key.encrypt(np.zeros(10), bound=bound)
    forged = replace(question, handle=toy_key._keys.encrypt(digits))
    server = he.LinearServer([(W, np.zeros(1))], toy_key.public)
    if bound:  # a label of one's own choice would take the shield away
        with pytest.raises(BadBytes):
            server.linear(0, forged.to_bytes())
        return
    answer = server.linear(0, forged.to_bytes())
    (seen,) = toy_key._keys.decrypt(toy_key.public.load(answer).handle)
    read = [(seen >> 40 * i & (1 << 40) - 1) / 2**16 for i in range(10)]
    assert read != W[0].tolist()


def test_a_layer_without_a_bias_has_none(toy):
    W, x = uniform((2, 3)), uniform(3, 1)
    assert_bits(interact(toy, he.LinearServer([(W, None)], toy.public), x), W @ x, at_least=12)


@pytest.mark.parametrize("rows", [1, 2])
def test_nor_from_one_whose_rows_have_room_for_many_results(toy_key, rows):
    """A row of a matrix has all the bits that there are, and a result needs few of them."""
    W = np.arange(1, 9)[None] / 16
    digits, room = [1 << 24 * i for i in range(8)], toy_key.public.params.capacity // rows
    assert room > 24 * 9
    question = toy_key.encrypt(np.zeros((rows, 8)))
    forged = replace(question, handle=toy_key._keys.encrypt(digits))
    server = he.LinearServer([(W, np.zeros(1))], toy_key.public)
    answer = toy_key.public.load(server.linear(0, forged.to_bytes()))
    (seen,) = toy_key._keys.decrypt(answer.handle)
    read = [(seen >> 24 * i & (1 << 24) - 1) / 2**16 for i in range(8)]
    kept = answer.limit.bit_length() + 9  # all that an honest result can be, and the guard
    assert [r == w for r, w in zip(read, W[0], strict=True)].count(True) <= kept // 24
