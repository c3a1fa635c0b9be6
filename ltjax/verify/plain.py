"""What a report can hold: plain values."""

import json
import math
from typing import Any


def plain(value: Any) -> Any:
    """`value` for JSON: no NaN or infinity (null), no NumPy scalars, keys as text, sequences as lists."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def refuse_unsayable(value: Any) -> None:
    """So that it breaks the claim that says it, not the report of all.

    Raises:
        TypeError: for what JSON cannot hold.
    """
    json.dumps(plain(value), allow_nan=False)


__all__ = ["plain", "refuse_unsayable"]
