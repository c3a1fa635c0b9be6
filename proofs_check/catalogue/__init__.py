"""The catalogue: a folder a family, a file a theorem.

To add a theorem, copy a file: its docstring is the statement with hypotheses and source, `measure` draws,
`judge` compares the draws with the claim's constants, `draw` shows them, `CLAIM` names the controls.
"""

import importlib
import pkgutil

from proofs_check.claim import Claim


def claims() -> list[Claim]:
    """Every claim in the catalogue's modules, by family and file name."""
    found = []
    for family in sorted(pkgutil.iter_modules(__path__), key=lambda m: m.name):
        package = importlib.import_module(f"{__name__}.{family.name}")
        for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda m: m.name):
            found.append(importlib.import_module(f"{package.__name__}.{module.name}").CLAIM)
    return sorted(found, key=lambda claim: claim.id)
