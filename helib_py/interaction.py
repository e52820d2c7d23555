"""A deep network by interaction: linear layers at the server, activations at the key's owner.

Orlandi, Piva and Barni, "Oblivious neural network computing via homomorphic encryption",
EURASIP Journal on Information Security 2007. Each layer is a round trip.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from . import paillier, randomness
from .bundle import PublicBundle, received
from .encoding import as_numbers
from .errors import ParameterError, ShapeError
from .options import instance, whole
from .paillier import PaillierVector
from .params import Paillier
from .refresh import DeepServer, rounds
from .roles import DataOwner
from .transcript import Transcript

Layers = Sequence[tuple[ArrayLike, ArrayLike | None]]
Dense = tuple[np.ndarray, np.ndarray]  #: W (outputs, inputs) and b (outputs,)


class LinearServer:
    """Holds a network's weights and a public key: computes W @ x + b on what it cannot read.

    ``layers``: pairs of W (outputs, inputs) and b (outputs,) or None, values within the
    parameters' ``factor_bound``, else Overflow when they are used. ParameterError for keys that
    are not Paillier's, ShapeError for layers that do not follow one another.
    """

    def __init__(
        self,
        layers: Layers,
        public: PublicBundle | bytes,
        insecure: bool = False,
    ) -> None:
        self.public = received(public, insecure)
        if not isinstance(self.public.params, Paillier):
            raise ParameterError(
                "linear layers by interaction need a Paillier key: pass the bundle of "
                "DataOwner(he.Paillier())"
            )
        self._layers = check_layers(layers)

    @property
    def depth(self) -> int:
        """Layers, that is round trips."""
        return len(self._layers)

    def linear(self, layer: int, inputs: bytes) -> bytes:
        """One layer on encrypted inputs (n,) or (rows, n): packed, shielded, as bytes.

        ShapeError for a layer that is not there, BadBytes for inputs labelled as anything but
        freshly encrypted: a limit of the data owner's choice could carry a row of weights out.
        """
        layer = whole(layer, "layer", error=ShapeError)
        if layer not in range(self.depth):
            raise ShapeError(f"layer {layer}: this network has the layers 0 to {self.depth - 1}")
        weights, bias = self._layers[layer]
        outputs = self._load(inputs) @ weights.T + bias
        return outputs.packed().shielded().to_bytes()

    def _load(self, inputs: bytes) -> PaillierVector:
        return paillier.expect_fresh(paillier.load(self.public.context, inputs))

    def __repr__(self) -> str:
        sizes = [self._layers[0][0].shape[1], *(len(b) for _, b in self._layers)]
        shape = "-".join(map(str, sizes))
        return f"LinearServer (no secret key) · {shape} · {self.public.params.label}"


def interact(
    owner: DataOwner,
    server: LinearServer | DeepServer,
    x: ArrayLike,
    transcript: Transcript | None = None,
) -> np.ndarray:
    """The network on x, with the key's owner at work between layers.

    Linear layers on x (n,) or (rows, n): encrypt, let the server multiply, decrypt, ReLU, again;
    the owner sees every layer's pre-activations in the clear. Gives scores (outputs,) or
    (rows, outputs); inputs and hidden values beyond the parameters' ``bound`` raise Overflow. A
    plan with refreshes on one x of its shape: the owner decrypts and encrypts again what a mask
    hides.
    """
    instance(owner, DataOwner, "a he.DataOwner first")
    instance(server, LinearServer | DeepServer, "a he.LinearServer or a he.DeepServer")
    transcript = Transcript() if transcript is None else transcript
    instance(transcript, Transcript, "a he.Transcript")
    if isinstance(server, DeepServer):
        return rounds(owner, server, x, transcript)
    values = as_numbers(x)
    for layer in range(server.depth):
        values = np.maximum(values, 0) if layer else values
        up = owner.encrypt(values).to_bytes()
        up = transcript.send("data owner", "server", f"encrypted inputs of layer {layer + 1}", up)
        down = server.linear(layer, up)
        what = f"pre-activations of layer {layer + 1}, for the data owner to open"
        values = owner.decrypt(transcript.send("server", "data owner", what, down))
    return values


def mask(layers: Layers) -> list[Dense]:
    """The same network with hidden units permuted and scaled by random ρ in (1/2, 1].

    ReLU(ρ z) = ρ ReLU(z) for ρ > 0, so the next layer undoes both. To be made anew for every
    query: signs still show, and so do sizes up to a factor of two, and under one mask two queries
    are comparable.
    """
    out, (weights, bias) = [], check_layers(layers)[0]
    for following, added in check_layers(layers)[1:]:
        order = randomness.permutation(len(bias))
        scale = 2.0 ** -randomness.reals(len(bias))
        out.append(((weights * scale[:, None])[order], (bias * scale)[order]))
        weights, bias = (following / scale)[:, order], added
    return [*out, (weights, bias)]


def check_layers(layers: Layers) -> list[Dense]:
    """ShapeError unless every layer takes what the one before it gives."""
    try:
        dense = [
            (as_numbers(w), np.zeros(len(as_numbers(w))) if b is None else as_numbers(b))
            for w, b in layers
        ]
    except (TypeError, ValueError):  # no pairs
        dense = []
    if not dense or any(w.ndim != 2 or b.shape != (len(w),) for w, b in dense):
        raise ShapeError("layers: pairs of W (outputs, inputs) and b (outputs,), one or more")
    for (_, given), (taking, _) in pairwise(dense):
        if taking.shape[1] != len(given):
            raise ShapeError(f"{len(given)} outputs meet {taking.shape[1]} inputs: must agree")
    return dense
