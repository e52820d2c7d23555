"""Cases are tried in a process of their own; when that dies or hangs, the campaign goes on."""

from __future__ import annotations

import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from .verdicts import Verdict

PATIENCE = 120.0  #: seconds without a word after which a process is taken to hang
STARTING = "starting a process"
EACH = 5000  #: cases of one process, which then makes room for another with other keys
ROOT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Job:
    """A part of the campaign: the seed of its cases, and what they are narrowed down to."""

    part: str
    seed: int
    entry: str = ""
    plant: str = ""
    patience: float = PATIENCE

    def again(self, number: int) -> str:
        """The command that tries one case again."""
        narrowed = f" --entry {self.entry!r}" if self.entry else ""
        return f"python -m fuzz --only {self.part} --seed {self.seed}{narrowed} --case {number}"


def verdicts(job: Job, numbers: range, folder: Path, until: float) -> Iterator[Verdict]:
    """Of all these cases, or of as many as are tried until then; inputs that crash are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    following = numbers.start
    while following < numbers.stop and time.monotonic() < until:
        end = min(numbers.stop, following + EACH)
        for verdict in _one_process(job, range(following, end), folder, until):
            if verdict.finding:
                _keep(job, verdict, folder)
            following = verdict.number + 1
            yield verdict
            if verdict.about == STARTING:
                return  # nor will the next one start


def _one_process(job: Job, numbers: range, folder: Path, until: float) -> Iterator[Verdict]:
    """What one process says, and, if it did not end by itself, what it died of."""
    (folder / "trying.about").unlink(missing_ok=True)
    with tempfile.TemporaryFile() as errors:
        process = _start(job, numbers, folder, errors.fileno())
        last, hung = numbers.start - 1, False
        try:
            for line in _lines(process, job.patience):
                if line is None:
                    hung = True
                    break
                verdict = Verdict(**json.loads(line))
                last = verdict.number
                yield verdict
                if time.monotonic() > until:
                    return
        finally:
            process.kill()
            code = process.wait()
        begun = last >= numbers.start
        if hung or (last < numbers.stop - 1 and (code or not begun)):
            errors.seek(0)
            yield _death(last + 1, hung, code, folder, errors.read().decode(errors="replace"))


def _start(job: Job, numbers: range, folder: Path, errors: int) -> subprocess.Popen[bytes]:
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    quiet = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": path}
    ends = [str(numbers.start), str(numbers.stop), str(folder)]
    narrowed = ["--entry", job.entry, "--plant", job.plant]
    command = [sys.executable, "-m", "fuzz.worker", job.part, str(job.seed), *ends, *narrowed]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=errors, stdin=subprocess.DEVNULL,
        env={**os.environ, **quiet}, cwd=ROOT,
    )  # fmt: skip


def _lines(process: subprocess.Popen[bytes], patience: float) -> Iterator[bytes | None]:
    """Line after line until the end, or None when none comes for too long; starting takes time."""
    assert process.stdout
    pipe, left, wait = process.stdout.fileno(), b"", PATIENCE
    while True:
        if not select.select([pipe], [], [], wait)[0]:
            yield None
            return
        wait = patience
        chunk = os.read(pipe, 1 << 16)
        if not chunk:
            process.wait()
            return
        *whole, left = (left + chunk).split(b"\n")
        yield from whole


def _death(number: int, hung: bool, code: int, folder: Path, said: str) -> Verdict:
    """The case that was being tried when the process ended or was ended."""
    about = folder / "trying.about"
    told = about.read_text().split("\n") if about.exists() else []
    name, how = told[1:3] if len(told) > 2 and told[0] == str(number) else (STARTING, "")
    if hung:
        return Verdict(number, name, "hang", "", how, "no answer: the process was ended")
    reason = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    return Verdict(number, name, "crash", f"{reason} · {name}", how, f"{reason}\n{said[-1500:]}")


def _keep(job: Job, verdict: Verdict, folder: Path) -> None:
    """The words of a finding beside its bytes, which the worker kept if it could."""
    start = folder / f"{job.part}-{job.seed}-{verdict.number}"
    if verdict.outcome in ("crash", "hang") and (folder / "trying").exists():
        shutil.copy(folder / "trying", f"{start}.bin")
    text = [verdict.signature, verdict.about, verdict.how, job.again(verdict.number)]
    Path(f"{start}.txt").write_text("\n".join([*text, verdict.detail]))
