"""The model goes encrypted to the data: right scores, no weight seen, little carried out."""

import copy
import pickle
import re
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from helpers import assert_bits, assert_refused, knows_primes, uniform
from hypothesis import given, settings
from hypothesis import strategies as st

import helib_py as he
from helib_py import paillier, wire
from helib_py.errors import (
    BadBytes,
    BadValue,
    HelibError,
    InsecureParameters,
    NoSecretKey,
    Overflow,
    ParameterError,
    ShapeError,
    WrongKey,
)

TOY = he.Paillier(bits=512, precision=16, factor_precision=8, factor_bound=8.0, insecure=True)
few = settings(max_examples=15, deadline=None, derandomize=True)


@pytest.fixture(scope="module")
def model_owner():
    return he.ModelOwner(TOY)


@pytest.fixture(scope="module")
def twin():
    return he.ModelOwner(TOY, "plain")


def across(model):
    """What the data owner makes of the bytes."""
    return he.SealedModel.from_bytes(
        model.to_bytes(), model.public.params, engine=model.public.engine
    )


def scores(owner, W, b, x):
    """Encrypted scores of x, all the way as bytes."""
    return owner.decrypt(across(owner.encrypt_model(W, b))(x).to_bytes())


@few
@given(
    outputs=st.integers(0, 6), features=st.integers(1, 6), inputs=st.integers(0, 9),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_scores_are_numpy_s_and_the_clear_twin_s(
    model_owner, twin, outputs, features, inputs, seed
):
    """Of one input or many, of one output or several; 0 stands for a missing dimension."""
    W = uniform((outputs, features) if outputs else features, seed)
    b = uniform(outputs or (), seed + 1)
    x = uniform((inputs, features) if inputs else features, seed + 2, bound=8)
    expected = np.atleast_2d(x) @ W.T + b
    got = scores(model_owner, W, b, x)
    bits = model_owner.encrypt_model(W, b)(x).bits
    assert_bits(got, expected, at_least=bits)
    assert np.array_equal(got, scores(twin, W, b, x))


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_weights_and_inputs_fit(model_owner, sign):
    W, x = np.ones((4, 5)), np.full((3, 5), sign * 8.0)
    assert np.array_equal(scores(model_owner, W, sign * np.ones(4), x), np.full((3, 4), sign * 41))


def test_a_missing_bias_is_zero_and_one_bias_is_for_all(model_owner):
    x = uniform(3)
    assert_bits(scores(model_owner, [0.5, -1, 0.25], 0, x), [x @ [0.5, -1, 0.25]], at_least=7)
    assert_bits(scores(model_owner, np.eye(3), 0.5, x), [x + 0.5], at_least=7)


def test_with_a_real_key_a_classifier_gives_the_classes_of_the_clear_one():
    owner = he.ModelOwner(he.Paillier(bits=2048))
    W, b, x = uniform((3, 30), 1), uniform(3, 2), uniform((8, 30), 3)
    sealed = across(owner.encrypt_model(W, b))(x)
    got = owner.decrypt(sealed.to_bytes())
    assert_bits(got, x @ W.T + b, at_least=sealed.bits)
    assert np.array_equal(got.argmax(axis=1), (x @ W.T + b).argmax(axis=1))
    assert sealed.bits > 10


def test_many_scores_come_back_in_few_ciphertexts(model_owner):
    sealed = model_owner.encrypt_model(uniform((2, 3)))(uniform((20, 3)))
    width = paillier.row_width(TOY, terms=4)
    assert sealed.slots.width == width
    assert sealed.nbytes == -(-20 // (TOY.capacity // (2 * width))) * TOY.ciphertext_bytes


def test_what_crosses_are_bytes_that_tell_shapes_only(model_owner):
    sealed = [model_owner.encrypt_model(size * uniform((2, 3), 1)).to_bytes() for size in (1, 0)]
    assert len(sealed[0]) == len(sealed[1])
    model = he.SealedModel.from_bytes(sealed[0], insecure=True)
    back = [model(x).to_bytes() for x in (uniform((4, 3)), np.zeros((4, 3)), np.zeros((4, 3)))]
    assert wire.unpack("ciphertext", back[0])[0] == wire.unpack("ciphertext", back[1])[0]
    assert back[1] != back[2]
    with pytest.raises(BadBytes):
        he.SealedModel.from_bytes(model_owner.encrypt_model([0.5]))


def test_nothing_leads_from_a_sealed_model_to_the_primes(model_owner):
    model = across(model_owner.encrypt_model(uniform((2, 3))))
    used = model(uniform(3))
    own = model_owner.encrypt_model(uniform((2, 3)))
    for root in (model, used, own, own(uniform(3)), model_owner.public, model.public.context):
        assert not knows_primes(root, model_owner._owner)
    assert knows_primes(model_owner, model_owner._owner)  # so it would have been found


def test_a_data_owner_decrypts_neither_weights_nor_scores(model_owner):
    model = across(model_owner.encrypt_model([0.5, 0.25]))
    for c in (model.weights, model([1, 2]), model.sealed):
        with pytest.raises(NoSecretKey) as error:
            model.public.decrypt(c)
        assert_refused(error)
    assert not hasattr(model, "decrypt")


def test_another_model_owner_decrypts_nothing(model_owner):
    sealed = model_owner.encrypt_model([0.5, 0.25])([1, 2])
    for c in (sealed, sealed.to_bytes()):
        with pytest.raises(WrongKey) as error:
            he.ModelOwner(TOY).decrypt(c)
        assert_refused(error)


@pytest.mark.parametrize("copying", [pickle.dumps, copy.deepcopy])
def test_a_model_owner_is_not_copied_by_accident(model_owner, copying):
    with pytest.raises(NoSecretKey):
        copying(model_owner)


def test_reprs_say_who_holds_the_key_and_show_no_number(model_owner):
    model = model_owner.encrypt_model([0.123, 0.25])
    assert "holds the secret key" in repr(model_owner)
    assert "no key" in repr(model)
    assert all(len(repr(thing)) < 200 and "0.123" not in repr(thing) for thing in
               (model_owner, model, model.public))  # fmt: skip


def test_a_model_owner_is_revived_from_its_primes(model_owner):
    revived = he.ModelOwner(TOY, primes=model_owner._owner._keys.primes)
    sealed = model_owner.encrypt_model([0.5, 0.25], 0.125)([1, 2]).to_bytes()
    assert np.array_equal(revived.decrypt(sealed), [1.125])


REFUSED = {
    "three dimensions": (ShapeError, lambda o: o.encrypt_model(np.zeros((2, 2, 2)))),
    "a number": (ShapeError, lambda o: o.encrypt_model(0.5)),
    "a bias for other outputs": (ShapeError, lambda o: o.encrypt_model(np.eye(2), [1, 2, 3])),
    "a bias for no output": (ShapeError, lambda o: o.encrypt_model([0.5, 0.25], [1])),
    "more outputs than fit": (ShapeError, lambda o: o.encrypt_model(np.zeros((40, 3)))),
    "a weight over the bound": (Overflow, lambda o: o.encrypt_model([0.5, 1.5])),
    "a bias over the bound": (Overflow, lambda o: o.encrypt_model([0.5], 1.5)),
    "NaN for a weight": (BadValue, lambda o: o.encrypt_model([0.5, np.nan])),
    "text for a weight": (BadValue, lambda o: o.encrypt_model(["a"])),
    "too few features": (ShapeError, lambda o: o.encrypt_model([0.5, 0.5])([1])),
    "too many features": (ShapeError, lambda o: o.encrypt_model([0.5, 0.5])([[1, 2, 3]])),
    "a batch of batches": (ShapeError, lambda o: o.encrypt_model([0.5])(np.zeros((1, 1, 1)))),
    "an input over the bound": (Overflow, lambda o: o.encrypt_model([0.5])([8.5])),
    "NaN for an input": (BadValue, lambda o: o.encrypt_model([0.5])([np.nan])),
    "an encrypted input": (HelibError, lambda o: o.encrypt_model([0.5])(o._owner.encrypt([0.5]))),
    "junk to decrypt": (BadBytes, lambda o: o.decrypt(b"junk")),
    "junk for a model": (BadBytes, lambda o: he.SealedModel.from_bytes(b"junk")),
    "CKKS parameters": (ParameterError, lambda o: he.ModelOwner(he.CKKS(depth=1))),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_with_a_fix(model_owner, name):
    kind, use = REFUSED[name]
    with pytest.raises(kind) as error:
        use(model_owner)
    assert_refused(error)


@few
@given(st.data())
def test_a_truncated_or_altered_model_is_refused(model_owner, data):
    message = model_owner.encrypt_model([0.5]).to_bytes()
    place = data.draw(st.integers(0, len(message) - 1))
    altered = bytearray(message)
    altered[place] ^= data.draw(st.integers(1, 255))
    for bad in (message[:place], bytes(altered)):
        with pytest.raises(BadBytes):
            he.SealedModel.from_bytes(bad)


def test_a_toy_s_model_is_taken_only_where_it_was_agreed_on_or_its_receiver_says_so(model_owner):
    message = model_owner.encrypt_model([0.5]).to_bytes()
    with pytest.raises(InsecureParameters) as error:
        he.SealedModel.from_bytes(message)
    assert_refused(error)
    for how in ({"insecure": True}, {"agreed": TOY}):
        scores = he.SealedModel.from_bytes(message, **how)([1.0])
        assert np.array_equal(model_owner.decrypt(scores.to_bytes()), [0.5])


@pytest.mark.parametrize("other", [{"bound": 2.0}, {"precision": 15}, {"factor_bound": 4.0}])
def test_a_model_under_other_terms_than_agreed_on_is_refused(model_owner, other):
    message = model_owner.encrypt_model([0.5]).to_bytes()
    with pytest.raises(BadBytes, match="agreed") as error:
        he.SealedModel.from_bytes(message, replace(TOY, **other))
    assert_refused(error)


SPOILED = {
    "no weights": lambda data: b"",
    "junk for weights": lambda data: b"junk",
    "half the weights": lambda data: data[: len(data) // 2],
}


@pytest.mark.parametrize("name", SPOILED)
def test_weights_that_are_none_are_refused_when_the_model_comes(model_owner, name):
    model = model_owner.encrypt_model([0.5, 0.25])
    damaged = replace(model, sealed=SPOILED[name](model.sealed)).to_bytes()
    with pytest.raises(BadBytes) as error:
        he.SealedModel.from_bytes(damaged, TOY)
    assert_refused(error)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_message_that_is_no_model_is_refused(model_owner, count):
    with pytest.raises(BadBytes):
        he.SealedModel.from_bytes(wire.pack("sealed model", {}, *[b""] * count))


def test_a_model_under_a_ckks_key_is_refused():
    ckks = he.DataOwner(he.CKKS(depth=1), "plain")
    with pytest.raises(HelibError):
        he.SealedModel(ckks.public, ckks.encrypt([0.5, 0.5]).to_bytes())([1.0])


@pytest.mark.parametrize("copying", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy])
def test_a_model_in_use_survives_a_pickle(model_owner, copying):
    model = model_owner.encrypt_model([0.5, 0.25])
    model([1, 2])
    assert np.array_equal(model_owner.decrypt(copying(model)([1, 2])), [1.0])


def test_a_bias_is_multiplied_by_1_which_the_parameters_must_allow():
    with pytest.raises(ParameterError, match="factor_bound") as error:
        he.ModelOwner(replace(TOY, factor_bound=0.5), "plain")
    assert_refused(error)


# --- a model owner who cheats ----------------------------------------------------------------

SECRET = np.array([3, 1, 4, 1, 5, 7, 2, 6, 5, 3, 5, 7])


def dishonest(owner, numbers, **label):
    """A model of any whole numbers, under the label of an honest one or another."""
    honest = owner.public.load(owner.encrypt_model(np.zeros(len(numbers) - 1)).sealed)
    numbers = owner._owner._keys.encrypt(numbers)
    forged = replace(honest, handle=numbers, original=numbers, **label)
    return he.SealedModel(owner.public, forged.to_bytes())


def carried_out(owner, model):
    """The inputs that the digits of one decrypted score give away, at distances of 2^32."""
    sealed = owner.public.load(model(SECRET).to_bytes())
    (seen,) = owner._owner._keys.decrypt(sealed.handle)
    return [(seen >> 32 * i & (1 << 32) - 1) >> TOY.factor_precision for i in range(12)]


def test_weights_that_are_not_what_their_label_says_carry_out_no_more_than_a_score(model_owner):
    """Attack: weights 2^(32 i) put every input into a plaintext of its own digits."""
    model = dishonest(model_owner, [1 << 32 * i for i in range(12)] + [0])
    width = model(SECRET).slots.width
    assert carried_out(model_owner, model)[width // 32 + 1 :] != SECRET[width // 32 + 1 :].tolist()
    keys = model_owner._owner._keys
    seen = [keys.decrypt(model(SECRET).handle)[0] >> width for _ in range(10)]
    assert len({value & 0xFFFFFFFF for value in seen}) == 10


@pytest.mark.parametrize("bits", [400, 470])
def test_a_label_that_promises_too_much_carries_out_no_more_than_a_score(model_owner, bits):
    """The same attack with limit=2^bits in the label: the whole plaintext is then "the score"."""
    model = dishonest(model_owner, [1 << 32 * i for i in range(12)] + [0], limit=1 << bits)
    with suppress(HelibError):
        assert carried_out(model_owner, model) != SECRET.tolist()
    with pytest.raises(BadBytes, match="bound") as error:
        across(model)
    assert_refused(error)


def test_a_bound_beyond_the_parameters_is_refused(model_owner):
    sealed = model_owner._owner.encrypt([2.0**100, 0.0], bound=2.0**101).to_bytes()
    with pytest.raises(HelibError):
        he.SealedModel(model_owner.public, sealed)([1.0])


@pytest.mark.parametrize("generator", [1, -1])
def test_scores_are_blinded_even_if_the_key_s_generator_blinds_nothing(model_owner, generator):
    """Else the randomness of the score is that of the weights to the powers of the inputs."""
    n_squared = int(model_owner.public.context.e.n_squared)
    keys = {"blinding": (generator % n_squared).to_bytes(TOY.ciphertext_bytes, "big")}
    public = replace(model_owner.public, keys={**model_owner.public.keys, **keys})
    with suppress(HelibError):
        sealed = he.SealedModel(public, model_owner.encrypt_model([0.5]).sealed)([1.0])
        assert len({sealed.to_bytes() for _ in range(8)}) == 8


def test_more_outputs_than_there_is_room_for_are_refused_with_a_number_that_works():
    owner = he.ModelOwner(he.Paillier(bits=2048), "plain")
    with pytest.raises(ShapeError, match=r"at most (\d+) outputs") as error:
        owner.encrypt_model(np.zeros((192, 3)))
    assert_refused(error)
    assert "width" not in str(error.value)
    most = int(re.search(r"at most (\d+) outputs", str(error.value))[1])
    assert across(owner.encrypt_model(np.eye(most, 3))).outputs == most


@pytest.mark.parametrize("bits", [2048, 4096])
def test_where_nothing_was_agreed_on_keys_have_the_default_size(bits):
    for size, taken in ((bits, False), (he.Paillier().bits, True)):
        owner = he.ModelOwner(he.Paillier(bits=size, bound=2), "plain")
        message = owner.encrypt_model([0.5]).to_bytes()
        if taken:
            assert he.SealedModel.from_bytes(message, engine="plain").outputs == 1
            continue
        with pytest.raises(BadBytes, match="agreed=") as error:
            he.SealedModel.from_bytes(message, engine="plain")
        assert_refused(error)
        assert he.SealedModel.from_bytes(message, owner.params, engine="plain").outputs == 1
