"""Draw a digit in a real browser, on a static page: two threads, no kernel, no network."""

import base64

import numpy as np
import pytest

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright").expect

from drawn import (  # noqa: E402
    DIGITS,
    ENCRYPTED,
    SECRET,
    encrypted_in_python,
    examples,
    holds_part_of,
    plan,
    residues,
    scores,
    significant_bits,
    thread,
    widget,
)
from helpers import write_page  # noqa: E402

import helib_py as he  # noqa: E402
from helib_py.widgets import draw_digit  # noqa: E402

pytestmark = pytest.mark.browser
# Keeps what the page tells each of its threads.
LISTEN = """
  globalThis.told = new Map();
  const post = Worker.prototype.postMessage;
  Worker.prototype.postMessage = function (message) {
    if (!told.has(this)) told.set(this, []);
    told.get(this).push(message);
    return post.call(this, message);
  };
"""
BYTES = """(question) => {
  const messages = [...told.values()].find((list) => list[0].question === question).slice(1);
  const parts = messages.flatMap(({ given }) => Object.values(given).flat());
  const text = (bytes) => Array.from(bytes, (b) => String.fromCharCode(b)).join("");
  return parts.map((bytes) => btoa(text(bytes)));
}"""
# Whether two words of the secret in a row are in what a thread's WebAssembly remembers.
IN_MEMORY = """([name, secret]) => {
  const heap = new Uint8Array((name === "client" ? client : server).seal.memory.buffer);
  secret = Uint8Array.from(atob(secret), (c) => c.charCodeAt(0));
  const words = new BigUint64Array(secret.buffer);
  const known = new Map();
  words.forEach((word, i) => word > 2n ** 32n && known.set(Number(word & 0xffffffn), i));
  const filter = new Uint8Array(2 ** 24);
  for (const low of known.keys()) filter[low] = 1;
  for (let at = 0; at + 16 <= heap.length; at++) {
    const low = heap[at] | (heap[at + 1] << 8) | (heap[at + 2] << 16);
    if (!filter[low]) continue;
    const from = 8 * known.get(low);
    let same = 0;
    while (same < 16 && heap[at + same] === secret[from + same]) same++;
    if (same === 16) return true;
  }
  return false;
}"""


def opened(page, folder, made=None):
    """A page such as the book's, with the first example recognised."""
    page.goto(write_page(folder, made or widget()).as_uri())
    expect(page.get_by_role("status")).to_contain_text(f"It is a {DIGITS[0]}")
    return page


def choose(page, digit):
    page.get_by_role("button", name=f"held-out {digit}").click()
    expect(page.get_by_role("status")).to_contain_text(f"It is a {digit}")


@ENCRYPTED
def test_three_held_out_digits_score_as_in_python_with_no_network(tmp_path, offline_page, foreign):
    page = opened(offline_page, tmp_path)
    for digit, image, expected in zip(DIGITS, examples(), encrypted_in_python(), strict=True):
        choose(page, digit)
        assert 10 < significant_bits(scores(page), expected) < 30
        clear = plan().simulate(image, noisy=False)
        assert np.allclose(scores(page, 1), clear, atol=1e-5)  # as they are written
    expect(page.get_by_text("128-bit security")).to_be_visible()
    assert (foreign, page.errors) == ([], [])


def stroke(page, points):
    box = page.get_by_role("application").bounding_box()
    at = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*at[0])
    page.mouse.down()
    for point in at[1:]:
        page.mouse.move(*point, steps=8)
    page.mouse.up()


def bars(page):
    return page.get_by_role("img", name="Probability of each digit").get_attribute("aria-label")


@ENCRYPTED
def test_the_mouse_draws_and_the_answer_follows(tmp_path, offline_page):
    page = opened(offline_page, tmp_path)
    before = bars(page)
    stroke(page, [(0.5, 0.2), (0.48, 0.8)])
    expect(page.get_by_role("status")).to_contain_text("It is a 1")
    assert bars(page) != before
    page.get_by_role("button", name="clear").click()
    expect(page.get_by_role("img", name="no answer yet")).to_have_count(1)
    expect(page.get_by_role("status")).to_contain_text("Draw a digit")
    assert page.errors == []


@ENCRYPTED
def test_the_keyboard_draws_and_the_answer_follows(tmp_path, offline_page):
    page = opened(offline_page, tmp_path)
    page.keyboard.press("Tab")
    pad = page.get_by_role("application")
    expect(pad).to_be_focused()
    for key in ["ArrowUp"] * 8 + ["Space"] + ["ArrowDown"] * 16 + ["Space"]:
        page.keyboard.press(key)
    expect(page.get_by_role("status")).to_contain_text("It is a 1")
    page.keyboard.press("Delete")
    expect(page.get_by_role("status")).to_contain_text("Draw a digit")
    assert pad.locator("path").count() == 0
    assert page.errors == []


@ENCRYPTED
def test_the_server_s_thread_is_told_nothing_of_the_secret_key(tmp_path, offline_page):
    offline_page.add_init_script(LISTEN)
    page = opened(offline_page, tmp_path)
    for digit in DIGITS[1:]:
        choose(page, digit)
    client, server = thread(page, "client"), thread(page, "server")
    secret = residues(client.evaluate(SECRET))
    parts = [base64.b64decode(part) for part in page.evaluate(BYTES, "plan")]
    assert len(parts) == 3 + len(DIGITS)  # three keys, and what was encrypted
    assert not any(holds_part_of(secret, part) for part in parts)
    assert holds_part_of(secret, parts[0] + secret[1001:1040] + parts[1])
    written = base64.b64encode(secret).decode()
    assert not server.evaluate(IN_MEMORY, ["server", written])
    assert client.evaluate(IN_MEMORY, ["client", written])


BROKEN = {
    "WebAssembly": "delete globalThis.WebAssembly",
    "out of memory": "WebAssembly.compile = () => Promise.reject(new Error('out of memory'))",
    "node-seal": "",
}


@pytest.mark.parametrize(
    "missing", ["WebAssembly", pytest.param("out of memory", marks=ENCRYPTED), "node-seal"]
)
def test_a_page_that_cannot_encrypt_says_why_and_shows_a_recorded_run(
    missing, tmp_path, offline_page, monkeypatch
):
    offline_page.add_init_script(BROKEN[missing])
    if missing == "node-seal":
        monkeypatch.setattr(draw_digit, "NODE_SEAL", tmp_path)
    made = he.widgets.DrawDigit(plan(), examples(), DIGITS)
    page = opened(offline_page, tmp_path, made)
    expect(page.get_by_text(missing)).to_be_visible()
    expect(page.get_by_text("runs that Python recorded")).to_be_visible()
    for digit, run in zip(DIGITS, made.recorded["runs"], strict=True):
        choose(page, digit)
        assert np.allclose(scores(page), run["scores"], atol=1e-5)
    stroke(page, [(0.5, 0.2), (0.5, 0.8)])
    expect(page.get_by_role("status")).to_contain_text(f"It is a {DIGITS[-1]}")
    expect(page.get_by_role("button", name="clear")).to_be_disabled()
    assert page.errors == []


@ENCRYPTED
def test_a_plan_of_another_version_is_a_clear_error_in_the_page(tmp_path, offline_page):
    page, file = offline_page, write_page(tmp_path, widget())
    text = file.read_text()
    assert '\\"version\\": 2' in text
    file.write_text(text.replace('\\"version\\": 2', '\\"version\\": 3'))
    page.goto(file.as_uri())
    expect(page.get_by_text("version 3: this page reads 2 only")).to_be_visible()
    expect(page.get_by_text("runs that Python recorded")).to_be_visible()
    assert page.errors == []


@ENCRYPTED
@pytest.mark.parametrize("width", [380, 1000])
def test_nothing_is_wider_than_the_page_and_buttons_can_be_hit(width, tmp_path, offline_page):
    offline_page.set_viewport_size({"width": width, "height": 900})
    page = opened(offline_page, tmp_path)
    for summary in page.locator("summary").all():
        summary.click()
    expect(page.get_by_role("cell", name="encrypted digit").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 24
