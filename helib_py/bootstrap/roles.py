"""The parties of a network with bootstraps: nothing but bytes crosses between them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import wire
from ..encoding import as_numbers
from ..engines.lattigo import Worker
from ..errors import BadBytes, MissingKey, NoSecretKey, ParameterError, WrongKey
from ..memory import check_memory
from ..options import instance, real
from .plan import BootstrapInterface, BootstrapPlan

_PLAN = 'what he.plan(net, X, refresh="bootstrap") gave'
_KEYS, _CIPHERTEXT = "bootstrap keys", "bootstrap ciphertext"


class BootstrapOwner:
    """Holds the secret key: encrypts inputs, decrypts results.

    Made from a plan or, without the weights, its interface. ``public``: the message with all
    public keys. Raises OutOfMemory, before anything is made, where the machine is too small for
    its keys, and MissingExtra where Lattigo is not installed.
    """

    def __init__(self, plan: BootstrapPlan | BootstrapInterface) -> None:
        inside = plan.interface if isinstance(plan, BootstrapPlan) else plan
        instance(inside, BootstrapInterface, _PLAN)
        self.interface = inside
        check_memory(inside.owner_memory, "making the keys")
        maker = Worker("Maker", inside.params)
        secret, public, *keys = maker.call("make", inside.rotations, inside.refreshes)
        maker.close()
        self.key_id = hashlib.sha256(public).hexdigest()[:32]
        self.public = wire.pack(_KEYS, _label(inside, self.key_id), public, *keys)
        self._given = (inside.params, secret, public)
        self._client = Worker("Client", *self._given)

    def encrypt(self, x: ArrayLike) -> bytes:
        """One input of the plan's shape, as the message to upload. ShapeError, Overflow."""
        values = as_numbers(x)
        laid = self.interface.lay_out(values)
        self.interface.span.check(values)
        payload = self._call("encrypt", laid, self.interface.level)
        return wire.pack(_CIPHERTEXT, {**_label(self.interface, self.key_id), "step": 0}, payload)

    def decrypt(self, message: bytes) -> np.ndarray:
        """The outputs, shape (outputs,). WrongKey for another owner's, BadBytes."""
        slots, _ = self.open(message)
        return self.interface.read(slots)

    def open(self, message: bytes) -> tuple[np.ndarray, int]:
        """All slots of a ciphertext, wherever in the network it is from, and its level."""
        _, payload = _unpack(message, self.interface, self.key_id)
        opened: tuple[np.ndarray, int] = self._call("decrypt", payload)
        return opened

    def _call(self, name: str, *given: Any) -> Any:
        """Lattigo's answer; a process that something killed does not take the keys with it."""
        if not self._client.alive:
            self._client = Worker("Client", *self._given)
        return self._client.call(name, *given)

    def __repr__(self) -> str:
        return f"BootstrapOwner (holds the secret key) · {self.interface.params!r}"

    def __reduce__(self) -> str:
        raise NoSecretKey("an owner is not pickled, it holds the secret key: send owner.public")


class BootstrapServer:
    """Runs a plan on ciphertexts. Made from public keys, it cannot decrypt.

    Raises OutOfMemory, before the keys are loaded, where the machine is too small for them;
    ParameterError for a ``flood``, as a bootstrap leaves too few bits for one.
    """

    def __init__(self, plan: BootstrapPlan, public: bytes, *, flood: float | None = None) -> None:
        instance(plan, BootstrapPlan, _PLAN)
        if flood is not None:
            flood = real(flood, "flood", 0)
            raise ParameterError(
                f"~{plan.bits:.1f} bits come out of bootstraps, and a flood takes some "
                f"{flood / 2 + 6:.0f}, besides what the worst inputs do to errors: use a plan "
                "without bootstraps, he.plan(…, flood=bits)"
            )
        header, keys = wire.unpack(_KEYS, public)
        self.plan = plan
        if header.get("plan") != plan.interface.fingerprint or len(keys) != 3:
            raise MissingKey(
                f"these keys were made for another plan than {plan.summary}: make the owner with "
                "BootstrapOwner(plan)"
            )
        check_memory(plan.interface.server_memory, "running this plan")
        self.key_id = str(header.get("key"))
        self._worker = Worker("Server", plan.params, *keys, list(plan.for_engine()))

    def steps(self, message: bytes) -> Iterator[bytes]:
        """The message after each step of ``plan.steps``; the last one is the result."""
        header, payload = _unpack(message, self.plan.interface, self.key_id)
        if header["step"] >= len(self.plan.steps):
            raise BadBytes("this ciphertext is a result already: its owner can decrypt it")
        for number in range(header["step"], len(self.plan.steps)):
            payload = self._worker.call("run", number, payload)
            safe = self._worker.call("rerandomised", payload)
            yield wire.pack(_CIPHERTEXT, {**header, "step": number + 1}, safe)

    def run(self, message: bytes) -> bytes:
        """The encrypted result for one input, as ``owner.encrypt(x)`` gave it.

        Raises WrongKey and BadBytes for what is no input of this plan.
        """
        *_, result = self.steps(message)
        return result

    def __repr__(self) -> str:
        return f"BootstrapServer (no secret key) · {self.plan.summary}"


def _label(inside: BootstrapInterface, key_id: str) -> dict[str, Any]:
    return {"plan": inside.fingerprint, "key": key_id}


def _unpack(
    message: bytes, inside: BootstrapInterface, key_id: str
) -> tuple[dict[str, Any], bytes]:
    """WrongKey and BadBytes for what is none of this plan's ciphertexts under this key."""
    header, payloads = wire.unpack(_CIPHERTEXT, message)
    with wire.rebuilding("bootstrap ciphertext"):
        (payload,), label = payloads, _label(inside, key_id)
        key, plan, step = wire.typed(header, {"key": str, "plan": str, "step": int})
        if key != key_id:
            raise WrongKey("this ciphertext is under another owner's key: only they can open it")
        if plan != inside.fingerprint or step < 0:
            raise BadBytes("this ciphertext is of another plan: encrypt with this plan's owner")
    return {**label, "step": step}, payload
