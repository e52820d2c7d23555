"""Polynomials on ciphertexts: what they cost, how precise they are, what is refused."""

from functools import cache

import numpy as np
import pytest
from helpers import assert_bits, assert_foretold, assert_refused, on_twin

import helib_py as he
from helib_py.activations import Polynomial
from helib_py.errors import NotLinear, Overflow
from helib_py.noise import measured_bits

DEGREES = [1, 2, 3, 4, 5, 7, 8, 15, 31, 63]
METHODS = ["least squares", "chebyshev", "minimax"]
T = np.linspace(-1, 1, 4001)
X = np.concatenate([[-1.0, 1.0, 0.0], np.random.default_rng(5).uniform(-1, 1, 1021)])


# --- on ciphertexts ----------------------------------------------------------------------


@cache
def owner(engine):
    return he.DataOwner(he.CKKS(depth=7, precision=23, rotations=()), engine)


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("function", ["tanh", "relu"])
def test_encrypted_is_as_in_the_clear_to_the_bits_it_predicts(engine, function, degree):
    p = Polynomial(he.fit(function, degree, 8, "minimax").coefficients)
    key = owner(engine)
    c = p(key.encrypt(X))
    found = measured_bits(key.decrypt(c), p(X))
    assert_foretold(found, c.bits)


@pytest.mark.parametrize("function", ["tanh", "sigmoid"])
def test_degree_63_loses_at_most_4_bits_against_one_product(library, function):
    p = Polynomial(he.fit(function, 63, 8).coefficients)
    key = owner(library)
    c = key.encrypt(X)
    product = measured_bits(key.decrypt(c * c), X**2)
    assert_bits(key.decrypt(p(c)), p(X), at_least=product - 4)


def test_of_what_another_party_computed_it_is_right_and_foretells_no_bits(engine):
    p, key = Polynomial(he.fit("tanh", 7, 8).coefficients), owner(engine)
    came = key.public.load((key.encrypt(X / 2) + X / 2).to_bytes())
    c = p(came.promise(1.0))
    assert np.isnan(c.bits)
    assert "bits unknown" in repr(c)
    assert_bits(key.decrypt(c), p(X), at_least=18)


@pytest.mark.parametrize("interval", [(-8.0, 8.0), (-2.0, 5.0), (-0.5, 0.5), (0.0, 1.0)])
def test_an_interval_is_mapped(engine, interval):
    p = he.fit("sigmoid", 3, interval)
    reach = max(np.abs(interval))
    key = he.DataOwner(he.CKKS(depth=3, bound=reach, rotations=()), engine)
    x = interval[0] + (X + 1) / 2 * (interval[1] - interval[0])
    c = p(key.encrypt(x), inside=True)
    assert_bits(key.decrypt(c), p(x), at_least=c.bits - 0.5)


@pytest.mark.parametrize("coefficients", [(0.375,), (0.0,), (0.5, 0.25), (0.5, 0, 0)])
def test_constants_and_lines_are_ciphertexts_as_well(engine, coefficients):
    p, key = Polynomial(coefficients, -2, 4), owner(engine)
    c = p(key.encrypt(X))
    assert c.level == 7 - p.depth
    assert_bits(key.decrypt(c), p(X), at_least=20)


def test_values_that_may_leave_the_interval_are_refused():
    p, c = he.fit("sigmoid", 3, 2), on_twin(he.CKKS(depth=3, bound=8.0), X)
    with pytest.raises(Overflow) as error:
        p(c)
    assert_refused(error)
    assert p(c.promise(2)).level == 0


def test_paillier_takes_lines_and_refuses_more(toy):
    line = Polynomial((0.5, 0.25), -2, 4)
    assert_bits(toy.decrypt(line(toy.encrypt(X[:4]))), line(X[:4]), at_least=15)
    with pytest.raises(NotLinear) as error:
        he.fit("sigmoid", 3, 1)(toy.encrypt(X[:4]))
    assert_refused(error)


def test_what_is_predicted_does_not_depend_on_the_values():
    """Or the prediction would tell something about them."""
    p, key = Polynomial(he.fit("tanh", 7, 8).coefficients), owner("plain")
    assert p.run(key.encrypt(X)).bits < p(key.encrypt(X)).bits  # than adding up worst cases
    assert p(key.encrypt(X)).bits == p(key.encrypt(np.zeros(X.size))).bits


def test_a_ledger_does_not_see_the_rehearsal():
    p, key = Polynomial(he.fit("tanh", 6, 2).coefficients), owner("plain")
    c = key.encrypt(X)
    with he.Ledger() as seen:
        out = p(c)
    with he.Ledger() as run:
        p.run(c)
    assert [entry.operation for entry in seen] == [entry.operation for entry in run]
    assert out.bound == pytest.approx(np.abs(p(T)).max(), rel=1e-3)


@pytest.mark.parametrize("where", [-1.0, -0.5, 0.0, 0.5, 1.0])
def test_wherever_the_values_are_the_prediction_is_near(where):
    p, key = Polynomial(he.fit("tanh", 15, 8).coefficients), owner("plain")
    x = np.full(1000, where)
    c = p(key.encrypt(x))
    assert c.bits - 1.5 < measured_bits(key.decrypt(c), p(x)) < c.bits + 3
