"""The theorems: a folder a family, a file a theorem. Knows the library, is not known by it.

To add a theorem, copy a file: its docstring is the statement with hypotheses and source. The subclass of `Claim` has
the claimed constants as fields; `measure` draws, `tests` says what is claimed of the draws, `controls` are its false
neighbours, and `figure` shows the draws.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltjax.verify.claim import Claim


def claims() -> "list[Claim]":
    """Every claim in the families' modules, in the order of their ids."""
    from ltjax.verify.claim import claims_in, place

    found = []
    for family in pkgutil.iter_modules(__path__):
        if family.ispkg:
            package = importlib.import_module(f"{__name__}.{family.name}")
            for module in pkgutil.iter_modules(package.__path__):
                found += claims_in(importlib.import_module(f"{package.__name__}.{module.name}"))
    return sorted(found, key=lambda claim: place(claim.id))
