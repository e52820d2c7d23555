"""CKKS and BFV on Pyfhel 3.5 over SEAL 4.1. The only folder that imports Pyfhel."""

from .bfv import PyfhelModular, PyfhelModularKeys
from .ckks import PyfhelEvaluator, PyfhelKeys, is_seeded

__all__ = ["PyfhelEvaluator", "PyfhelKeys", "PyfhelModular", "PyfhelModularKeys", "is_seeded"]
