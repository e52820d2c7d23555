"""The first part of the campaign: mutated bytes into every entry that takes bytes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from helib_py.errors import HelibError, OutOfMemory

from .blind import spoilt
from .entries import Entry, Taken, all_entries
from .entries.parties import donors
from .limits import Meter, starved
from .messages import forged
from .verdicts import Verdict, of_exception

OTHER_TYPES: tuple[Any, ...] = (
    None, 0, 3.5, "text", "", [], {}, [b"x"], (b"x", b"y"), bytearray(b"HELIBPY2"), object(),
    memoryview(b"HELIBPY2"), np.zeros(3), np.bytes_(b"HELIBPY2"), {"kind": "ciphertext"}, True,
    range(3), b"", b"{}", b"HELIBPY2",
)  # fmt: skip


class Case(NamedTuple):
    """``data`` for an entry. ``honest``: what it was made of; ``raw``: the checksum was left."""

    entry: Entry
    data: Any
    how: str
    honest: bytes = b""
    raw: bool = False


class Strangers:
    """Cases by their numbers: the same number and seed are the same mutation of fresh bytes."""

    def __init__(self, seed: int, entry: str = "") -> None:
        self._seed = seed
        found = [e for e in all_entries().values() if entry.lower() in e.name.lower()]
        self._entries = found
        weights = np.array([e.weight for e in found], dtype=float)
        self._shares = weights / weights.sum()

    def case(self, number: int) -> Case:
        """What is to be tried."""
        random = np.random.default_rng([self._seed, number])
        entry = self._entries[random.choice(len(self._entries), p=self._shares)]
        honest = entry.honest()
        message, choice = honest[random.integers(len(honest))], random.random()
        if choice < 0.03:
            other = OTHER_TYPES[random.integers(len(OTHER_TYPES))]
            return Case(entry, other, f"another type, {type(other).__name__}")
        if choice < 0.06:
            foreign = donors()[random.integers(len(donors()))]
            return Case(entry, foreign, "a whole message of another kind")
        if choice < 0.35 and not entry.text:
            donor = donors()[random.integers(len(donors()))]
            data, way = spoilt(random, message, donor)
            return Case(entry, data, f"raw {way}", message, data != donor)
        data, what = forged(random, message, [*donors(), *honest])
        return Case(entry, data, f"resealed {what}", message)

    def about(self, case: Case) -> str:
        """In a few words."""
        return case.entry.name

    def written(self, case: Case) -> bytes:
        """To be kept before it is tried."""
        return case.data if isinstance(case.data, bytes) else repr(case.data).encode()

    def judged(self, number: int, case: Case) -> Verdict:
        """Try it."""
        if case.raw and case.data == case.honest:
            return Verdict(number, case.entry.name, "accepted", how="unchanged")
        meter = Meter()
        verdict = _tried(number, case)
        if not verdict.finding and meter.greedy:
            return verdict_of(number, case, "memory", f"{meter.greedy >> 20} MB")
        if not verdict.finding and meter.slow:
            return verdict_of(number, case, "slow", f"{meter.slow:.1f} s")
        return verdict


def verdict_of(number: int, case: Case, outcome: str, detail: str = "") -> Verdict:
    """A finding that is no exception."""
    return Verdict(number, case.entry.name, outcome, "", case.how, detail)


def _tried(number: int, case: Case) -> Verdict:
    name, how = case.entry.name, case.how
    try:
        taken = case.entry.take(case.data)
    except HelibError as error:
        if starved(error) and not isinstance(error, OutOfMemory):
            return verdict_of(number, case, "memory", str(error))
        return Verdict(number, name, "refused", type(error).__name__, how, str(error)[:300])
    except Exception as error:
        return _raw(number, case, error)
    if case.raw and not _as_before(case, taken):
        return verdict_of(number, case, "differs", "accepted, and reads differently")
    for use in taken.uses:
        try:
            use()
        except HelibError as error:
            if starved(error) and not isinstance(error, OutOfMemory):
                return verdict_of(number, case, "memory", str(error))
        except Exception as error:
            return _raw(number, case, error)
    return Verdict(number, name, "accepted", how=how)


def _raw(number: int, case: Case, error: Exception) -> Verdict:
    if starved(error):
        found = of_exception(number, case.entry.name, case.how, error)
        return Verdict(number, case.entry.name, "memory", found.kind, case.how, found.detail)
    return of_exception(number, case.entry.name, case.how, error)


def _as_before(case: Case, taken: Taken) -> bool:
    """Whether altered bytes read as the honest ones do."""
    try:
        got = taken.read()
    except HelibError:
        return True  # refused all the same
    expected = _reading(case.entry, case.honest)
    if case.entry.close:
        return np.shape(got) == np.shape(expected) and np.allclose(
            got, expected, atol=case.entry.close
        )
    return bool(np.array_equal(got, expected)) if isinstance(got, np.ndarray) else got == expected


_readings: dict[tuple[str, bytes], Any] = {}


def _reading(entry: Entry, honest: bytes) -> Any:
    key = (entry.name, honest)
    if key not in _readings:
        _readings[key] = entry.take(honest).read()
    return _readings[key]
