"""The slot viewer in a real browser, on a static page: no kernel, no network."""

import itertools

import numpy as np
import pytest

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright").expect
pytest.importorskip("ipywidgets")

from helpers import write_page  # noqa: E402

from helib_py import packing  # noqa: E402
from helib_py.encoding import Layout  # noqa: E402
from helib_py.show import Slots  # noqa: E402

pytestmark = pytest.mark.browser


def opened(page, folder, *widgets):
    """A page such as the book's; the place where the first widget tells."""
    page.goto(write_page(folder, *widgets).as_uri())
    return page.get_by_role("status").first


def slider(page, name):
    return page.get_by_role("slider", name=name).first


def column(page, place, n):
    """The numbers of a column of the picture, the last one being -1."""
    texts = page.locator("svg text").all_text_contents()
    numbers = [t for t in texts if t.replace("−", "-").lstrip("-").replace(".", "").isdigit()]
    columns = [numbers[i : i + n] for i in range(0, len(numbers), n)]
    return [float(t.replace("−", "-")) for t in columns[place]]


def test_a_vector_is_rotated_with_the_keyboard_and_no_network(tmp_path, offline_page, foreign):
    page, x = offline_page, np.arange(8) / 4
    told = opened(page, tmp_path, Slots(x))
    page.keyboard.press("Tab")
    expect(slider(page, "rotate by")).to_be_focused()
    for k in range(1, 8):
        page.keyboard.press("ArrowRight")
        expect(told).to_contain_text(f"Rotated by {k}: slot 0 gets {x[k]:g}, from slot {k}.")
        assert column(page, -2, 8) == np.roll(x, -k).tolist()
        assert column(page, -1, 8) == (x + np.roll(x, -k)).tolist()
    slider(page, "look at slot").press("End")
    expect(told).to_contain_text("slot 7 gets 1.5, from slot 6, round the end")
    expect(page.get_by_role("img", name="slot 7 gets 1.5")).to_have_count(1)
    assert (foreign, page.errors) == ([], [])


@pytest.mark.parametrize("rows", [8, 4, 1])
def test_each_step_adds_the_package_s_diagonal_and_each_fold_folds(rows, tmp_path, offline_page):
    page, random = offline_page, np.random.default_rng(0)
    x, W = random.integers(-9, 10, 8).astype(float), random.integers(-3, 4, (rows, 8))
    told = opened(page, tmp_path, Slots(x, W, title="W @ x"))
    diagonals = packing.cyclic(W.astype(float), Layout.dense(8), 8)
    total = np.zeros(8)
    for k, diagonal in enumerate(diagonals.tables[0]):
        slider(page, "step").press("ArrowRight") if k else None
        expect(told).to_contain_text(f"Step {k}: slot 0 gets W[0, {k}]·x[{k}]")
        assert column(page, -3, 8) == diagonal.tolist()
        total += diagonal * np.roll(x, -k)
        assert column(page, -1, 8) == total.tolist()
    for f in diagonals.folds:
        slider(page, "step").press("ArrowRight")
        expect(told).to_contain_text(f"Fold by {f}:")
        total = total + np.roll(total, -f)
        assert column(page, -1, 8) == total.tolist()
    assert total[:rows].tolist() == (W @ x).tolist()
    expect(told).to_contain_text("W @ x")


def test_insecure_is_written_on_the_picture_and_two_live_on_one_page(tmp_path, offline_page):
    page, x = offline_page, [1.0, 2.0, 3.0, 4.0]
    opened(page, tmp_path, Slots(x, insecure=True), Slots(x, np.eye(4)))
    expect(page.get_by_role("img", name="INSECURE")).to_have_count(1)
    expect(page.locator("svg").get_by_text("INSECURE")).to_have_count(1)
    slider(page, "step").press("ArrowRight")
    expect(page.get_by_role("status").nth(1)).to_contain_text("Step 1")
    expect(page.get_by_role("status").first).to_contain_text("Rotated by 0")
    assert page.errors == []


BOXES = """labels => labels.map((label) => label.getBoundingClientRect())
    .map((box) => [box.left, box.right, box.top, box.bottom])"""


@pytest.mark.parametrize("width", [380, 1000])
def test_no_label_is_clipped_or_covers_another(width, tmp_path, offline_page):
    page, x = offline_page, np.full(16, -31.2345)
    page.set_viewport_size({"width": width, "height": 900})
    for shown in (Slots(x, insecure=True), Slots(x, np.full((4, 16), 1.9876), insecure=True)):
        opened(page, tmp_path, shown)
        for steps in ("Home", "ArrowRight", "End"):
            page.get_by_role("slider").first.press(steps)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            boxes = page.locator("svg text").evaluate_all(BOXES)
            assert all(left >= 0 and right <= width for left, right, *_ in boxes)
            for (l1, r1, t1, b1), (l2, r2, t2, b2) in itertools.combinations(boxes, 2):
                assert l1 >= r2 or l2 >= r1 or t1 >= b2 - 1 or t2 >= b1 - 1, f"overlap at {steps}"
