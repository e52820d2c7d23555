"""The modulus chain's Python side: what it shows, what it refuses, what it sends to the page."""

import json
from math import log2

import numpy as np
import pytest
import traitlets
from ipywidgets.embed import embed_data

import helib_py as he
from helib_py.errors import HelibError
from helib_py.params import MAX_MODULUS_BITS
from helib_py.show import ModulusChain
from helib_py.tables import nbytes

PARAMS = he.CKKS(depth=4, precision=20)
TOY = he.CKKS(depth=3, precision=20, ring=4096, insecure=True)


def test_it_starts_at_the_top_where_a_fresh_ciphertext_is():
    assert ModulusChain(PARAMS).value == {"level": 4}
    assert ModulusChain(he.CKKS(depth=0)).value == {"level": 0}


@pytest.mark.parametrize("params", [PARAMS, TOY])
def test_every_level_says_what_the_parameters_say(params):
    chain = ModulusChain(params)
    assert len(chain.levels) == params.depth + 1
    for level, shown in enumerate(chain.levels):
        assert shown["modulus"] == pytest.approx(params.log_q(level))
        assert 2 ** shown["scale"] == pytest.approx(params.scales[level])
        assert shown["room"] == pytest.approx(shown["modulus"] - shown["scale"] - 1)
    assert chain.levels[-1]["size"] == nbytes(params.ciphertext_bytes(params.depth))


@pytest.mark.parametrize("params", [PARAMS, TOY])
def test_what_fits_into_the_room_is_what_the_package_encrypts(params):
    top = ModulusChain(params).levels[-1]["room"]
    wide = he.CKKS(**{**json.loads(params.to_json()), "bound": 2.0**200})
    twin = he.DataOwner(wide, "plain")
    twin.encrypt(0.5, bound=2 ** (top - 0.01))
    with pytest.raises(he.errors.Overflow):
        twin.encrypt(0.5, bound=2 ** (top + 0.01))


def test_the_limit_is_the_table_s_and_what_crosses_it_is_insecure():
    for params in (PARAMS, TOY, he.CKKS(depth=2, security=192), he.CKKS(depth=1, precision=9)):
        chain = ModulusChain(params)
        assert chain.limit == MAX_MODULUS_BITS[params.security][params.ring]
        assert sum(chain.primes) + chain.special == pytest.approx(params.modulus_bits)
        assert chain.insecure == (params.modulus_bits > chain.limit) == (params is TOY)


def test_a_ring_that_the_table_does_not_know_has_no_limit():
    tiny = he.CKKS(depth=1, precision=9, ring=1024, insecure=True)
    assert (ModulusChain(tiny).limit, ModulusChain(tiny).insecure) == (0, True)


def test_an_observer_hears_the_level():
    chain, heard = ModulusChain(PARAMS), []
    chain.observe(lambda change: heard.append(change["new"]), "value")
    chain.value = {"level": np.int64(1)}
    assert heard == [{"level": 1}]


@pytest.mark.parametrize("level", [-1, 5, 2.5])
def test_a_level_that_is_not_there_is_refused_and_the_value_stays(level):
    chain = ModulusChain(PARAMS)
    with pytest.raises(HelibError, match=f"level={level}: must be a whole number, from 0 to 4"):
        chain.value = {"level": level}
    assert chain.value == {"level": 4}


@pytest.mark.parametrize("value", [{"depth": 3}, {"level": 1, "depth": 3}])
def test_nothing_but_the_level_can_be_set(value):
    chain = ModulusChain(PARAMS)
    with pytest.raises(HelibError, match="set level"):
        chain.value = value


def test_parameters_without_levels_are_refused():
    with pytest.raises(HelibError, match="Paillier: only CKKS has levels"):
        ModulusChain(he.Paillier())


def test_the_parameters_cannot_be_swapped():
    with pytest.raises(traitlets.TraitError, match="read-only"):
        ModulusChain(PARAMS).limit = 1000


def test_all_that_the_static_page_needs_is_in_the_embedded_state():
    chain = ModulusChain(TOY, title="Chain", value={"level": 1})
    states = embed_data(views=[chain], drop_defaults=False)["manager_state"]["state"]
    state = json.loads(json.dumps(states[chain.model_id]["state"]))
    assert state["value"] == {"level": 1}
    assert (state["ring"], state["security"], state["limit"]) == (4096, 128, 106)
    assert (state["title"], state["insecure"]) == ("Chain", True)
    assert state["primes"] == pytest.approx([log2(q) for q in TOY.primes])
    assert "export default { render }" in state["_esm"]
    assert ".he-widget" in state["_css"]


def test_the_front_end_names_no_address_but_the_svg_namespace():
    addresses = [part.split('"')[0] for part in ModulusChain(PARAMS)._esm.split("http")[1:]]
    assert addresses == ["://www.w3.org/2000/svg"]


def test_the_repr_is_short():
    assert repr(ModulusChain(PARAMS, value={"level": 2})) == "ModulusChain(level 2/4)"
