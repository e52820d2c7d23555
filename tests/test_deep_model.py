"""A whole network goes encrypted to the data: right answers, no weight seen, no telling noise."""

import copy
import pickle
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from helpers import (
    assert_bits,
    assert_refused,
    has_evaluator,
    reachable,
    run_python,
    secrets_among,
)
from sealed import (
    TOY,
    WIDTHS,
    asked,
    clear,
    coefficients,
    examples,
    layers,
    opened,
    owner,
    sealed,
    slots,
    unasked,
)

import helib_py as he
from helib_py import wire
from helib_py.errors import (
    NoSecretKey,
    OutOfAnswers,
    Overflow,
    ParameterError,
    ShapeError,
    WrongKey,
)

X = examples(WIDTHS)
SHAPES = [(9, 3), (9, 6, 3), (30, 20, 17, 10), (7, 5, 6, 4, 3), (5, 4, 3, 4, 3, 2), (9, 1, 3, 1)]


def answer(network, model_owner, x):
    """All the way as bytes."""
    return model_owner.decrypt(asked(network, x).to_bytes())


# --- answers ---------------------------------------------------------------------------------


@pytest.mark.parametrize("widths", SHAPES)
def test_answers_are_the_clear_network_s(engine, widths):
    """One layer to five, of any width; predicted bits hold, with room for an unlucky draw."""
    model_owner, network, x = owner(engine, widths), sealed(engine, widths), examples(widths)
    for one in x[:3]:
        expected = clear(layers(widths), one)
        assert_bits(answer(network, model_owner, one), expected, asked(network, one).bits - 1.5)


def test_128_bit_parameters_and_two_hidden_layers_agree_with_the_clear_network():
    affines, x = layers((20, 8, 8, 4)), examples((20, 8, 8, 4))
    model_owner = he.DeepModelOwner(affines, x)
    message = model_owner.encrypt_model().to_bytes()
    network = he.SealedNetwork.from_bytes(message, model_owner.agreed)
    assert model_owner.agreed.params.is_secure
    assert_bits(answer(network, model_owner, x[0]), clear(affines, x[0]), at_least=8)


def test_a_torch_network_is_taken_as_it_is():
    import torch
    from torch import nn

    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 2, 3), he.Quadratic(), nn.Flatten(), nn.Linear(8, 3))
    x = np.random.default_rng(0).uniform(0, 1, (20, 1, 4, 4))
    model_owner = he.DeepModelOwner(net, x, "plain", **TOY)
    with torch.no_grad():
        expected = copy.deepcopy(net).double()(torch.tensor(x)).numpy()
    network = model_owner.encrypt_model()
    assert_bits(answer(network, model_owner, x[1]), expected[1], asked(network, x[1]).bits - 1.5)


def test_the_clear_twin_needs_no_library_and_no_torch():
    code = """if True:
        import sys, numpy as np, helib_py as he
        sys.modules.update(seal=None, Pyfhel=None, torch=None)
        from helib_py.network import Affine
        layers = [Affine("a", np.eye(2), np.zeros(2)), Affine("b", np.ones((1, 2)), np.ones(1))]
        owner = he.DeepModelOwner(layers, [[0.5, 1.0]], "plain", ring=2048, insecure=True)
        print(round(float(owner.decrypt(owner.encrypt_model()([0.5, 1.0]))[0]), 2))
    """
    assert run_python(code) == "2.25"


# --- precision and noise ---------------------------------------------------------------------


def test_the_flood_is_as_large_as_predicted(engine):
    model_owner, network = owner(engine), sealed(engine)
    errors = [answer(network, model_owner, X[0]) - clear(layers(WIDTHS), X[0]) for _ in range(24)]
    assert abs(np.log2(np.std(errors) / model_owner.agreed.flood.slot_std)) < 0.6


@pytest.mark.parametrize("widths", SHAPES)
def test_before_the_flood_no_error_is_worse_than_the_worst_case(engine, widths):
    """All slots repeat the outputs: whatever else they held would be an error."""
    model_owner, network, x = owner(engine, widths), sealed(engine, widths), examples(widths)[0]
    agreed = model_owner.agreed
    expected = np.zeros(agreed.period)
    expected[: widths[-1]] = clear(layers(widths), x)
    got = model_owner._keys.decrypt(network.evaluate(x)).reshape(-1, agreed.period)
    assert np.std(got - expected) < agreed.error
    assert np.std((got - expected).mean(axis=0)) < agreed.error


def test_real_and_imaginary_parts_are_flooded_alike():
    """Real slots would flood one half of the coefficients' freedom and leave the other to read."""
    model_owner, network = owner(), sealed()
    agreed = model_owner.agreed
    seen = np.array([opened(model_owner, asked(network, X[0])) for _ in range(24)])
    means = seen.reshape(24, -1, agreed.period).mean(axis=1)
    expected = np.append(clear(layers(WIDTHS), X[0]), 0)
    for part in ((means - expected).real, means.imag):
        assert abs(np.log2(np.std(part) / agreed.flood.slot_std)) < 0.6


def test_what_holds_no_output_is_uniform_whatever_the_weights():
    """A model made to spy fills every slot: nothing but the flooded outputs can be read."""
    model_owner, agreed = owner(), owner().agreed
    e, spying = model_owner.public.context.e, list(sealed().sealed)
    last = agreed.stages[-1]
    everything = 1e4 * np.random.default_rng(0).normal(size=agreed.ring // 2)
    spying[-2] = e.dump(e.encrypt(everything, last.level, last.weights))
    network = replace(sealed(), sealed=tuple(spying))
    bare = model_owner._keys.decrypt(network.evaluate(X[0]))
    assert np.std(bare.reshape(-1, agreed.period), axis=0).max() > 1
    step = agreed.ring // (2 * agreed.period)
    hidden = np.arange(1, agreed.ring, step // 4)[:200]
    hidden = hidden[hidden % step != 0]
    found = coefficients(agreed, opened(model_owner, asked(network, X[0])), hidden)
    modulus = agreed.params.primes[0]
    assert abs(found.std() / (modulus / np.sqrt(12)) - 1) < 0.2
    assert np.abs(found).max() < 0.51 * modulus


# --- telling inputs apart by the noise ---------------------------------------------------------


def two_inputs():
    """Different inputs for which every unit of the network is the same."""
    null = np.linalg.svd(layers(WIDTHS)[0].dense)[2][-1]
    middle = np.full(WIDTHS[0], 0.5)
    return middle + 0.4 * null / np.abs(null).max(), middle - 0.4 * null / np.abs(null).max()


def read(model_owner, handle):
    """The outputs as the model owner decrypts them: of each, the mean over its slots."""
    return slots(model_owner, handle).reshape(-1, model_owner.agreed.period).mean(axis=0)


def test_without_a_flood_the_model_owner_tells_two_inputs_apart():
    """Attack: compute oneself on both, with the same weights, and see whose error came back."""
    model_owner, network = owner(), sealed()
    guesses = [read(model_owner, network.evaluate(x)) for x in two_inputs()]
    for secret in (0, 1, 1, 0, 1, 0):
        handle = network.evaluate(two_inputs()[secret])
        seen = read(model_owner, network.public.context.e.rerandomise(handle))
        distances = [np.abs(seen - guess).max() for guess in guesses]
        assert int(np.argmin(distances)) == secret


def test_with_the_flood_what_tells_them_apart_is_lost_in_it():
    """The difference is below 2^-(statistical_bits/2) of the noise's deviation."""
    model_owner, network, agreed = owner(), sealed(), owner().agreed
    first, second = (read(model_owner, network.evaluate(x)) for x in two_inputs())
    assert np.abs(first - second).max() < agreed.flood.slot_std * 2 ** (
        -agreed.statistical_bits / 2
    )


def test_answers_to_the_same_input_share_no_part(library):
    """Without fresh randomness both parts of the ciphertext would be a function of the input."""
    network = sealed(library)
    dump = network.public.context.e.dump
    assert dump(network.evaluate(X[0])) == dump(network.evaluate(X[0]))
    parts = [np.frombuffer(asked(network, X[0]).payload, np.uint64) for _ in range(2)]
    assert (parts[0] == parts[1]).mean() < 0.01


# --- counting answers --------------------------------------------------------------------------


@cache
def generous():
    """Terms of three answers about an input."""
    return he.DeepModelOwner(layers(WIDTHS), X, "plain", answers=3, **TOY)


def test_as_many_answers_about_an_input_are_given_as_the_flood_is_sized_for():
    network, agreed = generous().encrypt_model(), generous().agreed
    for x in (X[0], X[1]):
        for given in range(agreed.answers):
            assert_bits(generous().decrypt(network(x)), clear(layers(WIDTHS), x), at_least=8)
            assert sum(network._given.values()) >= given
        for _ in range(2):
            with pytest.raises(OutOfAnswers, match="answers=") as error:
                network(x)
            assert_refused(error)


SAME = {
    "a list": lambda x: x.tolist(),
    "a view": lambda x: np.stack([x, x], axis=1)[:, 0],
    "another shape": lambda x: x.reshape(3, 4),
    "Fortran's order": lambda x: np.asfortranarray(x.reshape(3, 4)),
    "a copy": np.copy,
    "minus zero": lambda x: np.where(x == 0, -0.0, x),
}


@pytest.mark.parametrize("name", SAME)
def test_an_input_that_comes_in_another_guise_is_still_the_same(name):
    network, x = sealed("plain"), X[2].copy()
    x[3] = 0.0
    asked(network, x)
    with pytest.raises(OutOfAnswers):
        network(SAME[name](x))


def test_answers_are_a_whole_number():
    with pytest.raises(ParameterError) as error:
        he.DeepModelOwner(layers(WIDTHS), X, "plain", answers=1.5, **TOY)
    assert_refused(error)


def test_what_is_refused_for_another_reason_is_refused_for_that_reason_each_time():
    network = sealed("plain")
    for _ in range(3):
        with pytest.raises(Overflow):
            network(np.full(WIDTHS[0], 2.0))
        with pytest.raises(ShapeError):
            network(np.zeros(WIDTHS[0] + 1))


# --- parties ---------------------------------------------------------------------------------


def test_nothing_leads_from_a_sealed_network_to_the_secret_key(library):
    network = sealed(library)
    used = asked(network, X[0])
    for root in (network, used, owner(library).public, owner(library).encrypt_model()):
        found = reachable(root)
        assert has_evaluator(found)
        assert not secrets_among(found)
    holders = {"DeepModelOwner", "SealKeys", "NativeSecret"}
    assert holders <= set(secrets_among(reachable(owner(library))))
    assert not hasattr(network, "decrypt")


def test_what_crosses_tells_shapes_only(engine):
    network = sealed(engine)
    for x in (X[0], np.zeros(WIDTHS[0])):
        assert len(asked(network, x).to_bytes()) == len(asked(network, X[1]).to_bytes())
    header, _ = wire.unpack("sealed network", network.to_bytes())
    assert header == {"agreement": network.agreed.to_json()}


def test_another_model_owner_decrypts_nothing(engine):
    with pytest.raises(WrongKey) as error:
        owner(engine, number=1).decrypt(asked(sealed(engine), X[0]).to_bytes())
    assert_refused(error)


@pytest.mark.parametrize("copying", [pickle.dumps, copy.deepcopy])
def test_a_model_owner_is_not_copied_by_accident(engine, copying):
    with pytest.raises(NoSecretKey) as error:
        copying(owner(engine))
    assert_refused(error)


def test_a_sealed_network_survives_a_pickle(engine):
    network = pickle.loads(pickle.dumps(unasked(engine)))
    expected = clear(layers(WIDTHS), X[0])
    assert_bits(answer(network, owner(engine), X[0]), expected, asked(network, X[0]).bits - 1.5)
    assert network.public.engine == engine


def test_one_that_has_given_answers_is_not_pickled_as_its_copy_would_count_anew(engine):
    network = unasked(engine)
    network(X[0])
    with pytest.raises(OutOfAnswers) as error:
        pickle.dumps(network)
    assert_refused(error)


def test_reprs_say_who_holds_the_key_and_that_a_toy_is_one(engine):
    assert "holds the secret key" in repr(owner(engine))
    assert "no secret key" in repr(sealed(engine))
    given = asked(sealed(engine), X[0])
    for thing in (owner(engine), sealed(engine), given):
        assert "INSECURE" in repr(thing)
    assert ("NOT ENCRYPTED" in repr(given)) == (engine == "plain")


def test_what_is_agreed_on_tells_no_example_to_the_last_digit():
    """The largest number among the examples may be somebody's."""
    x = 0.7 * X
    x[17, 3] = 0.71234567890123
    agreed = he.DeepModelOwner(layers(WIDTHS), x, "plain", **TOY).agreed
    told = (*agreed.norms, agreed.peak, agreed.input_bound)
    assert agreed.input_bound == 0.8
    assert all(number == float(f"{number:.0e}") for number in told)
