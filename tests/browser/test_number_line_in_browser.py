"""The number line in a real browser, on a static page: no kernel, no network."""

import itertools

import numpy as np
import pytest

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright").expect
pytest.importorskip("ipywidgets")

from helpers import write_page  # noqa: E402

import helib_py as he  # noqa: E402
from helib_py.encoding import quantise  # noqa: E402
from helib_py.errors import Overflow  # noqa: E402
from helib_py.show import Explorer, NumberLine  # noqa: E402

pytestmark = pytest.mark.browser

START = {"x": 0.3, "precision": 8}


def opened(page, folder, params=None, **value):
    page.goto(
        write_page(folder, NumberLine(params, title="Line", value={**START, **value})).as_uri()
    )
    return page.get_by_role("status")


def slider(page, name):
    return page.get_by_role("slider", name=name, exact=name == "x")


def test_the_sliders_turn_with_the_keyboard_and_no_network(tmp_path, offline_page, foreign):
    page = offline_page
    told = opened(page, tmp_path)
    expect(told).to_contain_text("77 is encrypted, 0.30078125 is decoded")
    expect(told).to_contain_text("at most 10 of 3,070 bits")
    page.keyboard.press("Tab")
    expect(slider(page, "x")).to_be_focused()
    page.keyboard.press("ArrowRight")
    expect(told).to_contain_text("x 0.305 at precision 8: 78 is encrypted")
    slider(page, "precision").press("ArrowRight")
    expect(told).to_contain_text("x 0.305 at precision 9: 156 is encrypted")
    expect(page.get_by_role("img", name="156 is encrypted")).to_have_count(1)
    slider(page, "products so far").press("ArrowRight")
    expect(told).to_contain_text("After 1 product at most 31 of 3,070 bits")
    assert (foreign, page.errors) == ([], [])


def test_a_typed_number_is_shown_or_refused(tmp_path, offline_page):
    page = offline_page
    told = opened(page, tmp_path)
    field = page.get_by_role("spinbutton", name="x, typed")
    field.fill("-0.7")
    expect(told).to_contain_text("−179 (as n − 179) is encrypted")
    expect(slider(page, "x")).to_have_value("-0.7")
    field.fill("0.001")
    expect(told).to_contain_text("becomes 0, though it is not: refused")
    field.fill("2")
    expect(told).to_contain_text("no number with |x| ≤ 1")
    field.press("Tab")
    expect(field).to_have_value("0.001")
    assert page.errors == []


def products_until_refused(params):
    c = he.DataOwner(params, "plain").encrypt(0.3)
    for products in itertools.count(1):
        try:
            c = c * 1.0
        except Overflow:
            return products


@pytest.mark.parametrize(
    "params",
    [
        he.Paillier(),
        he.Paillier(bits=256, insecure=True, bound=0.7, factor_bound=3.3),
        he.Paillier(factor_precision=2, factor_bound=2.0**40),  # outgrows a float64 first
    ],
)
def test_the_page_refuses_at_the_same_product_as_the_package(params, tmp_path, offline_page):
    page, products = offline_page, products_until_refused(params)
    told = opened(page, tmp_path, params, precision=params.precision, products=products - 1)
    expect(told).to_contain_text("bits are used")
    slider(page, "products so far").press("ArrowRight")
    expect(told).to_contain_text(": refused")
    expect(page.locator("svg").get_by_text("refused")).to_have_count(1)


def test_the_page_rounds_as_the_package_does(tmp_path, offline_page):
    page = offline_page
    told = opened(page, tmp_path, precision=3)
    for x in (0.0625, -0.0625, 0.1875, -0.1875, 0.3, -0.99, 1.0, 0):  # ties, then others
        page.get_by_role("spinbutton").fill(str(x))
        try:
            whole = quantise(np.array([x]), 3)[0]
        except he.errors.BadValue:
            expect(told).to_contain_text("becomes 0, though it is not: refused")
        else:
            expect(told).to_contain_text(f": {whole} ".replace("-", "−"))


def test_insecure_is_written_on_every_panel(tmp_path, offline_page):
    page = offline_page
    opened(page, tmp_path, he.Paillier(bits=256, insecure=True))
    expect(page.get_by_role("img", name="INSECURE")).to_have_count(2)
    expect(page.locator("svg").get_by_text("INSECURE")).to_have_count(2)


def test_two_kinds_of_widget_live_on_one_page(tmp_path, offline_page):
    page = offline_page
    rows = [{"scale": scale, "precision": scale - 9.5} for scale in (20, 30)]
    page.goto(write_page(tmp_path, NumberLine(value=START), Explorer(rows, ["scale"])).as_uri())
    slider(page, "precision").press("ArrowRight")
    expect(page.get_by_role("status").first).to_contain_text("precision 9: 154 is encrypted")
    slider(page, "scale").press("ArrowRight")
    expect(page.get_by_role("status").nth(1)).to_contain_text("precision 20.5")
    assert page.errors == []


BOXES = """labels => labels.map((label) => label.getBoundingClientRect())
    .map((box) => [box.left, box.right, box.top, box.bottom])"""


@pytest.mark.parametrize("width", [380, 1000])
def test_no_label_is_clipped_or_covers_another(width, tmp_path, offline_page):
    page, toy = offline_page, he.Paillier(bits=256, insecure=True, bound=16.0)
    page.set_viewport_size({"width": width, "height": 700})
    opened(page, tmp_path, toy, x=-15.98765432, precision=24)
    for precision in ("Home", "ArrowRight", "End"):
        slider(page, "precision").press(precision)
        for products in ("Home", "ArrowRight", "End"):
            slider(page, "products so far").press(products)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            boxes = page.locator("svg text").evaluate_all(BOXES)
            assert all(left >= 0 and right <= width for left, right, *_ in boxes)
            for (l1, r1, t1, b1), (l2, r2, t2, b2) in itertools.combinations(boxes, 2):
                apart = l1 >= r2 or l2 >= r1 or t1 >= b2 or t2 >= b1
                assert apart, f"two labels overlap at {precision}, {products}"
