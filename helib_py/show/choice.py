"""Which technique fits which task: six questions, and one answer to every combination."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ParameterError
from ..options import shown
from . import techniques as use
from .techniques import Technique

DATA, MODEL = "predict on encrypted data", "predict with an encrypted model"
SERVER, LEARN = "predict on encrypted data, for the server", "learn from encrypted data"
ONE_OWNER, OWNERS = "one owner", "several owners"
SECRET, LAST, PUBLIC = "secret", "secret in its last layer only", "public"
LINEAR, FEW, MANY = "linear", "1 to 3 hidden layers", "4 or more hidden layers"
SINGLE, BATCH = "one at a time", "thousands at once"
ONCE, ROUNDS = "no, one message each way", "yes"

#: question → what may be answered
QUESTIONS: dict[str, tuple[str, ...]] = {
    "task": (DATA, MODEL, SERVER, LEARN),
    "data": (ONE_OWNER, OWNERS),
    "model": (SECRET, LAST, PUBLIC),
    "depth": (LINEAR, FEW, MANY),
    "rounds": (ONCE, ROUNDS),
    "amount": (SINGLE, BATCH),
}

_PREDICT, _OWN, _HIDDEN = (DATA, MODEL, SERVER), (SECRET, LAST), (FEW, MANY)
_Rule = tuple[Technique, Mapping[str, tuple[str, ...]]]


def _rule(technique: Technique, **answers: str | tuple[str, ...]) -> _Rule:
    return technique, {q: (a,) if isinstance(a, str) else a for q, a in answers.items()}


#: exactly one holds for every combination; a question that is not named may have any answer
RULES: tuple[_Rule, ...] = (
    _rule(use.CLEAR, task=_PREDICT, model=PUBLIC),
    _rule(use.PAILLIER, task=DATA, model=_OWN, depth=LINEAR, amount=SINGLE),
    _rule(use.BFV, task=DATA, model=_OWN, depth=LINEAR, amount=BATCH),
    _rule(use.HEAD, task=DATA, model=LAST, depth=_HIDDEN),
    _rule(use.CKKS, task=DATA, model=SECRET, depth=FEW, amount=SINGLE),
    _rule(use.CKKS_BATCH, task=DATA, model=SECRET, depth=_HIDDEN, amount=BATCH),
    _rule(use.REFRESH, task=DATA, model=SECRET, depth=MANY, rounds=ROUNDS, amount=SINGLE),
    _rule(use.LONG, task=DATA, model=SECRET, depth=MANY, rounds=ONCE, amount=SINGLE),
    _rule(use.SEALED, task=MODEL, model=_OWN, depth=LINEAR),
    _rule(use.SEALED_HEAD, task=MODEL, model=LAST, depth=_HIDDEN),
    _rule(use.SEALED_NETWORK, task=MODEL, model=SECRET, depth=FEW),
    _rule(use.SEALED_DEEP, task=MODEL, model=SECRET, depth=MANY),
    _rule(use.TOLD, task=SERVER, model=_OWN, rounds=ROUNDS),
    _rule(use.FUNCTIONAL, task=SERVER, model=LAST, rounds=ONCE),
    _rule(use.FUNCTIONAL, task=SERVER, model=SECRET, depth=(LINEAR, FEW), rounds=ONCE),
    _rule(use.NO_FUNCTION, task=SERVER, model=SECRET, depth=MANY, rounds=ONCE),
    _rule(use.SUMS, task=LEARN, data=OWNERS, model=_OWN, depth=LINEAR),
    _rule(use.SUMS, task=LEARN, data=OWNERS, model=LAST, depth=_HIDDEN),
    _rule(use.SUMS, task=LEARN, data=OWNERS, model=PUBLIC, depth=LINEAR, rounds=ONCE),
    _rule(use.FEDERATED, task=LEARN, data=OWNERS, model=PUBLIC, rounds=ROUNDS),
    _rule(use.NO_ROUNDS, task=LEARN, data=OWNERS, model=PUBLIC, depth=_HIDDEN, rounds=ONCE),
    _rule(use.NO_SECRET, task=LEARN, data=OWNERS, model=SECRET, depth=_HIDDEN),
    _rule(use.TRAINING, task=LEARN, data=ONE_OWNER, depth=LINEAR),
    _rule(use.TRAINING, task=LEARN, data=ONE_OWNER, model=LAST, depth=_HIDDEN),
    _rule(use.NO_TRAINING, task=LEARN, data=ONE_OWNER, model=(SECRET, PUBLIC), depth=_HIDDEN),
)


def fitting(case: Mapping[str, str]) -> list[Technique]:
    """All techniques whose rule holds: one, for whoever answers all questions.

    ``case``: question → answer, of QUESTIONS.
    """
    return [technique for technique, rule in RULES if all(case[q] in rule[q] for q in rule)]


def choose(**answers: str) -> Technique:
    """The technique for a task; questions without an answer take the first of theirs.

    ParameterError for a question or an answer that is not in ``QUESTIONS``.

    >>> choose(model="secret", depth="1 to 3 hidden layers").notebook
    '09_encrypted_digits'
    """
    (technique,) = fitting(complete(answers))
    return technique


def complete(answers: Mapping[str, str]) -> dict[str, str]:
    """An answer to every question, in their order; ParameterError for one that is not there."""
    if odd := sorted(map(str, set(answers) - set(QUESTIONS))):
        raise ParameterError(f"{odd} must be among the questions {list(QUESTIONS)}")
    case = {q: answers.get(q, possible[0]) for q, possible in QUESTIONS.items()}
    for question, answer in case.items():
        if answer not in QUESTIONS[question]:
            raise ParameterError(
                f"{question}={shown(answer)} must be one of {QUESTIONS[question]}"
            )
    return case
