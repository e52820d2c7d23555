"""Take the README's picture: a digit drawn by mouse on the landing page of the built book.

python tools/picture.py book/_build/html/book/index.html book/_static/draw_digit.png
"""

import shutil
import sys
from collections.abc import Iterator
from math import cos, radians, sin
from pathlib import Path

from playwright.sync_api import expect, sync_playwright

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
MOST = 60_000  # milliseconds for keys and an answer


def take(page_file: str, picture: str) -> None:
    """Open the page, draw, wait for the answer, save what the widget looks like then."""
    with sync_playwright() as playwright:
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1100, "height": 1400})
        page.goto(Path(page_file).resolve().as_uri())
        widget = page.locator(".he-widget").filter(has=page.get_by_role("application"))
        answer = widget.get_by_role("status")
        expect(answer).to_contain_text("It is a", timeout=MOST)
        widget.get_by_role("button", name="clear").click()
        box = widget.get_by_role("application").bounding_box()
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in three()]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point)
        page.mouse.up()
        expect(answer).to_contain_text("It is a", timeout=MOST)
        widget.screenshot(path=picture)
        browser.close()


def three() -> Iterator[tuple[float, float]]:
    """Points of a handwritten 3, as parts of the canvas: two arcs."""
    for y, radius, start, end in ((0.34, 0.15, -150, 80), (0.66, 0.17, -80, 150)):
        for angle in range(start, end, 10):
            yield 0.47 + radius * cos(radians(angle)), y + radius * sin(radians(angle))


if __name__ == "__main__":
    take(*sys.argv[1:])
