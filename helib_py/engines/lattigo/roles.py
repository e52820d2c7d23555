"""What the parties do in their processes: make keys; hold the secret; compute without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import log2

import numpy as np
from lattigo import rlwe
from lattigo.ckks import Encoder, Parameters
from orion_evaluator import Evaluator, Model

from ...params.bootstrap import SCALE_BITS, BootstrapParams
from . import layout
from .graph import Operation, adjusted, described, model_file


class Maker:
    """Makes all keys at once; its process then ends, for Go gives memory back only so."""

    def __init__(self, params: BootstrapParams) -> None:
        self._params = params

    def make(self, rotations: Sequence[int], refreshes: bool) -> tuple[bytes, ...]:
        """The secret key, the public one, the network's keys, the bootstrap's (or nothing)."""
        given = _parameters(self._params)
        generator = rlwe.KeyGenerator(given)
        secret = generator.gen_secret_key()
        turning = [
            generator.gen_galois_key(secret, given.galois_element(step)) for step in rotations
        ]
        network = rlwe.MemEvaluationKeySet(generator.gen_relin_key(secret), turning)
        keys = (secret, generator.gen_public_key(secret), network)
        made = tuple(key.marshal_binary() for key in keys)
        return (*made, self._circuit(given, secret) if refreshes else b"")

    def _circuit(self, given: Parameters, secret: rlwe.SecretKey) -> bytes:
        told, slots = described(self._params), int(log2(self._params.width))
        circuit = rlwe.BootstrapParams(
            given, logn=told["btp_logn"], logp=told["boot_logp"], h=told["h"], log_slots=slots
        )
        keys: bytes = circuit.gen_eval_keys(secret)[1].marshal_binary()
        return keys


class Client:
    """Encrypts and decrypts: holds the secret key."""

    def __init__(self, params: BootstrapParams, secret: bytes, public: bytes) -> None:
        given = _parameters(params)
        self._ring, self._primes = params.ring, given.moduli_chain()
        self._slots, self._encoder = params.slots, Encoder(given)
        self._encryptor = rlwe.Encryptor(given, rlwe.PublicKey.unmarshal_binary(public))
        self._decryptor = rlwe.Decryptor(given, rlwe.SecretKey.unmarshal_binary(secret))

    def encrypt(self, values: np.ndarray, level: int) -> bytes:
        """Values on all slots, at the one scale."""
        encoded = self._encoder.encode(values.tolist(), level, 1 << SCALE_BITS)
        ciphertext: bytes = self._encryptor.encrypt_new(encoded).marshal_binary()
        return ciphertext

    def decrypt(self, data: bytes) -> tuple[np.ndarray, int]:
        """The values of all slots, and the level they were at. BadBytes for a stranger's."""
        found = layout.read(data, self._ring, self._primes)
        ciphertext = rlwe.Ciphertext.unmarshal_binary(layout.write(found))
        plain = self._decryptor.decrypt_new(ciphertext)
        return np.array(self._encoder.decode(plain, self._slots)), ciphertext.level()


class Server:
    """Computes on ciphertexts: was given public keys only."""

    def __init__(
        self,
        params: BootstrapParams,
        public: bytes,
        network: bytes,
        circuit: bytes,
        steps: Sequence[Operation],
    ) -> None:
        given = _parameters(params)
        self._ring, self._primes = params.ring, given.moduli_chain()
        self._files = [model_file(params, step) for step in adjusted(steps, self._primes)]
        self._evaluator = Evaluator(described(params), network, circuit or None)
        self._encoder, self._zeros = Encoder(given), [0.0] * params.slots
        self._encryptor = rlwe.Encryptor(given, rlwe.PublicKey.unmarshal_binary(public))

    def run(self, number: int, data: bytes) -> bytes:
        """One step. Its diagonals are encoded now and then dropped: all would take gigabytes."""
        found = layout.read(data, self._ring, self._primes)
        with Model.load(self._files[number]) as model:
            (result,) = self._evaluator.forward(model, [layout.write(found)])
        return bytes(result)

    def rerandomised(self, data: bytes) -> bytes:
        """With a fresh encryption of 0 added: what may leave."""
        found = layout.read(data, self._ring, self._primes)
        zeros = self._encoder.encode(self._zeros, found.level, 1 << SCALE_BITS)
        fresh = self._encryptor.encrypt_new(zeros).marshal_binary()
        added = layout.read(fresh, self._ring, self._primes).numbers
        primes = np.array(self._primes[: found.level + 1], dtype=np.uint64)[:, None]
        return layout.write(replace(found, numbers=(found.numbers + added) % primes))


def _parameters(params: BootstrapParams) -> Parameters:
    told = described(params)
    told["log_nth_root"] = told["btp_logn"] + 1  # the primes serve the bootstrap's ring as well
    return Parameters.from_dict(told)
