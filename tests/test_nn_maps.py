"""Every affine layer of torch, read as a sparse map, gives what torch gives."""

import tracemalloc

import numpy as np
import pytest
import torch
from nets import busy_norm
from torch import nn

import helib_py as he
from helib_py.errors import ShapeError
from helib_py.network import run
from helib_py.nn import read

LINE, IMAGE, SOLID = (4, 12), (4, 6, 8), (4, 4, 5, 6)


def layers():
    """(layer, shape of an input); all weights are random."""
    yield from convolutions()
    yield from paddings()
    yield from pools()
    yield from rest()


def convolutions():
    for n, shape in ((1, LINE), (2, IMAGE), (3, SOLID)):
        conv, back = (getattr(nn, f"{kind}{n}d") for kind in ("Conv", "ConvTranspose"))
        for options in (
            dict(), dict(stride=2, padding=1), dict(groups=2), dict(dilation=2, padding=2),
            dict(bias=False, stride=3), dict(groups=4, padding=2, stride=2),
        ):  # fmt: skip
            yield conv(4, 8, 3, **options), shape
            yield back(4, 8, 3, **options), shape
        for mode in ("zeros", "reflect", "replicate", "circular"):
            yield conv(4, 2, 3, padding=1, padding_mode=mode), shape
            yield conv(4, 2, 2, padding="same", padding_mode=mode), shape
        yield conv(4, 2, 3, padding="valid"), shape
        yield back(4, 2, 3, stride=2, padding=1, output_padding=1), shape
        yield back(4, 2, 2, stride=3, output_padding=2, groups=2), shape
    yield nn.Conv2d(4, 3, (2, 3), stride=(1, 2), padding=(0, 1), dilation=(2, 1)), IMAGE
    yield nn.ConvTranspose2d(4, 3, (2, 3), stride=(3, 2), padding=(0, 1)), IMAGE
    yield nn.ConvTranspose2d(4, 3, 4, stride=2, padding=1, dilation=2), IMAGE


def paddings():
    for n, shape in ((1, LINE), (2, IMAGE), (3, SOLID)):
        sides = tuple(range(1, 1 + n)) * 2
        for kind in ("Reflection", "Replication", "Circular", "Zero"):
            yield getattr(nn, f"{kind}Pad{n}d")(sides), shape
        yield getattr(nn, f"ConstantPad{n}d")(1, 0.7), shape
        yield getattr(nn, f"ZeroPad{n}d")(-1), shape
        yield getattr(nn, f"ConstantPad{n}d")(sides, -2.0), shape


def pools():
    for n, shape in ((1, LINE), (2, IMAGE), (3, SOLID)):
        pool, adaptive = (getattr(nn, f"{kind}AvgPool{n}d") for kind in ("", "Adaptive"))
        yield pool(2), shape
        yield pool(3, stride=1, padding=1, ceil_mode=True), shape
        yield pool(3, stride=2, padding=1, count_include_pad=False), shape
        yield adaptive(1), shape
        yield adaptive(3), shape
        yield nn.Upsample(scale_factor=2), shape
        yield nn.Upsample(scale_factor=1.5, mode="nearest-exact"), shape
    yield nn.AdaptiveAvgPool2d((None, 2)), IMAGE
    yield nn.AvgPool2d(2, divisor_override=3), IMAGE
    for mode in ("bilinear", "bicubic"):
        for align in (True, False):
            yield nn.Upsample(scale_factor=2, mode=mode, align_corners=align), IMAGE
    yield nn.Upsample(size=20, mode="linear"), LINE
    yield nn.Upsample(size=(3, 9, 4), mode="trilinear", align_corners=True), SOLID
    yield nn.UpsamplingNearest2d(scale_factor=2), IMAGE
    yield nn.UpsamplingBilinear2d(size=(4, 20)), IMAGE


def rest():
    for n, shape in ((1, (4,)), (1, LINE), (2, IMAGE), (3, SOLID)):
        norm = getattr(nn, f"BatchNorm{n}d")
        yield busy_norm(norm, 4), shape
        yield norm(4, affine=False), shape
        yield getattr(nn, f"Dropout{n}d")(0.5), shape
    for kind in (nn.Identity, nn.Dropout, nn.AlphaDropout, nn.FeatureAlphaDropout):
        yield kind(), IMAGE
    yield nn.Linear(12, 5), LINE
    yield nn.Linear(8, 5, bias=False), IMAGE
    yield nn.Linear(7, 1), (7,)
    yield nn.PixelShuffle(2), IMAGE
    yield nn.PixelUnshuffle(2), IMAGE
    yield nn.ChannelShuffle(2), IMAGE
    yield nn.Unfold(3, stride=2, padding=1), IMAGE
    yield nn.Fold((4, 5), (2, 2)), (8, 12)
    yield nn.Flatten(), SOLID
    yield nn.Flatten(2), IMAGE
    yield nn.Unflatten(1, (2, 2)), IMAGE
    yield nn.Unflatten(-1, (2, 4)), IMAGE


torch.manual_seed(0)
LAYERS = list(layers())


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=[str(layer) for layer, _ in LAYERS])
def test_an_affine_layer_gives_what_torch_gives(layer, shape):
    (affine,) = read(nn.Sequential(layer), shape)
    x = np.random.default_rng(1).normal(size=(3, *shape))
    with torch.no_grad():
        expected = layer.double().eval()(torch.tensor(x)).numpy()
    assert affine.shape == expected.shape[1:]
    assert np.allclose(run([affine], x.reshape(3, -1))[0], expected.reshape(3, -1), atol=1e-12)


MISFITS = [
    nn.Linear(3, 2), nn.Conv2d(4, 2, 3), nn.ConvTranspose1d(4, 2, 3), nn.BatchNorm2d(4),
    nn.AvgPool2d(2), nn.Upsample(scale_factor=2), nn.PixelShuffle(2), nn.Unfold(2),
    nn.Fold((4, 5), (2, 2)), nn.ReflectionPad2d(2), nn.Unflatten(1, (2, 2)),
]  # fmt: skip


@pytest.mark.parametrize("shape", [(5,), (1,), (3, 1, 1, 1, 1, 1)])
@pytest.mark.parametrize("layer", MISFITS, ids=str)
def test_a_shape_that_does_not_fit_is_refused_by_the_layer_s_name(layer, shape):
    with pytest.raises(ShapeError, match=f"layer 0 .{type(layer).__name__}"):
        read(nn.Sequential(layer), shape)


@pytest.mark.parametrize(
    ("layer", "shape"),
    [(nn.AvgPool1d(2), (6,)), (nn.AvgPool2d(2), (6, 8)), (nn.AdaptiveAvgPool2d(2), (6, 8)),
     (nn.AdaptiveAvgPool2d(1), (2, 3, 4, 5)), (nn.ReflectionPad1d(2), (6,)),
     (nn.ConstantPad2d(1, 3.0), (5, 6, 2, 3)), (nn.ConstantPad1d(1, 3.0), (5,))],
)  # fmt: skip
def test_layers_without_channels_give_what_torch_gives(layer, shape):
    test_an_affine_layer_gives_what_torch_gives(layer, shape)


def peak(make):
    """Bytes that it takes while it is made."""
    tracemalloc.start()
    try:
        made = make()
        return made, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("side", "channels"), [(32, 16), (64, 4)])
def test_a_convolution_of_16384_outputs_takes_megabytes(side, channels):
    net = nn.Sequential(
        nn.Conv2d(3, channels, 3, padding=1), he.Square(), nn.AvgPool2d(side // 4), nn.Flatten(),
        nn.Linear(16 * channels, 10),
    )  # fmt: skip
    x = np.random.default_rng(0).uniform(-1, 1, (4, 3, side, side))
    affines, reading = peak(lambda: read(net, x.shape[1:], x))
    assert affines[0].weights.shape == (16384, 3 * side * side)
    dense = 8 * np.prod(affines[0].weights.shape)
    assert reading < dense / 4
    _, planning = peak(lambda: he.plan(net, x, batch=True))
    assert planning < 0.8 * dense


def test_a_single_plan_of_a_large_image_fills_up_no_matrix_with_zeros():
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1), he.Square(), nn.Flatten(), nn.Linear(16384, 10)
    )
    x = np.random.default_rng(0).uniform(-1, 1, (2, 3, 64, 64))
    _, planning = peak(lambda: he.plan(net, x))
    assert planning < 8 * 16384 * 3 * 64 * 64 / 4
