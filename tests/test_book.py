"""The book's own pages: contents and API page miss nothing, and links lead somewhere."""

import re
from pathlib import Path

import pytest
import yaml

import helib_py as he

BOOK = Path(__file__).parents[1] / "book"
PAGES = sorted(BOOK.glob("*.md"))
TOC = yaml.safe_load((BOOK / "_toc.yml").read_text())


def test_every_page_is_in_the_table_of_contents():
    listed = {chapter["file"] for chapter in TOC["chapters"]} | {TOC["root"]}
    assert {f"book/{page.stem}" for page in PAGES} <= listed


def test_every_public_name_is_on_the_api_page():
    named = re.findall(r"auto\w+:: helib_py\.([\w.]+)", (BOOK / "api.md").read_text())
    modules = {name.split(".")[0] for name in named}
    assert set(he.__all__) - {"HelibError", "bootstrap", "params"} <= modules
    classes = {name for name in he.show.__all__ if name.lower() != name and name.upper() != name}
    assert classes - {"Picture"} <= {name.split(".")[-1] for name in named}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_links_only_to_what_is_there(page):
    for target in re.findall(r"\{doc\}`(?:[^`<]*<)?([\w./]+)>?`", page.read_text()):
        found = (page.parent / target).resolve()
        assert found.with_suffix(".md").exists() or found.with_suffix(".ipynb").exists(), target


def test_the_citation_names_this_version():
    root = BOOK.parent
    assert yaml.safe_load((root / "CITATION.cff").read_text())["version"] == he.__version__
    assert f"version = {{{he.__version__}}}" in (root / "README.md").read_text()
