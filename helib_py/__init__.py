"""Deep learning on homomorphically encrypted data, to be read, run and taught.

Names are loaded on first use, so that importing the package pulls neither torch nor SEAL.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .errors import HelibError
from .extras import named_if_missing

__version__ = "0.1.0"

_WHERE = {
    "Agreement": "agreement",
    "BFV": "params",
    "BatchPlan": "batch",
    "BootstrapOwner": "bootstrap",
    "BootstrapPlan": "bootstrap",
    "BootstrapServer": "bootstrap",
    "CKKS": "params",
    "Chain": "compile",
    "Composite": "composite",
    "Ciphertext": "cipher",
    "DataOwner": "roles",
    "DeepModelOwner": "deep_model",
    "DeepPlan": "refresh",
    "DeepServer": "refresh",
    "EncryptedBatch": "batch",
    "Ledger": "ledger",
    "LinearServer": "interaction",
    "ModelOwner": "model_owner",
    "Paillier": "params",
    "Plan": "plans",
    "Polynomial": "activations",
    "PublicBundle": "bundle",
    "Quadratic": "nn",
    "Residual": "nn",
    "SealedModel": "model_owner",
    "SealedNetwork": "deep_model",
    "Server": "roles",
    "Square": "nn",
    "Table": "tables",
    "Transcript": "transcript",
    "bootstrap_plan": "bootstrap",
    "compare": "comparison",
    "fine_tune": "nn",
    "fit": "activations",
    "fit_sign": "composite",
    "interact": "interaction",
    "layer_bits": "comparison",
    "measured_bits": "noise",
    "plan": "nn",
    "polynomial": "nn",
    "predict": "prediction",
}
_MODULES = (
    "bfv", "bootstrap", "data", "errors", "interaction", "noise", "packing", "paillier", "params",
    "show", "widgets",
)  # fmt: skip

__all__ = ["HelibError", *_WHERE, *_MODULES]


def __getattr__(name: str) -> Any:
    if name not in _WHERE and name not in _MODULES:
        raise AttributeError(f"helib_py has no {name!r}: see dir(helib_py)")
    with named_if_missing():
        module = import_module(f".{_WHERE.get(name, name)}", __name__)
    return getattr(module, name) if name in _WHERE else module


def __dir__() -> list[str]:
    return sorted(__all__)
