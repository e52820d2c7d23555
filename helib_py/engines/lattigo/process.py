"""A process for Lattigo, so that what kills it there does not kill the notebook."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import tempfile
import weakref
from importlib.util import find_spec
from typing import IO, Any

from ...errors import BadBytes, EngineFailed, HelibError, MissingExtra

_WHEELS = ("lattigo", "orion_evaluator")
_START = "from helib_py.engines.lattigo.process import serve; serve()"


class Worker:
    """A process that plays one role; it ends with this object.

    ``role`` is a class of ``roles.py`` ("Maker", "Client", "Server"), followed by what it is made
    from. Raises MissingExtra where the wheels are not installed.
    """

    def __init__(self, role: str, *given: Any) -> None:
        if not all(find_spec(wheel) for wheel in _WHEELS):
            raise MissingExtra("bootstrapping needs Lattigo: pip install 'helib-py[bootstrap]'")
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 (closed by _stop)
        path = os.pathsep.join(folder or os.getcwd() for folder in sys.path)
        process = subprocess.Popen(
            [sys.executable, "-c", _START],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={**os.environ, "PYTHONPATH": path, "GOGC": "50"},  # Go frees memory earlier
            start_new_session=True,  # an interrupt is for the notebook, which then ends this
        )
        self._process = process
        self._end = weakref.finalize(self, _stop, process, self._errors)
        self.call(role, *given)

    @property
    def alive(self) -> bool:
        """Whether it can be called."""
        return self._process.poll() is None

    def call(self, name: str, *given: Any) -> Any:
        """What a method of the role returns; EngineFailed when it raises or its process dies."""
        if not self.alive:
            raise EngineFailed("Lattigo's process has ended: make its owner or server again")
        try:
            _send(self._process.stdin, (name, given))
            refusal, answer = pickle.load(_open(self._process.stdout))
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            raise EngineFailed(self._last_words()) from error
        except BaseException:
            self.close()
            raise
        if refusal:
            raise _refused(*refusal)
        return answer

    def close(self) -> None:
        """End the process and free its memory."""
        self._end()

    def _last_words(self) -> str:
        code = self._process.wait()
        self._errors.seek(0)
        said = self._errors.read().decode(errors="replace").strip().splitlines()
        reason = said[0] if said else "it was killed, most likely for want of memory"
        return (
            f"Lattigo's process ended with code {code}: {reason}; make its owner or server again"
        )


def _refused(name: str, words: str) -> HelibError:
    """A refusal of ours as it was; of Lattigo's, that it is one."""
    if name == BadBytes.__name__:
        return BadBytes(words)
    return EngineFailed(
        f"Lattigo refused: {name}: {words}. It must be given what this plan's parties made"
    )


def _send(pipe: IO[bytes] | None, what: Any) -> None:
    pickle.dump(what, _open(pipe), protocol=5)
    _open(pipe).flush()


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    assert pipe is not None
    return pipe


def _stop(process: subprocess.Popen[bytes], errors: IO[bytes]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout, errors):
        try:
            _open(pipe).close()
        except OSError:
            continue  # what was still to be written has no reader any more


def serve() -> None:
    """In the worker: make the role that the first call names, answer the others, until the end."""
    from . import roles

    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever the libraries print goes to the errors
    role: Any = None
    reply: tuple[tuple[str, str] | None, Any]
    while True:
        try:
            name, given = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        try:
            if role is None:
                role, reply = getattr(roles, name)(*given), (None, None)
            else:
                reply = (None, getattr(role, name)(*given))
        except Exception as error:
            reply = ((type(error).__name__, str(error)), None)
        del given
        _send(answers, reply)
