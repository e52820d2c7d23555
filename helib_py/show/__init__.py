"""Pictures and widgets. The only importer of matplotlib and anywidget."""

from .activation_explorer import ActivationExplorer
from .choice import QUESTIONS, choose
from .chooser import Chooser
from .figures import BLUE, GREEN, ORANGE, RED, Picture, gallery, layer_bits, ledger, parties
from .ledger_viewer import LedgerViewer
from .modulus_chain import ModulusChain
from .number_line import NumberLine
from .slots import Slots
from .widgets import Axis, Explorer

__all__ = [
    "BLUE",
    "GREEN",
    "ORANGE",
    "QUESTIONS",
    "RED",
    "ActivationExplorer",
    "Axis",
    "Chooser",
    "Explorer",
    "LedgerViewer",
    "ModulusChain",
    "NumberLine",
    "Picture",
    "Slots",
    "choose",
    "gallery",
    "layer_bits",
    "ledger",
    "parties",
]
