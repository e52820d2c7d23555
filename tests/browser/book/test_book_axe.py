"""axe-core over pages of every kind, by day and by night: nothing serious in what is ours."""

from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api", reason="needs playwright")

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[3] / "tools/web/node_modules/axe-core/axe.min.js"
KINDS = [
    "book/index",  # the landing page, with the chooser and a digit to draw
    "notebooks/01_paillier_encoding",
    "notebooks/06_ckks_encoding_and_levels",  # three kinds of widgets
    "book/glossary",
    "book/api",
]
BY_NIGHT = {"light": {}, "dark": {"runOnly": ["color-contrast"]}}  # what the colours change
RUN = "options => axe.run(document, { resultTypes: ['violations'], ...options })"
THEME = {  # rule → what the theme does against it, and what it does it to
    # reads "Search Ctrl + K" and is called "Search"; is a picture and is called "Color mode"
    "label-content-name-mismatch": ("search-button-field", "theme-switch-button"),
}


def faults(found):
    """What is serious or worse, but for the theme's own faults: the rule and the element."""
    for violation in found["violations"]:
        if violation["impact"] in ("serious", "critical"):
            excused = THEME.get(violation["id"], ())
            for node in violation["nodes"]:
                if not any(name in node["html"] for name in excused):
                    yield violation["id"], node["target"], node["html"], node["failureSummary"]


@pytest.mark.parametrize("scheme", BY_NIGHT)
@pytest.mark.parametrize("name", KINDS)
def test_axe_finds_nothing_serious(name, scheme, address, open_offline):
    if not AXE.exists():
        pytest.skip("needs axe-core from npm: make tools/web/node_modules/.ready")
    with open_offline(color_scheme=scheme) as page:
        page.goto(address(name))
        page.evaluate(AXE.read_text())
        assert list(faults(page.evaluate(RUN, BY_NIGHT[scheme]))) == []
