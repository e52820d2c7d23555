"""Torch modules that can run on ciphertexts."""

from __future__ import annotations

import torch
from torch import nn

from ..activations import Polynomial
from ..evaluation import clenshaw
from ..options import instance, real


class Square(nn.Module):
    """u² for every unit: the cheapest activation there is on ciphertexts."""

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Shape in, same shape out."""
        return u * u


class Quadratic(nn.Module):
    """a·u² + b·u + c with trainable a, b, c.

    It costs what u² costs: a·(u + b/2a)² + c - b²/4a is folded into the layers around it.
    """

    def __init__(self, a: float = 0.25, b: float = 0.5, c: float = 0.0) -> None:
        super().__init__()
        self.a, self.b, self.c = (
            nn.Parameter(torch.tensor(real(v, "a, b, c"))) for v in (a, b, c)
        )

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Shape in, same shape out."""
        return self.a * u * u + self.b * u + self.c


class PolynomialActivation(nn.Module):
    """A fitted polynomial in place of an activation; its coefficients can be trained on."""

    def __init__(self, fitted: Polynomial) -> None:
        super().__init__()
        self.fitted = instance(fitted, Polynomial, "what he.fit(…) gave")
        start = torch.tensor(fitted.coefficients, dtype=torch.get_default_dtype())
        self.coefficients = nn.Parameter(start)

    def forward(self, u: torch.Tensor) -> torch.Tensor:
        """Shape in, same shape out."""
        out: torch.Tensor = clenshaw(list(self.coefficients), self.fitted.unit(u))
        return out

    def polynomial(self) -> Polynomial:
        """As it is now, to be called on ciphertexts."""
        return self.fitted.retrained(self.coefficients.tolist())

    def extra_repr(self) -> str:
        """The fit: range, error, depth."""
        return repr(self.fitted)


class Residual(nn.Module):
    """shortcut(x) + body(x), the body being layers in a row.

    ``shortcut`` is the identity unless a module is given: a convolution of 1×1 pixels, say, where
    the body changes the number of channels.
    """

    def __init__(self, *body: nn.Module, shortcut: nn.Module | None = None) -> None:
        super().__init__()
        self.body = nn.Sequential(*body)
        self.shortcut = nn.Identity() if shortcut is None else shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The body keeps the shape, or changes it as the shortcut does."""
        out: torch.Tensor = self.shortcut(x) + self.body(x)
        return out
