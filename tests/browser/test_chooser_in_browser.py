"""The chooser in a real browser, on a static page: no kernel, no network."""

import json
import random
from pathlib import Path

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright").expect
pytest.importorskip("ipywidgets")

from helpers import write_page  # noqa: E402

from helib_py.show import QUESTIONS, Chooser, choose  # noqa: E402

pytestmark = pytest.mark.browser

RESULTS = Path(__file__).parents[2] / "benchmarks/results.json"


def opened(page, folder, **value):
    measured = json.loads(RESULTS.read_text())
    chooser = Chooser(measured, folder="../notebooks", title="Which?", value=value)
    page.goto(write_page(folder, chooser).as_uri())
    return page.get_by_role("group", name="Which?")


def menu(page, question):
    return page.get_by_role("combobox").nth(list(QUESTIONS).index(question))


def test_the_menus_turn_with_the_keyboard_and_no_network(tmp_path, offline_page, foreign):
    page = offline_page
    card = opened(page, tmp_path, depth="1 to 3 hidden layers")
    expect(card).to_contain_text("the whole network on one ciphertext")
    expect(card).to_contain_text("rotation keys, once")
    page.keyboard.press("Tab")
    expect(page.get_by_role("combobox", name="I want to")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("status")).to_have_text(
        "The answer: An encrypted network, by CKKS, with flooding."
    )
    link = card.get_by_role("link", name="notebook 11 encrypted deep model")
    expect(link).to_have_attribute("href", "../notebooks/11_encrypted_deep_model.html")
    assert (foreign, page.errors) == ([], [])


def test_the_page_answers_as_the_package_does(tmp_path, offline_page):
    page = offline_page
    card, draw = opened(page, tmp_path), random.Random(1)
    for _ in range(12):
        case = {question: draw.choice(answers) for question, answers in QUESTIONS.items()}
        for question, answer in case.items():
            menu(page, question).select_option(label=answer)
        technique = choose(**case)
        expect(card).to_contain_text(technique.name)
        expect(card).to_contain_text(technique.how)
    assert page.errors == []


def test_in_jupyterlab_the_links_go_to_notebooks(tmp_path, offline_page):
    page = offline_page
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => document.head.insertAdjacentHTML("
        "'beforeend', '<script id=jupyter-config-data type=application/json>{}</script>'))"
    )
    card = opened(page, tmp_path)
    link = card.get_by_role("link").first
    expect(link).to_have_attribute("href", "../notebooks/02_paillier_linear_models.ipynb")
    expect(link).to_have_attribute("target", "_blank")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone(scheme, tmp_path, offline_page):
    page = offline_page
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 380, "height": 700})
    opened(page, tmp_path)
    for answer in QUESTIONS["task"]:
        menu(page, "task").select_option(label=answer)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
