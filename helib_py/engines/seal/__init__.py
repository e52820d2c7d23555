"""CKKS and BFV over Microsoft SEAL, by whichever of two libraries is installed.

``native.py`` alone imports seal-python (SEAL 4.4), ``pyfhel.py`` alone Pyfhel (SEAL 4.1).
"""

from .bfv import SealModular, SealModularKeys
from .ckks import SealEvaluator, SealKeys
from .foreign import Foreign
from .library import installed
from .residues import Residues

__all__ = [
    "Foreign", "Residues", "SealEvaluator", "SealKeys", "SealModular", "SealModularKeys",
    "installed",
]  # fmt: skip
