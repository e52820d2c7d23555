"""From a torch network to a plan: what it folds and foretells."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from helpers import assert_bits, assert_foretold
from nets import IMAGES, NETS, PRECISION, clear, net, plan
from torch import nn

import helib_py as he

BRANCHES = ["residual after an activation", "cubic", "degree 7 and a square"]
ENCRYPTED = [
    "dense", "convolution", "linear only", "two squares", "deep", "strided convolutions",
    "residual", "cubic", "degree 7 and a square",
]  # fmt: skip
# The error of the first slot is mostly one draw a key; here it is spread most widely.
KEYS = {"cubic": 6}


@pytest.mark.parametrize("name", NETS)
def test_the_plan_computes_what_torch_does(name):
    got = plan(name).simulate(IMAGES[40:], noisy=False)
    assert_bits(got, clear(name, IMAGES[40:]), at_least=35)


@pytest.mark.parametrize("name", NETS)
def test_a_plan_has_the_precision_asked_and_a_margin(name):
    found = plan(name)
    assert found.bits >= PRECISION
    assert found.headroom >= 2
    assert found.params.is_secure
    got, expected = found.simulate(IMAGES[40:], seed=3), clear(name, IMAGES[40:])
    assert_bits(got, expected, at_least=-np.log2(found.error) - 2)


@pytest.mark.parametrize("name", ENCRYPTED)
def test_encrypted_agrees_with_torch_as_precisely_as_foretold(name):
    found = plan(name)
    errors = []
    for images in np.split(IMAGES[40:46], KEYS.get(name, 3)):
        owner = he.DataOwner(found)
        server = he.Server(found, owner.public.to_bytes())
        for x, expected in zip(images, clear(name, images), strict=True):
            result = server.run([c.to_bytes() for c in owner.encrypt(x)])
            errors.append(owner.decrypt(result.to_bytes()) - expected)
    measured = he.measured_bits(np.array(errors), np.zeros_like(errors))
    assert_foretold(measured, -np.log2(found.error))


@pytest.mark.parametrize("name", ["dense", "two convolutions"])
def test_the_clear_twin_s_parties_agree_with_torch(name):
    owner = he.DataOwner(plan(name), "plain")
    result = he.Server(plan(name), owner.public).run(owner.encrypt(IMAGES[50]))
    assert_bits(owner.decrypt(result), clear(name, IMAGES[50:51])[0], at_least=5)
    assert "NOT ENCRYPTED" in repr(result)


@pytest.mark.parametrize("name", NETS)
def test_there_are_exactly_the_rotation_keys_used(name):
    found = plan(name)
    assert found.params.rotations == found.program.rotations
    assert len(found.program.rotations) <= np.log2(found.params.slots) + 2
    assert sum(layer.rotations for layer in found.layers) == found.program.count("rotate")


@pytest.mark.parametrize("name", NETS)
def test_levels_are_counted_down_to_the_last(name):
    levels = [found.level for found in plan(name).layers]
    assert levels == sorted(levels, reverse=True)
    assert levels[-1] == plan(name).interface.result_level >= 0
    spent = plan(name).params.depth - levels[-1]
    rescaled = plan(name).program.count("rescale")  # branches are rescaled each for itself
    assert rescaled == spent or (name in BRANCHES and rescaled > spent)


def test_a_run_of_affine_layers_is_one_matrix():
    assert len(plan("two convolutions").layers) == 2
    assert len(plan("normalisation").layers) == 2
    assert plan("two convolutions").program.count("square") == 1


@pytest.mark.parametrize("training", [True, False])
def test_planning_leaves_the_net_as_it_was(training):
    subject = copy.deepcopy(net("normalisation")).train(training)
    before = copy.deepcopy(subject.state_dict())
    he.plan(subject, IMAGES[:40])
    assert subject.training is training
    after = subject.state_dict()
    assert all(torch.equal(before[k], after[k]) for k in before)
    assert {p.dtype for p in subject.parameters()} == {torch.float32}


@pytest.mark.parametrize("where", [1, 3])
def test_a_layer_of_zeros_still_lands_on_the_right_level(where):
    subject = copy.deepcopy(net("dense"))
    nn.init.zeros_(subject[where].weight)
    nn.init.constant_(subject[where].bias, 0.5)
    found = he.plan(subject, IMAGES[:40])
    owner = he.DataOwner(found)
    got = owner.decrypt(he.Server(found, owner.public).run(owner.encrypt(IMAGES[0])))
    with torch.no_grad():
        expected = subject(torch.tensor(IMAGES[:1], dtype=torch.float32))[0].numpy()
    assert_bits(got, expected, at_least=8)


def test_more_precision_is_given_when_asked():
    found = he.plan(net("dense"), IMAGES[:40], precision=16)
    assert found.bits >= 16
    got = found.simulate(IMAGES[40:])
    assert_bits(got, clear("dense", IMAGES[40:]), at_least=14)


def test_bytes_give_back_the_same_plan():
    found = plan("convolution")
    back = he.Plan.from_bytes(found.to_bytes())
    assert back.to_bytes() == found.to_bytes()
    assert repr(back) == repr(found)
    for seed in (1, 2):
        assert np.array_equal(
            back.simulate(IMAGES[:2], seed=seed), found.simulate(IMAGES[:2], seed=seed)
        )


def test_an_insecure_plan_says_so():
    found = plan("dense")
    weak = replace(found.params, security=256, insecure=True)
    weak = replace(found, interface=replace(found.interface, params=weak))
    assert "INSECURE" in weak.summary
    assert "INSECURE" in repr(weak)
    assert "INSECURE" not in found.summary


def test_the_table_shows_every_layer():
    shown = repr(plan("normalisation"))
    assert shown.count("\n") == len(plan("normalisation").layers) + 1
    assert all(layer.name in shown for layer in plan("normalisation").layers)
    assert "<table>" in plan("normalisation")._repr_html_()


def test_the_scales_that_a_chain_gives_are_kept():
    chain = he.Chain(8192, True, (52, 52), 58, weight_bits=(12.0, 21.0))
    found = he.plan(net("dense"), IMAGES[:40], precision=-9, chain=chain)
    scales = {np.log2(constant.scale) for constant in found.program.constants}
    assert {12.0, 21.0} <= scales
