"""The book's own pages: contents and API page miss nothing, and links lead somewhere."""

import ast
import json
import re
from pathlib import Path

import pytest
import yaml

pytest.importorskip("pybtex", reason="needs the book's tools")
from pybtex.database import parse_file
from pybtex.richtext import Text

import helib_py as he
from book.reader_links import as_roles

BOOK = Path(__file__).parents[1] / "book"
PAGES = sorted(BOOK.glob("*.md"))
NOTEBOOKS = sorted((BOOK.parent / "notebooks").glob("*.ipynb"))
SOURCES = parse_file(BOOK / "references.bib").entries
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


def label(entry):
    """What the book calls a source: authors and year."""
    authors = [str(Text.from_latex(" ".join(p.last_names))) for p in entry.persons["author"]]
    if len(authors) > 2 or authors[-1] == "others":
        authors = [f"{authors[0]} et al."]
    return ", ".join([" and ".join(authors), *filter(None, [entry.fields.get("year")])])


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_names_its_sources_as_the_bibliography_does(notebook):
    links = r"\[([^][]+)\]\((\S*references\.bib\S*?)\)"
    text = notebook.read_text()
    found = re.findall(links, text)
    assert len(found) == text.count("references.bib")
    for named, target in found:
        entry = SOURCES[target.removeprefix("../book/references.bib#")]
        assert named == label(entry)
    assert "references.bib" not in as_roles(text), "write ([A, 1999](…); [B, 2001](…))"


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_names_its_own_figures_and_says_on_which_side_they_are(notebook):
    cells = json.loads(notebook.read_text())["cells"]
    texts = ["".join(cell["source"]) for cell in cells]
    at = {
        name: i
        for i, cell in enumerate(cells)
        if (name := cell["metadata"].get("mystnb", {}).get("figure", {}).get("name"))
    }
    for i, text in enumerate(texts):
        for side, name in re.findall(r"\[[^][]*figure (above|below)\]\(#([\w-]+)\)", text):
            assert (at[name] > i) == (side == "below"), name
        assert "](#fig-" not in as_roles(text), "write [figure below](#fig-…)"


THREATS = (BOOK / "threat_model.md").read_text()
NAMED_TESTS = sorted(set(re.findall(r"`(test_\w+)\.py(?:::(\w+))?`", THREATS)))


@pytest.mark.parametrize(("module", "function"), NAMED_TESTS)
def test_the_threat_model_names_tests_that_are_there(module, function):
    (path,) = Path(__file__).parent.rglob(f"{module}.py")
    written = ast.parse(path.read_text()).body
    names = {node.name for node in written if isinstance(node, ast.FunctionDef)}
    assert not function or function in names


def test_the_threat_model_names_no_test_in_any_other_way():
    assert len(re.findall("`test_", THREATS)) == len(re.findall(r"`test_\w+\.py[`:]", THREATS))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_who_saw_what_links_to_a_row_of_the_threat_model(notebook):
    cells = json.loads(notebook.read_text())["cells"]
    texts = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
    headed = re.split(r"^## ", "\n\n".join(texts), flags=re.MULTILINE)
    (section,) = (part for part in headed if part.startswith("Who saw what"))
    linked = re.findall(r"\[[^][\n]+\]\(\.\./book/threat_model\.md#([\w-]+)\)", section)
    assert linked
    assert set(linked) <= set(re.findall(r"^\(([\w-]+)\)=$", THREATS, re.MULTILINE))
    assert "threat_model.md" not in as_roles("\n".join(texts)), "write [threat model](…#threat-…)"


def test_the_citation_names_this_version():
    root = BOOK.parent
    assert yaml.safe_load((root / "CITATION.cff").read_text())["version"] == he.__version__
    assert f"version = {{{he.__version__}}}" in (root / "README.md").read_text()
