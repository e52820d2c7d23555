"""Every refusal of the package. Each message says what to do instead."""


class HelibError(Exception):
    """Base of all errors raised on purpose by ``helib_py``."""


class InsecureParameters(HelibError):
    """The parameters fall short of the security level asked for."""


class ParameterError(HelibError):
    """No parameter set meets the request."""


class OutOfLevels(HelibError):
    """A multiplication needs a level and none is left."""


class Overflow(HelibError):
    """A value may outgrow the modulus (or the bound that was promised)."""


class ShapeError(HelibError):
    """A vector or matrix does not fit."""


class BadValue(HelibError):
    """A value that cannot be encrypted: NaN, infinity, complex, text."""


class MissingKey(HelibError):
    """This party was not given the key the operation needs."""


class NoSecretKey(HelibError):
    """Only the owner of the secret key can do this."""


class WrongKey(HelibError):
    """Two objects made under different keys or parameters meet."""


class OutOfAnswers(HelibError):
    """What hides a secret was sized for so many answers, and they have been given."""


class BadBytes(HelibError):
    """Bytes that are truncated, altered, or not ours."""


class NotPolynomial(HelibError):
    """Encrypted values can be added and multiplied, nothing else."""


class NotLinear(NotPolynomial):
    """Paillier adds encrypted values and multiplies them by plain numbers, nothing else."""


class OutOfMemory(HelibError):
    """The machine lacks the memory that was said to be needed."""


class MissingExtra(HelibError):
    """An optional library is not installed."""


class EngineFailed(HelibError):
    """An engine's own process refused, or died."""
