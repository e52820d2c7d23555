"""Paillier: vectors of exact fixed-point numbers, added and multiplied by plain numbers."""

from .bounds import row_width
from .sealing import encrypt, load
from .vector import PaillierVector

__all__ = ["PaillierVector", "encrypt", "load", "row_width"]
