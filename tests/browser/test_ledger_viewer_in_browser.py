"""The ledger viewer in a real browser, on a static page: no kernel, no network."""

import itertools

import numpy as np
import pytest

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright").expect
pytest.importorskip("ipywidgets")

from helpers import write_page  # noqa: E402

import helib_py as he  # noqa: E402
from helib_py.show import LedgerViewer  # noqa: E402

pytestmark = pytest.mark.browser

PARAMS = [
    he.BFV(depth=3, bound=2),
    he.CKKS(depth=3, ring=4096, precision=20, insecure=True),
    he.Paillier(),
]


def ledger(params, more=0):
    owner = he.DataOwner(params, "plain")
    with he.Ledger(debug_key=owner) as noted:
        x = owner.encrypt([1, 0, -1, 0])
        y = x + x
        y = np.eye(4, dtype=int) @ y
        for _ in range(more):
            y.rotate(1)
    return noted


def opened(page, folder, entries):
    """A page such as the book's: the view where it is shown, the state, the script."""
    page.goto(write_page(folder, LedgerViewer(entries, title="Ledger")).as_uri())
    return page.get_by_role("status")


def test_steps_turn_with_the_keyboard_or_a_click_and_no_network(tmp_path, offline_page, foreign):
    page, entries = offline_page, list(ledger(PARAMS[0]))
    told = opened(page, tmp_path, entries)
    bits = "noise budget {0.predicted:.0f} bits predicted, {0.measured:.0f} bits measured".format
    expect(told).to_contain_text("Step 0 of 2, encrypt: " + bits(entries[0]))
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(told).to_contain_text("Step 1 of 2, x + x: " + bits(entries[1]))
    page.locator("circle").nth(2).click()
    expect(told).to_contain_text("Step 2 of 2, W @ x: " + bits(entries[2]))
    expect(page.get_by_role("slider")).to_have_value("2")
    expect(page.get_by_role("img", name="time (ms) after every operation")).to_have_count(1)
    assert (foreign, page.errors) == ([], [])


def test_ckks_has_levels_and_says_insecure_on_every_panel(tmp_path, offline_page):
    told = opened(offline_page, tmp_path, ledger(PARAMS[1]))
    expect(told).to_contain_text("encrypt: level 3, scale of")
    expect(offline_page.get_by_role("img", name="INSECURE")).to_have_count(3)
    expect(offline_page.locator("svg").get_by_text("INSECURE")).to_have_count(3)


BOXES = """labels => labels.map((label) => label.getBoundingClientRect())
    .map((box) => [box.left, box.right, box.top, box.bottom])"""


@pytest.mark.parametrize("width", [380, 1000])
@pytest.mark.parametrize("params", PARAMS, ids=["BFV", "CKKS", "Paillier"])
def test_no_label_is_clipped_or_covers_another(params, width, tmp_path, offline_page):
    page = offline_page
    page.set_viewport_size({"width": width, "height": 900})
    opened(page, tmp_path, ledger(params, more=20))
    for key in ("Home", "ArrowRight", "End"):
        page.get_by_role("slider").press(key)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        boxes = page.locator("svg text").evaluate_all(BOXES)
        assert all(left >= 0 and right <= width for left, right, *_ in boxes)
        for (l1, r1, t1, b1), (l2, r2, t2, b2) in itertools.combinations(boxes, 2):
            assert l1 >= r2 or l2 >= r1 or t1 >= b2 or t2 >= b1, f"two labels overlap after {key}"
    assert page.errors == []
