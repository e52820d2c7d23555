"""Small torch networks on 8×8 digits, and their plans, made once a process."""

import copy
from functools import cache

import torch
from sklearn.datasets import load_digits
from torch import nn

import helib_py as he
from helib_py.nn import PolynomialActivation

IMAGES = load_digits().images[:60, None] / 16
flat = nn.Flatten
PRECISION = 8  #: significant bits that every plan is asked for


def busy_norm(make, channels):
    """A normalisation whose statistics and weights are not the ones it is born with."""
    norm = make(channels)
    for tensor in (norm.weight, norm.bias, norm.running_mean):
        nn.init.uniform_(tensor.data, -0.5, 0.5)
    nn.init.uniform_(norm.running_var, 0.5, 2)
    return norm


def fitted(name, degree):
    """An activation as a polynomial on [-1, 2], where these networks' values are."""
    return PolynomialActivation(he.fit(name, degree, (-1, 2)))


NETS = {
    "dense": lambda: [flat(), nn.Linear(64, 16), he.Square(), nn.Linear(16, 10)],
    "linear only": lambda: [flat(), nn.Linear(64, 10)],
    "two squares": lambda: [
        flat(), nn.Linear(64, 16), he.Square(), nn.Linear(16, 12), he.Square(), nn.Linear(12, 3)
    ],
    "convolution": lambda: [
        nn.Conv2d(1, 4, 3, stride=2), he.Square(), flat(), nn.Linear(36, 10)
    ],
    "two convolutions": lambda: [
        nn.Conv2d(1, 3, 3), nn.Conv2d(3, 2, 3, padding=1), he.Square(), flat(), nn.Linear(72, 10)
    ],
    "convolution after a square": lambda: [
        nn.Conv2d(1, 3, 3), he.Square(), nn.Conv2d(3, 2, 3), he.Square(), flat(), nn.Linear(32, 4)
    ],
    "pooling": lambda: [
        nn.Conv2d(1, 4, 3), he.Square(), nn.AvgPool2d(2), flat(), nn.Linear(36, 10)
    ],
    "normalisation": lambda: [
        nn.Conv2d(1, 4, 3), busy_norm(nn.BatchNorm2d, 4), he.Square(), flat(), nn.Linear(144, 10),
        busy_norm(nn.BatchNorm1d, 10),
    ],
    "nested": lambda: [
        nn.Sequential(flat(), nn.Sequential(nn.Linear(64, 9), he.Square())), nn.Linear(9, 5)
    ],
    "dropout": lambda: [
        flat(), nn.Dropout(0.5), nn.Linear(64, 8), he.Square(), nn.Dropout(0.9), nn.Linear(8, 4)
    ],
    "quadratic": lambda: [
        flat(), nn.Linear(64, 8), he.Quadratic(0.3, 0.7, -0.2), nn.Linear(8, 4)
    ],
    "quadratic downwards": lambda: [
        flat(), nn.Linear(64, 8), he.Quadratic(-0.5, 1.0, 0.1), nn.Linear(8, 4)
    ],
    "no bias": lambda: [
        flat(), nn.Linear(64, 8, bias=False), he.Square(), nn.Linear(8, 4, bias=False)
    ],
    "ends with a square": lambda: [flat(), nn.Linear(64, 8), he.Square()],
    "one output": lambda: [flat(), nn.Linear(64, 5), he.Square(), nn.Linear(5, 1)],
    "deep": lambda: [
        flat(), *(m for n in (64, 12, 12, 12) for m in (nn.Linear(n, 12), he.Quadratic())),
        nn.Linear(12, 10),
    ],
    "strided convolutions": lambda: [
        nn.Conv2d(1, 3, 3, padding=1), he.Square(), nn.Conv2d(3, 6, 3, stride=2, padding=1),
        he.Square(), nn.AvgPool2d(2), nn.Conv2d(6, 4, 2), he.Square(), flat(), nn.Linear(4, 3),
    ],
    "residual": lambda: [
        nn.Conv2d(1, 3, 3, padding=1), he.Square(),
        he.Residual(nn.Conv2d(3, 3, 3, padding=1), he.Quadratic(), nn.Conv2d(3, 3, 1)),
        he.Square(), flat(), nn.Linear(192, 4),
    ],
    "residual with a shortcut": lambda: [
        flat(), nn.Linear(64, 8), he.Square(),
        he.Residual(nn.Linear(8, 16), he.Square(), nn.Linear(16, 6), shortcut=nn.Linear(8, 6)),
        nn.Linear(6, 3),
    ],
    "residual around the input": lambda: [
        flat(), he.Residual(nn.Linear(64, 64), he.Square()), nn.Linear(64, 5)
    ],
    "residual after an activation": lambda: [
        flat(), nn.Linear(64, 8), he.Square(), he.Residual(nn.Linear(8, 8), he.Quadratic()),
        he.Residual(nn.Linear(8, 8), he.Quadratic()), nn.Linear(8, 3),
    ],
    "cubic": lambda: [flat(), nn.Linear(64, 8), fitted("relu", 3), nn.Linear(8, 4)],
    "degree 7 and a square": lambda: [
        flat(), nn.Linear(64, 8), fitted("tanh", 7), nn.Linear(8, 6), he.Square(), nn.Linear(6, 4)
    ],
    "wide": lambda: [flat(), nn.Linear(64, 100), he.Square(), nn.Linear(100, 10)],
}  # fmt: skip


@cache
def net(name):
    torch.manual_seed(7)
    return nn.Sequential(*NETS[name]()).eval()


@cache
def plan(name):
    return he.plan(net(name), IMAGES[:40], PRECISION)


def clear(name, x):
    with torch.no_grad():
        double = copy.deepcopy(net(name)).double()
        return double(torch.tensor(x, dtype=torch.float64)).numpy()
