"""The techniques of this book: what is done, what it costs, what each party learns by it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """What a technique costs: the first row of the benchmarks whose name begins with ``row``."""

    label: str
    row: str
    column: str = "ours"


@dataclass(frozen=True)
class Technique:
    """An answer: what is done, what each party learns by it, and where the book does it.

    ``notebook`` is the file's name without its ending, or empty where there is none yet;
    ``instead`` says what else there is, and ``see`` the notebook that it is in. What does not
    work is not ``possible``, and ``how`` says why.
    """

    name: str
    how: str
    learns: tuple[tuple[str, str], ...] = ()
    notebook: str = ""
    costs: tuple[Cost, ...] = ()
    instead: str = ""
    see: str = ""
    possible: bool = True


_ASKED = ("server", "when and how often it is asked, not what")
_CNN = (
    Cost("a small CNN, one image", "tutorial CNN, one image: wall time"),
    Cost("upload", "tutorial CNN: upload"),
    Cost("rotation keys, once", "tutorial CNN: rotation keys"),
)
_LAYER = (Cost("a layer of 784 inputs and 64 outputs", "Paillier-2048: 784→64 layer"),)
_SCORE = (
    Cost("a score from 30 features", "Paillier-2048: encrypted weights, 30 features"),
    Cost("with all that hides it on its way", "the same, re-randomised, shielded"),
)
_TEN = "ten hidden layers, one chain"
_UNFLOODED = "from noise that is not flooded, something of the weights"
_DEPTH = f"scores; from depth and keys, much of the architecture; {_UNFLOODED}"
_BATCH = f"thousands of scores a batch; from the depth, some of the architecture; {_UNFLOODED}"

CLEAR = Technique(
    "No encryption: compute where the data are",
    "What is public may go to the data, in the clear. Then there is nothing to hide, and the "
    "owner of the data passes on what others should know.",
    (("data owner", "the answer"), ("everybody else", "what they are told")),
    "00_start_here",
)
PAILLIER = Technique(
    "Paillier: additions on encrypted numbers",
    "The owner encrypts number by number; the server multiplies by its weights and adds up, "
    "exactly. The sigmoid, or the largest score, is left to the owner.",
    (("data owner", "exact scores; enough of them give a linear model away"), _ASKED),
    "02_paillier_linear_models",
    _LAYER,
    "With many inputs a plan for CKKS takes less time, and megabytes of keys, once:",
    "09_encrypted_digits",
)
BFV = Technique(
    "BFV: exact whole numbers, a case in each slot",
    "A ciphertext for each input holds this input of thousands of cases. A score is a weighted "
    "sum, with the weights rounded to whole numbers, and no rotation.",
    (
        ("data owner", "thousands of exact scores a batch: they give a linear model away"),
        _ASKED,
    ),
    "05_noise_budget",
    (),
    "Weights that should not be rounded take a batch in CKKS:",
    "09_encrypted_digits",
)
HEAD = Technique(
    "Hidden layers in the clear, Paillier for the last one",
    "The public layers go to the data and run there, ReLU and all. Only what comes out is "
    "encrypted, for the secret last layer of the server.",
    (("data owner", "exact scores; enough of them give the last layer away"), _ASKED),
    "02_paillier_linear_models",
    _LAYER,
    "The public layers, and how good that is on digits:",
    "03_encrypted_model",
)
CKKS = Technique(
    "CKKS: the whole network on one ciphertext",
    "A polynomial network runs on the encrypted case in one go; he.plan derives levels, keys "
    "and precision before a key exists.",
    (("data owner", _DEPTH), _ASKED),
    "09_encrypted_digits",
    _CNN,
    "Where ReLU must stay, the data owner computes it, round by round, and sees what goes in:",
    "04_paillier_meets_hidden_layers",
)
CKKS_BATCH = Technique(
    "CKKS: a case in each slot",
    "A ciphertext for each input holds this input of thousands of cases. Layers are weighted "
    "sums and squares, without rotations: long until the first answer, little for each.",
    (("data owner", _BATCH), _ASKED),
    "09_encrypted_digits",
    (
        Cost("4096 digits, one core", "batch of 4096 digits: server, one core"),
        Cost("upload for each", "batch of 4096 digits: upload for each"),
    ),
    "A plan that does not fit is refused; then one case at a time goes deeper:",
    "10_deep_networks",
)
REFRESH = Technique(
    "CKKS, refreshed by the owner of the key",
    "When the levels run out, the server adds a mask, the key's owner decrypts and encrypts "
    "again, and the mask comes off. Any depth, in a small ring.",
    (
        (
            "data owner",
            "scores, and the depth; hidden values only under a mask, as long as inputs keep to "
            "their bound",
        ),
        _ASKED,
    ),
    "10_deep_networks",
    (Cost("ten hidden layers, with refreshes", _TEN, "peer"),),
    "Where ReLU must stay, the data owner computes it and sees what goes in:",
    "04_paillier_meets_hidden_layers",
)
LONG = Technique(
    "CKKS on a long chain, or with bootstrapping",
    "A larger ring has room for more levels, at a price that grows quickly. Bootstrapping gives "
    "levels back without the key, at a price that does not depend on the depth.",
    (("data owner", _DEPTH), _ASKED),
    "10_deep_networks",
    (Cost("ten hidden layers, one chain", _TEN),),
    "Discretised networks, with one small bootstrap a neuron, are the subject of notebook 13.",
)
SEALED = Technique(
    "An encrypted linear model, by Paillier",
    "The weights travel encrypted, once. The owner of the data multiplies them by plain "
    "features, hides how she did it, and sends one number back.",
    (
        ("model owner", "an exact score of each case: if honest, one equation about it"),
        ("data owner", "how many features there are; no weight, no score"),
    ),
    "03_encrypted_model",
    _SCORE,
)
SEALED_HEAD = Technique(
    "A public network with an encrypted last layer, by Paillier",
    "The hidden layers run in the clear at the data, ReLU and all. Only the last layer travels "
    "encrypted, and it is linear.",
    (
        ("model owner", "exact scores of each case: equations about its hidden units"),
        ("data owner", "the hidden layers; no weight of the last one, no score"),
    ),
    "03_encrypted_model",
    _SCORE,
    "What it gains and gives up, next to encrypting all layers:",
    "11_encrypted_deep_model",
)
_DEEP_LEARNS = (
    ("model owner", "noisy scores of each case; next to nothing more, if the model is honest"),
    ("data owner", "the architecture, and one digit of each layer's norm; no weight, no score"),
)
SEALED_NETWORK = Technique(
    "An encrypted network, by CKKS, with flooding",
    "Every weight of every layer travels encrypted. The owner of the data runs the network on "
    "plain inputs and drowns the noise of the answer, which tells of them.",
    _DEEP_LEARNS,
    "11_encrypted_deep_model",
    (
        Cost(
            "two hidden layers, one image",
            "encrypted 784-64-64-10, one image, flooded: wall time",
        ),
        Cost("weights, once", "encrypted 784-64-64-10: weights to send"),
    ),
    "If the hidden layers may be public, an encrypted last layer is far cheaper:",
    "03_encrypted_model",
)
SEALED_DEEP = Technique(
    "An encrypted network in a larger ring, while that lasts",
    "Each hidden layer takes two levels of long primes, as the flood needs room. A larger ring "
    "has some more of them; he.Agreement says where they end.",
    _DEEP_LEARNS,
    "11_encrypted_deep_model",
    (),
    "If the hidden layers may be public, any depth will do:",
    "03_encrypted_model",
)
TOLD = Technique(
    "Predict for the data owner, who passes the answer on",
    "She decrypts, rounds, and sends the label. Never numbers as CKKS decrypts them: their "
    "errors depend on the secret key and give it away.",
    (("data owner", "the answer, before anybody else"), ("server", "the answer that it is told")),
    "00_start_here",
)
FUNCTIONAL = Technique(
    "Functional encryption: a key that opens one function",
    "Whoever holds such a key decrypts the outcome of one linear or quadratic function, one "
    "hidden layer of squares, and nothing else. It is the subject of notebook 14.",
    (("server", "the answer to every case that it gets"), ("data owner", "nothing")),
)
SUMS = Technique(
    "Encrypted sums: one message from each owner",
    "Each owner encrypts sums over their own cases, which are all that least squares needs. "
    "They are added up encrypted, and only the total is opened.",
    (
        ("analyst", "the total, exactly, and from it the model"),
        ("aggregator", "ciphertexts only"),
        ("data owners", "nothing of each other"),
    ),
    "02_paillier_linear_models",
)
FEDERATED = Technique(
    "Encrypted sums of gradients, in rounds",
    "Each owner computes a gradient on their own cases, in the clear, with the weights that "
    "everybody knows; only the encrypted sum of all gradients is opened.",
    (
        ("analyst", "the sum of the gradients in every round"),
        ("data owners", "the weights in every round; nothing of each other"),
    ),
    "02_paillier_linear_models",
)
TRAINING = Technique(
    "Training on ciphertexts, by CKKS",
    "The server takes steps of logistic regression on data that it cannot read, and the model "
    "stays encrypted. It is the subject of notebook 12.",
    (("data owner", "the model"), _ASKED),
    instead="Sums over the cases are enough for least squares:",
    see="02_paillier_linear_models",
)
NO_FUNCTION = Technique(
    "Not possible",
    "Nobody knows a practical functional encryption beyond degree two, one hidden layer of "
    "squares; and without a further message the data owner cannot pass the answer on.",
    instead="Allow rounds, or let the data owner read the answer.",
    possible=False,
)
NO_ROUNDS = Technique(
    "Not possible",
    "Hidden layers are trained in thousands of steps, and each one needs the gradients of all "
    "owners: one message from each cannot hold them.",
    instead="Allow rounds, or train only the last layer, which is linear, on a public network.",
    possible=False,
)
NO_SECRET = Technique(
    "Not possible",
    "Who computes a gradient in the clear has to know the weights. On ciphertexts every step "
    "takes levels forwards and backwards through all layers, thousands of times.",
    instead="Let the owners of the data see the weights, or train only the last layer.",
    possible=False,
)
NO_TRAINING = Technique(
    "Not possible",
    "Hidden layers are trained in thousands of steps, and on ciphertexts every step takes levels "
    "forwards and backwards through all of them.",
    instead="Train in the clear where the data are; then encrypt data or model to predict.",
    possible=False,
)
