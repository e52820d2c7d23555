"""The slot viewer's Python side: what it shows, what it refuses, what it sends to the page."""

import json

import numpy as np
import pytest
import traitlets
from ipywidgets.embed import embed_data

from helib_py.errors import HelibError
from helib_py.show import Slots

X, W = [0.5, -1.0, 2.0, 0.25], np.arange(16.0).reshape(4, 4)


def test_it_starts_at_the_first_step_and_slot():
    assert Slots(X).value == {"k": 0, "slot": 0}
    assert Slots(X, W).value == {"step": 0, "slot": 0}


@pytest.mark.parametrize(("rows", "steps"), [(16, 16), (8, 9), (4, 6), (1, 5)])
def test_a_step_for_every_diagonal_and_every_fold(rows, steps):
    shown = Slots(np.ones(16), np.ones((rows, 16)))
    assert shown.turns == steps - 1
    assert shown.y.tolist() == [16.0] * rows


def test_a_part_of_the_value_may_be_set_and_is_heard():
    slots, heard = Slots(X, W, value={"slot": 1}), []
    slots.observe(lambda change: heard.append(change["new"]), "value")
    slots.value = {"step": np.int64(2)}
    assert heard == [{"step": 2, "slot": 1}]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"k": 4}, "k=4: must be a whole number, from 0 to 3"),
        ({"slot": -1}, "slot=-1"),
        ({"k": 0.5}, "k=0.5"),
        ({"step": 1}, r"\['step'\]: set k, slot"),
    ],
)
def test_what_is_not_in_the_picture_is_refused_and_the_value_stays(value, says):
    slots = Slots(X)
    with pytest.raises(HelibError, match=says):
        slots.value = value
    assert slots.value == {"k": 0, "slot": 0}


@pytest.mark.parametrize(
    ("x", "W", "says"),
    [
        ([1.0, 2.0, 3.0], None, "3 values: show 2, 4, 8 or 16, padded"),
        (np.ones(32), None, "32 values"),
        (np.ones((2, 2)), None, "x must be a vector"),
        ([1.0, np.nan], None, "x: value nan at index"),
        ([1.0, 2.0], np.ones((2, 3)), "give it 2 columns"),
        ([1.0, 2.0], np.ones((4, 2)), "W has 4 rows: a power of two up to 2"),
        (np.ones(4), np.ones((3, 4)), "W has 3 rows"),
        ([900.0, 1.0], None, "too long to write: scale"),
        ([100.0, 1.0], [[10.0, 1.0], [0.0, 1.0]], "too long to write: scale"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_a_fix(x, W, says):
    with pytest.raises(HelibError, match=says):
        Slots(x, W)


def test_the_data_cannot_be_swapped():
    with pytest.raises(traitlets.TraitError, match="read-only"):
        Slots(X).x = [1.0]


def test_all_that_the_static_page_needs_is_in_the_embedded_state():
    slots = Slots(X, W, title="By diagonals", insecure=True)
    states = embed_data(views=[slots], drop_defaults=False)["manager_state"]["state"]
    state = json.loads(json.dumps(states[slots.model_id]["state"]))
    assert (state["x"], state["W"], state["mode"]) == (X, W.tolist(), "matrix")
    assert (state["turns"], state["title"], state["insecure"]) == (3, "By diagonals", True)
    assert "export default { render }" in state["_esm"]


def test_the_front_end_names_no_address_but_the_svg_namespace():
    addresses = [part.split('"')[0] for part in Slots(X)._esm.split("http")[1:]]
    assert addresses == ["://www.w3.org/2000/svg"]


def test_the_repr_is_short():
    assert repr(Slots(X, W[:2])) == "Slots(2×4 matrix, step=0, slot=0)"
