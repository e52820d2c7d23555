"""What became of a case, and what a campaign makes of all of them."""

from __future__ import annotations

import json
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

FINDINGS = ("raw exception", "differs", "memory", "slow", "crash", "hang", "wrong")


#: Refusals that nothing honest should meet.
NEVER = ("BadBytes", "EngineFailed", "MissingKey", "WrongKey", "InsecureParameters")


@dataclass(frozen=True)
class Verdict:
    """Of one case: what it was about, how it came out, and, of a finding, all there is to say.

    ``outcome``: "accepted", "refused" with the ``kind`` of refusal, or one of `FINDINGS`.
    ``counts``: of steps on the way, and of those that were refused, by their kinds.
    """

    number: int
    about: str
    outcome: str
    kind: str = ""
    how: str = ""
    detail: str = ""
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def finding(self) -> bool:
        """Whether it should not have been."""
        return self.outcome in FINDINGS

    @property
    def signature(self) -> str:
        """What cases have in common that have the same cause, as far as can be told."""
        return f"{self.outcome} · {self.kind or self.about}"

    def line(self) -> str:
        """As a worker tells it."""
        return json.dumps(asdict(self))


def of_exception(number: int, about: str, how: str, error: BaseException) -> Verdict:
    """A raw exception: which one, and where in the package it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [f for f in frames if "helib_py" in f.filename] or list(frames)
    file = ours[-1].filename.rpartition("helib_py")[2].lstrip("/")
    kind = f"{type(error).__name__} at {file}:{ours[-1].lineno}"
    text = "".join(traceback.format_exception(error, limit=-3))
    return Verdict(number, about, "raw exception", kind, how, text[-3000:])


@dataclass
class Report:
    """Everything that was tried and found in one part of a campaign."""

    part: str
    tried: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    findings: dict[str, list[Verdict]] = field(default_factory=dict)
    seconds: float = 0.0

    def add(self, verdict: Verdict) -> None:
        """Count one."""
        self.tried[verdict.about] += 1
        self.steps.update(verdict.counts)
        if verdict.outcome == "accepted":
            self.accepted[verdict.about] += 1
        elif verdict.outcome == "refused":
            self.refused[verdict.kind] += 1
        else:
            self.findings.setdefault(verdict.signature, []).append(verdict)

    @property
    def found(self) -> int:
        """Findings, all of them."""
        return sum(map(len, self.findings.values()))

    def lines(self, again: Any) -> Iterator[str]:
        """The report as text; ``again(number)`` is the command that tries a case again."""
        total = sum(self.tried.values())
        yield f"{self.part}: {total} tried in {self.seconds:.0f} s"
        yield f"  accepted: {sum(self.accepted.values())}"
        yield f"  refused: {sum(self.refused.values())} {_kinds(self.refused)}"
        if self.steps:
            yield f"  steps: {_kinds(self.steps)}"
        for about, count in sorted(self.tried.items()):
            yield f"    {about}: {count} tried, {self.accepted[about]} accepted"
        yield f"  findings: {self.found}, of {len(self.findings)} kinds"
        for signature, found in self.findings.items():
            yield f"  FOUND {len(found)} × {signature}"
            for verdict in found[:3]:
                yield f"    {verdict.about}: {verdict.how}"
                yield f"    again: {again(verdict.number)}"
            yield "      " + found[0].detail.strip().replace("\n", "\n      ")


def _kinds(counts: Counter[str]) -> str:
    return "(" + ", ".join(f"{kind} {n}" for kind, n in counts.most_common()) + ")"
