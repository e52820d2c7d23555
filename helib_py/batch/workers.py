"""Processes that work for one party, and memory that they share."""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from math import prod
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from ..errors import EngineFailed, OutOfMemory, ParameterError
from ..memory import available_memory
from ..options import whole
from ..tables import nbytes
from .costs import MOST_WORKERS
from .modular import Scratch

Tick = Callable[[int], object]  #: told how many ciphertexts have been done
Run = Callable[[Iterable[Any]], Iterable[Any]]  #: jobs to results, in order


class _Process(SpawnProcess):
    """A new process that does not begin by running the caller's script once more.

    multiprocessing's would, for the sake of what a script defines; without a guard in the script
    that never ends.
    """

    def start(self) -> None:
        """Start it where no script can be seen."""
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            super().start()
        finally:
            sys.modules["__main__"] = script


class _Spawn(SpawnContext):
    Process = _Process


@contextmanager
def crew(workers: int, make: Callable[..., Callable[[Any], Any]], *given: Any) -> Iterator[Run]:
    """A way to have jobs done by ``make(*given)``, here or in several new processes.

    These get ``given`` as bytes and nothing else of this process. SEAL holds Python's lock during
    its calls, so threads would not help. ParameterError for less than one worker, EngineFailed
    when a process is killed.
    """
    workers = whole(workers, "workers", 1, MOST_WORKERS)
    if workers == 1:
        yield partial(map, make(*given))
        return
    with ProcessPoolExecutor(workers, _Spawn(), _become, (make, given)) as pool:
        try:
            yield partial(pool.map, _work)
        except BrokenProcessPool as error:
            raise EngineFailed(
                "a worker process ended before its work: use workers=1, or free some memory"
            ) from error
        finally:
            pool.shutdown(cancel_futures=True)


_worker: list[Callable[[Any], Any]] = []  # filled in worker processes only


def _become(make: Callable[..., Callable[[Any], Any]], given: tuple[Any, ...]) -> None:
    threadpool_limits(1)  # the processes are the threads
    _worker[:] = [make(*given)]


def _work(job: Any) -> Any:
    return _worker[0](job)


class Local:
    """Two regions of memory, by turns; the upload, number -1, is used where it is."""

    def __init__(self) -> None:
        self._upload, self._regions = np.empty(0, np.uint64), Scratch()

    def put(self, upload: np.ndarray) -> None:
        """Begin a batch."""
        self._upload = upload

    def get(self, number: int, shape: tuple[int, ...]) -> np.ndarray:
        """The residues after a step; those of the one before last are gone."""
        if number < 0:
            return self._upload
        return self._regions.take(f"region {number % 2}", shape, np.uint64)


class Shared:
    """The same in regions that worker processes see, too; the upload is copied into the first."""

    def __init__(self, sizes: Sequence[int]) -> None:
        folders = [f for f in ("/dev/shm", tempfile.gettempdir()) if os.path.isdir(f)]
        room = max(shutil.disk_usage(folder).free for folder in folders)
        if sum(sizes) > room:  # to use more than there is would kill the process
            raise ParameterError(
                f"worker processes need {nbytes(sum(sizes))} of shared memory, {nbytes(room)} are "
                "there: use workers=1, or give the container a larger /dev/shm"
            )
        self._regions = [_Spawn().RawArray(ctypes.c_uint64, size // 8) for size in sizes]

    def put(self, upload: np.ndarray) -> None:
        """Begin a batch."""
        np.copyto(self.get(-1, upload.shape), upload)

    def get(self, number: int, shape: tuple[int, ...]) -> np.ndarray:
        """The residues after a step."""
        region: Any = self._regions[(number + 1) % 2]
        return np.frombuffer(region, np.uint64, prod(shape)).reshape(shape)


def check_memory(needed: float) -> None:
    """OutOfMemory unless so many bytes are free."""
    free = available_memory()
    if needed > free:
        raise OutOfMemory(
            f"this plan needs {nbytes(needed)} of memory, {nbytes(free)} are free: use fewer "
            "workers, ask for less precision or fewer layers, or take a larger machine"
        )
