"""The number line's Python side: what it shows, what it refuses, what it sends to the page."""

import json

import numpy as np
import pytest
import traitlets
from ipywidgets.embed import embed_data

import helib_py as he
from helib_py.errors import HelibError
from helib_py.show import Explorer, NumberLine

PARAMS = he.Paillier()
TOY = he.Paillier(bits=256, insecure=True)


def test_it_starts_somewhere_within_the_bound():
    wide = he.Paillier(bound=8.0)
    for params in (PARAMS, TOY, wide):
        value = NumberLine(params).value
        assert 0 < value["x"] < params.bound
        assert value["products"] == 0


def test_the_precision_goes_as_far_as_the_parameters():
    assert NumberLine(PARAMS).precisions == PARAMS.precision
    fine = NumberLine(he.Paillier(precision=100, bound=4.0))
    assert fine.precisions == 50  # then a double of JavaScript has no bits left


def test_the_last_number_of_products_is_refused_at_every_precision():
    for params in (PARAMS, TOY, he.Paillier(factor_precision=4, factor_bound=1.5)):
        line = NumberLine(params)
        factor = int(np.ceil(params.factor_bound * 2**params.factor_precision))
        limit = int(np.ceil(params.bound)) * factor**line.products
        assert limit.bit_length() + 1 > params.capacity


def test_a_part_of_the_value_may_be_set():
    line = NumberLine(value={"x": 0.3, "precision": 8})
    line.value = {"x": -0.7}
    assert line.value == {"x": -0.7, "precision": 8, "products": 0}
    line.value = {"products": np.int64(3)}
    assert line.value == {"x": -0.7, "precision": 8, "products": 3}


def test_an_observer_hears_all_three():
    line, heard = NumberLine(), []
    line.observe(lambda change: heard.append(change["new"]), "value")
    line.value = {"x": 0.5, "precision": 2, "products": 1}
    assert heard == [{"x": 0.5, "precision": 2, "products": 1}]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"x": 1.5}, r"x=1.5: \|x\| ≤ 1 was promised"),
        ({"x": float("nan")}, "x=nan"),
        ({"precision": 25}, "precision=25: must be a whole number, from 0 to 24"),
        ({"precision": 2.5}, "precision=2.5"),
        ({"products": -1}, "products=-1"),
        ({"products": 10**6}, "products=1000000: must be a whole number, from 0 to"),
        ({"scale": 3}, r"\['scale'\]: set x, precision, products"),
    ],
)
def test_what_is_not_on_the_line_is_refused_and_the_value_stays(value, says):
    line = NumberLine()
    before = dict(line.value)
    with pytest.raises(HelibError, match=says):
        line.value = value
    assert line.value == before
    with pytest.raises(HelibError, match=says):
        NumberLine(value=value)


def test_a_bound_beyond_a_double_is_refused():
    with pytest.raises(HelibError, match="too wide to draw"):
        NumberLine(he.Paillier(bound=2.0**60))


def test_the_parameters_cannot_be_swapped():
    with pytest.raises(traitlets.TraitError, match="read-only"):
        NumberLine().bound = 2.0


def test_all_that_the_static_page_needs_is_in_the_embedded_state():
    line = NumberLine(TOY, title="Line", value={"x": 0.25})
    states = embed_data(views=[line], drop_defaults=False)["manager_state"]["state"]
    state = json.loads(json.dumps(states[line.model_id]["state"]))
    assert state["value"] == {"x": 0.25, "precision": 4, "products": 0}
    assert (state["bound"], state["capacity"]) == (1.0, 254)
    assert (state["factor_bound"], state["factor_precision"]) == (16.0, 16)
    assert (state["title"], state["insecure"]) == ("Line", True)
    assert "export default { render }" in state["_esm"]
    assert ".he-widget" in state["_css"]


def test_both_widgets_are_made_of_the_same_parts():
    parts = set(NumberLine()._esm.splitlines()) & set(
        Explorer([{"a": 1, "b": 2}], ["a"])._esm.splitlines()
    )
    assert "function add(parent, tag, attributes = {}, ...children) {" in parts


def test_the_front_end_names_no_address_but_the_svg_namespace():
    addresses = [part.split('"')[0] for part in NumberLine()._esm.split("http")[1:]]
    assert addresses == ["://www.w3.org/2000/svg"]


def test_the_repr_is_short():
    line = NumberLine(value={"x": 0.3, "precision": 8})
    assert repr(line) == "NumberLine(x=0.3, precision=8, products=0)"
