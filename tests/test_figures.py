"""Figures are shown by a notebook as they are, with neither pyplot nor a magic."""

import sys

import numpy as np
import pytest

import helib_py as he

TABLE = he.Table(("layer", "predicted", "measured"), [("conv", 8.0, 8.5), ("fc", 7.0, 7.2)])
FIGURES = {
    "parties": lambda: he.show.parties({"owner": "key", "server": ""}, [("owner", "server", "c")]),
    "gallery": lambda: he.show.gallery(np.zeros((12, 1, 8, 8)), ["0"] * 12),
    "layer_bits": lambda: he.show.layer_bits(TABLE),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_a_png_to_a_notebook(name):
    assert FIGURES[name]()._repr_png_().startswith(b"\x89PNG")


def test_no_figure_needs_pyplot():
    assert "matplotlib.pyplot" not in sys.modules


def test_an_empty_gallery_is_a_figure_too():
    assert he.show.gallery(np.zeros((0, 1, 8, 8)), [])._repr_png_()
