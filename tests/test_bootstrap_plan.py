"""Plans with bootstraps: placed, scaled, priced and refused before any key exists."""

from math import ceil

import numpy as np
import pytest
from deep_nets import clear, deep_net, examples
from helpers import assert_bits, assert_refused

import helib_py as he
from helib_py.bootstrap.sine import through_sine
from helib_py.bootstrap.spread import Spread, diagonals
from helib_py.engines.lattigo import Layer, Refresh
from helib_py.engines.lattigo.graph import adjusted
from helib_py.errors import (
    BadValue,
    InsecureParameters,
    NotPolynomial,
    Overflow,
    ParameterError,
    ShapeError,
)
from helib_py.network import Affine
from helib_py.params.bootstrap import BootstrapParams

X = examples()


def toy(hidden, **options):
    return he.bootstrap_plan(deep_net(hidden), X, insecure=True, **options)


@pytest.mark.parametrize("slots", [1024, 4096])
@pytest.mark.parametrize(
    ("source", "target"),
    [
        (Spread(64), Spread(64)),
        (Spread(64), Spread(64, 4)),
        (Spread(64, 4), Spread(64)),
        (Spread(1024, 4), Spread(64)),
        (Spread(16, 4), Spread(64)),
        (Spread(128, 3), Spread(32)),
    ],
)
def test_diagonals_and_folds_are_the_matrix_product(source, target, slots):
    draw = np.random.default_rng(1)
    m, n = target.count - 3, source.count - 5
    weights, x = draw.normal(size=(m, n)), draw.normal(size=n)
    laid = source.fill(x, slots)
    table = diagonals(weights, source, target, slots)
    z = sum(np.roll(laid, -d) * p for d, p in enumerate(table))
    for i in range(source.folds):
        z = z + np.roll(z, -(slots >> i + 1))
    assert_bits(z, target.fill(weights @ x, slots), at_least=40)
    assert_bits(z[target.find(m, slots)], weights @ x, at_least=40)


@pytest.mark.parametrize("inputs", [10, 64, 784])
@pytest.mark.parametrize("hidden", [0, 1, 4, 9])
def test_a_plan_computes_the_network(hidden, inputs):
    affines, x = deep_net(hidden, inputs), examples(inputs=inputs)
    plan = he.bootstrap_plan(affines, x, insecure=True)
    expected = clear(affines, x)
    assert_bits(plan.simulate(x, noisy=False), expected, at_least=40)
    assert_bits(plan.simulate(x, seed=5), expected, at_least=plan.bits - 3)


@pytest.mark.parametrize("levels", [3, 5, 8])
@pytest.mark.parametrize("hidden", [1, 2, 3, 7, 20])
def test_a_bootstrap_comes_only_where_levels_run_out(hidden, levels):
    plan = toy(hidden, levels=levels)
    layers_between = (levels - 1) // 2
    assert plan.bootstraps == ceil(hidden / layers_between) - 1
    left = plan.interface.level
    for step in plan.steps:
        if step.name == "bootstrap":
            assert (step.level, step.after, left) == (1, levels, 1)
        else:
            assert step.after == step.level - 1 - step.squared >= 0
            assert step.level <= left  # what is above is dropped: lower levels are cheaper
        left = step.after
    assert left == 0


def test_values_stay_within_what_a_bootstrap_takes():
    plan = toy(9)
    seen = {}
    plan.simulate(X, noisy=False, watch=lambda step, v: seen.update({id(step): v / step.unit}))
    for step in plan.steps:
        gain = plan.params.gain if step.name == "bootstrap" else 1
        assert np.abs(seen[id(step)]).max() <= gain / 2 + 1e-9


@pytest.mark.parametrize("share", [1.0, 0.25, 0.0625])
def test_the_sine_is_off_by_a_cube(share):
    """At share s, 256 times the values fill a period: sin(x)/x = 1 - x²/6 for the largest."""
    v = np.zeros(64)
    v[:] = 1.0  # one coefficient, of 1
    angle = 2 * np.pi * share / 256
    assert_bits(through_sine(v, 64, share), np.sin(angle) / angle * v, at_least=40)
    v = np.random.default_rng(3).uniform(-1, 1, 50)
    errors = [np.abs(through_sine(v, 64, s) - v).max() for s in (share, share / 2)]
    assert 3.9 < errors[0] / errors[1] < 4.1


def test_scales_that_leave_2_to_the_40_cost_nothing():
    """The evaluator's rules, for primes far off: sums believe the larger of two scales."""
    draw = np.random.default_rng(2)
    full = 2.0**40
    primes = [2.0**55, *full * (1 + draw.uniform(-0.1, 0.1, 5))]
    v = draw.uniform(-1, 1, 8)
    coefficients, believed = v * full, full
    steps = [
        Refresh(1, 8, 4.0) if level is None else Layer(level, draw.normal(size=(8, 8)), v, 2, True)
        for level in (5, 3, None, 5, 3, None, 5)
    ]
    for step, given in zip(steps, adjusted(steps, primes), strict=True):
        if isinstance(step, Refresh):
            v = 4 * v
            coefficients, believed = given.gain * coefficients, full
            continue
        v = (step.diagonals @ v + step.bias) ** 2
        z = given.diagonals @ coefficients + 4 * given.bias * full
        believed = max(believed, full)
        coefficients, believed = (n / primes[step.level - 1] for n in (z * z, believed**2))
        assert_bits(coefficients / believed / np.abs(v).max(), v / np.abs(v).max(), at_least=40)


def test_the_default_is_secure_and_says_what_that_rests_on():
    plan = he.bootstrap_plan(deep_net(10), X)
    p = plan.params
    assert p.is_secure
    assert p.ring == 65536
    assert p.modulus_bits <= 1747 == p.limit
    assert p.secret_weight > 0.6 * p.ring  # the table is for dense ternary secrets
    assert "128-bit" in repr(p)
    assert "INSECURE" not in repr(plan)
    reasons = repr(p.explain())
    assert "2024/463" in reasons
    assert "2022/024" in reasons


@pytest.mark.parametrize("levels", [3, 4, 5, 8, 13, 20])
def test_every_number_of_levels_stays_below_the_table(levels):
    p = BootstrapParams(levels=levels)
    assert p.is_secure
    assert p.specials >= 1


def test_a_toy_says_insecure_wherever_it_shows():
    plan = toy(5)
    for shown in (repr(plan), plan._repr_html_(), plan.summary, repr(plan.params)):
        assert "INSECURE" in shown


def test_time_and_memory_grow_with_what_is_asked_for():
    few, many = he.bootstrap_plan(deep_net(4), X), he.bootstrap_plan(deep_net(20), X)
    rich = he.bootstrap_plan(deep_net(20), X, levels=9)
    assert few.interface.server_memory == many.interface.server_memory
    assert few.seconds < rich.seconds < many.seconds  # fewer bootstraps, each dearer
    assert rich.interface.owner_memory > many.interface.owner_memory > 2e9


REFUSED = {
    "insecure ring": (InsecureParameters, lambda: he.bootstrap_plan(deep_net(3), X, ring=32768)),
    "odd ring": (ParameterError, lambda: toy(3, ring=3000)),
    "large ring": (ParameterError, lambda: toy(3, ring=131072)),
    "few levels": (ParameterError, lambda: toy(3, levels=2)),
    "many levels": (ParameterError, lambda: he.bootstrap_plan(deep_net(3), X, levels=21)),
    "wide for the ring": (
        ParameterError,
        lambda: he.bootstrap_plan(
            [Affine("high", np.ones((600, 64)), np.zeros(600))], X, insecure=True, ring=2048
        ),
    ),
    "long for the ring": (
        ShapeError,
        lambda: he.bootstrap_plan(
            [Affine("wide", np.ones((10, 1500)), np.zeros(10))],
            examples(inputs=1500),
            insecure=True,
            ring=2048,
        ),
    ),
    "residual": (
        NotPolynomial,
        lambda: he.bootstrap_plan(
            [Affine("r", np.eye(64), np.zeros(64), ((-1, np.eye(64)),)), *deep_net(1)], X
        ),
    ),
    "nothing passes": (
        NotPolynomial,
        lambda: he.bootstrap_plan([Affine("dead", np.zeros((4, 64)), np.ones(4))], X),
    ),
    "no layers": (ShapeError, lambda: he.bootstrap_plan([], X)),
    "no batch": (ShapeError, lambda: he.bootstrap_plan(deep_net(1), X[0])),
    "misfit": (ShapeError, lambda: he.bootstrap_plan(deep_net(1)[::-1], X)),
    "other inputs": (ShapeError, lambda: he.bootstrap_plan(deep_net(1), X[:, :60])),
    "NaN": (BadValue, lambda: he.bootstrap_plan(deep_net(1), X * np.nan)),
    "explosion": (
        Overflow,
        lambda: he.bootstrap_plan(deep_net(20), 1e9 * X, insecure=True),
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_planned_is_refused(case):
    kind, attempt = REFUSED[case]
    with pytest.raises(kind) as error:
        attempt()
    assert_refused(error)
