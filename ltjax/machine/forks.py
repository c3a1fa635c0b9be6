"""Whether this process was forked from one in which JAX had run: whatever it computes then hangs.

Imported with the package, before anything is forked; JAX is not.
"""

import os
import sys

_forked: list[bool] = []


def _jax_has_run() -> bool:
    """Whether JAX's devices have been made; JAX has no public way to ask without making them."""
    bridge = sys.modules.get("jax._src.xla_bridge")
    return bridge is not None and getattr(bridge, "backends_are_initialized", lambda: True)()


def after_jax() -> bool:
    """Whether a fork of this process, or of one that it came from, followed JAX's first computation."""
    return any(_forked)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: _forked.append(_jax_has_run()))

__all__ = ["after_jax"]
