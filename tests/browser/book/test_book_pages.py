"""Every page of the built book: on a phone, without a network, without a kernel, by keyboard."""

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright").expect

pytestmark = pytest.mark.browser

# What is wider than its box, which cannot be scrolled: it is cut off. Of a formula the drawing
# counts, not the text for screen readers behind it.
CUT_OFF = """() => [...document.querySelectorAll("article *")].filter((node) => {
  if (node.closest("svg, mjx-container")) return false;
  const box = node.getBoundingClientRect();
  const drawn = node.matches("span.math") && node.querySelector("mjx-math");
  const hides = ["hidden", "clip"].includes(getComputedStyle(node).overflowX);
  if (drawn) return hides && drawn.getBoundingClientRect().right > box.right + 1;
  const shown = node.clientWidth > 2 && !node.matches(".math"); // 1: for screen readers only
  return hides && shown && node.scrollWidth > node.clientWidth + 1;
}).map((node) => node.textContent.slice(0, 200))"""
WITHOUT_PAPER = """images => images
  .filter((image) => getComputedStyle(image).backgroundColor !== "rgb(255, 255, 255)")
  .map((image) => image.outerHTML)"""
CONTROLS = "input:enabled, select:enabled, button:enabled"


def test_a_page_asks_no_other_host_and_has_no_errors(opened):
    expect(opened.locator("article h1")).to_have_count(1)
    assert (opened.foreign, opened.errors) == ([], [])


def test_a_page_does_not_scroll_sideways_on_a_phone(opened):
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert opened.evaluate(CUT_OFF) == []


def test_a_picture_has_words_and_in_the_dark_white_paper(opened):
    opened.emulate_media(color_scheme="dark")
    pictures = opened.locator("article img")
    assert all(image.get_attribute("alt") for image in pictures.all())
    expect(opened.locator("html")).to_have_attribute("data-theme", "dark")
    assert pictures.evaluate_all(WITHOUT_PAPER) == []


def test_every_widget_works_here_or_says_that_it_needs_python(opened):
    expect(opened.locator("script[type*=widget-view]:not([data-shown])")).to_have_count(0)
    for view in opened.locator(".widget-static, .widget-needs-kernel").all():
        if "widget-static" in view.get_attribute("class"):
            expect(view.locator(".he-widget")).to_have_count(1)
        else:
            expect(view).to_contain_text("needs a running kernel")


def shown(control):
    """All of the control's widget but the controls themselves."""
    return control.evaluate("""node => [...node.closest(".he-widget").children]
        .filter((part) => !part.matches(".he-knobs")).map((part) => part.outerHTML).join()""")


def turned(control):
    """Whether what is shown changes while the arrow keys take a control through its values."""
    slides = control.evaluate("node => node.type === 'range'")
    control.press("Home")
    first = shown(control)
    for _ in range(10 if slides else control.locator("option").count()):
        control.press("ArrowRight" if slides else "ArrowDown")
        if shown(control) != first:
            return True
    return False


def test_every_slider_moves_something_by_keyboard(opened):
    for slider in opened.locator(".he-widget input[type=range]:enabled").all():
        assert turned(slider), slider.evaluate("node => node.parentNode.outerHTML")


def test_the_menus_of_a_widget_change_something_by_keyboard(opened):
    for widget in opened.locator(".he-widget:has(select:enabled)").all():
        assert any(turned(menu) for menu in widget.locator("select:enabled").all())


def test_the_tab_key_reaches_every_control_and_shows_where_it_is(opened):
    for widget in opened.locator(".he-widget").all():
        controls = widget.locator(CONTROLS).all()
        if not controls:
            continue
        controls[0].focus()
        opened.keyboard.press("Shift+Tab")
        for control in controls:
            opened.keyboard.press("Tab")
            expect(control).to_be_focused()
            width = control.evaluate("n => parseFloat(getComputedStyle(n).outlineWidth)")
            assert width >= 2, control.evaluate("n => n.outerHTML")
            assert control.evaluate("n => getComputedStyle(n).outlineStyle") != "none"
