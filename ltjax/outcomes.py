"""The three outcomes of a trial; nothing is ever guessed between them."""

from typing import Final

MISS: Final = -1
"""A certificate says that no mask works."""
UNDECIDED: Final = 0
HIT: Final = 1
"""A mask is in hand, its error checked again."""
