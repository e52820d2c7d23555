"""Sphinx: makes the API page out of the package's docstrings as they are.

They are plain text with ``code`` in it: ``(count, *shape)`` and ``|x|`` are no markup. Annotations
name a class by the module that defines it, ``helib_py.roles.DataOwner``; readers know it as
``helib_py.DataOwner``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from sphinx.util.inspect import signature, stringify_signature
from traitlets import HasTraits

if TYPE_CHECKING:
    from docutils.nodes import TextElement
    from sphinx.addnodes import pending_xref
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

CODE = re.compile(r"(``.*?``|`.*?`)")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.setup_extension("sphinx.ext.autodoc")
    app.connect("autodoc-process-docstring", as_text)
    app.connect("autodoc-process-signature", constructor)
    app.connect("missing-reference", by_public_name)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def as_text(app: Sphinx, what: str, name: str, of: object, options: Any, lines: list[str]) -> None:
    """Escape what reStructuredText would take for markup, but for code and doctests."""
    in_doctest = False
    for i, line in enumerate(lines):
        in_doctest = bool(line.strip()) and (in_doctest or line.lstrip().startswith(">>>"))
        if not in_doctest:
            parts = CODE.split(line)
            parts[::2] = [re.sub(r"[*|]", r"\\\g<0>", text) for text in parts[::2]]
            lines[i] = "".join(parts)


def constructor(
    app: Sphinx, what: str, name: str, of: Any, options: Any, arguments: str | None, _: str | None
) -> tuple[str, None] | None:
    """The signature of a widget is its constructor's; traitlets would show ``*args``."""
    if what != "class" or not issubclass(of, HasTraits):
        return None
    return stringify_signature(
        signature(of.__init__, bound_method=True), show_annotation=False
    ), None


def by_public_name(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, text: TextElement
) -> TextElement | None:
    """A link for a type of this package, its bare text for one that is not on the page.

    Other packages' types are none of our business: ``nitpick_ignore_regex`` names them.
    """
    target = node.get("reftarget", "")
    if node.get("refdomain") != "py" or not (target.startswith("helib_py.") or "." not in target):
        return None
    domain, name = env.get_domain("py"), target.rsplit(".", 1)[-1]
    for public in (f"helib_py.{name}", f"helib_py.show.{name}", f"helib_py.errors.{name}"):
        if public in domain.objects and public != target:
            return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", public, node, text)
    return text
