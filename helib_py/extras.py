"""Optional libraries: which of the package's extras installs what is missing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import MissingExtra

#: By the name of a module, or of a distribution.
EXTRAS = {
    "torch": "nn", "gmpy2": "paillier", "phe": "paillier", "mlxtend": "data", "sklearn": "data",
    "scikit-learn": "data",
}  # fmt: skip


@contextmanager
def named_if_missing() -> Iterator[None]:
    """MissingExtra, with what to install, where an import in here finds an extra missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        raise MissingExtra(
            f"this needs {error.name}: pip install 'helib-py[{EXTRAS[error.name]}]'"
        ) from None
