"""What crosses between parties, noted as it crosses."""

from __future__ import annotations

from dataclasses import dataclass, field

from .errors import ShapeError
from .tables import Shown, Table, nbytes


@dataclass(repr=False)
class Transcript(Shown):
    """Everything that crosses between parties, as bytes: pass each message through ``send``."""

    messages: list[tuple[str, str, str, int]] = field(default_factory=list)

    def send(self, sender: str, receiver: str, what: str, data: bytes) -> bytes:
        """Note a message and hand its bytes on; anything but bytes is refused."""
        if not isinstance(data, bytes):
            raise ShapeError(f"only bytes cross between parties, not {type(data).__name__}")
        self.messages.append((sender, receiver, what, len(data)))
        return data

    def table(self) -> Table:
        """Who saw what."""
        rows = [(s, r, what, nbytes(size)) for s, r, what, size in self.messages]
        return Table(("from", "to", "what was seen", "bytes"), rows, "Everything that crossed")
