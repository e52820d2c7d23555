"""Paillier: vectors of exact fixed-point numbers, added and multiplied by plain numbers."""

from .bounds import row_width
from .label import expect_fresh
from .sealing import encrypt, load
from .vector import PaillierVector

__all__ = ["PaillierVector", "encrypt", "expect_fresh", "load", "row_width"]
