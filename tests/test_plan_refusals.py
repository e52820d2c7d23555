"""What a plan refuses, and what it says to do instead."""

import json
import sys

import numpy as np
import pytest
import torch
from helpers import assert_bits, assert_refused
from nets import IMAGES, flat, net, plan
from torch import nn

import helib_py as he
from helib_py import memory
from helib_py.compile import Chain
from helib_py.errors import (
    BadValue,
    InsecureParameters,
    MissingKey,
    NotPolynomial,
    OutOfMemory,
    Overflow,
    ParameterError,
    ShapeError,
)

REFUSED = {
    "Square": (nn.ReLU(), 64),
    "nn.AvgPool": (nn.MaxPool2d(2), None),
    "after decrypting": (nn.Softmax(1), 64),
    "Quadratic": (nn.Tanh(), 64),
    "Square|Quadratic": (nn.Sigmoid(), 64),
}


@pytest.mark.parametrize("instead", REFUSED)
def test_a_layer_that_is_no_polynomial_is_refused_with_what_to_use(instead):
    layer, size = REFUSED[instead]
    subject = nn.Sequential(flat(), nn.Linear(64, size), layer) if size else nn.Sequential(layer)
    with pytest.raises(NotPolynomial, match=instead) as error:
        he.plan(subject, IMAGES[:40])
    assert type(layer).__name__ in str(error.value)
    assert_refused(error)


def test_an_unknown_module_is_refused_by_name():
    class Odd(nn.Module):
        def forward(self, x):
            return torch.sort(x).values

    subject = nn.Sequential()
    subject.add_module("odd", Odd())
    with pytest.raises(NotPolynomial, match=r"torch\.sort.*Odd"):
        he.plan(subject, IMAGES[:40])


@pytest.mark.parametrize(
    "layers",
    [(flat(), nn.Linear(63, 4)), (nn.Conv2d(3, 1, 3),), (flat(), nn.BatchNorm2d(64))],
)
def test_layers_that_do_not_take_the_examples_are_refused(layers):
    with pytest.raises(ShapeError) as error:
        he.plan(nn.Sequential(*layers), IMAGES[:40])
    assert_refused(error)


@pytest.mark.parametrize("examples", [IMAGES[0, 0, 0], np.zeros((0, 1, 8, 8)), np.float64(1)])
def test_examples_must_be_a_batch(examples):
    with pytest.raises(ShapeError) as error:
        he.plan(net("dense"), examples)
    assert_refused(error)


def test_examples_without_a_number_are_refused():
    with pytest.raises(BadValue) as error:
        he.plan(net("dense"), np.full((3, 1, 8, 8), np.nan))
    assert_refused(error)


@pytest.mark.parametrize(
    "request_", [{"precision": 60, "ring": 16384}, {"ring": 4096, "precision": 20}]
)
def test_a_precision_out_of_reach_is_refused_with_what_is_in_reach(request_):
    with pytest.raises(ParameterError) as error:
        he.plan(net("two squares"), IMAGES[:40], **request_)
    assert_refused(error)


def test_a_network_that_is_too_deep_for_a_ring_is_refused_as_such():
    with pytest.raises(ParameterError, match=r"levels or slots.*8192.*larger ring") as error:
        he.plan(net("deep"), IMAGES[:40], ring=8192)
    assert_refused(error)


@pytest.mark.parametrize("options", [{}, {"ring": 8192}, {"chain": True}])
def test_values_without_room_are_refused_as_such_and_not_as_imprecise(options):
    """1e6 squared, and that once more with weights, are above 2^60."""
    if options.get("chain"):
        options = {"chain": Chain(16384, False, (50, *[40] * 5), 50, input_bits=40.0)}
    with pytest.raises(ParameterError, match=r"values up to .* bits more .* scale") as error:
        he.plan(net("two squares"), IMAGES[:40] * 1e6, **options)
    assert "precision" not in str(error.value)
    assert_refused(error)


@pytest.mark.parametrize(("lazy", "needed"), [(True, 3), (False, 6)])
def test_a_chain_with_too_few_primes_is_refused(lazy, needed):
    chain = Chain(16384, lazy, (40,) * (needed - 1), 50, input_bits=30.0)
    with pytest.raises(ParameterError, match=f"{needed - 1} primes.*must have {needed}") as error:
        he.plan(net("two squares"), IMAGES[:40], chain=chain)
    assert_refused(error)


def quadratics(a):
    return nn.Sequential(flat(), nn.Linear(64, 8), he.Quadratic(a, 1.0), nn.Linear(8, 4))


@pytest.mark.parametrize("options", [{}, {"batch": True}, {"refresh": "key holder"}])
def test_a_quadratic_that_is_nearly_linear_is_named_by_a_refusal(options):
    options |= {"ring": 8192, "precision": 25}
    with pytest.raises(
        ParameterError, match=r"layer 2 has a = 1e-05, b = 1.*\|a\| above"
    ) as error:
        he.plan(quadratics(1e-5), IMAGES[:40], **options)
    assert_refused(error)


def test_a_quadratic_that_bends_is_not_blamed():
    with pytest.raises(ParameterError) as error:
        he.plan(quadratics(0.2), IMAGES[:40], precision=30, ring=8192)
    assert "Quadratic" not in str(error.value)


def test_an_encrypted_network_that_is_nearly_linear_is_refused_likewise():
    with pytest.raises(ParameterError, match=r"layer 2 has a = 1e-07, b = 1"):
        he.DeepModelOwner(quadratics(1e-7), IMAGES[:40], "plain")


def test_inputs_that_are_not_the_plan_s_are_refused(engine):
    owner = he.DataOwner(plan("dense"), engine)
    with pytest.raises(Overflow) as error:
        owner.encrypt(IMAGES[0] * 4)
    assert_refused(error)
    for wrong in (IMAGES[0, 0, :7], IMAGES[:5], 0.5, np.zeros(64)):
        with pytest.raises(ShapeError) as error:
            owner.encrypt(wrong)
        assert_refused(error)
    with pytest.raises(BadValue):
        owner.encrypt(np.full((1, 8, 8), np.nan))


def test_keys_made_for_other_parameters_are_refused():
    owner = he.DataOwner(he.CKKS(), "plain")
    with pytest.raises(MissingKey) as error:
        he.Server(plan("dense"), owner.public)
    assert_refused(error)


def test_a_chain_over_the_security_table_is_refused():
    chain = Chain(8192, True, (60, 60, 60), 60, 30.0, (20.0, 20.0))
    with pytest.raises(InsecureParameters) as error:
        he.plan(net("dense"), IMAGES[:40], chain=chain)
    assert_refused(error)


def many_registers(count):
    """A plan that fills so many registers before it adds them up: a few bytes of text for each."""
    described = json.loads(plan("dense").to_json())
    first, total = 10**6, 2 * 10**6
    described["steps"] += [["negate", first + i, 0, 0] for i in range(count)]
    described["steps"] += [["add", total, first, first + 1]]
    described["steps"] += [["add", total, total, first + i] for i in range(2, count)]
    return he.Plan.from_json(json.dumps(described))


def test_a_short_plan_that_would_fill_the_memory_is_refused_before_it_does(monkeypatch):
    wide, narrow = many_registers(3000), plan("dense")
    one = narrow.params.ciphertext_bytes(narrow.params.depth)
    assert 3000 * one <= wide.memory_bytes <= 3010 * one + narrow.memory_bytes
    bundle = he.DataOwner(narrow).public
    monkeypatch.setattr(memory, "available_memory", lambda: 3000 * one)
    he.Server(narrow, bundle)
    with pytest.raises(OutOfMemory) as error:
        he.Server(wide, bundle)
    assert_refused(error)


def test_diagonals_that_would_fill_the_memory_are_not_made(monkeypatch):
    monkeypatch.setattr(memory, "available_memory", lambda: 10**6)
    with pytest.raises(OutOfMemory, match=r"planning .*batch=True.* stride=") as error:
        plan.__wrapped__("dense")
    assert_refused(error)


def padded():
    """Around an image lie outputs that are constants, and in no order."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.ZeroPad2d(1), nn.Conv2d(1, 1, 1), he.Square(), nn.AvgPool2d(2), he.Square(),
        nn.Flatten(), nn.Linear(16, 3),
    )  # fmt: skip


def test_a_program_that_computes_something_else_is_no_plan(monkeypatch):
    x = np.random.default_rng(0).uniform(-1, 1, (20, 1, 6, 6))
    expected = padded().double()(torch.tensor(x)).detach().numpy()
    assert_bits(he.plan(padded(), x).simulate(x, noisy=False), expected, 35)
    monkeypatch.setattr(sys.modules["helib_py.packing.sparse"], "_even", lambda *_: True)
    with pytest.raises(ParameterError) as error:
        he.plan(padded(), x)
    assert_refused(error)
