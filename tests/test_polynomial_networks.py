"""Networks whose activations became polynomials: what they see, keep, learn, and cost."""

import copy

import numpy as np
import pytest
from helpers import assert_bits, assert_refused
from nets import IMAGES

import helib_py as he
from helib_py.errors import BadValue, ParameterError, ShapeError

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from helib_py.nn import PolynomialActivation  # noqa: E402

LABELS = np.arange(len(IMAGES)) % 10


def relu_net(activation=nn.ReLU, seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Flatten(), nn.Linear(64, 16), activation(), nn.Linear(16, 12), activation(),
        nn.Linear(12, 10),
    )  # fmt: skip


def outputs(net, x=IMAGES):
    with torch.no_grad():
        return net(torch.tensor(x, dtype=next(net.parameters()).dtype)).numpy()


def states(net):
    return {name: value.clone() for name, value in net.state_dict().items()}


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("degree", [2, 5])
def test_the_network_that_is_given_stays_as_it_is(degree):
    net = relu_net().train()
    before, kinds = states(net), [type(m) for m in net]
    he.polynomial(net, IMAGES, degree)
    assert same(before, states(net))
    assert [type(m) for m in net] == kinds
    assert net.training


@pytest.mark.parametrize("margin", [1.0, 1.1, 2.0])
@pytest.mark.parametrize("activation", [nn.ReLU, nn.GELU, nn.Tanh])
def test_an_interval_covers_what_is_seen_margin_times_as_wide(activation, margin):
    net = relu_net(activation)
    poly = he.polynomial(net, IMAGES, 5, margin=margin)
    seen = outputs(poly[:2])
    fitted = poly[2].polynomial()
    assert fitted.low <= seen.min() <= seen.max() <= fitted.high
    assert fitted.high - fitted.low == pytest.approx(margin * np.ptp(seen))
    later = outputs(poly[:4])  # of the polynomial before it, not of the activation
    assert poly[4].fitted.high - poly[4].fitted.low == pytest.approx(margin * np.ptp(later))


def test_higher_degrees_are_nearer_to_the_network():
    net = relu_net(nn.Tanh)
    errors = [
        np.abs(outputs(he.polynomial(net, IMAGES, d)) - outputs(net)).max() for d in (2, 3, 5, 9)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-2


def test_degree_2_becomes_quadratic_and_can_be_planned():
    net = he.polynomial(relu_net(), IMAGES)
    assert [type(m) for m in net if not isinstance(m, nn.Linear)][1:] == [he.Quadratic] * 2
    plan = he.plan(net, IMAGES[:16])
    assert np.allclose(plan.simulate(IMAGES[0], noisy=False), outputs(net)[0], atol=1e-4)


def test_degree_2_is_the_fit_of_degree_2():
    net = relu_net()
    quadratic = he.polynomial(net, IMAGES)[2]
    seen = outputs(net[:2])
    more = 0.05 * np.ptp(seen)
    fitted = he.fit("relu", 2, (seen.min() - more, seen.max() + more), samples=seen)
    u = np.linspace(seen.min(), seen.max(), 20, dtype=np.float32)
    with torch.no_grad():
        assert np.allclose(quadratic(torch.tensor(u)).numpy(), fitted(u), atol=1e-5)


@pytest.mark.parametrize("degree", [3, 5])
def test_any_degree_can_be_planned(degree):
    net = he.polynomial(relu_net(), IMAGES, degree)
    plan = he.plan(net, IMAGES)
    with torch.no_grad():
        expected = net(torch.tensor(IMAGES, dtype=torch.float32)).numpy()
    assert_bits(plan.simulate(IMAGES, noisy=False), expected, at_least=15)
    assert any(f"degree {degree}" == layer.then for layer in plan.layers)


@pytest.mark.parametrize("method", ["chebyshev", "minimax"])
def test_method_and_share_reach_the_fit(method):
    net = relu_net()
    fitted = he.polynomial(net, IMAGES, 4, method)[2].fitted
    assert fitted.coefficients == he.fit("relu", 4, (fitted.low, fitted.high), method).coefficients
    wide = he.polynomial(net, IMAGES, 4, uniform=1.0)[2].fitted
    assert wide.coefficients == pytest.approx(
        he.fit("relu", 4, (wide.low, wide.high)).coefficients
    )


def test_one_activation_in_two_places_gets_two_fits():
    net, shared = relu_net(), nn.ReLU()
    net[2] = net[4] = shared
    poly = he.polynomial(net, IMAGES, 3)
    assert isinstance(poly[2], PolynomialActivation)
    assert isinstance(poly[4], PolynomialActivation)
    assert poly[2].fitted != poly[4].fitted
    assert net[2] is shared


def test_nested_networks_and_a_lone_activation_do_too():
    net = nn.Sequential(nn.Flatten(), nn.Sequential(nn.Linear(64, 4), nn.Sigmoid()))
    assert isinstance(he.polynomial(net, IMAGES, 3)[1][1], PolynomialActivation)
    alone = he.polynomial(nn.ReLU(), IMAGES - 0.5, 3)
    assert np.allclose(outputs(net), outputs(he.polynomial(net, IMAGES, 9)), atol=1e-3)
    assert isinstance(alone[0], PolynomialActivation)


def test_a_network_of_doubles_stays_one():
    net = relu_net().double()
    poly = he.polynomial(net, torch.tensor(IMAGES), 3)
    assert outputs(poly).dtype == np.float64
    assert poly[2].coefficients.dtype == torch.float64


def test_the_encrypted_activation_is_the_trained_one():
    poly = he.fine_tune(he.polynomial(relu_net(), IMAGES, 3), IMAGES, LABELS, epochs=1)
    before, now = poly[2].fitted, poly[2].polynomial()
    assert now.coefficients != before.coefficients
    assert np.allclose(outputs(poly[:3]), now(outputs(poly[:2])), atol=1e-5)
    assert now.max_error != before.max_error
    assert "degree 3" in repr(poly)


def test_fine_tuning_changes_a_copy_and_lowers_the_loss():
    poly = he.polynomial(relu_net(), IMAGES, 3)
    before = states(poly)
    torch.manual_seed(0)
    tuned = he.fine_tune(poly, IMAGES, LABELS, epochs=20, rate=3e-3)
    assert same(before, states(poly))
    assert not same(before, states(tuned))

    def loss(net):
        y = torch.tensor(LABELS)
        return float(nn.functional.cross_entropy(torch.tensor(outputs(net)), y))

    assert loss(tuned) < loss(poly) - 0.1
    assert not tuned.training


def test_smoothed_labels_keep_scores_small():
    def largest(smoothing):
        torch.manual_seed(0)
        net = he.fine_tune(relu_net(), IMAGES, LABELS, 60, 3e-3, smoothing=smoothing)
        return np.abs(outputs(net)).max()

    assert largest(0.3) < 0.8 * largest(0.0)


def test_tilted_images_teach_what_tilted_ones_look_like():
    net = relu_net()

    def tuned(tilt):
        torch.manual_seed(0)
        return he.fine_tune(net, IMAGES, LABELS, epochs=1, tilt=tilt)

    assert same(states(tuned(0.2)), states(tuned(0.2)))
    assert not same(states(tuned(0.2)), states(tuned(0.0)))
    with pytest.raises(ShapeError) as error:
        he.fine_tune(relu_net(), IMAGES.reshape(len(IMAGES), -1), LABELS, tilt=0.2)
    assert_refused(error)


@pytest.mark.parametrize(
    ("examples", "named", "refusal"),
    [
        (np.full((4, 1, 8, 8), np.nan), {}, BadValue),
        (np.full((4, 1, 8, 8), np.inf), {}, BadValue),
        (np.empty((0, 1, 8, 8)), {}, ShapeError),
        (np.zeros(64), {}, ShapeError),
        (IMAGES, {"degree": -1}, ParameterError),
        (IMAGES, {"method": "taylor"}, ParameterError),
        (IMAGES, {"margin": 0.5}, BadValue),
    ],
)
def test_what_cannot_be_fitted_is_refused(examples, named, refusal):
    with pytest.raises(refusal) as error:
        he.polynomial(relu_net(), examples, **named)
    assert_refused(error)


def test_examples_and_labels_must_match():
    for x, y, refusal in (
        (IMAGES, LABELS[:-1], ShapeError),
        (np.where(IMAGES > 0.5, np.nan, IMAGES), LABELS, BadValue),
    ):
        with pytest.raises(refusal) as error:
            he.fine_tune(relu_net(), x, y)
        assert_refused(error)


def test_copies_share_nothing():
    poly = he.polynomial(relu_net(), IMAGES, 3)
    other = copy.deepcopy(poly)
    with torch.no_grad():
        other[2].coefficients.zero_()
    assert torch.any(poly[2].coefficients != 0)
