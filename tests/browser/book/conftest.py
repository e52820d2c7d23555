"""The built book, page by page; without one, these tests skip themselves. See `make test-book`."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SITE = ROOT / "book/_build/html"
PAGES = re.findall(r"(?:root|file): (\S+)", (ROOT / "book/_toc.yml").read_text())


def _sources():
    for folder, kinds in {
        "notebooks": "ipynb",
        "book": "md yml css js",
        "helib_py": "py js css",
    }.items():
        for kind in kinds.split():
            yield from (f for f in (ROOT / folder).rglob(f"*.{kind}") if "_build" not in f.parts)


@pytest.fixture(scope="session")
def site():
    """The folder of the book's pages."""
    built = SITE / "searchindex.js"  # written last, by every build
    if not built.exists():
        pytest.skip("needs the built book: make book")
    newer = [f for f in _sources() if f.stat().st_mtime > built.stat().st_mtime]
    if newer:
        pytest.skip(f"the built book is older than {newer[0].relative_to(ROOT)}: make book")
    return SITE


@pytest.fixture(scope="session")
def book_pages():
    """The names of the book's pages, in order."""
    return PAGES


@pytest.fixture(scope="session")
def address(site, serve):
    """A function from a page's name to its address."""
    root = serve(site)
    return lambda page: f"{root}/{page}.html"


def _watch(page):
    """Also what the console calls an error counts as one, such as a file that is not there."""
    page.on("console", lambda m: m.type == "error" and page.errors.append(m.text))


@pytest.fixture(scope="module", params=PAGES)
def opened(request, address, open_offline):
    """Each page of the book as a phone shows it, with what it draws itself in place."""
    with open_offline(viewport={"width": 380, "height": 800}) as page:
        _watch(page)
        page.goto(address(request.param))
        page.wait_for_function(READY)
        yield page


# Formulas are set and no widget is still empty.
READY = """async () => {
  await window.MathJax?.startup.promise;
  const widgets = document.querySelectorAll(".widget-static");
  return [...widgets].every((widget) => widget.childNodes.length);
}"""
