"""The session of *Draw a digit* in a page of its own: the keys, the server, and no drawing."""

from __future__ import annotations

import base64

from helib_py.widgets import DrawDigit
from helib_py.widgets.draw_digit import front_end

#: Defines ``session(given)``; what is given is ``traits`` of a widget.
SCRIPT = (
    front_end("plan.js", "threads.js", "session.js")
    + """
const session = (given) => new Session({ get: (name) => name.startsWith("seal_")
  ? Uint8Array.from(atob(given[name]), (c) => c.charCodeAt(0)) : given[name] });"""
)


def traits(widget: DrawDigit) -> dict[str, str]:
    """What a session reads of a widget; bytes as base64, since JSON has none."""
    packed = {name: getattr(widget, name) for name in ("seal_script", "seal_wasm")}
    texts = {name: getattr(widget, name) for name in ("plan", "client", "server")}
    return texts | {name: base64.b64encode(data).decode() for name, data in packed.items()}
