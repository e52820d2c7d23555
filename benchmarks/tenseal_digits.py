"""The peer: TenSEAL's tutorial 4, done TenSEAL's own way at TenSEAL's own parameters."""

from __future__ import annotations

import numpy as np
import tenseal as ts
from torch import nn


class TensealDigits:
    """conv2d_im2col, pack_vectors, square and mm, as the tutorial calls them.

    26-bit scale, primes 31, 6×26, 31: 218 bits at N = 8192, which is 128-bit by the 2018 table.
    """

    def __init__(self, net: nn.Sequential) -> None:
        conv, fc1, fc2 = net[0], net[3], net[5]
        self.kernels = conv.weight.detach().reshape(conv.out_channels, 7, 7).tolist()
        self.biases = conv.bias.detach().tolist()
        self.fc1, self.b1 = fc1.weight.detach().T.tolist(), fc1.bias.detach().tolist()
        self.fc2, self.b2 = fc2.weight.detach().T.tolist(), fc2.bias.detach().tolist()
        self.context = ts.context(
            ts.SCHEME_TYPE.CKKS, 8192, coeff_mod_bit_sizes=[31, 26, 26, 26, 26, 26, 26, 31]
        )
        self.context.global_scale = 2**26
        self.context.generate_galois_keys()

    def encrypt(self, image: np.ndarray) -> tuple[ts.CKKSVector, int]:
        return ts.im2col_encoding(self.context, image.reshape(28, 28).tolist(), 7, 7, 3)

    def run(self, x: ts.CKKSVector, windows: int) -> ts.CKKSVector:
        maps = [
            x.conv2d_im2col(kernel, windows) + bias
            for kernel, bias in zip(self.kernels, self.biases, strict=True)
        ]
        x = ts.CKKSVector.pack_vectors(maps)
        x.square_()
        x = x.mm(self.fc1) + self.b1
        x.square_()
        return x.mm(self.fc2) + self.b2

    def predict(self, image: np.ndarray) -> np.ndarray:
        """Encrypt, evaluate, decrypt."""
        return np.array(self.run(*self.encrypt(image)).decrypt())

    def rotation_key_bytes(self) -> int:
        with_keys = self.context.serialize(save_galois_keys=True, save_secret_key=False)
        return len(with_keys) - len(self.context.serialize(save_galois_keys=False))
