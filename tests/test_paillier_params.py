"""Paillier parameters: a public fixed-point format and a modulus that is large enough."""

import json
from dataclasses import replace

import numpy as np
import pytest
from helpers import assert_refused
from nets import plan

import helib_py as he
from helib_py import paillier, wire
from helib_py.errors import BadBytes, InsecureParameters, ParameterError
from helib_py.params import FACTORING, value_bits

# NIST SP 800-57 part 1 rev. 5, table 2, copied here once more on purpose
NIST = {2048: 112, 3072: 128, 7680: 192, 15360: 256}


def test_the_table_is_the_published_one():
    assert FACTORING == NIST


@pytest.mark.parametrize(("bits", "security"), NIST.items())
def test_the_security_is_that_of_the_modulus_and_the_size_below_has_less(bits, security):
    assert he.Paillier(bits=bits).label == f"{security}-bit"
    smaller = he.Paillier(bits=bits - 8, insecure=True)
    assert smaller.security < security
    assert he.Paillier(bits=bits + 8).security == security


@pytest.mark.parametrize("bits", [64, 512, 1024, 1536, 2040])
def test_a_modulus_that_can_be_factored_works_only_when_written_out(bits):
    """1024 bits are what the best-known example of an encrypted model uses."""
    small = {"precision": 8, "factor_precision": 4}
    with pytest.raises(InsecureParameters, match="3072") as error:
        he.Paillier(bits=bits, **small)
    assert_refused(error)
    params = he.Paillier(bits=bits, insecure=True, **small)
    assert (params.label, params.is_secure, params.security) == ("INSECURE", False, 0)


def test_insecure_parameters_are_labelled_wherever_they_show(toy):
    params, c = toy.public.params, toy.encrypt([[0.5], [0.25]])
    model_owner = he.ModelOwner(params, toy.public.engine)
    model = model_owner.encrypt_model([0.5])
    shown = (params, params.explain(), toy, toy.public, c, (3 * c).packed(), model_owner, model)
    assert all("INSECURE" in repr(thing) for thing in shown)
    assert "INSECURE" in params.explain()._repr_html_()


def test_a_linear_server_s_repr_is_labelled_too(toy):
    assert "INSECURE" in repr(he.LinearServer([(np.eye(2), np.zeros(2))], toy.public))


def test_what_is_secure_is_not_labelled_insecure_even_when_that_is_allowed():
    for bits in NIST:
        assert "INSECURE" not in repr(he.Paillier(bits=bits, insecure=True))


@pytest.mark.parametrize(
    "params",
    [
        he.Paillier(),
        he.Paillier(bits=2048, precision=0, bound=2.0**40, factor_precision=0, factor_bound=3),
        he.Paillier(bits=512, precision=200, bound=0.1, insecure=True),
    ],
)
def test_json_rebuilds_the_very_same_set(params):
    back = he.Paillier.from_json(params.to_json(), insecure=not params.is_secure)
    assert (back, back.fingerprint) == (params, params.fingerprint)


def test_other_numbers_give_another_fingerprint():
    base = he.Paillier()
    others = [
        replace(base, bits=2048), replace(base, precision=23), replace(base, bound=2.0),
        replace(base, factor_precision=15), replace(base, factor_bound=8.0),
    ]  # fmt: skip
    assert len({params.fingerprint for params in (base, *others)}) == 6


@pytest.mark.parametrize("same", [{"bound": 1}, {"factor_bound": 16}])
def test_equal_sets_have_one_fingerprint(same):
    assert he.Paillier(**same) == he.Paillier()
    assert he.Paillier(**same).fingerprint == he.Paillier().fingerprint


@pytest.mark.parametrize("told", [True, False])
def test_json_cannot_smuggle_in_insecure_parameters(toy, told):
    """Whatever the sender says of it; its receiver alone can call a toy good enough."""
    weak = {**json.loads(toy.public.params.to_json()), "insecure": told}
    header, keys = wire.unpack("public bundle", toy.public.to_bytes())
    message = wire.pack("public bundle", {**header, "params": json.dumps(weak)}, *keys)
    engine = toy.public.engine
    for load in (
        lambda **how: he.Paillier.from_json(json.dumps(weak), **how),
        lambda **how: he.PublicBundle.from_bytes(message, engine=engine, **how).params,
    ):
        with pytest.raises(InsecureParameters) as error:
            load()
        assert_refused(error)
        assert load(insecure=True) == toy.public.params


def test_secure_parameters_do_not_become_insecure_because_they_might():
    params = he.Paillier(bits=2048, insecure=True)
    for allowed in (True, False):
        assert not he.Paillier.from_json(params.to_json(), insecure=allowed).insecure


def test_explain_gives_every_number_with_a_reason():
    params = he.Paillier(bits=2048, bound=3.0, factor_bound=5.0)
    table = params.explain()
    assert {2048, 3.0, 5.0, "112-bit", "2^-24", "2^-16"} <= set(table.column("value"))
    assert all(table.column("why"))
    assert "2030" in repr(table)


REFUSED = {
    "bits=0": {"bits": 0},
    "negative bits": {"bits": -3072},
    "bits=2050": {"bits": 2050},
    "fractional bits": {"bits": 3072.5},
    "bits=True": {"bits": True},
    "more bits than anyone needs": {"bits": 16392},
    "bits that would take the memory": {"bits": 2**40},
    "precision=-1": {"precision": -1},
    "fractional precision": {"precision": 1.5},
    "precision over a double": {"precision": 1001},
    "factor_precision=-1": {"factor_precision": -1},
    "factors over a machine word": {"factor_precision": 43},
    "factor_bound over a machine word": {"factor_bound": 2.0**31},
    "bound=0": {"bound": 0.0},
    "bound=nan": {"bound": float("nan")},
    "bound=inf": {"bound": float("inf")},
    "bound<0": {"bound": -1.0},
    "bound over a double": {"bound": 1e308},
    "factor_bound=0": {"factor_bound": 0},
    "factor_bound=inf": {"factor_bound": float("inf")},
    "values over the modulus": {"bits": 64, "insecure": True, "precision": 61},
}
TYPES = {
    "precision=True": {"precision": True},
    "insecure='no'": {"bits": 512, "insecure": "no"},
}


def refused(request):
    with pytest.raises(ParameterError) as error:
        he.Paillier(**request)
    assert_refused(error)


@pytest.mark.parametrize("name", REFUSED)
def test_a_request_that_cannot_be_met_is_refused_with_a_fix(name):
    refused(REFUSED[name])


@pytest.mark.parametrize("name", TYPES)
def test_a_request_of_another_type_is_refused_with_a_fix(name):
    refused(TYPES[name])


@pytest.mark.parametrize("text", ["[]", "3", '{"ring": 8192}', '{"bound": "1"}', "{", ""])
def test_a_bundle_of_other_parameters_is_refused(toy, text):
    header, keys = wire.unpack("public bundle", toy.public.to_bytes())
    with pytest.raises((BadBytes, ParameterError)) as error:
        he.PublicBundle.from_bytes(wire.pack("public bundle", {**header, "params": text}, *keys))
    assert_refused(error)


@pytest.mark.parametrize("bound", [2.0**-30, 0.1, 0.75, 1.0, 1.01, 2.0, 3.0, 1e6])
@pytest.mark.parametrize("precision", [0, 1, 8, 24])
def test_a_slot_of_the_stated_bits_holds_every_value_within_the_bound(precision, bound):
    largest = -(-bound * 2**precision // 1)
    assert largest < 2 ** (value_bits(precision, bound) - 1)
    assert largest >= 2 ** (value_bits(precision, bound) - 4)


def test_a_row_of_the_stated_bits_holds_every_sum_of_products():
    params = he.Paillier(bound=0.3, factor_bound=0.7, precision=10, factor_precision=9)
    for terms in (1, 7, 1000):
        largest = terms * round(0.3 * 2**10) * round(0.7 * 2**9)
        assert largest * 2**8 < 2 ** (paillier.row_width(params, terms) - 1) < largest * 2**11


@pytest.mark.parametrize(
    ("parameters", "engine", "primes"),
    [
        (he.CKKS(depth=1), None, (3, 5)),
        (he.CKKS(depth=1), "paillier", None),
        (he.Paillier(), "pyfhel", None),
        (he.Paillier(), "phe", None),
        (he.Paillier(), None, (11, 13)),
    ],
)
def test_keys_and_engines_of_another_scheme_are_refused(parameters, engine, primes):
    with pytest.raises(ParameterError) as error:
        he.DataOwner(parameters, engine, primes)
    assert_refused(error)


def test_a_plan_does_not_run_under_a_paillier_key(toy):
    with pytest.raises(ParameterError) as error:
        he.Server(plan("dense"), toy.public)
    assert_refused(error)
