"""What is agreed on in public: parameters and flood follow, what does not add up is refused."""

from dataclasses import replace

import numpy as np
import pytest
from helpers import assert_refused
from sealed import TOY, clear, examples, layers

import helib_py as he
from helib_py.balance import balanced
from helib_py.errors import HelibError, InsecureParameters, ParameterError, ShapeError

AGREED = he.Agreement((784, 64, 64, 10), norms=(0.2, 5, 200), peak=20)


def test_two_hidden_layers_on_digits_are_128_bit_secure_and_leave_enough():
    assert AGREED.params.is_secure
    assert AGREED.params.security == 128
    assert AGREED.ring == 16384
    assert AGREED.bits >= 12


def test_parties_that_agree_on_the_same_get_the_same():
    other = he.Agreement.from_json(AGREED.to_json())
    assert other == AGREED
    assert other.params == AGREED.params
    assert other.flood == AGREED.flood
    assert other != replace(AGREED, peak=21)


def test_scales_meet_exactly_where_they_must():
    for before, stage in zip([None, *AGREED.stages], AGREED.stages, strict=False):
        prime = AGREED.params.primes[stage.level]
        assert stage.inputs * stage.weights / prime == stage.sums
        if before:
            squared = before.sums * before.sums / AGREED.params.primes[before.level - 1]
            assert squared == stage.inputs


def test_outputs_have_room_up_to_the_margin_with_their_flood():
    last = AGREED.stages[-1].sums
    largest = AGREED.margin * AGREED.peak * last + 9 * AGREED.flood.std
    assert largest < AGREED.params.primes[0] / 2


def test_two_bits_more_of_statistical_security_cost_one_of_precision():
    more = replace(AGREED, statistical_bits=42)
    assert abs(AGREED.bits - more.bits - 1) < 0.1
    assert more.capacity < AGREED.capacity


def test_four_answers_about_one_input_cost_one_bit_of_precision():
    assert abs(AGREED.bits - replace(AGREED, answers=4).bits - 1) < 1e-6


@pytest.mark.parametrize(
    "change", [{"norms": (0.4, 5, 200)}, {"norms": (0.2, 5, 400)}, {"input_bound": 2.0}]
)
def test_larger_weights_and_inputs_mean_larger_errors(change):
    assert replace(AGREED, **change).error > AGREED.error


def test_an_answer_carries_far_fewer_bits_than_an_image():
    assert 10 * AGREED.bits < AGREED.capacity < 784


def test_only_the_rotation_keys_that_are_used_are_made():
    assert AGREED.params.rotations == tuple(1 << i for i in range(13))
    assert he.Agreement((784, 10), norms=(1,), peak=10).params.rotations == tuple(
        16 << i for i in range(9)
    )


def test_sizes_are_those_of_the_messages():
    rows = AGREED.table()
    assert len(rows) == 3
    assert 10e6 < AGREED.model_bytes < 20e6
    assert AGREED.key_bytes == 14 * AGREED.params.key_bytes


REFUSED = {
    "too much precision": (ParameterError, {"precision": 30}),
    "too large a flood": (ParameterError, {"statistical_bits": 90}),
    "too deep for the ring": (ParameterError, {"widths": (9,) * 9, "norms": (1,) * 8}),
    "a ring too small": (ParameterError, {"ring": 4096}),
    "no ring at all": (ParameterError, {"ring": 5000}),
    "a toy ring without saying so": (ParameterError, {"ring": 2048}),
    "no layers": (ShapeError, {"widths": (784,), "norms": ()}),
    "a norm too few": (ShapeError, {"norms": (1, 1)}),
    "an empty layer": (ShapeError, {"widths": (784, 0, 64, 10)}),
    "a layer too wide": (ShapeError, {"widths": (784, 64, 64, 9000)}),
    "a norm that is no number": (ParameterError, {"norms": (1, 1, np.nan)}),
    "an endless peak": (ParameterError, {"peak": np.inf}),
    "inputs without bound": (ParameterError, {"input_bound": np.inf}),
    "no answer": (ParameterError, {"answers": 0}),
    "less room than the peak": (ParameterError, {"margin": 0.5}),
    "an unknown security": (HelibError, {"security": 100}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_add_up_is_refused_with_a_fix(name):
    kind, change = REFUSED[name]
    with pytest.raises(kind) as error:
        replace(AGREED, **change)
    assert_refused(error)


def test_a_toy_says_that_it_is_one():
    toy = he.Agreement((6, 4, 3), norms=(0.5, 20), peak=5, **TOY)
    assert "INSECURE" in repr(toy)
    assert "INSECURE" not in repr(AGREED)


def test_an_insecure_chain_in_a_real_ring_needs_the_word():
    deep = {"widths": (9,) * 5, "norms": (1,) * 4, "ring": 8192}
    with pytest.raises((InsecureParameters, ParameterError)):
        replace(AGREED, **deep)
    assert "INSECURE" in repr(replace(AGREED, **deep, insecure=True))


# --- scaling the layers ----------------------------------------------------------------------


@pytest.mark.parametrize("widths", [(9, 3), (9, 6, 3), (9, 6, 5, 3), (9, 6, 5, 4, 3)])
def test_scaled_layers_are_the_same_network_with_units_below_one(widths):
    affines, x = layers(widths), examples(widths)
    agreed, scaled = balanced(affines, x, 2048, {"insecure": True})
    assert np.allclose(clear(scaled, x), clear(affines, x))
    hidden = x
    for affine, norm in zip(scaled, agreed.norms, strict=True):
        sums = hidden @ affine.dense.T + affine.bias
        assert np.linalg.norm(affine.dense, axis=1).max() <= norm
        if affine is not scaled[-1]:
            assert np.abs(sums).max() <= 1 / agreed.margin + 1e-9
            hidden = sums**2
    assert np.abs(sums).max() <= agreed.peak


def test_a_layer_of_zeros_is_taken_as_it_is():
    first, second = layers((9, 6, 3))
    empty = replace(first, weights=0 * first.weights, bias=0 * first.bias)
    agreed, scaled = balanced([empty, second], examples((9, 6, 3)), 2048, {"insecure": True})
    assert np.array_equal(clear(scaled, np.ones(9)), second.bias)
    assert agreed.bits >= 8


def test_what_is_published_of_the_weights_has_one_digit():
    agreed, _ = balanced(layers((9, 6, 3)), examples((9, 6, 3)), 2048, {"insecure": True})
    for number in (*agreed.norms, agreed.peak):
        assert float(f"{number:.0e}") == number


def test_the_smallest_ring_that_will_do_is_taken():
    def ring(depth):
        widths = (9, *[4] * depth, 3)
        return balanced(layers(widths), examples(widths, 8), 0, {})[0].ring

    assert [ring(depth) for depth in (1, 2, 3)] == [16384, 16384, 32768]
