"""BFV: vectors of whole numbers modulo t, exact as long as the noise budget lasts."""

from .sealing import encrypt, load
from .vector import BFVVector

__all__ = ["BFVVector", "encrypt", "load"]
