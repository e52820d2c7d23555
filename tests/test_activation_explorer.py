"""The activation explorer's Python side: what it fits, refuses, and sends to the page."""

import json

import numpy as np
import pytest
import traitlets
from ipywidgets.embed import embed_data
from numpy.polynomial import chebyshev

import helib_py as he
from helib_py.errors import HelibError
from helib_py.show import ActivationExplorer

FEW = {"degrees": [7, 2], "methods": ["minimax"], "ranges": [8, 4]}


def few(**more):
    return ActivationExplorer(["relu", "sigmoid"], **{**FEW, **more})


def test_it_starts_at_the_first_of_each():
    assert few().value == {"function": "relu", "degree": 2, "method": "minimax", "range": 4}


def test_the_fits_are_the_package_s_in_the_order_the_page_counts_in():
    explorer = few(methods=["chebyshev", "minimax"])
    at = 0
    for function in explorer.functions:
        for r in explorer.ranges:
            for method in explorer.methods:
                for degree in explorer.degrees:
                    p, sent = he.fit(function, degree, r, method), explorer.fits[at]
                    assert np.allclose(sent["c"], p.coefficients, rtol=1e-6, atol=1e-12)
                    assert (sent["levels"], sent["products"]) == (p.depth, p.products)
                    assert sent["max"] == pytest.approx(p.max_error)
                    assert sent["rms"] == pytest.approx(p.rms_error)
                    at += 1
    assert at == len(explorer.fits)


def test_curves_go_beyond_the_range_and_meet_its_ends():
    explorer = few()
    curve = np.array(explorer.curves["relu"][1])
    x = np.linspace(-explorer.view * 8, explorer.view * 8, curve.size)
    assert np.allclose(curve, np.maximum(x, 0), rtol=1e-6)
    assert np.isclose(np.abs(x), 8).sum() == 2


def test_rounded_coefficients_still_tell_what_happens_outside():
    fit = few(degrees=[15]).fits[0]
    p = he.fit("relu", 15, 4, "minimax")
    assert chebyshev.chebval(1.5, fit["c"]) == pytest.approx(p(6.0), rel=1e-4)


def test_functions_of_one_s_own_are_named_in_a_dict():
    explorer = ActivationExplorer({"bump": lambda x: np.exp(-x * x)}, **FEW)
    assert explorer.value["function"] == "bump"


def test_a_part_of_the_value_may_be_set_and_is_heard():
    explorer, heard = few(value={"degree": 7}), []
    explorer.observe(lambda change: heard.append(change["new"]), "value")
    explorer.value = {"range": np.float64(8), "function": "sigmoid"}
    expected = {"function": "sigmoid", "degree": 7, "method": "minimax", "range": 8}
    assert heard == [expected]
    assert json.loads(json.dumps(explorer.value)) == expected


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"degree": 3}, r"degree=3 was not fitted: choose one of \[2, 7\]"),
        ({"function": "tanh"}, "function='tanh' was not fitted"),
        ({"method": "taylor"}, "method='taylor'"),
        ({"range": float("nan")}, "range=nan"),
        ({"margin": 1}, r"\['margin'\]: set function, degree, method, range"),
    ],
)
def test_what_was_not_fitted_is_refused_and_the_value_stays(value, says):
    explorer = few()
    before = dict(explorer.value)
    with pytest.raises(HelibError, match=says):
        explorer.value = value
    assert explorer.value == before


@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        ({"degrees": []}, HelibError, "at least one"),
        ({"functions": ["swish"]}, HelibError, "'swish': one of"),
        ({"methods": ["taylor"]}, he.errors.ParameterError, "choose one of"),
        ({"functions": {"log": np.log}}, he.errors.BadValue, "finite"),
    ],
)
def test_what_cannot_be_fitted_is_refused(more, error, says):
    with pytest.raises(error, match=says):
        ActivationExplorer(**{"functions": ["relu"], **FEW, **more})


def test_the_fits_cannot_be_swapped():
    with pytest.raises(traitlets.TraitError, match="read-only"):
        few().fits = []


def test_all_that_the_static_page_needs_is_in_the_embedded_state():
    explorer = few(title="Explorer")
    states = embed_data(views=[explorer], drop_defaults=False)["manager_state"]["state"]
    state = json.loads(json.dumps(states[explorer.model_id]["state"]))
    assert state["value"] == explorer.value
    assert (state["functions"], state["degrees"]) == (["relu", "sigmoid"], [2, 7])
    assert len(state["fits"]) == 8
    assert (state["title"], state["view"]) == ("Explorer", 1.5)
    assert "export default { render }" in state["_esm"]
    addresses = [part.split('"')[0] for part in state["_esm"].split("http")[1:]]
    assert addresses == ["://www.w3.org/2000/svg"]


def test_the_repr_is_short():
    assert repr(few()) == "ActivationExplorer(relu, degree 2, minimax, range 4)"
