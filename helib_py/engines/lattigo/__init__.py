"""Lattigo, for bootstrapping: the only importer of its wheels.

They run in processes of their own: keys are made in one, secrets used in a second, ciphertexts
computed on in a third, which is given public keys only.
"""

from .graph import Layer, Operation, Refresh
from .process import Worker

__all__ = ["Layer", "Operation", "Refresh", "Worker"]
