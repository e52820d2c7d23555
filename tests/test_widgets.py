"""The Explorer's Python side: what it accepts, what it refuses, what it sends to the page."""

import json

import numpy as np
import pytest
import traitlets
from ipywidgets.embed import embed_data

from helib_py.errors import HelibError
from helib_py.show.widgets import Axis, Explorer

ROWS = [
    {"scale": 20, "chain": "short", "precision": 10.5, "verdict": "ok"},
    {"scale": 30, "chain": "short", "precision": 20.5, "verdict": "ok"},
    {"scale": 30, "chain": "long", "precision": None, "verdict": "refused"},
]
KNOBS = ["scale", "chain"]


def changed(row, **cells):
    return {**ROWS[row], **cells}


def test_the_first_row_is_chosen_at_first():
    assert Explorer(ROWS, KNOBS).value == ROWS[0]


def test_the_knobs_alone_choose_a_row():
    explorer = Explorer(ROWS, KNOBS, value={"scale": 30, "chain": "short"})
    assert explorer.value == ROWS[1]
    explorer.value = {"scale": 30, "chain": "long"}
    assert explorer.value == ROWS[2]


def test_a_row_whose_outcomes_the_page_rounded_is_the_measured_row():
    explorer = Explorer(ROWS, KNOBS)
    explorer.value = changed(1, scale=30.0, precision=20.500000001)
    assert explorer.value == ROWS[1]


def test_an_observer_hears_the_chosen_row():
    explorer, heard = Explorer(ROWS, KNOBS), []
    explorer.observe(lambda change: heard.append(change["new"]), "value")
    explorer.value = ROWS[1]
    assert heard == [ROWS[1]]


def test_a_setting_that_was_not_measured_is_refused_and_the_value_stays():
    explorer = Explorer(ROWS, KNOBS)
    with pytest.raises(HelibError, match=r"nothing was measured at .*'scale': 25"):
        explorer.value = {"scale": 25, "chain": "short"}
    assert explorer.value == ROWS[0]


def test_the_measured_table_cannot_be_swapped():
    with pytest.raises(traitlets.TraitError, match="read-only"):
        Explorer(ROWS, KNOBS).rows = []


def test_every_other_column_of_numbers_is_a_metric_by_default():
    assert Explorer(ROWS, KNOBS).y == ["precision"]


def test_units_and_log_axes_reach_the_page():
    explorer = Explorer(
        ROWS, {"scale": "bits", "chain": ""}, {"precision": Axis("bits", log=True)}
    )
    assert explorer.axes == {
        "scale": {"unit": "bits", "log": False},
        "chain": {"unit": "", "log": False},
        "precision": {"unit": "bits", "log": True},
    }
    assert explorer.x == "scale"
    assert Explorer(ROWS, KNOBS, x="chain").x == "chain"


def test_numpy_scalars_become_plain_numbers():
    row = {"n": np.int64(8192), "ms": np.float32(1.5), "fast": np.True_, "name": np.str_("a")}
    explorer = Explorer([row], ["n", "fast"], ["ms"])
    assert json.loads(json.dumps(explorer.rows)) == [
        {"n": 8192, "ms": 1.5, "fast": True, "name": "a"}
    ]


def test_all_that_the_static_page_needs_is_in_the_embedded_state():
    explorer = Explorer(ROWS, KNOBS, title="Scale", insecure=True)
    states = embed_data(views=[explorer], drop_defaults=False)["manager_state"]["state"]
    state = json.loads(json.dumps(states[explorer.model_id]["state"]))
    assert state["rows"] == ROWS
    assert state["value"] == ROWS[0]
    assert (state["knobs"], state["x"], state["y"]) == (KNOBS, "scale", ["precision"])
    assert (state["title"], state["insecure"]) == ("Scale", True)
    assert "export default { render }" in state["_esm"]
    assert ".he-widget" in state["_css"]


def test_the_front_end_names_no_address_but_the_svg_namespace():
    addresses = [part.split('"')[0] for part in Explorer(ROWS, KNOBS)._esm.split("http")[1:]]
    assert addresses == ["://www.w3.org/2000/svg"]


def test_the_repr_is_short():
    explorer = Explorer(ROWS, KNOBS)
    assert repr(explorer) == "Explorer(3 rows, at {'scale': 20, 'chain': 'short'})"
    assert explorer._repr_mimebundle_()[0]["text/plain"] == repr(explorer)


@pytest.mark.parametrize(
    ("rows", "options", "says"),
    [
        ([], {}, "no rows"),
        ([ROWS[0], {"scale": 30}], {}, r"rows 0 and 1 differ in columns \['chain', "),
        (
            ROWS,
            {"knobs": ["scal", "chain"]},
            r"knobs=.*does not list columns of the rows: \['scale'",
        ),
        (ROWS, {"knobs": "scale"}, "knobs='scale' does not list"),
        (ROWS, {"knobs": []}, "knobs"),
        (ROWS, {"metrics": ["speed"]}, "metrics="),
        (ROWS, {"metrics": ["verdict"]}, "'verdict' is a knob or not numbers"),
        (ROWS, {"metrics": ["scale"]}, "'scale' is a knob or not numbers"),
        (ROWS, {"x": "precision"}, "not one of the knobs"),
        (ROWS, {"knobs": ["scale"]}, r"rows 1 and 2 are both at \{'scale': 30\}: add a column"),
        ([ROWS[0], ROWS[0]], {}, "rows 0 and 1 are both at"),
        ([ROWS[0], changed(1, scale="30")], {}, r"mixes \['int', 'str'\]"),
        ([ROWS[0], changed(1, chain=None)], {}, "mixes"),
        (
            [ROWS[0], changed(1, precision=float("nan"))],
            {},
            "row 1, 'precision' is nan: write None",
        ),
        ([changed(0, precision=np.inf)], {}, "row 0, 'precision' is inf"),
        ([changed(0, precision=[1])], {}, "row 0, 'precision' is a list, not a number"),
        ([changed(0, precision=None)], {}, "metrics"),
        ([changed(0, precision=0.0)], {"metrics": {"precision": Axis(log=True)}}, "above 0"),
        (ROWS, {"knobs": {"scale": "", "chain": Axis(log=True)}}, "above 0"),
        (ROWS, {"value": {"scale": 20}}, "nothing was measured"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_the_reason(rows, options, says):
    with pytest.raises(HelibError, match=says):
        Explorer(rows, **{"knobs": KNOBS, **options})
