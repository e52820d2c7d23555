"""JupyterLab as `make lab` opens it, and notebooks run in it from top to bottom by "run all"."""

import json
import re
import shutil
from pathlib import Path

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright").expect
pytest.importorskip("ipywidgets")
pytest.importorskip("jupyterlab_myst")

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
START = "notebooks/00_start_here.ipynb"
NOTEBOOKS = ["01_paillier_encoding", "05_noise_budget", "06_ckks_encoding_and_levels"]
PANEL = "window.jupyterapp?.shell.currentWidget"
SECONDS = 120  # for a notebook
# JupyterLab adds the cells of a long notebook little by little.
DRAWN = f"""() => {{
  const panel = {PANEL};
  const cells = panel?.context?.isReady && panel.content.model.cells.length;
  return cells && cells === panel.node.querySelectorAll(".jp-Cell").length;
}}"""
# What went wrong in a notebook, cell by cell: not run, or an error.
TROUBLE = f"""[...{PANEL}.content.model.cells].map((cell) => cell.toJSON())
  .filter((cell) => cell.cell_type === "code" && cell.source)
  .filter((cell) => !cell.execution_count || cell.outputs.some((o) => o.ename))"""
HOLDS = f"""(text) => [...{PANEL}.content.model.cells]
  .findIndex((cell) => JSON.stringify(cell.toJSON()).includes(text))"""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, lab):
    """A JupyterLab on a copy of the notebooks, started with what the Makefile says."""
    folder = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    (flag,) = re.findall(r"--LabApp\.default_url=\S+", (ROOT / "Makefile").read_text())
    return lab(folder, flag)


def markdown(notebook):
    cells = json.loads((ROOT / notebook).read_text())["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]


def test_it_opens_the_start_notebook_with_its_kernel_and_asks_nothing(
    workshop, offline_page, foreign
):
    page = offline_page
    page.goto(workshop)
    page.wait_for_function(f"{PANEL}?.context?.path === '{START}'")
    page.wait_for_function(f"{PANEL}.sessionContext.session?.kernel?.status === 'idle'")
    assert page.evaluate(f"{PANEL}.sessionContext.session.kernel.name") == "python3"
    expect(page.locator(".jp-NotebookPanel h1")).to_be_visible()
    page.wait_for_timeout(2000)  # a question would come late
    expect(page.locator(".jp-Dialog, .Toastify__toast")).to_have_count(0)
    assert (foreign, page.errors) == ([], [])


def test_its_table_of_contents_leads_through_the_notebook(workshop, offline_page):
    page = offline_page
    page.goto(f"{workshop}/lab/tree/{START}?reset")
    page.wait_for_function(DRAWN)
    page.evaluate("window.jupyterapp.shell.activateById('table-of-contents')")
    heads = [line[3:] for text in markdown(START) for line in re.findall(r"^## .*", text, re.M)]
    entries = page.locator(".jp-tocItem-content")
    for head in heads:
        expect(entries.filter(has_text=head.replace("`", ""))).not_to_have_count(0)
    entries.filter(has_text=heads[-1].replace("`", "")).click()
    expect(page.locator(f".jp-NotebookPanel h2:has-text('{heads[-1]}')")).to_be_in_viewport()


def test_a_link_to_another_notebook_opens_it(workshop, offline_page):
    page = offline_page
    page.goto(f"{workshop}/lab/tree/{START}?reset")
    place = "05_noise_budget.ipynb"
    cell_with(page, f"({place})").locator(f".myst a[href*='{place}']").first.click()
    page.wait_for_function(f"{PANEL}?.context?.path === 'notebooks/{place}'")


def cell_with(page, text):
    """The first cell that holds a text, on the screen: what is not seen is not drawn."""
    page.wait_for_function(DRAWN)
    cell = page.locator(".jp-NotebookPanel:visible .jp-Cell").nth(page.evaluate(HOLDS, text))
    cell.scroll_into_view_if_needed()
    return cell


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_run_all_runs_all_and_the_slider_changes_the_picture(
    notebook, workshop, offline_page, foreign, run_all_cells
):
    page = offline_page
    page.set_default_timeout(SECONDS * 1000)
    run_all_cells(page, workshop, f"notebooks/{notebook}.ipynb")
    assert page.evaluate(TROUBLE) == []
    widget = cell_with(page, "application/vnd.jupyter.widget-view+json")
    slider = widget.get_by_role("slider").first
    pictures = widget.locator(".he-panels")
    before = pictures.inner_html()
    slider.press("Home")
    slider.press("ArrowRight")
    expect(slider).to_be_focused()
    assert pictures.inner_html() != before
    assert (foreign, page.errors) == ([], [])


def test_admonitions_are_boxes_not_colons(workshop, offline_page):
    page = offline_page
    page.goto(f"{workshop}/lab/tree/notebooks/06_ckks_encoding_and_levels.ipynb?reset")
    cell = cell_with(page, ":::{")
    expect(cell.locator(".myst aside")).to_be_visible()
    expect(cell.locator(".myst")).not_to_contain_text(":::")
