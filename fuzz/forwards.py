"""Parts of random networks with a ``forward`` of their own, as people write them."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

Function = Callable[[torch.Tensor], torch.Tensor]

#: Of one number, all to be replaced by polynomials.
FUNCTIONS: dict[str, Function] = {
    "relu": F.relu, "gelu": F.gelu, "elu": lambda x: F.elu(x, 0.5), "method": lambda x: x.tanh(),
    "in place": lambda x: F.leaky_relu(x, 0.2, inplace=True), "silu": torch.nn.functional.silu,
    "clamp": lambda x: x.clamp(-0.5, 1.0), "sigmoid": torch.sigmoid,
}  # fmt: skip
MODULES: tuple[Callable[[], nn.Module], ...] = (
    nn.ReLU, lambda: nn.ReLU(inplace=True), lambda: nn.LeakyReLU(0.3), nn.PReLU, nn.ELU, nn.SELU,
    nn.CELU, nn.ReLU6, nn.Hardtanh, nn.Hardswish, nn.Hardsigmoid, nn.Mish, nn.LogSigmoid,
    lambda: nn.Softplus(3), nn.Softsign, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh,
)  # fmt: skip
#: Quadratics of each number, written out.
SQUARES: dict[str, Function] = {
    "x * x": lambda x: x * x, "x ** 2": lambda x: x**2, "square": torch.square,
    "x.pow": lambda x: x.pow(2) - 0.5, "polynomial": lambda x: 0.4 * x * x + 0.3 * x - 0.1,
    "factors": lambda x: x * (x - 1) / 2,
}  # fmt: skip
#: Affine, and no layer.
MOVES: dict[str, Function] = {
    "view": lambda x: x.view(x.size(0), -1), "reshape": lambda x: x.reshape(x.shape[0], -1),
    "halves": lambda x: x.chunk(2, 1)[0] - 2 * x.chunk(2, 1)[-1][:, :1],
    "flip": lambda x: x.flip(1),
    "mean": lambda x: x - x.mean(-1, keepdim=True), "cat": lambda x: torch.cat([x, -x], dim=1),
    "sum": lambda x: torch.sum(x, dim=-1, keepdim=True), "slice": lambda x: x[..., ::2] + 0.5,
    "transpose": lambda x: x.transpose(1, -1),
}  # fmt: skip


class Written(nn.Module):
    """One of these functions."""

    def __init__(self, name: str, function: Function) -> None:
        super().__init__()
        self.name, self.function = name, function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """What it says."""
        return self.function(x)

    def extra_repr(self) -> str:
        """Its name."""
        return self.name


class Gated(nn.Module):
    """The product of two branches."""

    def __init__(self, a: nn.Module, b: nn.Module) -> None:
        super().__init__()
        self.a, self.b = a, b

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of one shape, or of two that go together."""
        out: torch.Tensor = self.a(x) * self.b(x)
        return out


class Model(nn.Module):
    """Layers in a list, called one after the other."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As a Sequential does."""
        for layer in self.layers:
            x = layer(x)
        return x
