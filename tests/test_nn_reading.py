"""What a network computes is what is read of it, however it is written; or it is said why not."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from helpers import assert_refused
from nets import busy_norm
from torch import nn
from torch.nn.utils import parametrizations, prune, spectral_norm, weight_norm

import helib_py as he
from helib_py.errors import BadValue, HelibError, NotPolynomial, ShapeError
from helib_py.network import run
from helib_py.nn import read

L, S = nn.Linear, he.Square
X = np.random.default_rng(0).uniform(-1, 1, (12, 4))
IMAGES = np.random.default_rng(1).uniform(-1, 1, (12, 2, 6, 6))


class Net(nn.Module):
    """A network whose forward is a function of itself and the input."""

    def __init__(self, forward, **layers):
        super().__init__()
        self.does = forward
        for name, layer in layers.items():
            setattr(self, name, layer)

    def forward(self, x):
        return self.does(self, x)


def assert_read(net, x=X, close=1e-5):
    """The same numbers as torch's, of a network that stays as it was."""
    before, training = copy.copy(net.state_dict()), net.training
    affines = read(net, x.shape[1:], x)
    assert net.training is training
    assert net.state_dict().keys() == before.keys()
    kind = next((p.dtype for p in net.parameters()), torch.float64)
    with torch.no_grad():
        expected = net.eval()(torch.tensor(x, dtype=kind)).double().numpy()
    got = run(affines, x.reshape(len(x), -1))[-1]
    assert np.allclose(got, expected.reshape(len(x), -1), atol=close * np.abs(expected).max())
    assert affines[-1].shape == expected.shape[1:]


def refused(net, x=X, error=NotPolynomial):
    with pytest.raises(error) as raised:
        read(net, x.shape[1:], x)
    assert_refused(raised)
    return str(raised.value)


# --- modules used more than once ------------------------------------------------------------


def shared():
    square, line, norm = S(), L(4, 4), busy_norm(nn.BatchNorm1d, 4)
    block, act = nn.Sequential(L(4, 4), S()), he.Quadratic(0.3, 0.2, 0.1)
    yield "square", [L(4, 5), square, L(5, 5), square, L(5, 2)]
    yield "linear", [line, S(), line, S(), line]
    yield "normalisation", [line, norm, S(), norm, line]
    yield "block", [block] * 3
    yield "quadratic", [L(4, 3), act, L(3, 4), act]
    yield "residual", [he.Residual(line, S()), he.Residual(line, S())]


SHARED = dict(shared())


@pytest.mark.parametrize("name", SHARED)
def test_a_module_that_is_used_again_counts_again(name):
    assert_read(nn.Sequential(*SHARED[name]))


@pytest.mark.parametrize("options", [{}, {"batch": True}, {"refresh": "key holder"}])
def test_every_kind_of_plan_sees_both_uses(options):
    net = nn.Sequential(*SHARED["square"]).eval()
    plan = he.plan(net, X, **options)
    with torch.no_grad():
        expected = net(torch.tensor(X, dtype=torch.float32)).numpy()
    assert np.allclose(plan.simulate(X, noisy=False), expected, atol=1e-2)


# --- a forward of one's own -----------------------------------------------------------------


class Doubled(nn.Sequential):
    def forward(self, x):
        return 2 * super().forward(x) + x


class Squaring(nn.Linear):
    def forward(self, x):
        return super().forward(x) ** 2


class Halved(he.Square):
    def forward(self, x):
        return super().forward(x) / 2


class Raised(he.Quadratic):
    def forward(self, x):
        return super().forward(x) + 1


class Plain(nn.Conv2d):
    """Does what its base does."""


@pytest.mark.parametrize(
    "layers", [[Doubled(L(4, 4), S())], [Squaring(4, 3), L(3, 2)], [L(4, 3), Halved()],
               [L(4, 3), Raised()], [nn.Unflatten(1, (1, 2, 2)), Plain(1, 2, 2)]],
)  # fmt: skip
def test_a_subclass_is_read_by_its_own_forward(layers):
    assert_read(nn.Sequential(*layers))


class TwoWays(nn.Module):
    def forward(self, x, scale=None):
        return x * 2 if scale is None else x * scale


class Parts(nn.Module):
    def __init__(self):
        super().__init__()
        self.steps = nn.ModuleList(L(4, 4) for _ in range(3))
        self.heads = nn.ModuleDict({"only": L(4, 2)})
        self.gains, self.shift = nn.Parameter(torch.rand(4)), torch.rand(4)

    def forward(self, x):
        if self.training:
            x = torch.sigmoid(x)
        for step in self.steps:
            x = step(x) * self.gains - self.shift
            x = x * x
        return self.heads["only"](x)


def written(f, **layers):
    return Net(lambda net, x: f(x, **net._modules), **layers)


FORWARDS = {
    "x * x": written(lambda x, a: a(x) * a(x), a=L(4, 3)),
    "x ** 2": written(lambda x, a: a(x) ** 2, a=L(4, 3)),
    "x.pow(2)": written(lambda x, a: a(x).pow(2.0), a=L(4, 3)),
    "torch.square": written(lambda x, a: torch.square(a(x)), a=L(4, 3)),
    "a x x + b x + c": written(lambda x: 0.1 * x * x + 0.5 * x + 1),
    "x (x - 1)": written(lambda x, a: a(x) * (a(x) - 1), a=L(4, 3)),
    "x * y": written(lambda x, a, b: a(x) * b(x), a=L(4, 3), b=L(4, 3)),
    "x * x * x": written(lambda x, a: a(x) * a(x) * a(x), a=L(4, 3)),
    "x * gate": written(lambda x, a, g: a(x) * g(x), a=L(4, 3), g=L(4, 1)),
    "+ skip": written(lambda x, a: x + a(x).square(), a=L(4, 4)),
    "+=": written(lambda x, a: a(x).add_(1).mul_(2), a=L(4, 4)),
    "dense": written(lambda x, a: torch.cat([x, a(x) ** 2], dim=1), a=L(4, 3)),
    "stack": written(lambda x, a: torch.stack(tensors=[x, a(x)], dim=1), a=L(4, 4)),
    "constants": written(lambda x, a: 2 - a(x) / 4 + torch.ones(3) - (-x[:, :1]), a=L(4, 3)),
    "chunk": written(lambda x, a: a(x).chunk(2, 1)[0] + a(x).chunk(2, 1)[1], a=L(4, 6)),
    "F.linear": written(lambda x, a: F.linear(x, a.weight, bias=a.bias), a=L(4, 3)),
    "x @ W.T": written(lambda x, a: x @ a.weight.T + a.bias, a=L(4, 3)),
    "W @ x": written(lambda x, a: (a.weight @ x.unsqueeze(-1)).squeeze(-1), a=L(4, 3)),
    "einsum": written(lambda x, a: torch.einsum("bi,oi->bo", x, a.weight), a=L(4, 3)),
    "addmm": written(lambda x, a: torch.addmm(a.bias, x, a.weight.t()), a=L(4, 3)),
    "dropout": Net(lambda net, x: F.dropout(net.a(x), 0.5, net.training), a=L(4, 3)),
    "one number": written(lambda x, a: a(x).squeeze(1), a=L(4, 1)),
    "view(-1)": written(lambda x, a: a(x).view(-1), a=L(4, 1)),
    "float()": written(lambda x, a: a(x.float()), a=L(4, 3)),
    "a default": TwoWays(),
    "lists and parameters": Parts(),
    "traced before": torch.fx.symbolic_trace(nn.Sequential(L(4, 3), S())),
    "data parallel": nn.DataParallel(nn.Sequential(L(4, 3), S())),
    "compiled": torch.compile(nn.Sequential(L(4, 3), S())),
    "nothing": nn.Sequential(),
    "unused layers": written(lambda x, a, b: a(x), a=L(4, 3), b=nn.MaxPool2d(2)),
}  # fmt: skip
CONV = nn.Conv2d(2, 3, 3, padding=1)
PICTURES = {
    "view": written(lambda x, c, a: a((c(x) * c(x)).view(-1, 108)), c=CONV, a=L(108, 3)),
    "view of a size": written(lambda x, c: (c(x) ** 2).view(x.size(0), -1), c=CONV),
    "reshape of a shape": written(lambda x, c: c(x).reshape(x.shape[0], -1), c=CONV),
    "flatten": written(lambda x, c: torch.flatten(c(x), 1) ** 2, c=CONV),
    "x.flatten": written(lambda x, c: c(x).flatten(start_dim=1), c=CONV),
    "mean": written(lambda x, c: c(x).mean((2, 3)) + x.sum(dim=[1, 2, 3], keepdim=False)[:, None],
                    c=CONV),
    "mean, kept": written(lambda x, c: c(x) - c(x).mean(dim=(-2, -1), keepdim=True), c=CONV),
    "avg_pool2d": written(lambda x, c: F.avg_pool2d(c(x), kernel_size=2, stride=2), c=CONV),
    "adaptive": written(lambda x, c: F.adaptive_avg_pool2d(c(x), 1).flatten(1), c=CONV),
    "pad": written(lambda x, c: c(F.pad(x, (1, 0, 2, 1), value=0.5)), c=CONV),
    "interpolate": written(lambda x, c: F.interpolate(c(x), scale_factor=2), c=CONV),
    "F.conv2d": written(lambda x, c: F.conv2d(x, c.weight, c.bias, padding=1), c=CONV),
    "permute": written(lambda x, a: a(x.permute(0, 2, 3, 1)).transpose(1, 3), a=L(2, 3)),
    "patches": written(lambda x, a: a(F.unfold(x, 2, stride=2).transpose(1, 2)) ** 2, a=L(8, 3)),
    "slices": written(lambda x, c: x[:, :, ::2, 1:3] - x[..., 1::2, 3:5], c=CONV),
    "per channel": written(lambda x, c: c(x) * torch.arange(3.0).view(1, 3, 1, 1), c=CONV),
}  # fmt: skip


@pytest.mark.parametrize("name", FORWARDS)
def test_a_forward_of_one_s_own_is_read(name):
    assert_read(FORWARDS[name])


@pytest.mark.parametrize("name", PICTURES)
def test_a_forward_on_images_is_read(name):
    assert_read(PICTURES[name], IMAGES)


# --- weights of any kind --------------------------------------------------------------------


def weights():
    def net(layer):
        return nn.Sequential(layer, S(), L(3, 2))

    pruned = net(L(4, 3))
    prune.l1_unstructured(pruned[0], "weight", 0.5)
    yield "pruned", pruned
    used = copy.deepcopy(net(L(4, 3)))
    prune.random_unstructured(used[2], "weight", 0.5)
    used(torch.zeros(2, 4))
    yield "pruned and used", used
    with pytest.warns(FutureWarning):
        yield "weight norm of old", net(weight_norm(L(4, 3)))
    yield "spectral norm of old", net(spectral_norm(L(4, 3))).train()
    for kind in ("weight_norm", "spectral_norm", "orthogonal"):
        yield kind, net(getattr(parametrizations, kind)(L(4, 3)))
    lazy = net(nn.LazyLinear(3))
    lazy(torch.zeros(2, 4))
    yield "lazy, but used", lazy
    for kind in ("half", "bfloat16", "double"):
        yield kind, getattr(nn.Sequential(L(4, 5), busy_norm(nn.BatchNorm1d, 5), S()), kind)()
    yield "in training", nn.Sequential(L(4, 5), nn.Dropout(), nn.BatchNorm1d(5), S()).train()
    yield "frozen", net(L(4, 3)).requires_grad_(False)
    each = he.Quadratic()
    for p in (each.a, each.b, each.c):
        p.data = torch.rand(3) + 0.1
    straight = [he.Quadratic(0, 2, 1), he.Quadratic(1e-17, 0.25, 0.5), he.Quadratic(0, 0, 1)]
    yield "quadratics that are straight lines", nn.Sequential(L(4, 3), *straight[:2], L(3, 2))
    yield "a constant", nn.Sequential(L(4, 3), straight[2], L(3, 2))
    yield "a quadratic for each unit", net(L(4, 3))[:1].append(each)


WEIGHTS = dict(weights())


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_of_any_kind_are_read(name):
    coarse = {"half": 1e-2, "bfloat16": 5e-2, "spectral norm of old": 1e-3}
    assert_read(WEIGHTS[name], close=coarse.get(name, 1e-5))


def filled(layer, value):
    for p in layer.parameters():
        p.data = p.data.flatten().index_fill(0, torch.tensor(0), value).view(p.shape)
    return nn.Sequential(layer)


@pytest.mark.parametrize(
    ("net", "says"),
    [
        (filled(L(4, 3), np.nan), "0.weight holds NaN"), (filled(L(4, 3), np.inf), "NaN or inf"),
        (nn.Sequential(nn.LazyLinear(3)), "run the network once"),
        (nn.Sequential(nn.LazyBatchNorm1d()), "run the network once"),
        (nn.Sequential(L(4, 3, device="meta")), "meta"),
        (nn.Sequential(L(4, 3, dtype=torch.complex64)), "complex"),
        (torch.jit.script(nn.Sequential(L(4, 3))), "torch.jit"),
        (nn.Linear, "the class Linear"), ([L(4, 3)], "list"), (L(4, 3).state_dict(), "Dict"),
        (lambda x: x, "function"), (None, "NoneType"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "take", [he.plan, he.polynomial, lambda n, x: he.fine_tune(n, x, x[:, 0])]
)
def test_what_holds_no_weights_is_refused(net, says, take):
    with pytest.raises(BadValue, match=says) as error:
        take(net, X)
    assert_refused(error)


def test_a_variance_below_zero_is_said_to_give_nan():
    net = nn.Sequential(nn.BatchNorm1d(4))
    net[0].running_var -= 2
    assert "NaN" in refused(net, error=BadValue)


# --- what cannot run, and what to do instead --------------------------------------------------


SEQUENCES = X[:, None]


@pytest.mark.parametrize(
    ("layer", "x", "advice"),
    [
        (nn.MaxPool2d(2), IMAGES, "nn.AvgPool"), (nn.AdaptiveMaxPool2d(2), IMAGES, "nn.AvgPool"),
        (nn.LPPool2d(2, 2), IMAGES, "nn.AvgPool"), (nn.Softmax(1), X, "after decrypting"),
        (nn.LogSoftmax(1), X, "after decrypting"), (nn.LayerNorm(4), X, "BatchNorm"),
        (nn.GroupNorm(1, 2), IMAGES, "BatchNorm"), (nn.InstanceNorm2d(2), IMAGES, "BatchNorm"),
        (nn.LocalResponseNorm(2), IMAGES, "BatchNorm"),
        (nn.BatchNorm1d(4, track_running_stats=False), X, "track_running_stats=True"),
        (nn.LSTM(4, 2), SEQUENCES, "gates"), (nn.GRU(4, 2), SEQUENCES, "gates"),
        (nn.TransformerEncoderLayer(4, 2), SEQUENCES, "softmax"),
        (nn.Embedding(3, 2), X, "looks something up"), (nn.GLU(), X, "only add and multiply"),
        (nn.ReLU(), X, "he.polynomial"), (nn.Mish(), X, "he.polynomial"),
    ],
)  # fmt: skip
def test_a_layer_that_cannot_run_is_refused_by_its_name(layer, x, advice):
    said = refused(nn.Sequential(nn.Identity(), layer), x)
    assert f"layer 1 ({type(layer).__name__})" in said
    assert advice in said


class Deciding(nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            return x
        return -x


class Asking(nn.Module):
    def forward(self, x):
        chosen = x[:, 0] > 0
        return x[chosen]


class Setting(nn.Module):
    def forward(self, x):
        x = 2 * x
        x[:, 0] = 0
        return x


class InNumpy(nn.Module):
    def forward(self, x):
        return torch.tensor(np.exp(x.numpy()))


class Dividing(nn.Module):
    def forward(self, x):
        return x / x.abs().sum(1, keepdim=True)


class Best(nn.Module):
    def forward(self, x):
        return torch.argmax(x, dim=1)


class Attending(nn.Module):
    def forward(self, x):
        x = x.unsqueeze(1)
        return F.scaled_dot_product_attention(x, x, x)


class Cubed(nn.Module):
    def forward(self, x):
        return x**3


class Activated(nn.Module):
    def forward(self, x):
        return torch.relu(x)


class Awake(nn.Module):
    def forward(self, x):
        return F.dropout(x, 0.5)


class Mixing(nn.Module):
    def forward(self, x):
        return x - x.mean(0)


@pytest.mark.parametrize(
    ("net", "line", "advice"),
    [
        (Deciding(), "if x.sum() > 0:", "without if"),
        (Asking(), "x[:, 0] > 0", "what values are"),
        (Setting(), "x[:, 0] = 0", "x[…] = y"), (InNumpy(), "np.exp", "without numpy"),
        (Dividing(), "x.abs()", "he.polynomial"), (Best(), "argmax", "after decrypting"),
        (Attending(), "attention(x, x, x)", "softmax"), (Cubed(), "x**3", "x * x * x"),
        (Activated(), "torch.relu(x)", "he.polynomial"), (Awake(), "dropout", "self.training"),
        (Mixing(), "x.mean(0)", "within an input"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_run_is_quoted(net, line, advice):
    said = refused(nn.Sequential(L(4, 4), net))
    assert line in said
    assert advice in said


class Counting(nn.Module):
    n = 0

    def forward(self, x):
        self.n += 1
        return self.n * x


class Aliased(nn.Module):
    def forward(self, x):
        y = z = 2 * x
        y += x
        return y + z


@pytest.mark.parametrize(
    "net", [Counting(), Aliased(), written(lambda x: x + torch.rand(1)),
            written(lambda x, a: a(x.half()), a=L(4, 3).double())],
)  # fmt: skip
def test_a_network_that_does_not_do_what_was_read_is_refused(net):
    refused(net)


@pytest.mark.parametrize("register", ["register_forward_hook", "register_forward_pre_hook"])
@pytest.mark.parametrize("where", ["0", "1", ""])
@pytest.mark.parametrize("take", [he.plan, he.polynomial])
def test_hooks_are_refused(register, where, take):
    net = nn.Sequential(L(4, 3), S())
    getattr(net.get_submodule(where), register)(lambda *given: None)
    with pytest.raises(NotPolynomial, match="has a forward hook") as error:
        take(net, X)
    assert_refused(error)


class Several(nn.Module):
    def forward(self, x, y):
        return x + y


@pytest.mark.parametrize(
    ("net", "says"),
    [
        (Several(), "as net(x)"), (written(lambda x: (x, x)), "tuple"),
        (written(lambda x: [x]), "list"), (written(lambda x: {"y": x}), "dict"),
        (written(lambda x: None), "NoneType"), (written(lambda x: torch.ones(12, 2)), "depend"),
        (written(lambda x: x.sum()), "batch"), (nn.Flatten(0), "batch"),
        (nn.Unflatten(0, (2, -1)), "batch"), (L(5, 2), "does not take"),
        (nn.Sequential(L(4, 3), nn.Conv2d(1, 1, 1)), "layer 1 (Conv2d)"),
    ],
)  # fmt: skip
def test_a_network_of_another_shape_is_refused(net, says):
    assert says in refused(net, error=HelibError)


def test_shapes_that_clash_are_shape_errors():
    assert "(3,) and (2,)" in refused(
        written(lambda x, a, b: a(x) + b(x), a=L(4, 3), b=L(4, 2)), error=ShapeError
    )


def test_the_examples_are_never_overwritten():
    x = X.copy()
    read(nn.Sequential(written(lambda x: x.add_(1)), L(4, 2)), (4,), x)
    assert np.array_equal(x, X)


def test_weights_that_nobody_registered_are_read_as_well():
    class Bare(nn.Module):
        def __init__(self):
            super().__init__()
            self.W = torch.randn(6, 3)

        def forward(self, x):
            return (x @ self.W) ** 2

    net, x = Bare(), torch.rand(5, 6)
    found = run(read(net, (6,), x.numpy()), x.numpy())[-1]
    assert np.allclose(found, net(x).numpy(), atol=1e-5)
    assert net.W.dtype == torch.float32
