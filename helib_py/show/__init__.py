"""Pictures and widgets. The only importer of matplotlib and anywidget."""

from .figures import BLUE, GREEN, ORANGE, RED, Picture, gallery, layer_bits, parties
from .widgets import Axis, Explorer

__all__ = [
    "BLUE",
    "GREEN",
    "ORANGE",
    "RED",
    "Axis",
    "Explorer",
    "Picture",
    "gallery",
    "layer_bits",
    "parties",
]
