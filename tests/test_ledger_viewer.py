"""The ledger viewer's Python side: what it shows, what it refuses, what it sends to the page."""

import json
from dataclasses import replace
from functools import cache
from math import inf

import numpy as np
import pytest
import traitlets
from ipywidgets.embed import embed_data

import helib_py as he
from helib_py.errors import HelibError
from helib_py.show import LedgerViewer

PARAMS = {"CKKS": he.CKKS(depth=3, precision=20), "BFV": he.BFV(), "Paillier": he.Paillier()}
TOYS = {"CKKS": he.CKKS(depth=1, ring=1024, insecure=True)}
TOYS |= {"BFV": he.BFV(depth=1, ring=1024, insecure=True)}
TOYS |= {"Paillier": he.Paillier(bits=256, insecure=True)}


@cache
def ledger(scheme, toy=False, key=True):
    owner = he.DataOwner((TOYS if toy else PARAMS)[scheme], "plain")
    with he.Ledger(debug_key=owner if key else None) as noted:
        x = owner.encrypt([1, 0])
        (x + x) * 2
    return noted


@pytest.mark.parametrize("scheme", PARAMS)
def test_it_shows_what_the_ledger_says(scheme):
    viewer = LedgerViewer(ledger(scheme))
    assert viewer.kind == ("noise budget" if scheme == "BFV" else "precision")
    for row, entry in zip(viewer.rows, ledger(scheme), strict=True):
        assert row["operation"] == entry.operation
        assert row["level"] == entry.level
        assert (row["scale"] is None) == (scheme == "BFV")
        assert row["predicted"] in (entry.predicted, "exact")
        assert row["measured"] in (entry.measured, "exact")
        assert row["ms"] == 1000 * entry.seconds


def test_a_factor_of_ckks_and_bits_of_paillier_are_both_scales_in_bits():
    assert LedgerViewer(ledger("CKKS")).rows[0]["scale"] == pytest.approx(37, abs=2)
    assert LedgerViewer(ledger("Paillier")).rows[0]["scale"] == 24


@pytest.mark.parametrize("scheme", PARAMS)
def test_insecure_comes_from_the_ledger_or_is_said(scheme):
    assert not LedgerViewer(ledger(scheme)).insecure
    assert LedgerViewer(ledger(scheme, toy=True)).insecure
    assert LedgerViewer(ledger(scheme), insecure=True).insecure


def test_what_nobody_measured_is_none_and_what_is_exact_a_word():
    assert LedgerViewer(ledger("CKKS", key=False)).rows[0]["measured"] is None
    entry = next(iter(ledger("CKKS")))
    odd = [replace(entry, measured=inf), replace(entry, measured=-inf)]
    assert [row["measured"] for row in LedgerViewer(odd).rows] == ["exact", "lost"]


def test_an_observer_hears_the_step():
    viewer, heard = LedgerViewer(ledger("BFV")), []
    viewer.observe(lambda change: heard.append(change["new"]), "value")
    viewer.value = {"step": np.int64(2)}
    assert heard == [{"step": 2}]


@pytest.mark.parametrize("step", [-1, 3, 0.5])
def test_a_step_that_is_not_there_is_refused_and_the_value_stays(step):
    viewer = LedgerViewer(ledger("BFV"), value={"step": 1})
    with pytest.raises(HelibError, match=f"step={step}: must be a whole number, from 0 to 2"):
        viewer.value = {"step": step}
    assert viewer.value == {"step": 1}
    with pytest.raises(HelibError, match="set step"):
        viewer.value = {"level": 1}


def test_an_empty_ledger_and_a_mixed_one_are_refused():
    with pytest.raises(HelibError, match="show the entries of one scheme"):
        LedgerViewer(he.Ledger())
    with pytest.raises(HelibError, match=r"\['BFV', 'CKKS'\]"):
        LedgerViewer([*ledger("BFV"), *ledger("CKKS")])


def test_the_rows_cannot_be_swapped():
    with pytest.raises(traitlets.TraitError, match="read-only"):
        LedgerViewer(ledger("BFV")).rows = []


def test_all_that_the_static_page_needs_is_in_the_embedded_state():
    viewer = LedgerViewer(ledger("Paillier", toy=True), title="Seen", value={"step": 1})
    states = embed_data(views=[viewer], drop_defaults=False)["manager_state"]["state"]
    state = json.loads(json.dumps(states[viewer.model_id]["state"], allow_nan=False))
    assert (state["value"], state["title"]) == ({"step": 1}, "Seen")
    assert (state["insecure"], state["kind"]) == (True, "precision")
    assert len(state["rows"]) == 3
    assert "export default { render }" in state["_esm"]
    assert ".he-widget" in state["_css"]


def test_the_front_end_names_no_address_but_the_svg_namespace():
    addresses = [p.split('"')[0] for p in LedgerViewer(ledger("BFV"))._esm.split("http")[1:]]
    assert addresses == ["://www.w3.org/2000/svg"]


@pytest.mark.parametrize("scheme", PARAMS)
@pytest.mark.parametrize("key", [True, False])
def test_the_picture_of_a_ledger_is_a_png(scheme, key):
    figure = he.show.ledger(ledger(scheme, key=key))
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert len(figure.axes) == (2 if scheme == "CKKS" else 1)


def test_the_picture_says_insecure_too():
    titles = [he.show.ledger(ledger("BFV", toy=toy)).axes[0].get_title() for toy in (True, False)]
    assert titles == ["INSECURE parameters", ""]
