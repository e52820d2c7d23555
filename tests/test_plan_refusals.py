"""What a plan refuses, and what it says to do instead."""

import numpy as np
import pytest
from helpers import assert_refused
from nets import IMAGES, flat, net, plan
from torch import nn

import helib_py as he
from helib_py.compile import Chain
from helib_py.errors import (
    BadValue,
    InsecureParameters,
    MissingKey,
    NotPolynomial,
    Overflow,
    ParameterError,
    ShapeError,
)

REFUSED = {
    "Square": (nn.ReLU(), 64),
    "AvgPool2d": (nn.MaxPool2d(2), None),
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
            return x

    subject = nn.Sequential()
    subject.add_module("odd", Odd())
    with pytest.raises(NotPolynomial, match=r"odd.*Odd"):
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


@pytest.mark.parametrize("engine", ["pyfhel", "plain"])
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
    chain = Chain(8192, True, (60, 60, 60), 60, 30.0, 20.0)
    with pytest.raises(InsecureParameters) as error:
        he.plan(net("dense"), IMAGES[:40], chain=chain)
    assert_refused(error)
