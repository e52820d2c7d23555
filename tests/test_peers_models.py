"""Models of other libraries' tutorials and papers, as their users write them: plain torch classes.

Their architectures, written anew, with random weights: the ConvNet of TenSEAL's tutorial; the MLP,
LoLA (Brutzkus et al., 2019) and LeNet-5 as Orion (Ebel et al., 2023) runs them; CryptoNets
(Gilad-Bachrach et al., 2016), as HE.org's and HElayers' examples have it; a small ResNet.
"""

import copy
from functools import cache

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import assert_bits
from nets import busy_norm
from torch import nn

import helib_py as he


class TenSEALConvNet(nn.Module):
    shape = (1, 28, 28)

    def __init__(self, hidden=64, output=10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, kernel_size=7, padding=0, stride=3)
        self.fc1 = nn.Linear(256, hidden)
        self.fc2 = nn.Linear(hidden, output)

    def forward(self, x):
        x = self.conv1(x)
        x = x * x
        x = x.view(-1, 256)
        x = self.fc1(x)
        x = x * x
        x = self.fc2(x)
        return x


class Quad(nn.Module):
    def forward(self, x):
        return x * x


class OrionMLP(nn.Module):
    shape = (1, 28, 28)

    def __init__(self):
        super().__init__()
        self.flatten = nn.Flatten()
        self.fc1, self.bn1, self.act1 = nn.Linear(784, 128), busy_norm(nn.BatchNorm1d, 128), Quad()
        self.fc2, self.bn2, self.act2 = nn.Linear(128, 128), busy_norm(nn.BatchNorm1d, 128), Quad()
        self.fc3 = nn.Linear(128, 10)

    def forward(self, x):
        x = self.flatten(x)
        x = self.act1(self.bn1(self.fc1(x)))
        x = self.act2(self.bn2(self.fc2(x)))
        return self.fc3(x)


class OrionLoLA(nn.Module):
    shape = (1, 28, 28)

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 5, kernel_size=5, stride=2, padding=0)
        self.bn1, self.act1 = busy_norm(nn.BatchNorm2d, 5), Quad()
        self.fc1, self.bn2, self.act2 = nn.Linear(720, 100), busy_norm(nn.BatchNorm1d, 100), Quad()
        self.fc2 = nn.Linear(100, 10)

    def forward(self, x):
        x = self.act1(self.bn1(self.conv1(x)))
        x = torch.flatten(x, start_dim=1)
        x = self.act2(self.bn2(self.fc1(x)))
        return self.fc2(x)


class LeNet5(nn.Module):
    shape = (1, 28, 28)

    def __init__(self, activation=nn.SiLU):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5, padding=2, stride=2)
        self.bn1, self.act1 = busy_norm(nn.BatchNorm2d, 6), activation()
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5, stride=2)
        self.bn2, self.act2 = busy_norm(nn.BatchNorm2d, 16), activation()
        self.fc1, self.bn3, self.act3 = (
            nn.Linear(400, 60),
            busy_norm(nn.BatchNorm1d, 60),
            activation(),
        )
        self.fc2 = nn.Linear(60, 10)

    def forward(self, x):
        out = self.act1(self.bn1(self.conv1(x)))
        out = self.act2(self.bn2(self.conv2(out)))
        out = out.reshape(out.shape[0], -1)
        return self.fc2(self.act3(self.bn3(self.fc1(out))))


class CryptoNets(nn.Module):
    shape = (1, 28, 28)

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 5, 5, stride=2, padding=1)
        self.pool = nn.AvgPool2d(3, stride=1, padding=1)
        self.mix = nn.Conv2d(5, 10, 5, stride=2)
        self.out = nn.Linear(250, 10)

    def forward(self, x):
        x = self.pool(self.conv(x).pow(2))
        x = torch.square(self.pool(self.mix(x)).flatten(1))
        return self.out(x)


class ReLUNet(nn.Module):
    shape = (1, 28, 28)

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 4, 5, stride=2), nn.Conv2d(4, 8, 3, stride=2)
        self.dropout = nn.Dropout(0.25)
        self.fc1, self.fc2 = nn.Linear(200, 32), nn.Linear(32, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = torch.relu(self.conv2(x))
        x = self.dropout(x).view(x.size(0), -1)
        return self.fc2(F.relu(self.fc1(x), inplace=True))


class Block(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.bn1 = busy_norm(nn.BatchNorm2d, after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = busy_norm(nn.BatchNorm2d, after)
        self.shortcut = nn.Sequential()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False),
                                          busy_norm(nn.BatchNorm2d, after))  # fmt: skip
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return self.relu(out)


class ResNet(nn.Module):
    shape = (3, 8, 8)

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.layers = nn.Sequential(Block(4, 4, 1), Block(4, 8, 2))
        self.pool, self.fc = nn.AdaptiveAvgPool2d(1), nn.Linear(8, 10)

    def forward(self, x):
        x = self.pool(self.layers(F.relu(self.conv(x))))
        return self.fc(torch.flatten(x, 1))


SQUARES = (TenSEALConvNet, OrionMLP, OrionLoLA, CryptoNets)
OTHERS = (LeNet5, ReLUNet, ResNet)


@cache
def made(kind):
    """The network, examples, and what it gives for them; polynomials where they are needed."""
    torch.manual_seed(0)
    net = kind().eval()
    x = np.random.default_rng(0).uniform(0, 1, (8, *kind.shape))
    if kind in OTHERS:
        net = he.polynomial(net, x, 2)
    with torch.no_grad():
        return net, x, copy.deepcopy(net).double()(torch.tensor(x)).numpy()


@pytest.mark.parametrize("kind", [*SQUARES, *OTHERS])
def test_it_is_planned_as_it_is_or_with_polynomials(kind):
    net, x, expected = made(kind)
    plan = he.plan(net, x)
    assert np.allclose(plan.simulate(x, noisy=False), expected, atol=1e-6 * np.abs(expected).max())
    assert_bits(plan.simulate(x, seed=1), expected, at_least=6)


@pytest.mark.parametrize("kind", [*SQUARES, LeNet5, ReLUNet])
def test_it_is_planned_for_batches(kind):
    net, x, expected = made(kind)
    plan = he.plan(net, x, batch=True)
    assert_bits(plan.simulate(x, seed=1), expected, at_least=6)


def test_the_tutorial_s_model_runs_encrypted():
    net, x, expected = made(TenSEALConvNet)
    plan = he.plan(net, x)
    owner = he.DataOwner(plan)
    got = owner.decrypt(he.Server(plan, owner.public).run(owner.encrypt(x[0])))
    assert_bits(got, expected[0], at_least=6)


@pytest.mark.parametrize("kind", OTHERS)
def test_a_higher_degree_is_nearer_to_the_model(kind):
    torch.manual_seed(0)
    net = kind().eval()
    x = np.random.default_rng(0).uniform(0, 1, (32, *kind.shape))
    errors = []
    for degree in (2, 7):
        new = he.polynomial(net, x, degree)
        with torch.no_grad():
            got, expected = (n(torch.tensor(x, dtype=torch.float32)) for n in (new, net))
        errors.append(float((got - expected).square().mean()))
    assert errors[1] < errors[0] / 2
