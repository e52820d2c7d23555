"""Where the extra "bootstrap" is not installed, its engine's modules hold no doctests."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("lattigo") else ["helib_py/engines/lattigo/roles.py"]
