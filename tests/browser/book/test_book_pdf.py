"""The printed book: all chapters, in order, with page numbers, tags and solutions."""

import unicodedata
from functools import cache
from itertools import pairwise

import pytest

bs4 = pytest.importorskip("bs4")
pypdf = pytest.importorskip("pypdf")


def squeezed(text):
    """Without ligatures and spaces, which a PDF places as it likes."""
    return "".join(unicodedata.normalize("NFKC", text).split())


@pytest.fixture(scope="module")
def pdf(site):
    path = site / "helib_py.pdf"
    if not path.exists():
        pytest.skip("needs the printed book: make pdf, where there is Chromium")
    return pypdf.PdfReader(path)


@pytest.fixture(scope="module")
def text(pdf):
    """A function that reads pages, given by their places; a whole book takes a while."""

    @cache
    def read(place):
        return squeezed(pdf.pages[place].extract_text())

    return lambda first, last=None: "".join(map(read, range(first, last or first + 1)))


@pytest.fixture(scope="module")
def titles(site, book_pages):
    found = []
    for page in book_pages:
        head = bs4.BeautifulSoup((site / f"{page}.html").read_text(), "html.parser").h1
        found.append(head.get_text().removesuffix("#"))
    return found


@pytest.fixture(scope="module")
def heads(pdf):
    return [entry for entry in pdf.outline if not isinstance(entry, list)]


def test_it_is_tagged_and_says_its_language_and_title(pdf, titles):
    root = pdf.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert pdf.metadata.title == titles[0]


def test_the_outline_names_every_chapter_in_order(heads, titles):
    assert [squeezed(entry.title) for entry in heads] == [squeezed(title) for title in titles]


def test_the_contents_and_the_page_itself_name_the_page_on_which_a_chapter_starts(
    pdf, heads, text
):
    for entry in heads[1:]:
        place, title = pdf.get_destination_page_number(entry), squeezed(entry.title)
        running = f"{title}{place + 1}"  # over the page and under it; then comes its text
        assert text(place).startswith(running)
        assert title in text(place).removeprefix(running)
        assert f"{title}{place + 1}" in text(1)


def test_every_notebook_ends_with_three_solutions(pdf, heads, text, book_pages):
    starts = [pdf.get_destination_page_number(entry) for entry in heads] + [len(pdf.pages)]
    for page, (first, last) in zip(book_pages, pairwise(starts), strict=True):
        if page.startswith("notebooks/"):
            assert text(max(first, last - 6), last).count("#Solution") == 3, page


def test_a_widget_is_printed_with_what_it_is_set_to(pdf, heads, text):
    (chapter,) = (i for i, entry in enumerate(heads) if entry.title.startswith("CKKS:"))
    first, last = map(pdf.get_destination_page_number, heads[chapter : chapter + 2])
    assert "level3of3" in text(first, last)
    assert "Aciphertextatlevel3takes524kB" in text(first, last)


def test_links_stay_in_the_book_or_lead_into_the_world(pdf):
    for page in pdf.pages:
        for note in page.get("/Annots", ()):
            target = note.get_object().get("/A", {})
            assert target.get("/URI", "https:").startswith(("https:", "http:", "mailto:"))
