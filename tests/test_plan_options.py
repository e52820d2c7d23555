"""The famous networks plan; options that would be ignored are refused."""

import numpy as np
import pytest
import torch
from helpers import assert_refused
from nets import IMAGES, net

import helib_py as he
from benchmarks.networks import lenet, ten_layers
from helib_py.errors import ParameterError


@pytest.mark.parametrize(
    "options",
    [
        dict(batch=True, refresh="key holder"),
        dict(batch=True, refresh_after=2),
        dict(refresh_after=2),
        dict(insecure=True),
        dict(batch=True, insecure=True),
        dict(refresh="key holder", insecure=True),
        dict(refresh="bootstrap", ring=8192),
        dict(batch=True, chain=he.Chain(8192, True, (52, 52), 58)),
    ],
)
def test_options_that_would_be_ignored_are_refused(options):
    with pytest.raises(ParameterError) as error:
        he.plan(net("dense"), IMAGES, **options)
    assert_refused(error)


def calibrated(network):
    """With the statistics of random images, as a trained network has those of real ones."""
    torch.manual_seed(1)
    network.train()(torch.rand(64, 1, 28, 28))
    return network.eval()


def agrees(plan, network, x):
    """Bits of the exact program against torch, relative to the largest score."""
    with torch.no_grad():
        scores = network.double()(torch.tensor(x)).numpy()
    got = plan.simulate(x, noisy=False)
    return -np.log2(np.abs(got - scores).max() / np.abs(scores).max())


def test_lenet_plans_in_one_short_chain():
    network, x = calibrated(lenet()), np.random.default_rng(0).uniform(size=(8, 1, 28, 28))
    plan = he.plan(network, x, precision=4)
    assert plan.params.ring == 16384
    assert plan.params.is_secure
    assert agrees(plan, network, x) > 30


def test_ten_hidden_layers_plan_with_one_product_a_layer():
    network, x = calibrated(ten_layers()), np.random.default_rng(0).uniform(size=(4, 1, 28, 28))
    plan = he.plan(network, x, precision=9, ring=32768)
    assert plan.params.is_secure
    assert [layer.products for layer in plan.layers[1:-1]] == [1] * 9
    assert all(layer.rotations <= 8 for layer in plan.layers[1:-1])
    assert agrees(plan, network, x) > 30
