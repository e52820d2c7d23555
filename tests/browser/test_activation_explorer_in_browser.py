"""The activation explorer in a real browser, on a static page: no kernel, no network."""

import itertools

import numpy as np
import pytest

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright").expect
pytest.importorskip("ipywidgets")

from helpers import write_page  # noqa: E402

import helib_py as he  # noqa: E402
from helib_py.show import ActivationExplorer  # noqa: E402

pytestmark = pytest.mark.browser

LISTS = {"degrees": [2, 3, 7, 15], "ranges": [0.25, 8, 16]}


def opened(page, folder, **value):
    explorer = ActivationExplorer(["relu", "sigmoid"], **LISTS, value={"range": 8, **value})
    page.goto(write_page(folder, explorer).as_uri())
    return page.get_by_role("status")


def told_by_python(function, degree, method, r):
    p = he.fit(function, degree, r, method)
    return (
        f"{function} by {method}, degree {degree} on [−{r}, {r}]: "
        f"largest error {float(f'{p.max_error:.3g}')}, rms "
    ), f"; {p.depth} levels, {p.products} product"


def expect_told(told, *choice):
    for part in told_by_python(*choice):
        expect(told).to_contain_text(part)


def test_menus_and_sliders_turn_with_the_keyboard_and_no_network(tmp_path, offline_page, foreign):
    page = offline_page
    told = opened(page, tmp_path, degree=3)
    expect_told(told, "relu", 3, "least squares", 8)
    page.keyboard.press("Tab")
    menu = page.get_by_role("combobox", name="function")
    expect(menu).to_be_focused()
    menu.select_option("sigmoid")
    expect_told(told, "sigmoid", 3, "least squares", 8)
    page.get_by_role("slider", name="degree").press("End")
    expect_told(told, "sigmoid", 15, "least squares", 8)
    page.get_by_role("combobox", name="method").select_option("minimax")
    page.get_by_role("slider", name="range").press("ArrowRight")
    expect_told(told, "sigmoid", 15, "minimax", 16)
    expect(page.get_by_role("img", name="sigmoid by minimax, degree 15")).to_have_count(1)
    assert (foreign, page.errors) == ([], [])


def test_what_happens_outside_is_what_the_package_says(tmp_path, offline_page):
    page = offline_page
    decay = {"decay": lambda x: np.exp(-x), "growth": np.exp}
    explorer = ActivationExplorer(decay, degrees=[2], methods=["minimax"], ranges=[2])
    page.goto(write_page(tmp_path, explorer).as_uri())
    told, p = page.get_by_role("status"), he.fit(np.exp, 2, 2, "minimax")
    gives = f"it gives {p(3.0):.3g} instead of {np.exp(3):.3g}."
    expect(told).to_contain_text(f"at x = −3, {gives}")
    page.get_by_role("combobox", name="function").select_option("growth")
    expect(told).to_contain_text(f"at x = 3, {gives}")
    assert page.errors == []


BOXES = """labels => labels.map((label) => label.getBoundingClientRect())
    .map((box) => [box.left, box.right, box.top, box.bottom])"""
CURVES = """panels => panels.map((panel) => {
    const frame = panel.querySelector("path").getBBox();
    return [...panel.querySelectorAll("path")].map((path) => path.getBBox())
      .every((box) => box.y >= 21 && box.y + box.height <= 167);
  })"""


@pytest.mark.parametrize("width", [380, 1000])
def test_no_label_is_clipped_or_covered_and_no_curve_leaves_its_plot(
    width, tmp_path, offline_page
):
    page = offline_page
    page.set_viewport_size({"width": width, "height": 700})
    opened(page, tmp_path)
    for function, degree, r in itertools.product(("relu", "sigmoid"), ("Home", "End"), (0, 1, 2)):
        page.get_by_role("combobox", name="function").select_option(function)
        page.get_by_role("slider", name="degree").press(degree)
        page.get_by_role("slider", name="range").fill(str(r))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.locator("svg").evaluate_all(CURVES) == [True, True]
        boxes = page.locator("svg text").evaluate_all(BOXES)
        assert all(left >= 0 and right <= width for left, right, *_ in boxes)
        for (l1, r1, t1, b1), (l2, r2, t2, b2) in itertools.combinations(boxes, 2):
            assert l1 >= r2 or l2 >= r1 or t1 >= b2 or t2 >= b1, "two labels overlap"
    assert page.errors == []
