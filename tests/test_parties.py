"""Who is what in a protocol: a party made of the wrong thing, or asked too much, says so."""

import numpy as np
import pytest
import torch
from helpers import assert_refused
from nets import IMAGES, net

import helib_py as he
from helib_py.errors import BadBytes, HelibError, ParameterError

WAYS = {
    "one": {}, "batch": dict(batch=True), "key holder": dict(refresh="key holder"),
    "bootstrap": dict(refresh="bootstrap", insecure=True),
}  # fmt: skip


@pytest.fixture(scope="module")
def plans():
    return {name: he.plan(net("dense"), IMAGES[:8], **way) for name, way in WAYS.items()}


@pytest.fixture(scope="module", params=["one", "batch"])
def parties(request, plans):
    owner = he.DataOwner(plans[request.param], "plain")
    return owner, he.Server(plans[request.param], owner.public)


@pytest.mark.parametrize("options", [{"nonsense": 3}, {"packed": True}, {"bound": 4.0}], ids=str)
@pytest.mark.parametrize("name", ["one", "batch", "key holder"])
def test_a_plan_s_owner_swallows_no_option(plans, name, options):
    x = IMAGES[:1] if name == "batch" else IMAGES[0]
    with pytest.raises(ParameterError, match=next(iter(options))) as error:
        he.DataOwner(plans[name], "plain").encrypt(x, **options)
    assert_refused(error)


@pytest.mark.parametrize("wanted", [None, net("dense"), 3, "plan", he.CKKS, [], {}], ids=str)
def test_an_owner_of_nothing_that_has_parameters_is_refused(wanted):
    with pytest.raises(ParameterError, match=r"he\.plan") as error:
        he.DataOwner(wanted)
    assert_refused(error)


def test_a_plan_with_bootstraps_has_an_owner_of_its_own(plans):
    with pytest.raises(ParameterError, match="BootstrapOwner") as error:
        he.DataOwner(plans["bootstrap"])
    assert_refused(error)


def test_a_server_is_given_no_secret_key(plans, parties):
    owner, _ = parties
    for make in (he.Server, he.DeepServer):
        plan = plans["key holder" if make is he.DeepServer else "one"]
        with pytest.raises(ParameterError, match=r"\.public") as error:
            make(plan, owner)
        assert_refused(error)


@pytest.mark.parametrize("plan", [None, "plan", net("dense"), "key holder", "bootstrap"], ids=str)
def test_a_server_runs_plans_of_its_kind_only(plans, parties, plan):
    with pytest.raises(ParameterError, match=r"he\.plan") as error:
        he.Server(plans.get(plan, plan) if isinstance(plan, str) else plan, parties[0].public)
    assert_refused(error)


@pytest.mark.parametrize("public", [None, 3, "key", b"", []])
@pytest.mark.parametrize("name", WAYS)
def test_a_server_takes_a_public_bundle_only(plans, public, name):
    make = {"key holder": he.DeepServer, "bootstrap": he.BootstrapServer}.get(name, he.Server)
    with pytest.raises(BadBytes) as error:
        make(plans[name], public)
    assert_refused(error)


@pytest.mark.parametrize("none", [[], IMAGES[:0]], ids=["list", "array"])
def test_of_no_inputs_there_are_no_scores(parties, none):
    assert he.predict(*parties, none).shape == (0, 10)


def test_predictions_take_an_owner_and_a_server(plans, parties):
    owner, server = parties
    deep = he.DeepServer(plans["key holder"], he.DataOwner(plans["key holder"], "plain").public)
    for given in ((server, owner), (owner, None), (None, server), (owner, deep)):
        with pytest.raises(ParameterError, match="DataOwner") as error:
            he.predict(*given, IMAGES[:2])
        assert_refused(error)


def test_a_ledger_around_a_server_tells_that_it_ran(parties):
    owner, server = parties
    inputs = IMAGES[:2] if isinstance(server.plan, he.BatchPlan) else IMAGES[0]
    upload = owner.encrypt(inputs)
    with he.Ledger() as ledger:
        result = server.run(upload)
    (entry,) = ledger
    assert entry.operation == "plan"
    assert entry.level == server.plan.interface.result[0]
    assert entry.predicted == -np.log2(server.plan.error)
    assert entry.nbytes == result.nbytes
    assert entry.seconds > 0
    assert "plan" in repr(ledger)


def test_a_sum_along_an_axis_is_noted_as_any_other():
    owner = he.DataOwner(he.CKKS(), "plain")
    with he.Ledger(debug_key=owner) as ledger:
        _ = owner.encrypt([0.5, 0.25]).sum(axis=-1)
    assert [entry.operation for entry in ledger] == ["encrypt", "sum"]


@pytest.mark.parametrize("workers", [1, 2])
def test_the_clear_twin_s_parties_predict_in_processes_as_well(workers):
    plan = he.plan(net("dense"), IMAGES[:40])
    owner = he.DataOwner(plan, "plain")
    scores = he.predict(owner, he.Server(plan, owner.public), IMAGES[:3], workers=workers)
    shown = he.compare(scores, net("dense")(torch.tensor(IMAGES[:3]).float()).detach().numpy())
    assert dict(shown)["significant bits"] > 7


def test_scores_are_compared_with_a_network_s_that_leaves_an_axis_out():
    shown = dict(he.compare(np.ones((3, 1)), np.full(3, 1.5)))
    assert shown["largest error of a score"] == 0.5
    with pytest.raises(HelibError) as error:
        he.compare(np.ones((3, 2)), np.ones(3))
    assert_refused(error)
