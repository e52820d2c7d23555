"""Plans for batches across: what a stranger wrote is put together only where it can be run."""

from dataclasses import dataclass, replace

import pytest
from nets import IMAGES, net
from test_batch import plan
from test_batch_refusals import NAME, refused

import helib_py as he
from helib_py.batch.steps import Place
from helib_py.errors import BadBytes, InsecureParameters


@pytest.mark.parametrize("change", [
    lambda p: replace(p, steps=p.steps[:1] + p.steps[:1]),
    lambda p: replace(p, steps=()),
    lambda p: replace(p, steps=(replace(p.steps[0], then=("load",)), *p.steps[1:])),
    lambda p: replace(p, steps=(replace(p.steps[0], then=("rescale",) * 9), *p.steps[1:])),
    lambda p: replace(p, steps=(replace(p.steps[0], bias=p.steps[0].bias[:-1]), *p.steps[1:])),
    lambda p: replace(p, steps=(replace(p.steps[0], weight_bits=2000), *p.steps[1:])),
    lambda p: replace(p, steps=(replace(p.steps[0], weight_bits=0.5), *p.steps[1:])),
    lambda p: replace(p, steps=(replace(p.steps[0], name=5), *p.steps[1:])),
    lambda p: replace(p, steps=(*p.steps[:-1], replace(p.steps[-1], then=()))),
    lambda p: replace(p, steps=(replace(p.steps[0], then=("square",) * 3), *p.steps[1:])),
    lambda p: replace(p, layers=p.layers[:-1]),
    lambda p: replace(p, layers=(replace(p.layers[0], error="small"), *p.layers[1:])),
    lambda p: replace(p, headroom="much"),
    lambda p: inside(p, outputs=3),
    lambda p: inside(p, shape=(8, 8)[:1]),
    lambda p: inside(p, shape=(-8, -8)),
    lambda p: inside(p, scale=-1.0),
    lambda p: inside(p, span=Forged(0.0, 0.0)),
    lambda p: inside(p, span=Forged(1.0, 2.0)),
    lambda p: inside(p, result=Place(1, 2.0**30)),
    lambda p: inside(p, result=(0,)),
], ids=[
    "order", "empty", "unknown operation", "too deep", "bias", "weights too fine",
    "weights between bits", "name", "results of three parts", "too many parts", "layers",
    "a layer's error", "headroom", "outputs", "inputs", "sizes below zero", "scale", "no range",
    "a range without 0",
    "another result", "half a result",
])  # fmt: skip
def test_a_plan_that_cannot_be_run_is_refused(change):
    data = change(plan(NAME)).to_bytes()
    refused(BadBytes, lambda: he.BatchPlan.from_bytes(data))


@dataclass(frozen=True)
class Forged:
    """A span that nobody checked."""

    low: float
    high: float


def inside(found, **changes):
    """A plan with another interface."""
    return replace(found, interface=replace(found.interface, **changes))


def test_a_plan_with_weak_parameters_is_taken_only_where_its_receiver_says_so():
    found = plan(NAME)
    weak = inside(found, params=replace(found.params, security=256, insecure=True))
    refused(InsecureParameters, lambda: he.BatchPlan.from_bytes(weak.to_bytes()))
    assert "INSECURE" in repr(he.BatchPlan.from_bytes(weak.to_bytes(), insecure=True))


def test_a_plan_for_single_inputs_is_no_plan_for_batches():
    refused(
        BadBytes, lambda: he.BatchPlan.from_bytes(he.plan(net("linear only"), IMAGES).to_bytes())
    )
    refused(BadBytes, lambda: he.Plan.from_bytes(plan(NAME).to_bytes()))
