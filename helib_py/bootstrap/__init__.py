"""Networks of any depth without rounds: a bootstrap wherever levels run out. Needs Lattigo."""

from ..memory import available_memory
from .inspection import step_bits
from .plan import BootstrapInterface, BootstrapPlan, Step
from .planning import bootstrap_plan
from .roles import BootstrapOwner, BootstrapServer

__all__ = [
    "BootstrapInterface", "BootstrapOwner", "BootstrapPlan", "BootstrapServer", "Step",
    "available_memory", "bootstrap_plan", "step_bits",
]  # fmt: skip
