"""The second part of the campaign: random circuits on every scheme and engine, against numpy."""

from __future__ import annotations

from collections import Counter
from math import isnan, log2
from typing import Any, NamedTuple

import numpy as np

import helib_py as he
from helib_py.errors import HelibError

from .clear import Clear
from .entries.parties import engines
from .grammar import Lines, curve, draw
from .settings import EACH, Setting, setting
from .verdicts import NEVER, Verdict, of_exception

MARGIN = 3.0  #: bits by which errors may exceed what is predicted, the largest to expect
FLOAT_BITS = 46.0  #: that float64 keeps of the largest value through transforms there and back


class Case(NamedTuple):
    """A seed and what follows from it; ``how`` says which scheme, engine and hop."""

    number: int
    setting: Setting
    hop: int
    steps: int
    how: str


class Wrong(Exception):
    """A result that is not what it should be."""


class Circuits:
    """Cases by their numbers: the same number and seed are the same circuit under fresh keys."""

    def __init__(self, seed: int, entry: str = "") -> None:
        self._seed = seed
        kinds = [(s, e) for s in ("CKKS", "BFV", "Paillier") for e in engines(s)]
        # Paillier and the clear twins are quick and have fewer ways to err.
        heavy = [kind for kind in kinds for _ in range(1 if "plain" in kind else 3)]
        self._kinds = [k for k in heavy if entry.lower() in " · ".join(k).lower()]

    def case(self, number: int) -> Case:
        """What is to be tried. Circuits of a block share their keys."""
        block = number // EACH
        scheme, engine = self._kinds[block % len(self._kinds)]
        random = np.random.default_rng([self._seed, number, 1])
        steps = int(random.integers(3, 15))
        hop = int(random.integers(1, steps + 1)) if random.random() < 0.5 else 0
        made = setting(self._seed, block, scheme, engine)
        return Case(number, made, hop, steps, made.code)

    def about(self, case: Case) -> str:
        """In a few words."""
        engine = case.setting.owner.public.engine
        return f"{case.setting.scheme} · {engine}{' · with a hop' if case.hop else ''}"

    def written(self, case: Case) -> bytes:
        """To be kept before it is tried; the circuit itself grows as it runs."""
        return case.how.encode()

    def judged(self, number: int, case: Case) -> Verdict:
        """Run it on ciphertexts and on numpy."""
        random = np.random.default_rng([self._seed, number, 2])
        run = Run(case, random)
        try:
            run.all()
            run.check()
        except Wrong as error:
            return Verdict(number, self.about(case), "wrong", "", str(error), run.code)
        except Exception as error:
            found = of_exception(number, self.about(case), "", error)
            detail = f"{run.code}\n{found.detail}"
            return Verdict(number, found.about, found.outcome, found.kind, run.last, detail)
        return Verdict(number, self.about(case), "accepted", counts=dict(run.counts))


class Run:
    """One circuit, growing line by line, on ciphertexts and in the clear."""

    def __init__(self, case: Case, random: np.random.Generator) -> None:
        self._case, self._party = case, case.setting.parties[0]
        params = case.setting.params
        slots, products = getattr(params, "slots", 0), getattr(params, "depth", 0) > 0
        self._lines = Lines(random, case.setting.scheme, slots, products)
        self._written = [case.setting.code, "v = []"]
        self._there: list[Any] = []
        self._here: list[Clear] = []
        self.counts: Counter[str] = Counter()
        self.last = ""

    @property
    def code(self) -> str:
        """All of it, as Python."""
        return "\n".join(self._written)

    def all(self) -> None:
        """Every line; those that are refused are left out."""
        for line in self._lines.first():
            self._add(line)
        for step in range(1, self._case.steps + 1):
            if self._there:
                self._add(self._lines.next(self._here))
            if step == self._case.hop:
                self._hop()

    def _add(self, line: str) -> None:
        self.last = line
        self.counts["steps"] += 1
        names = {"draw": draw, "curve": curve, "np": np, "he": he}
        try:
            clear = eval(line, {**names, "v": self._here, "encrypt": Clear.of})
        except ValueError:  # shapes that do not meet must be refused
            clear = None
        try:
            made = eval(line, {**names, "v": self._there, "encrypt": self._party.encrypt})
        except HelibError as error:
            self.counts[type(error).__name__] += 1
            if type(error).__name__ in NEVER:
                raise Wrong(f"{line} is refused: {type(error).__name__}: {error}") from error
            self._written.append(f"# {line}  # {type(error).__name__}")
            return
        self._written.append(f"v.append({line})  # v[{len(self._there)}]")
        if clear is None:
            raise Wrong(f"{line} makes no sense, and was done")
        self._there.append(made)
        self._here.append(clear)

    def _hop(self) -> None:
        """All values go, as bytes, to the other party, which goes on."""
        self._party = self._case.setting.parties[1]
        self._there = [self._case.setting.sent(c, self._party) for c in self._there]
        self._written.append("v = [sent(c) for c in v]  # to the other party")

    def check(self) -> None:
        """Wrong unless all values are what they should be, as far as was predicted."""
        top = max([1.0, *(float(np.abs(v.values).max()) for v in self._here)])
        for i, (c, expected) in enumerate(zip(self._there, self._here, strict=True)):
            try:
                got = self._case.setting.owner.decrypt(c)
            except HelibError as error:
                raise Wrong(f"v[{i}] does not decrypt: {type(error).__name__}: {error}") from error
            if got.shape != expected.values.shape:
                raise Wrong(f"v[{i}] has shape {got.shape}, not {expected.values.shape}")
            off = float(np.abs(got - expected.values).max())
            allowed = self._allowed(c, top)
            if not off <= allowed:
                raise Wrong(f"v[{i}] is off by {off:.3g}, at most {allowed:.3g} was predicted")
            if np.abs(expected.values).max() > c.bound * (1 + 1e-9) + allowed:
                raise Wrong(f"v[{i}] reaches {np.abs(expected.values).max()}, bound {c.bound}")

    def _allowed(self, c: Any, top: float) -> float:
        """The largest error that there may be."""
        scheme, owner = self._case.setting.scheme, self._case.setting.owner
        if scheme == "BFV":
            if owner.budget(c) < c.budget - 1:
                raise Wrong(f"{owner.budget(c)} bits of budget, {c.budget} were predicted")
            return 0.0
        rounding = top * 2.0**-FLOAT_BITS
        if scheme == "Paillier":
            return float(c.error) + rounding
        assert not isnan(c.bits)
        return float(2.0 ** (MARGIN - min(c.bits, FLOAT_BITS - log2(top))))
