"""One way for a stranger's bytes to come in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Use = Callable[[], Any]


class Taken(NamedTuple):
    """What was accepted: ``uses`` are all that is then done with it.

    ``read`` gives what honest bytes and altered ones, if accepted, must have in common.
    """

    read: Use
    uses: Sequence[Use] = ()


class Entry(NamedTuple):
    """``honest()`` gives messages; ``take(data)`` refuses one by a HelibError or accepts it.

    ``weight``: how often it is tried beside others. ``close``: readings that are encrypted anew
    on the way agree only so far. ``text``: takes JSON, which has no checksum.
    """

    name: str
    honest: Callable[[], Sequence[bytes]]
    take: Callable[[Any], Taken]
    weight: int = 10
    close: float = 0.0
    text: bool = False
