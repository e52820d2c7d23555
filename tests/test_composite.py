"""Sign, absolute value and ReLU by composition."""

from itertools import pairwise

import numpy as np
import pytest
from helpers import assert_foretold, assert_refused

import helib_py as he
from helib_py.errors import NotLinear, Overflow, ParameterError
from helib_py.noise import measured_bits

T = np.linspace(-1, 1, 4001)
EXACT = {"sign": np.sign, "abs": np.abs, "relu": lambda x: np.maximum(x, 0)}
LEE = {(7, 7): 7.7e-3, (15, 15): 2.0e-3, (7, 15, 15): 4.2e-4, (7, 7, 13, 15): 9e-5}


@pytest.mark.parametrize("degrees", LEE)
def test_the_errors_of_relu_are_the_known_ones(degrees):
    assert he.fit_sign("relu", degrees).max_error == pytest.approx(LEE[degrees], rel=0.05)


@pytest.mark.parametrize("function", EXACT)
@pytest.mark.parametrize("bound", [1.0, 8.0, 0.3])
def test_the_error_is_what_it_says(function, bound):
    composite = he.fit_sign(function, (7, 7), bound)
    x = T * bound
    counts = np.abs(T) >= composite.gap if function == "sign" else np.full(T.shape, True)
    error = np.abs(composite(x) - EXACT[function](x))[counts].max()
    assert error == pytest.approx(composite.max_error, rel=1e-3)


def test_errors_grow_with_the_bound_but_for_the_sign():
    for function, factor in (("relu", 8), ("abs", 8), ("sign", 1)):
        one, eight = (he.fit_sign(function, (7, 7), bound).max_error for bound in (1, 8))
        assert eight == pytest.approx(factor * one)


def test_relu_is_half_of_x_and_its_absolute_value():
    relu, absolute = (he.fit_sign(function, (7, 7)) for function in ("relu", "abs"))
    assert np.allclose(relu(T), (T + absolute(T)) / 2, atol=1e-12)
    assert np.allclose(relu(T) - relu(-T), T, atol=1e-12)


def test_more_stages_are_more_precise():
    errors = [he.fit_sign("abs", (3,) * n).max_error for n in range(1, 6)]
    assert all(later < earlier / 1.5 for earlier, later in pairwise(errors))


def test_every_stage_but_the_last_stays_within_one():
    """So each may be evaluated in the Chebyshev basis of [-1, 1]."""
    value = T
    for stage in he.fit_sign("sign", (7, 15, 15)).stages[:-1]:
        value = stage(value)
        assert np.abs(value).max() <= 1 + 1e-5


def test_for_the_same_products_composition_is_more_precise_and_takes_more_levels():
    composite = he.fit_sign("relu", (7, 15, 15))
    single = he.fit("relu", 127, 1, "minimax")
    assert composite.products <= single.products
    assert composite.max_error < single.max_error / 2
    assert composite.depth > single.depth


@pytest.mark.parametrize("function", EXACT)
@pytest.mark.parametrize("bound", [1.0, 4.0, 0.25])
def test_on_a_ciphertext_it_is_the_same_and_takes_depth_levels(function, bound):
    composite = he.fit_sign(function, (7, 7), bound)
    params = he.CKKS(depth=composite.depth, precision=20, bound=bound, rotations=())
    twin = he.DataOwner(params, "plain")
    x = T * bound
    c = composite(twin.encrypt(x))
    assert c.level == 0
    assert_foretold(measured_bits(twin.decrypt(c), composite(x)), c.bits)


def test_encrypted_for_real():
    composite = he.fit_sign("relu", (3, 7))
    owner = he.DataOwner(he.CKKS(depth=composite.depth, precision=20, rotations=()))
    c = composite(owner.encrypt(T))
    assert_foretold(measured_bits(owner.decrypt(c), composite(T)), c.bits)
    assert np.abs(owner.decrypt(c) - np.maximum(T, 0)).max() < composite.max_error + 1e-4


def test_values_that_may_leave_the_bound_are_refused():
    twin = he.DataOwner(he.CKKS(depth=10, bound=8), "plain")
    composite = he.fit_sign("relu", (3, 3), 4)
    with pytest.raises(Overflow) as error:
        composite(twin.encrypt([0.5]))
    assert_refused(error)
    assert composite(twin.encrypt([0.5]).promise(4)).level == 10 - composite.depth


def test_paillier_refuses(toy):
    with pytest.raises(NotLinear) as error:
        he.fit_sign("relu", (3, 3))(toy.encrypt([0.5]))
    assert_refused(error)


def test_lists_and_tensors_do_too():
    torch = pytest.importorskip("torch")
    relu = he.fit_sign("relu", (7, 7))
    x = torch.tensor([-0.5, 0.25], dtype=torch.float64, requires_grad=True)
    relu(x).sum().backward()
    assert torch.allclose(x.grad, torch.tensor([0.0, 1.0], dtype=torch.float64), atol=0.1)
    assert np.allclose(relu([-0.5, 0.25]), relu(x).detach().numpy())


@pytest.mark.parametrize(
    ("arguments"),
    [
        ("sigmoid",), ("relu", ()), ("relu", (7, 6)), ("relu", (-1,)), ("relu", (0,)),
        ("relu", (7,), 0), ("relu", (7,), -1), ("relu", (7,), float("nan")),
        ("relu", (7,), float("inf")),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(arguments):
    with pytest.raises(ParameterError) as error:
        he.fit_sign(*arguments)
    assert_refused(error)


def test_the_repr_tells_degrees_error_and_cost():
    told = repr(he.fit_sign("relu", (7, 7), 8))
    assert told == (
        "relu · composite of degrees 7, 7 on ±8 · error ≤ 0.062 · 8 levels, 11 products"
    )
