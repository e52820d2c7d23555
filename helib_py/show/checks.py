"""What pictures and widgets are given: looked at before anything is drawn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import ParameterError
from ..ledger import Entry
from ..options import instance, listed, whole


def check_names(wanted: Mapping[str, Any], known: Iterable[str]) -> None:
    """ParameterError for a choice that a widget does not offer."""
    if odd := sorted(map(str, set(wanted) - set(known))):
        raise ParameterError(f"{odd}: set {', '.join(known)}, or some of them")


def counts(wanted: Mapping[str, Any], most: Mapping[str, int]) -> dict[str, int]:
    """Choices that are whole numbers from 0, each up to its ``most``; else ParameterError."""
    check_names(wanted, most)
    return {name: whole(wanted[name], name, 0, limit) for name, limit in most.items()}


def entries_of(entries: Any) -> list[Entry]:
    """The entries of a ledger, or some of one; ParameterError for anything else."""
    return [instance(e, Entry, "a he.Ledger") for e in listed(entries, "a he.Ledger")]
