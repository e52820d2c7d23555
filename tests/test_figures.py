"""Figures are shown by a notebook as they are, with neither pyplot nor a magic."""

import sys
from itertools import pairwise
from math import radians, sin

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


def _gaps(figure):
    """Pixels between the names under the bars of neighbours, across their direction."""
    figure.draw_without_rendering()
    labels = figure.axes[0].get_xticklabels()
    turn = sin(radians(labels[0].get_rotation()))
    for one, next_one in pairwise(labels):
        if turn:
            apart = next_one.get_window_extent().x1 - one.get_window_extent().x1
            yield apart * turn - 1.2 * one.get_fontsize() * figure.dpi / 72
        else:
            yield next_one.get_window_extent().x0 - one.get_window_extent().x1


@pytest.mark.parametrize("count", [1, 3, 5, 12])
@pytest.mark.parametrize("name", ["fc", "10: Linear", "10: Conv2d + 11: BatchNorm2d"])
def test_names_of_layers_do_not_overlap(name, count):
    table = he.Table(("layer", "predicted", "measured"), [(name, 10.1, 11.2)] * count)
    assert all(gap > 0 for gap in _gaps(he.show.layer_bits(table)))
