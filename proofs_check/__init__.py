"""The theorems: a folder a family, a file a theorem. Knows the library, is not known by it.

To add a theorem, copy a file: its docstring is the statement with hypotheses and source, `measure` draws,
`judge` compares the draws with the claim's constants, `draw` shows them, `CLAIM` names the controls.
"""

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ltjax.verify.claim import Claim


def claims() -> "list[Claim]":
    """Every claim in the families' modules, sorted by id."""
    found = []
    for family in pkgutil.iter_modules(__path__):
        if family.ispkg:
            package = importlib.import_module(f"{__name__}.{family.name}")
            modules = pkgutil.iter_modules(package.__path__)
            found += [importlib.import_module(f"{package.__name__}.{module.name}").CLAIM for module in modules]
    return sorted(found, key=lambda claim: claim.id)
