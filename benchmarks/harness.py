"""Timing two ways of doing one thing, turn by turn, and writing the outcome down."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from helib_py.tables import nbytes

RESULTS = Path(__file__).parent / "results.json"
README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- results -->", "<!-- /results -->"


@dataclass(frozen=True)
class Result:
    """One comparison. ``ratio`` is peer/ours, so that more is better; ``target`` is in words."""

    name: str
    ours: float
    peer: float
    ratio: float
    unit: str
    target: str
    machine: str


def machine() -> str:
    """Processor, cores and Python: what the numbers depend on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [
            x.split(":")[1].strip() for x in cpuinfo.read_text().splitlines() if "model name" in x
        ]
        model = names[0] if names else model
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def result(name: str, ours: float, peer: float, unit: str, target: str) -> Result:
    """A comparison of two numbers where less is better."""
    return Result(name, ours, peer, peer / ours, unit, target, machine())


def seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of one call; the CPU seconds of all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def alternate(
    ours: Callable[[], object], peer: Callable[[], object], rounds: int, each: int = 10
) -> tuple[list[float], list[float]]:
    """Median (wall, CPU) seconds of both, taking turns: ``each`` calls of ours, one of the peer.

    The medians are over all calls; turns make a noisy machine noisy for both.
    """
    ours(), peer()
    timed: tuple[list, list] = ([], [])
    for _ in range(rounds):
        timed[0].extend(seconds(ours) for _ in range(each))
        timed[1].append(seconds(peer))
    return tuple([statistics.median(column) for column in zip(*t, strict=True)] for t in timed)


def write(results: list[Result]) -> None:
    """Replace ``benchmarks/results.json`` and the table in the README that is made from it."""
    rows = [asdict(r) for r in results]
    RESULTS.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
    before, rest = README.read_text().split(START)
    README.write_text(before + START + table(rows) + END + rest.split(END)[1])


def table(rows: list[dict[str, Any]]) -> str:
    """The results in Markdown, as they stand in the README."""
    lines = ["", "", "| what | ours | peer | ratio | target |", "|---|---|---|---|---|"]
    for r in rows:
        ours, peer = (amount(r[k], r["unit"]) for k in ("ours", "peer"))
        lines.append(f"| {r['name']} | {ours} | {peer} | {r['ratio']:.3g} | {r['target']} |")
    return "\n".join([*lines, "", f"On {rows[0]['machine']}." if rows else "", ""])


def amount(value: float, unit: str) -> str:
    """A number as a person would say it."""
    if unit == "bytes":
        return nbytes(value)
    if unit == "s" and value < 1:
        value, unit = 1000 * value, "ms"
    return f"{value:,.3g} {unit}".strip()
