"""The networks that are compared, trained for a moment so that their numbers are real ones."""

from __future__ import annotations

import torch
from torch import nn

import helib_py as he


def tutorial() -> nn.Sequential:
    """TenSEAL's tutorial 4: conv 7×7 stride 3 to 4 maps, 64 units, 10 classes, squares between."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 7, stride=3), he.Square(), nn.Flatten(),
        nn.Linear(256, 64), he.Square(), nn.Linear(64, 10),
    )  # fmt: skip


def cryptonets() -> nn.Sequential:
    """CryptoNets (2016): conv 5×5 stride 2 to 5 maps, 100 units, 10 classes, squares between."""
    return nn.Sequential(
        nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(1, 5, 5, stride=2), he.Square(), nn.Flatten(),
        nn.Linear(845, 100), he.Square(), nn.Linear(100, 10),
    )  # fmt: skip


def three_layers() -> nn.Sequential:
    """784-64-64-10 with squares between: two hidden layers, to be encrypted whole."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 64), he.Square(), nn.Linear(64, 64), he.Square(),
        nn.Linear(64, 10),
    )  # fmt: skip


def lenet() -> nn.Sequential:
    """LeNet-5 (LeCun and others, 1998) with average pooling, normalisation and squares."""
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), nn.BatchNorm2d(6), he.Square(), nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5), nn.BatchNorm2d(16), he.Square(), nn.AvgPool2d(2), nn.Flatten(),
        nn.Linear(400, 120), nn.BatchNorm1d(120), he.Square(),
        nn.Linear(120, 84), nn.BatchNorm1d(84), he.Square(), nn.Linear(84, 10),
    )  # fmt: skip


def ten_layers() -> nn.Sequential:
    """Ten hidden layers of width 64, normalised; a·u² + b·u + c costs what u² costs."""
    sizes = (784, *[64] * 9)
    hidden = [
        m for n in sizes for m in (nn.Linear(n, 64), nn.BatchNorm1d(64), he.Quadratic(0.1, 1.0))
    ]
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear(64, 10))


def trained(net: nn.Module, epochs: int = 3) -> nn.Module:
    """Adam on the 4000 training digits, from weights that are the same in every run.

    With smoothed labels, so that scores stay below the 16 that TenSEAL's parameters hold.
    """
    digits = he.data.mnist()
    torch.manual_seed(0)
    for module in net.modules():
        if isinstance(module, nn.Linear | nn.Conv2d):
            module.reset_parameters()
    return he.fine_tune(net, digits.x_train, digits.y_train, epochs, smoothing=0.1)
