"""Polynomials in the place of activations: all of torch's, as modules and as functions."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import assert_refused
from test_nn_reading import Net, assert_read
from torch import nn

import helib_py as he
from helib_py.errors import NotPolynomial, ShapeError
from helib_py.nn import PolynomialActivation

X = np.random.default_rng(0).uniform(-2, 2, (64, 3))
ACTIVATIONS = [
    nn.ReLU(), nn.LeakyReLU(), nn.LeakyReLU(0.3), nn.PReLU(init=0.4), nn.RReLU(), nn.ELU(),
    nn.ELU(0.5), nn.SELU(), nn.CELU(2.0), nn.ReLU6(), nn.Hardtanh(), nn.Hardtanh(-0.5, 2.0),
    nn.Hardswish(), nn.Hardsigmoid(), nn.Mish(), nn.LogSigmoid(), nn.Softplus(), nn.Softplus(5),
    nn.Softplus(2, threshold=3), nn.Softsign(), nn.GELU(), nn.GELU("tanh"), nn.SiLU(),
    nn.Sigmoid(), nn.Tanh(), nn.Tanhshrink(), nn.Hardshrink(0.2), nn.Softshrink(0.3),
    nn.Threshold(0.1, -0.2),
]  # fmt: skip
IN_PLACE = (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.SiLU, nn.Mish,
            nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid)  # fmt: skip
FUNCTIONS = {
    "torch.relu": torch.relu, "F.relu": F.relu, "x.relu": lambda x: x.relu(),
    "x.relu_": lambda x: x.relu_(), "torch.relu_": torch.relu_,
    "in place": lambda x: F.relu(x, inplace=True), "F.relu6": F.relu6,
    "F.leaky_relu": lambda x: F.leaky_relu(x, 0.3), "F.elu": lambda x: F.elu(x, alpha=0.5),
    "F.selu": F.selu, "F.celu": lambda x: F.celu(x, 2.0), "F.gelu": F.gelu,
    "tanh gelu": lambda x: F.gelu(x, approximate="tanh"), "F.silu": F.silu, "F.mish": F.mish,
    "torch.sigmoid": torch.sigmoid, "x.sigmoid": lambda x: x.sigmoid(), "F.sigmoid": F.sigmoid,
    "torch.tanh": torch.tanh, "x.tanh": lambda x: x.tanh(), "F.tanh": F.tanh,
    "F.softplus": lambda x: F.softplus(x, beta=5), "F.softsign": F.softsign,
    "F.logsigmoid": F.logsigmoid, "F.hardtanh": lambda x: F.hardtanh(x, -0.5, 2.0),
    "F.hardswish": F.hardswish, "F.hardsigmoid": F.hardsigmoid, "F.tanhshrink": F.tanhshrink,
    "F.hardshrink": lambda x: F.hardshrink(x, 0.2), "F.threshold": lambda x: F.threshold(x, 0, 0),
    "clamp": lambda x: x.clamp(0, 1), "clamp, one end": lambda x: torch.clamp(x, min=0),
    "abs": torch.abs, "x.abs": lambda x: x.abs(), "exp": torch.exp, "sin": lambda x: x.sin(),
}  # fmt: skip


def output(net, x=X):
    with torch.no_grad():
        return net(torch.tensor(x)).numpy()


def distance(activation, degree):
    """Of the polynomial network from the one given, over the size of what that gives."""
    net = nn.Sequential(nn.Linear(3, 5), activation, nn.Linear(5, 4)).double().eval()
    new = he.polynomial(net, X, degree)
    assert_read(new, X)
    expected = output(net)
    return np.sqrt(np.mean((output(new) - expected) ** 2)) / np.abs(expected).max()


def assert_approaches(activation):
    torch.manual_seed(0)
    near = distance(copy.deepcopy(activation), 16)
    torch.manual_seed(0)
    assert near < 0.05
    assert near <= distance(copy.deepcopy(activation), 2) + 1e-6


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
def test_an_activation_is_fitted_as_it_is_set(activation):
    assert_approaches(activation)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_fitted_as_it_is_called(name):
    assert_approaches(Net(lambda net, x: FUNCTIONS[name](x)))


@pytest.mark.parametrize("kind", IN_PLACE)
@pytest.mark.parametrize("degree", [2, 5])
def test_working_in_place_changes_nothing(kind, degree):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 4), kind(), nn.Linear(4, 4), kind(), nn.Linear(4, 2))
    other = copy.deepcopy(net)
    other[1], other[3] = kind(inplace=True), kind(inplace=True)
    assert np.array_equal(*(output(he.polynomial(n, X, degree).double()) for n in (net, other)))


def both(net, x):
    y = net.a(x)
    return y + net.act(y)


def through_a_view(net, x):
    y = net.a(x)
    net.act(y.view(-1, 2, 2))
    return y


def without_a_name(net, x):
    y = net.a(x)
    F.relu(y, inplace=True)
    return y


@pytest.mark.parametrize("forward", [both, through_a_view, without_a_name])
def test_what_is_overwritten_and_read_again_is_refused(forward):
    net = Net(forward, a=nn.Linear(3, 4), act=nn.ReLU(inplace=True))
    with pytest.raises(NotPolynomial, match=r"in place.*leave out inplace=True") as error:
        he.polynomial(net, X)
    assert_refused(error)


def test_an_activation_that_is_never_called_stays():
    net = Net(lambda net, x: net.a(x), a=nn.Linear(3, 2), act=nn.ReLU())
    new = he.polynomial(net, X)
    assert isinstance(new.act, nn.ReLU)
    assert_read(new, X)


def test_a_class_keeps_its_class_where_each_activation_is_called_once():
    net = Net(lambda net, x: net.act(net.a(x)), a=nn.Linear(3, 2), act=nn.ReLU())
    new = he.polynomial(net, X)
    assert type(new) is Net
    assert isinstance(new.act, he.Quadratic)


def test_one_activation_called_twice_gets_two_polynomials():
    net = Net(lambda net, x: net.act(net.b(net.act(net.a(x)))),
              a=nn.Linear(3, 5), b=nn.Linear(5, 2), act=nn.Tanh())  # fmt: skip
    new = he.polynomial(net, X, 3)
    fits = [m for m in new.modules() if isinstance(m, PolynomialActivation)]
    assert len(fits) == 2
    assert fits[0].fitted != fits[1].fitted
    assert_read(new, X)
    assert_read(he.fine_tune(new, X, np.arange(64) % 2, epochs=1), X)


def test_an_activation_that_sees_one_value_is_fitted_around_it():
    net = nn.Sequential(nn.Linear(3, 2), nn.Sigmoid(), nn.Linear(2, 2)).double()
    nn.init.zeros_(net[0].weight)
    nn.init.constant_(net[0].bias, 0.3)
    assert np.allclose(output(he.polynomial(net, X, 5)), output(net), atol=1e-3)


@pytest.mark.parametrize("kind", ["half", "bfloat16", "float", "double"])
def test_numbers_of_every_kind_are_fitted(kind):
    net = getattr(nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.GELU()), kind)()
    new = he.polynomial(net.train(), X, 3)
    assert net.training
    assert not new.training
    assert next(new.parameters()).dtype is next(net.parameters()).dtype
    assert_read(new, X, {"half": 1e-2, "bfloat16": 5e-2}.get(kind, 1e-5))


@pytest.mark.parametrize(
    ("net", "x", "says", "error"),
    [
        (nn.Sequential(nn.Linear(3, 4), nn.PReLU(4)), X, "slope for each channel", NotPolynomial),
        (Net(lambda net, x: F.prelu(x, torch.tensor(0.4))), X, "nn.PReLU()", NotPolynomial),
        (nn.Sequential(nn.Linear(4, 4), nn.ReLU()), X, "inputs of shape", ShapeError),
        (Net(lambda net, x: F.relu(x) * torch.rand(1)), X, "random", NotPolynomial),
        (Net(lambda net, x: (F.relu(x), x)), X, "tuple", NotPolynomial),
        (nn.Sequential(nn.ReLU()), X[:0], "give a batch", ShapeError),
        (nn.Sequential(nn.ReLU()), X[:, :0], "give a batch", ShapeError),
        (nn.Sequential(nn.ReLU()), X[0], "give a batch", ShapeError),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused(net, x, says, error):
    with pytest.raises(error, match=says) as raised:
        he.polynomial(net, x)
    assert_refused(raised)
