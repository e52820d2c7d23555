"""Networks deeper than a chain of primes: the key's holder refreshes what has no level left.

Between two segments the server adds a random mask and sends the ciphertext to the key's holder,
who decrypts, encrypts again at the top, and has seen a sum that hides the values; the server then
subtracts its mask. One round trip a refresh, counted.
"""

from .planning import DeepPlan, make_deep_plan
from .running import DeepServer, refresh, rounds

__all__ = ["DeepPlan", "DeepServer", "make_deep_plan", "refresh", "rounds"]
