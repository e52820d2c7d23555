"""CKKS: vectors of approximate numbers, added, multiplied and rotated on levels."""

from .sealing import encrypt, load
from .vector import CKKSVector

__all__ = ["CKKSVector", "encrypt", "load"]
