"""Run the campaign: ``python -m fuzz --help``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from .processes import ROOT, Job, verdicts
from .verdicts import Report

#: Cases of each part where no ``--count`` is given, and its share of the time.
PARTS = {"bytes": (100_000, 0.5), "circuits": (10_000, 0.35), "networks": (300, 0.15)}
FOLDER = ROOT / "fuzz" / "findings"
STEP = 30.0  #: seconds between two lines that say how far it is


def main(arguments: list[str] | None = None) -> int:
    """How many findings there are; 0 is what one hopes for."""
    given = _arguments(arguments)
    found = 0
    for part in [given.only] if given.only else PARTS:
        job = Job(part, given.seed, given.entry, given.plant, given.patience)
        numbers = range(given.count or PARTS[part][0])
        if given.case is not None:
            numbers = range(given.case, given.case + 1)
        share = PARTS[part][1] if not given.only else 1.0
        until = time.monotonic() + 60 * share * given.minutes
        report = run(job, numbers, given.folder, until)
        print("\n".join(report.lines(job.again)), flush=True)
        found += report.found
    return found


def run(job: Job, numbers: range, folder: Path, until: float) -> Report:
    """One part, with a word now and then on how far it is."""
    report, start = Report(job.part), time.monotonic()
    said = start
    for verdict in verdicts(job, numbers, folder, until):
        report.add(verdict)
        if verdict.finding and len(report.findings[verdict.signature]) == 1:
            print(f"FOUND {verdict.signature} ({verdict.about}): {job.again(verdict.number)}")
        if time.monotonic() - said > STEP:
            said = time.monotonic()
            done = sum(report.tried.values())
            print(f"  {job.part}: {done} tried, {report.found} found", flush=True)
    report.seconds = time.monotonic() - start
    return report


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("--only", choices=list(PARTS), help="one part of the campaign")
    parser.add_argument("--entry", default="", help="what has this in its name only")
    parser.add_argument("--count", type=int, default=0, help="cases of each part")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--case", type=int, help="this one case again")
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after so long")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where findings are kept")
    parser.add_argument("--patience", type=float, default=120.0, help="seconds until it hangs")
    parser.add_argument("--plant", default="", help="module:function that breaks something first")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(min(main(), 99))
