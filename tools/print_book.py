"""Print the built book as one PDF: its chapters on one long page, by Chromium, without LaTeX.

python tools/print_book.py book/_build/html book/_build/html/helib_py.pdf
"""

import posixpath
import re
import shutil
import sys
import tomllib
from collections.abc import Iterator
from html import escape
from io import BytesIO
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import sync_playwright
from pypdf import PdfReader

ROOT = Path(__file__).parents[1]
WAIT = 300_000  # milliseconds for the formulas and the widgets of all chapters
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
STYLE = """
@page { size: A4; margin: 20mm 18mm;
  @bottom-center { content: counter(page); font: 9pt sans-serif; } }
@page cover { @bottom-center { content: none; } }
html { font-size: 12.5px; }
.bd-main .bd-content { display: block; margin: 0; }
.print-cover { page: cover; padding-top: 75mm; text-align: center; }
.print-cover h1 { font-size: 3.2rem; margin: 0 0 2rem; }
.print-cover p { font-size: 1.3rem; }
.print-contents, .print-chapter { break-before: page; }
.print-contents ol { list-style: none; padding: 0; }
.print-contents a { display: flex; justify-content: space-between; color: inherit;
  text-decoration: none; }
h1, h2, h3, h4 { white-space: break-spaces; } /* or the outline loses the spaces at line ends */
"""
DRAWN = """() => [...document.querySelectorAll(".widget-static")]
  .every((widget) => widget.childNodes.length)"""
# Colours that cost a tag in the PDF and say little: names, operators, punctuation, spaces.
PLAIN = ".highlight :is(.n, .o, .p, .w)"
# Links stay in the book, those too that a widget has written; what is not printed is no link.
LINK = """() => {
  const chapters = [...document.querySelectorAll("article[data-page]")];
  const names = Object.fromEntries(chapters.map((chapter) => [chapter.dataset.page, chapter.id]));
  for (const chapter of chapters) for (const link of chapter.querySelectorAll("a[href]")) {
    const to = new URL(link.getAttribute("href"), `http://book/${chapter.dataset.page}`);
    const name = names[to.pathname.slice(1)];
    if (to.host !== "book") continue;
    if (name) link.href = "#" + name + to.hash.replace("#", "-");
    else link.replaceWith(...link.childNodes);
  }
}"""
NUMBER = """(pages) => document.querySelectorAll(".print-contents span")
  .forEach((place, i) => { place.textContent = pages[i]; })"""
# What runs over the pages of a chapter, which is told apart by its name.
HEAD = (
    '@page {0} {{ @top-right {{ content: "{1}"; font: 9pt sans-serif; }} }} #{0} {{ page: {0}; }}'
)


def chapters(site: Path) -> Iterator[tuple[str, BeautifulSoup]]:
    """The pages from the first to the last, as each names the next; addresses relative to site."""
    start = BeautifulSoup((site / "index.html").read_text(), "html.parser")
    refresh = start.select_one("meta[http-equiv=Refresh]")
    page = refresh["content"].split("url=")[1] if refresh else "index.html"
    while page:
        soup = BeautifulSoup((site / page).read_text(), "html.parser")
        yield page, soup
        following = soup.select_one("link[rel=next]")
        page = following and resolve(page, following["href"])


def resolve(page: str, address: str) -> str:
    """An address written on a page, relative to the site's root; a page means itself by ""."""
    path = urlsplit(address).path
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page


def anchor(page: str, fragment: str = "") -> str:
    """What a place in a chapter is called in the printed book."""
    return "-".join(filter(None, (re.sub(r"\W+", "-", page.removesuffix(".html")), fragment)))


def into_book(page: str, article: Tag) -> Tag:
    """A chapter with names that no other has, solutions unfolded, code that is folded left out."""
    for node in article.select("[id]"):
        node["id"] = anchor(page, node["id"])
    for node in article.select("[src]"):
        node["src"] = resolve(page, node["src"])
    for node in article.select(".tag_hide-input details"):
        node.decompose()
    for node in article.select("details"):
        node["open"] = ""
    for node in article.select("a.headerlink"):
        node.decompose()
    for node in article.select(PLAIN):
        node.unwrap()
    article.smooth()
    article["class"], article["id"], article["data-page"] = ["print-chapter"], anchor(page), page
    return article


def heads(found: list[tuple[str, BeautifulSoup]]) -> str:
    """Styles, formulas and widgets of all chapters, each once; none of the theme's scripts."""
    wanted: dict[str, None] = {}
    for page, soup in found:
        for node in soup.head.select("link[rel=stylesheet], script"):
            for name in {"href", "src"} & node.attrs.keys():
                node[name] = resolve(page, node[name])
            kind = " ".join((node.name, node.get("type", ""), node.get("src", "")))
            settings = (node.string or "").startswith("window.MathJax")
            if settings or re.search("link|widget|mathjax", kind):
                wanted[str(node)] = None
    return "\n".join(wanted)


def cover(config: dict) -> str:
    """The title page; what it says comes from the book's configuration."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    title, author, year = (escape(config[name]) for name in ("title", "author", "copyright"))
    lines = [author, f"helib_py {version} \u00b7 {year}"]
    text = "".join(f"<p>{line}</p>" for line in lines)
    return f'<section class="print-cover"><h1>{title}</h1>{text}</section>'


def assembled(site: Path, config: dict) -> str:
    """One page with a cover, the contents and every chapter, in the colours of daylight."""
    found = list(chapters(site))
    style, entries, body = STYLE, "", ""
    for page, soup in found:
        article = into_book(page, soup.select_one("article.bd-article"))
        name, title = anchor(page), article.h1.get_text()
        if body:
            style += HEAD.format(name, title.replace('"', "'"))
            entries += f'<li><a href="#{name}">{escape(title)}<span></span></a></li>'
        else:
            article.h1.decompose()  # the cover's title again
        body += str(article)
    contents = f'<nav class="print-contents"><h2>Contents</h2><ol>{entries}</ol></nav>'
    return (
        f'<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8">'
        f"<title>{escape(config['title'])}</title>{heads(found)}<style>{style}</style></head>"
        f'<body><main class="bd-main"><div class="bd-content">{cover(config)}{contents}{body}'
        f"</div></main></body></html>"
    )


def starts(pdf: bytes) -> list[int]:
    """The pages on which the chapters start, after the title page."""
    reader = PdfReader(BytesIO(pdf))
    heads = [entry for entry in reader.outline if not isinstance(entry, list)]
    return [1 + reader.get_destination_page_number(entry) for entry in heads[1:]]


def printed(chromium: str, page: Path) -> bytes:
    """The PDF of a file once its pictures, formulas and widgets are there.

    Printed twice: Chromium knows the page numbers of the contents only after the first time.
    """
    options = dict(prefer_css_page_size=True, print_background=True, tagged=True, outline=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        tab = browser.new_page()
        tab.set_default_timeout(WAIT)
        tab.goto(page.as_uri())
        tab.evaluate("window.MathJax?.startup.promise")
        tab.wait_for_function(DRAWN)
        for drawn in tab.locator(".he-draw").all():  # begins when it is seen, ends with a sentence
            drawn.scroll_into_view_if_needed()
            drawn.locator(".he-readout").filter(has_text=re.compile(r"\.\s*$")).wait_for()
        tab.evaluate(LINK)
        tab.evaluate(NUMBER, starts(tab.pdf(**options)))
        pdf = tab.pdf(**options)
        browser.close()
    return pdf


def main(site: Path, pdf: Path) -> str:
    """Print, or say what is missing for it."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return "Chromium is missing: the book was not printed, its PDF cannot be downloaded"
    config = yaml.safe_load((ROOT / "book/_config.yml").read_text())
    page = site / "_print.html"  # next to what it shows
    page.write_text(assembled(site, config))
    try:
        pdf.write_bytes(printed(chromium, page))
    finally:
        page.unlink()
    return f"The book was printed: {pdf}"


if __name__ == "__main__":
    print(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2])))
