"""Draw a digit in JupyterLab: the kernel computes with public keys, the browser has the secret."""

import base64

import numpy as np
import pytest

expect = pytest.importorskip("playwright.sync_api", reason="needs playwright").expect
nbformat = pytest.importorskip("nbformat")

from drawn import (  # noqa: E402
    DIGITS,
    ENCRYPTED,
    SECRET,
    encrypted_in_python,
    examples,
    holds_part_of,
    plan,
    residues,
    scores,
    significant_bits,
    thread,
)

pytestmark = pytest.mark.browser
CELL = f"""
import numpy as np, helib_py as he
plan = he.Plan.from_json(open("plan.json").read())
widget = he.widgets.DrawDigit(plan, np.load("examples.npy"), {list(DIGITS)})
widget
"""
KERNEL = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel"
CODE = "{code: 'widget._remote._servers.clear()'}"
FORGET = f"{KERNEL}.requestExecute({CODE}).done.then(() => null)"


def notebook(folder):
    """A notebook with the widget, and what it loads."""
    (folder / "plan.json").write_text(plan().to_json())
    np.save(folder / "examples.npy", examples())
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(book, folder / "digit.ipynb")


def told(page, text):
    expect(page.get_by_role("status").filter(has_text=text)).to_have_count(1)


def choose(page, digit):
    page.get_by_role("button", name=f"held-out {digit}").click()
    told(page, f"It is a {digit}")


@ENCRYPTED
def test_the_kernel_computes_three_digits_and_never_meets_the_key(
    tmp_path, offline_page, foreign, lab, run_all_cells
):
    page, sent = offline_page, []
    page.on("websocket", lambda ws: ws.on("framesent", lambda frame: sent.append(frame)))
    notebook(tmp_path)
    run_all_cells(page, lab(tmp_path), "digit.ipynb")
    told(page, f"It is a {DIGITS[0]}")
    for digit, expected in zip(DIGITS, encrypted_in_python(), strict=True):
        choose(page, digit)
        assert 10 < significant_bits(scores(page), expected) < 30
    expect(page.get_by_role("combobox", name="Server")).to_have_value("kernel")
    assert page.locator("td", has_text="Python kernel").count() >= 2 * len(DIGITS)
    secret = residues(thread(page, "client").evaluate(SECRET))
    frames = b"".join(f if isinstance(f, bytes) else f.encode() for f in sent)
    assert len(frames) > 4_000_000  # the keys went there
    assert not holds_part_of(secret, frames)
    page.evaluate(FORGET)
    page.get_by_role("button", name=f"held-out {DIGITS[0]}").click()
    expect(page.get_by_role("alert").filter(has_text="no public keys are here")).to_have_count(1)
    choose(page, DIGITS[1])  # the keys were sent again
    page.get_by_role("combobox", name="Server").select_option("thread")
    choose(page, DIGITS[2])
    assert page.locator("td", has_text="server thread").count() >= 2
    assert base64.b64encode(secret)[:64] not in frames
    assert (foreign, page.errors) == ([], [])
