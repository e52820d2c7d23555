"""What people type for a number: Python's, numpy's and torch's scalars become Python's own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from math import inf
from sys import float_info
from typing import Any, TypeVar

import numpy as np

from .errors import HelibError, ParameterError

T = TypeVar("T")
LONGEST = 60  #: characters of a value in a message
LARGEST = 1 << 10_000  #: of whole numbers: Python writes down no more digits


def whole(
    value: Any,
    name: str,
    least: int | None = None,
    most: int | None = None,
    error: type[HelibError] = ParameterError,
) -> int:
    """A whole number, from ``least`` to ``most``; ``error`` says what ``name`` must be.

    >>> whole(np.int64(3), "depth"), whole(2.0, "exponent")
    (3, 2)
    """
    number = _scalar(value)
    low, high = -inf if least is None else least, inf if most is None else most
    large = number is not None and abs(number) > LARGEST
    if number is None or large or number != number // 1 or not low <= number <= high:
        limits = (
            ""
            if least is None
            else f", {least} or more"
            if most is None
            else f", from {least} to {most}"
        )
        raise error(f"{name}={shown(value)}: must be a whole number{limits}")
    return int(number)


def real(
    value: Any, name: str, least: float = -inf, error: type[HelibError] = ParameterError
) -> float:
    """A finite number of at least ``least``; ``error`` says what ``name`` must be."""
    number = _scalar(value)
    if number is None or not abs(number) <= float_info.max or number < least:
        more = "" if least == -inf else f", at least {least:g}"
        raise error(f"{name}={shown(value)}: a finite number{more}")
    return float(number)


def flag(value: Any, name: str) -> bool:
    """True or False, also numpy's; ParameterError for anything else that could pass for it."""
    if not isinstance(value, bool | np.bool_):
        raise ParameterError(f"{name}={shown(value)}: True or False")
    return bool(value)


def instance(value: T, kind: Any, what: str) -> T:
    """The value, if it is of that kind; ParameterError says ``what`` to pass."""
    if not isinstance(value, kind):
        raise ParameterError(f"{shown(value)}: pass {what}")
    return value


def listed(values: Any, what: str) -> list[Any]:
    """The items of what can be walked through, text aside; ParameterError says what to pass."""
    try:
        if isinstance(values, str | bytes | dict):
            raise TypeError
        return list(values.tolist() if hasattr(values, "tolist") else values)
    except Exception as error:  # a stranger's __iter__, too
        raise ParameterError(f"{shown(values)}: pass {what}") from error


def shown(value: Any) -> str:
    """What a message says of a stranger's value: one short line, whatever its repr does."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # digits that Python does not print, a broken __repr__
        return f"a {type(value).__name__}"
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def tidy(parameters: Any) -> None:
    """The fields of a frozen dataclass that its maker gives, as Python's own numbers.

    ParameterError for a field that is none; whether it makes sense is for its class to say.
    """
    for field in fields(parameters):
        clean = _KINDS.get(str(field.type)) if field.init else None
        if clean is not None:
            value = getattr(parameters, field.name)
            object.__setattr__(parameters, field.name, clean(value, field.name))


def _several(each: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    def clean(values: Any, name: str) -> tuple[Any, ...]:
        return tuple(each(value, name) for value in listed(values, f"{name}: a tuple of numbers"))

    return clean


def _maybe(clean: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    return lambda value, name: None if value is None else clean(value, name)


def _scalar(value: Any) -> int | float | None:
    """Python's number for one of anybody's; None for what is none, for truth values as well."""
    if isinstance(value, bool | np.bool_ | str | bytes | complex):
        return None
    try:
        number = value.item() if hasattr(value, "item") else value
        return (
            number if isinstance(number, int) and not isinstance(number, bool) else float(number)
        )
    except Exception:  # whatever a stranger's class does in its __float__
        return None


_KINDS: dict[str, Callable[[Any, str], Any]] = {
    "int": whole, "float": real, "bool": flag,
    "tuple[int, ...]": _several(whole), "tuple[float, ...]": _several(real),
    "int | None": _maybe(whole), "float | None": _maybe(real),
    "tuple[int, ...] | None": _maybe(_several(whole)),
}  # fmt: skip
