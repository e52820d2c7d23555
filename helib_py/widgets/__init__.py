"""Widgets in which a page and Python are the two parties: keys in the browser."""

from .draw_digit import DrawDigit
from .remote import RemoteServer

__all__ = ["DrawDigit", "RemoteServer"]
