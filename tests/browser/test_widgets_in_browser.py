"""The Explorer in a real browser: on a static page without a kernel, and in JupyterLab."""

import itertools
import json
import shutil

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright").expect
ipywidgets = pytest.importorskip("ipywidgets")
nbformat = pytest.importorskip("nbformat")

from helpers import STATIC, write_page  # noqa: E402

from helib_py.show.widgets import Explorer  # noqa: E402

pytestmark = pytest.mark.browser


ROWS = [
    {"scale": scale, "chain": chain, "precision": scale - 9.5, "time": 4.0 * levels}
    for chain, levels in {"short": 1, "long": 2}.items()
    for scale in (20, 30, 40)
    if (chain, scale) != ("short", 40)
]


def explorer(**options):
    knobs = {"scale": "bits", "chain": ""}
    metrics = {"precision": "bits", "time": "ms"}
    return Explorer(ROWS, knobs, metrics, title="Scale", **options)


def panel(page, metric):
    return page.get_by_role("img", name=metric)


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_the_static_page_turns_with_the_keyboard_and_no_network(
    scheme, tmp_path, serve, offline_page, foreign
):
    page, file = offline_page, write_page(tmp_path, explorer())
    page.goto(file.as_uri() if scheme == "file" else f"{serve(tmp_path)}/page.html")
    expect(page.get_by_role("status")).to_contain_text(
        "scale 20 bits, chain short: precision 10.5"
    )
    before = panel(page, "precision").inner_html()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("slider", name="scale")).to_be_focused()
    expect(page.get_by_role("status")).to_have_text(
        "scale 30 bits, chain short: precision 20.5 bits, time 4 ms."
    )
    expect(panel(page, "precision")).to_contain_text("20.5 bits")
    expect(panel(page, "precision 20.5 bits")).to_have_count(1)
    assert panel(page, "precision").inner_html() != before
    assert (foreign, page.errors) == ([], [])


def test_a_setting_that_was_not_measured_shows_the_nearest_and_says_so(tmp_path, offline_page):
    page = offline_page
    page.goto(write_page(tmp_path, explorer()).as_uri())
    page.get_by_role("slider", name="scale").press("End")
    expect(page.get_by_role("status")).to_contain_text("Not measured together")
    expect(page.get_by_role("status")).to_contain_text("scale 40 bits, chain long")
    expect(page.get_by_role("combobox", name="chain")).to_have_value("1")
    assert page.errors == []


def test_two_views_of_one_widget_move_together(tmp_path, offline_page):
    page, widget = offline_page, explorer()
    page.goto(write_page(tmp_path, widget, widget).as_uri())
    page.get_by_role("slider").first.press("ArrowRight")
    expect(page.get_by_role("status").nth(1)).to_contain_text("scale 30 bits")
    assert page.errors == []


def test_insecure_is_written_on_every_panel_and_in_its_description(tmp_path, offline_page):
    page = offline_page
    page.goto(write_page(tmp_path, explorer(insecure=True)).as_uri())
    expect(page.get_by_role("img", name="INSECURE")).to_have_count(2)
    expect(page.locator("svg").get_by_text("INSECURE")).to_have_count(2)


def test_a_widget_that_needs_a_kernel_says_so(tmp_path, offline_page):
    page = offline_page
    page.goto(write_page(tmp_path, ipywidgets.IntSlider()).as_uri())
    expect(page.get_by_text("needs a running kernel")).to_have_count(1)
    assert page.errors == []


def test_a_progress_bar_that_is_done_says_nothing(tmp_path, offline_page):
    page, bar = offline_page, ipywidgets.FloatProgress(value=1, max=1)
    page.goto(write_page(tmp_path, ipywidgets.HBox([ipywidgets.HTML("100%"), bar])).as_uri())
    assert page.locator("body").inner_text().strip() == ""
    assert page.errors == []


def test_a_page_without_widgets_stays_as_it_is(tmp_path, offline_page):
    page = offline_page
    shutil.copy(STATIC, tmp_path)
    (tmp_path / "page.html").write_text("<script src='widgets-static.js'></script><p>text</p>")
    page.goto((tmp_path / "page.html").as_uri())
    assert page.locator("body").inner_html().strip() == "<p>text</p>"
    assert page.errors == []


BOXES = """labels => labels.map((label) => label.getBoundingClientRect())
    .map((box) => [box.left, box.right, box.top, box.bottom])"""


@pytest.mark.parametrize("width", [380, 1000])
def test_no_label_is_clipped_or_covers_another(width, tmp_path, offline_page):
    page = offline_page
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(write_page(tmp_path, explorer(insecure=True)).as_uri())
    for key in ("Home", "ArrowRight", "End"):
        page.get_by_role("slider", name="scale").press(key)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        boxes = page.locator("svg text").evaluate_all(BOXES)
        assert all(left >= 0 and right <= width for left, right, *_ in boxes)
        for (l1, r1, t1, b1), (l2, r2, t2, b2) in itertools.combinations(boxes, 2):
            assert l1 >= r2 or l2 >= r1 or t1 >= b2 or t2 >= b1, f"two labels overlap at {key}"


NOTEBOOK = """
import json
from pathlib import Path
from helib_py.show.widgets import Explorer
explorer = Explorer(json.loads(Path("rows.json").read_text()), ["scale", "chain"])
explorer.observe(lambda change: Path("seen.json").write_text(json.dumps(change["new"])), "value")
explorer
"""


def test_jupyterlab_and_python_tell_each_other_the_value(
    tmp_path, lab, offline_page, foreign, run_all_cells, wait_until
):
    page, seen = offline_page, tmp_path / "work" / "seen.json"
    seen.parent.mkdir()
    (seen.parent / "rows.json").write_text(json.dumps(ROWS))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, seen.parent / "explore.ipynb")
    run_all_cells(page, lab(seen.parent), "explore.ipynb")
    page.get_by_role("slider", name="scale").press("ArrowRight")
    expect(panel(page, "precision")).to_contain_text("20.5")
    wait_until(lambda: seen.exists() and seen.read_text(), "the observer in Python")
    assert json.loads(seen.read_text()) == ROWS[1]
    kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
    page.evaluate(f"""{kernel}.requestExecute(
        {{code: "explorer.value = {{'scale': 40, 'chain': 'long'}}"}}).done.then(() => null)""")
    expect(page.get_by_role("status").filter(has_text="precision 30.5")).to_have_count(1)
    expect(page.get_by_role("combobox", name="chain")).to_have_value("1")
    assert (foreign, page.errors) == ([], [])
