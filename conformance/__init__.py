"""nnconform: a standard for neural-network activation and loss functions, and the suite that measures how frameworks keep it.

This module must import nothing: a worker imports it inside the environment of the framework under test, on Python 3.9.
"""

from pathlib import Path as _Path

__version__ = "0.1.0"

# In a source checkout backends/ and reports/ are siblings of this folder;
# in an installed copy the build has already put them inside it.
_here = _Path(__file__).resolve().parent
if not (_here / "backends").is_dir():
    __path__.append(str(_here.parent))
