"""What takes bytes from strangers: honest messages for it, and what is done with what it took."""

from __future__ import annotations

from importlib import import_module

from .entry import Entry, Taken, Use

_MODULES = (
    "bundles", "ciphertexts", "plans", "batches", "models", "parameters", "huge", "bootstraps",
    "remote",
)  # fmt: skip
__all__ = ["Entry", "Taken", "Use", "all_entries"]


def all_entries() -> dict[str, Entry]:
    """Every entry by its name; nothing is made for one before it is used."""
    modules = (import_module(f".{name}", __name__) for name in _MODULES)
    return {entry.name: entry for module in modules for entry in module.entries()}
