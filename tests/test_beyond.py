"""Values beyond what was promised are refused by whoever can see them; labels claim no more."""

from itertools import pairwise
from statistics import median

import numpy as np
import pytest
import torch
from helpers import assert_foretold, assert_refused, uniform
from torch import nn

import helib_py as he
from helib_py.activations import Polynomial
from helib_py.batch.steps import Step, cancelled, passages
from helib_py.errors import BadValue, HelibError, Overflow
from helib_py.noise import bits
from helib_py.span import Span

X = uniform((40, 6), 3)
KINDS = {
    "single": {}, "batch": {"batch": True}, "refresh": {"refresh": "key holder"},
    "bootstrap": {"refresh": "bootstrap", "insecure": True},
}  # fmt: skip


def net(*widths, seed=0, between=he.Square):
    torch.manual_seed(seed)
    layers = [m for a, b in pairwise(widths) for m in (nn.Linear(a, b), between())]
    return nn.Sequential(*layers[:-1]).eval().double()


def clear(network, x):
    with torch.no_grad():
        return network(torch.tensor(x, dtype=torch.float64)).numpy()


def planned(network, examples, **options):
    """The plan, or why there is none."""
    try:
        return he.plan(network, examples, **options)
    except HelibError as error:
        return error


def real_bits(plan, network, x, engine=None):
    """Of the outputs under a new key, over the plan's largest output."""
    owner = he.DataOwner(plan, engine)
    got = he.predict(owner, he.Server(plan, owner.public), x)
    return bits(np.abs(got - clear(network, x)).max() / plan.layers[-1].peak)


# --- the owner's inputs ----------------------------------------------------------------


@pytest.mark.parametrize(("examples", "low", "high"), [
    ([0.1, 0.7], 0, 1), ([-0.3, 5], -0.5, 8), ([-3, -2], -4, 0),
    ([1e-9, -1e-9], -(2**-29), 2**-29),
    ([0, 1], 0, 1), ([1, 1], 0, 1),
    ([5e-324, 0], 0, 5e-324), ([-1e308, 1e308], -(2.0**1023), 2.0**1023),
])  # fmt: skip
def test_of_examples_powers_of_two_are_told(examples, low, high):
    assert Span.of(np.array(examples, dtype=float)) == Span(low, high)


@pytest.mark.parametrize("kind", KINDS)
def test_examples_that_are_all_zero_show_no_range(kind):
    with pytest.raises(BadValue) as error:
        he.plan(net(6, 4, 2), np.zeros((5, 6)), **KINDS[kind])
    assert_refused(error)


@pytest.mark.parametrize("kind", ["single", "batch", "refresh"])
@pytest.mark.parametrize(("scale", "low", "high"), [(1.0, -1, 1), (1e-9, -(2**-29), 2**-29)])
def test_an_owner_refuses_what_its_plan_is_not_good_for(kind, scale, low, high):
    plan = he.plan(net(6, 4, 2), X * scale, 4, **KINDS[kind])
    owner, one = he.DataOwner(plan, "plain"), X[0] * scale
    beyond = np.where(np.arange(6) == 2, 1.5, one)
    with pytest.raises(Overflow, match=rf"2\] is 1.5.*from {low:g} to {high:g}") as error:
        owner.encrypt(beyond[None] if kind == "batch" else beyond)
    assert_refused(error)
    owner.encrypt(one[None] if kind == "batch" else one)


@pytest.mark.parametrize("kind", ["single", "batch", "refresh"])
def test_a_range_has_two_ends(kind):
    plan = he.plan(net(6, 4, 2), np.abs(X), 4, **KINDS[kind])
    owner = he.DataOwner(plan, "plain")
    with pytest.raises(Overflow, match="from 0 to 1"):
        owner.encrypt(-np.abs(X[:1]) if kind == "batch" else -np.abs(X[0]))


def test_one_image_far_from_zero_does_not_spoil_its_batch():
    """Empty slots would hold 0, where the hidden values of this network are a million."""
    network = nn.Sequential(nn.Linear(6, 4), he.Square(), nn.Linear(4, 2)).double()
    with torch.no_grad():
        network[0].bias -= 1000 * network[0].weight.sum(dim=1)
    x = 1000 + X
    plan = he.plan(network, x, batch=True)
    assert real_bits(plan, network, x[:1]) >= plan.bits


# --- labels ----------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["single", "batch"])
@pytest.mark.parametrize("widths", [(6, 4, 1), (6, 8, 8, 3)])
def test_no_plan_claims_more_bits_than_three_hundred_inputs_have(kind, widths, seed):
    """Under most keys: one in a hundred is worse than a plan says."""
    network, x = net(*widths, seed=seed, between=he.Quadratic), uniform((300, 6), seed)
    plan = he.plan(network, x[:32], **KINDS[kind])
    assert plan.headroom >= 2
    some = x if kind == "batch" else x[:40]
    assert_foretold(median(real_bits(plan, network, some) for _ in range(3)), plan.bits)


@pytest.mark.parametrize("seed", range(2))
def test_twelve_layers_in_a_batch_are_right_or_refused(seed):
    network, x = net(*[16] * 12, 4, seed=seed, between=he.Quadratic), uniform((300, 16), seed)
    plan = planned(network, 4 * x[:32], batch=True)
    if isinstance(plan, HelibError):
        assert "bits" in str(plan)
    else:
        assert plan.bits <= real_bits(plan, network, 4 * x)


@pytest.mark.parametrize("a", [1e-7, 1e-3])
@pytest.mark.parametrize("kind", ["single", "batch"])
def test_quadratics_that_are_nearly_linear_are_right_or_refused(kind, a):
    network = net(6, 5, 5, 2, between=lambda: he.Quadratic(a, 0.5, 0.0))
    plan = planned(network, X[:32], **KINDS[kind])
    if isinstance(plan, HelibError):
        assert "he.Quadratic with a close to 0" in str(plan)
    else:
        assert plan.bits <= real_bits(plan, network, X)


@pytest.mark.parametrize("coefficients", [(0.375,), (0.0,), (0.0, 0.0, 0.0)])
def test_a_constant_polynomial_has_as_many_bits_as_an_encryption(coefficients):
    owner = he.DataOwner(he.CKKS(rotations=()))
    c = Polynomial(coefficients)(owner.encrypt(X[0]))
    assert 20 < c.bits <= owner.encrypt(X[0]).bits
    assert bits(np.abs(owner.decrypt(c) - coefficients[0]).max()) >= c.bits


@pytest.mark.parametrize("kind", ["single", "batch"])
def test_last_weights_of_zero_have_a_true_figure(kind):
    network = net(6, 4, 2)
    with torch.no_grad():
        network[-1].weight *= 0
    plan = he.plan(network, X, **KINDS[kind])
    assert all(np.isfinite(layer.bits) for layer in plan.layers)
    assert plan.bits < 60
    assert plan.bits <= real_bits(plan, network, X)


@pytest.mark.parametrize("zeros", [{0: slice(None)}, {0: [1], 2: [0]}, {2: slice(None)}], ids=str)
@pytest.mark.parametrize("kind", ["single", "batch"])
def test_units_that_see_nothing_have_the_error_of_the_zeros_that_hide_them(kind, zeros):
    network = net(6, 3, 2, 2)
    with torch.no_grad():
        for layer, rows in zeros.items():
            network[layer].weight[rows] = 0
    plan = he.plan(network, X, **KINDS[kind])
    assert plan.bits <= real_bits(plan, network, X)


def test_sums_that_cancel_out_are_known():
    twins = [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [-1.0, -2.0, -3.0], [0.0, 0.0, 0.0]]
    layers = [
        (twins, [1.0, 1.0, -1.0, 1.0]),
        ([[1, -1, 0, 0], [1, 0, -1, 0], [0, 1, 0, 1]], [1] * 3),
    ]
    steps = [
        Step("", np.array(weights) * 4, 2, np.array(bias, float), ("square",))
        for weights, bias in layers
    ]
    found = cancelled(steps, passages(steps, [2**40], 2.0**20))
    assert [rows.tolist() for rows in found] == [[3], [0, 1]]


# --- the margin ------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["single", "batch", "refresh"])
def test_the_margin_is_shown_and_is_what_larger_inputs_take(kind):
    network = net(6, 4, 2)
    plan = he.plan(network, X, 4, **KINDS[kind])
    room = plan.room(X)
    assert room >= 2
    assert plan.room(X * 2.0**12) < room - 12
    rows = dict(he.compare(clear(network, X), clear(network, X), plan=plan, x=X))
    assert rows["values might have been"].endswith("-fold")
    rows = dict(he.compare(X, X, plan=plan, x=X * 2.0**40))
    assert rows["values might have been"] == "too large already"


@pytest.mark.parametrize("kind", ["single", "batch"])
def test_a_plan_s_table_shows_its_margin(kind):
    assert "values may grow" in repr(he.plan(net(6, 4, 2), X, **KINDS[kind]))


# --- polynomials -----------------------------------------------------------------------

FITS = {
    "relu": lambda: he.fit("relu", 31, (0.5, 1)), "sqrt": lambda: he.fit(np.sqrt, 5, (0, 1)),
    "log": lambda: he.fit(np.log, 5, (0.25, 2)),
    "1/x": lambda: he.fit(lambda x: 1 / x, 5, (0.5, 4)),
    "negative": lambda: he.fit("relu", 5, (-1, 0)),
    "off centre": lambda: he.fit("relu", 5, (-0.5, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", FITS)
@pytest.mark.parametrize("engine", ["plain", "seal"])
def test_an_interval_is_checked_at_both_ends(name, engine):
    p, owner = FITS[name](), he.DataOwner(he.CKKS(depth=6, rotations=()), engine)
    x = np.linspace(max(p.low, -1), min(p.high, 1), 9)
    with pytest.raises(Overflow, match=r"fit it on \[-1, 1\].*inside=True") as error:
        p(owner.encrypt(x))
    assert_refused(error)
    c = p(owner.encrypt(x), inside=True)
    assert np.abs(owner.decrypt(c) - p(x)).max() < 2.0 ** -min(c.bits - 1, 18)


def test_an_interval_around_the_promise_is_taken():
    p, owner = he.fit("relu", 5, (-1, 3)), he.DataOwner(he.CKKS(depth=5, rotations=()), "plain")
    assert p(owner.encrypt(X[0])).bits > 15
