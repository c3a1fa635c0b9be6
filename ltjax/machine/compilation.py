"""Compiled programs outlive the process: the next one that asks the same question starts at once."""

import os
import sys
from pathlib import Path

import jax

USUAL = 1.0
"""JAX's own least compile time of what is kept, seconds."""


def use_compilation_cache() -> Path | None:
    """Keep compiled programs in the user's cache folder, unless JAX was told where (JAX_COMPILATION_CACHE_DIR).

    JAX_ENABLE_COMPILATION_CACHE=false turns it off.
    """
    # A run compiles many programs of less than JAX's own limit, a second; who chose another limit keeps it.
    if jax.config.jax_persistent_cache_min_compile_time_secs == USUAL:  # type: ignore[attr-defined]
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)
    if chosen := getattr(jax.config, "jax_compilation_cache_dir", None):
        return Path(chosen)
    try:
        folder = user_cache() / "ltjax" / "compiled"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # the latter: nobody's home
        return None  # slower, and no reason to stop
    jax.config.update("jax_compilation_cache_dir", str(folder))
    return folder


def _fusion_emitters() -> bool:
    """Whether this XLA can be told to do without them."""
    return jax.__version_info__ < (0, 11)


def usual_options() -> dict[str, bool | int]:
    """`jax.jit`'s `compiler_options` under which XLA compiles as by its defaults, whatever `quick_flags` or `use_cores`
    ask of the rest of a run."""
    known: dict[str, bool | int] = {"xla_backend_optimization_level": 3, "xla_cpu_multi_thread_eigen": True}
    return known | ({"xla_cpu_use_fusion_emitters": True} if _fusion_emitters() else {})


def quick_flags(flags: str) -> str:
    """XLA_FLAGS under which CPUs compile with less effort; what these chose already stands.

    For work that spends more time on compiling than on what it compiled.
    """
    quick = [] if "xla_backend_optimization_level" in flags else ["--xla_backend_optimization_level=1"]
    # XLA ends a process for a flag that it does not know any more.
    if _fusion_emitters() and "xla_cpu_use_fusion_emitters" not in flags:
        quick.append("--xla_cpu_use_fusion_emitters=false")
    return " ".join([*flags.split(), *quick])


def compile_quickly() -> None:
    """Let this process compile under `quick_flags`; to be called before JAX computes anything."""
    os.environ["XLA_FLAGS"] = quick_flags(os.environ.get("XLA_FLAGS", ""))


def user_cache() -> Path:
    """Where this system keeps a user's caches."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


__all__ = ["compile_quickly", "quick_flags", "use_compilation_cache", "user_cache", "usual_options"]
