"""Batches: one image a slot, thousands at once, with nothing ever rotated."""

from .client import encrypt, encrypt_all
from .interface import BatchInterface
from .planner import make_batch_plan
from .plans import BatchPlan
from .sealed import EncryptedBatch
from .server import run_all
from .workers import Tick, crew

__all__ = [
    "BatchInterface", "BatchPlan", "EncryptedBatch", "Tick", "crew", "encrypt",
    "encrypt_all", "make_batch_plan", "run_all",
]  # fmt: skip
