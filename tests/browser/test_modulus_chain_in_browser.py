"""The modulus chain in a real browser, on a static page: no kernel, no network."""

import itertools

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright").expect
pytest.importorskip("ipywidgets")

from helpers import write_page  # noqa: E402

import helib_py as he  # noqa: E402
from helib_py.show import ModulusChain  # noqa: E402

pytestmark = pytest.mark.browser

PARAMS = he.CKKS(depth=4, precision=20)
TOY = he.CKKS(depth=3, precision=20, ring=4096, insecure=True)


def opened(page, folder, params=PARAMS):
    page.goto(write_page(folder, ModulusChain(params, title="Chain")).as_uri())
    return page.get_by_role("status")


def slider(page):
    return page.get_by_role("slider", name="level")


def test_the_level_turns_with_the_keyboard_and_no_network(tmp_path, offline_page, foreign):
    page = offline_page
    told = opened(page, tmp_path)
    expect(told).to_contain_text("A ciphertext at level 4 takes 1.3 MB: modulus q 200 bits")
    expect(told).to_contain_text("at most 430 allow 128-bit security at N = 16,384.")
    page.keyboard.press("Tab")
    expect(slider(page)).to_be_focused()
    page.keyboard.press("ArrowLeft")
    expect(told).to_contain_text("4 of 5 data primes left")
    expect(page.locator("rect[stroke-dasharray]")).to_have_count(2)  # the prime, and its bits
    page.keyboard.press("Home")
    expect(told).to_contain_text("A ciphertext at level 0 takes 262 kB")
    expect(told).to_contain_text("scale 38, room 9, so values up to about 2⁹ fit")
    expect(page.get_by_role("img", name="at level 0")).to_have_count(1)
    expect(slider(page)).to_have_attribute("aria-valuetext", "0 of 4")
    assert (foreign, page.errors) == ([], [])


def test_two_views_of_one_chain_stay_together(tmp_path, offline_page):
    page, chain = offline_page, ModulusChain(PARAMS)
    page.goto(write_page(tmp_path, chain, chain).as_uri())
    slider(page).first.press("ArrowLeft")
    expect(page.get_by_role("status").nth(1)).to_contain_text("at level 3")
    assert page.errors == []


def test_insecure_is_written_on_every_panel(tmp_path, offline_page):
    page = offline_page
    told = opened(page, tmp_path, TOY)
    expect(page.get_by_role("img", name="INSECURE")).to_have_count(2)
    expect(page.locator("svg").get_by_text("INSECURE")).to_have_count(2)
    expect(told).to_contain_text("at most 106 allow 128-bit security at N = 4,096: INSECURE")
    opened(page, tmp_path, PARAMS)
    expect(page.get_by_text("INSECURE")).to_have_count(0)


BOXES = """labels => labels.map((label) => label.getBoundingClientRect())
    .map((box) => [box.left, box.right, box.top, box.bottom])"""


@pytest.mark.parametrize("width", [380, 1000])
@pytest.mark.parametrize(
    "params",
    [
        PARAMS,
        TOY,
        he.CKKS(depth=19, precision=16),  # many primes, a long modulus
        he.CKKS(depth=1, precision=9, ring=1024, insecure=True),  # no limit
        he.CKKS(depth=3, prime_bits=(50, 30, 44, 37), special_bits=52),  # no two alike
    ],
    ids=["usual", "toy", "deep", "tiny", "uneven"],
)
def test_no_label_is_clipped_or_covers_another(params, width, tmp_path, offline_page):
    page = offline_page
    page.set_viewport_size({"width": width, "height": 700})
    opened(page, tmp_path, params)
    for key in ("End", "ArrowLeft", "Home"):
        slider(page).press(key)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        boxes = page.locator("svg text").evaluate_all(BOXES)
        assert all(left >= 0 and right <= width for left, right, *_ in boxes)
        for (l1, r1, t1, b1), (l2, r2, t2, b2) in itertools.combinations(boxes, 2):
            apart = l1 >= r2 or l2 >= r1 or t1 >= b2 or t2 >= b1
            assert apart, f"two labels overlap after {key}"
    assert page.errors == []
