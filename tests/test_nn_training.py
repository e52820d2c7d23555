"""Fine-tuning takes what is right, and says what is wrong with the rest."""

import numpy as np
import pytest
import torch
from helpers import assert_refused
from torch import nn
from torch.nn.utils import prune

import helib_py as he
from helib_py.errors import BadValue, HelibError, ParameterError, ShapeError

X = np.random.default_rng(0).uniform(-1, 1, (9, 4))
Y = np.arange(9) % 3


def net(outputs=3):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), he.Quadratic(), nn.Linear(5, outputs))


@pytest.mark.parametrize("batch", [2, 4, 8, 9, 64, np.int64(3)])
@pytest.mark.parametrize("labels", [Y, Y.astype(float), Y.tolist(), torch.tensor(Y), Y == 1])
def test_every_size_of_batch_is_trained_on(batch, labels):
    assert not he.fine_tune(net(), X, labels, epochs=1, batch=batch).training


def test_every_example_is_seen_once_an_epoch():
    from helib_py.nn.training import _parts

    for count, batch in ((9, 4), (9, 1), (1, 4), (8, 4), (9, 8), (2, 1)):
        parts = list(_parts(count, batch))
        assert sorted(torch.cat(parts).tolist()) == list(range(count))
        assert batch == 1 or count == 1 or min(map(len, parts)) > 1


def test_a_pruned_network_stays_pruned():
    pruned = net()
    prune.l1_unstructured(pruned[0], "weight", 0.5)
    tuned = he.fine_tune(pruned, X, Y, epochs=2)
    assert torch.equal(tuned[0].weight == 0, pruned[0].weight == 0)
    assert not torch.equal(tuned[0].weight, pruned[0].weight)


@pytest.mark.parametrize("kind", ["double", "bfloat16"])
def test_a_network_of_other_numbers_stays_one(kind):
    tuned = he.fine_tune(getattr(net(), kind)(), X, Y, epochs=1)
    assert tuned[0].weight.dtype is getattr(torch, kind)


@pytest.mark.parametrize(
    ("outputs", "labels", "says", "error"),
    [
        (2, Y[:] % 2 * 2 - 1, "labels from -1 to 1 for 2 outputs", BadValue),
        (3, Y + 1, "from 0 to 2", BadValue),
        (1, Y % 2, "one output for each class", ShapeError),
        (3, Y / 2, "whole", HelibError),
        (3, np.where(Y == 1, np.nan, Y), "NaN", BadValue),
        (3, np.eye(3)[Y], "one label each", ShapeError),
        (3, ["a"] * 9, "", BadValue),
        (3, Y[:4], "one label each", ShapeError),
        (3, None, "", HelibError),
    ],
)  # fmt: skip
def test_labels_that_do_not_fit_are_refused(outputs, labels, says, error):
    with pytest.raises(error, match=says) as raised:
        he.fine_tune(net(outputs), X, labels)
    assert_refused(raised)


@pytest.mark.parametrize(
    "options",
    [dict(batch=0), dict(batch=-1), dict(batch=2.5), dict(batch=None), dict(epochs=-1),
     dict(epochs="2"), dict(rate=np.nan), dict(rate=-1), dict(rate="fast"), dict(smoothing=2),
     dict(smoothing=np.nan), dict(tilt=np.nan), dict(tilt=-1)],
    ids=str,
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(options):
    with pytest.raises(ParameterError, match=next(iter(options))) as raised:
        he.fine_tune(net(), X, Y, **options)
    assert_refused(raised)


@pytest.mark.parametrize(
    ("subject", "options", "says"),
    [
        (net().requires_grad_(False), {}, "no weights that can be trained"),
        (nn.Sequential(nn.Flatten()), {}, "no weights that can be trained"),
        (nn.Sequential(nn.Linear(5, 3)), {}, "inputs of shape"),
        (nn.Sequential(nn.Unflatten(1, (4, 1)), nn.Conv1d(4, 3, 1)), {}, "for each class"),
        (net(), dict(batch=1), "more than 1 value per channel"),
        (net(), dict(rate=1e30, epochs=30), "NaN or infinity"),
    ],
)  # fmt: skip
def test_networks_that_cannot_be_trained_are_refused(subject, options, says):
    with pytest.raises(HelibError, match=says) as raised:
        he.fine_tune(subject, X, Y, **options)
    assert_refused(raised)
