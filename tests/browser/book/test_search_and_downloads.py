"""What a reader looks for is found, what is offered for download arrives, without a network."""

import json
from pathlib import Path

import pytest

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright").expect

pytestmark = pytest.mark.browser


def _search(page, word):
    """By keyboard, from any page."""
    page.keyboard.press("Control+k")
    page.locator("input[type=search]:visible").fill(word)
    page.keyboard.press("Enter")
    return page.locator("#search-results li a")


def test_a_word_is_found_where_it_is_explained(address, offline_page, foreign):
    page = offline_page
    page.goto(address("book/index"))
    found = _search(page, "flooding")
    expect(found.filter(has_text="An encrypted deep model")).not_to_have_count(0)
    found.filter(has_text="Glossary").first.click()
    expect(page.locator("dt#term-flooding")).to_be_in_viewport()
    assert (foreign, page.errors) == ([], [])


def test_a_name_of_the_package_is_found_in_the_api(address, offline_page, foreign):
    page = offline_page
    page.goto(address("notebooks/00_start_here"))
    _search(page, "DataOwner").filter(has_text="helib_py.DataOwner").first.click()
    expect(page.locator("[id='helib_py.DataOwner']")).to_be_in_viewport()
    assert (foreign, page.errors) == ([], [])


def test_search_works_from_a_folder_without_a_server(site, offline_page, foreign):
    page = offline_page
    page.goto((site / "book/index.html").as_uri())
    expect(_search(page, "bootstrapping").first).to_be_visible()
    assert foreign == []


def test_a_page_can_be_downloaded_as_the_notebook_that_it_is(address, offline_page, foreign):
    page = offline_page
    page.goto(address("notebooks/09_encrypted_digits"))
    page.get_by_role("button", name="Download this page").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=".ipynb").click()
    assert download.value.suggested_filename == "09_encrypted_digits.ipynb"
    notebook = json.loads(Path(download.value.path()).read_text())
    assert notebook["nbformat"] == 4
    assert notebook["cells"][0]["source"]
    assert foreign == []
