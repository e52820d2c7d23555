"""Sphinx: the links of the notebooks to sources, figures and threats, as the book shows them.

JupyterLab knows no bibliography and no numbered figures, so a notebook says in plain Markdown
``([Paillier, 1999](../book/references.bib#paillier1999))`` and ``[figure below](#fig-01-masks)``.
In the book the first is a citation, the second the figure's number, and
``[threat model](../book/threat_model.md#threat-plan)`` leads to the section of that label.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

SOURCE = r"\[[^][\n]+\]\(\.\./book/references\.bib#(\w+)\)"
CITATION = re.compile(rf"\({SOURCE}(?:; {SOURCE})*\)")
FIGURE = re.compile(r"\[[^][\n]*figure (?:above|below)\]\(#(fig-[\w-]+)\)")
THREAT = re.compile(r"\[([^][\n]+)\]\(\.\./book/threat_model\.md#([\w-]+)\)")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("source-read", lambda app, page, text: text.append(as_roles(text.pop())))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def as_roles(text: str) -> str:
    """A page with roles in place of such links."""
    text = CITATION.sub(lambda m: "{cite}`" + ",".join(re.findall(SOURCE, m[0])) + "`", text)
    text = THREAT.sub(r"{ref}`\1 <\2>`", text)
    return FIGURE.sub(r"{numref}`\1`", text)
