"""Where an extra is not installed, the modules that import its library hold no doctests."""

from importlib.util import find_spec

IMPORTERS = {
    "lattigo": "helib_py/engines/lattigo/roles.py",
    "seal": "helib_py/engines/seal/native.py",
    "Pyfhel": "helib_py/engines/seal/pyfhel.py",
}
collect_ignore = [file for library, file in IMPORTERS.items() if not find_spec(library)]
