"""Four CPU devices, so that sharding is really tested; derandomised hypothesis without deadlines; types executed."""

import os
import tempfile
from collections.abc import Generator
from typing import Any

import hypothesis
import jax
import jaxtyping
import pytest

# Every call is checked against its annotations, shapes and dtypes included; as for the static checker, an int is a
# float. Programs that a test starts run as a user's would, unchecked.
TYPES = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
jaxtyping.install_import_hook(["ltjax", "proofs_check"], TYPES)

from ltjax.machine import compilation, devices, programs, settings  # noqa: E402 - only what is imported after the hook is checked

compilation.compile_quickly()  # tests compile more than they compute
devices.use_cores(4)
# What takes a tenth of a second to compile is kept for this run.
if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)

# In these files a dtype that nobody chose is a mistake: whole numbers meet floats, and 32 bits 64, by name only. The
# searches along the circle, which the other files reach, still mix them.
STRICT = {"breakpoints", "growth", "laws", "networks", "planar", "subset_sums", "uncovered", "zones"}

# These files compile far more than they compute: unoptimised programs take two thirds of the time to compile, and twice
# the time to run.
UNOPTIMISED = {"arcs", "certificates", "company", "contracts", "searches"}

PROGRAMS = pytest.StashKey[str]()

hypothesis.settings.register_profile("ltjax", derandomize=True, deadline=None, max_examples=60, print_blob=True)
hypothesis.settings.load_profile("ltjax")


def pytest_configure(config: pytest.Config) -> None:
    """Workers share what they compile, in a folder of this run, or the one that JAX_COMPILATION_CACHE_DIR names.

    A program that one worker reads while another writes it is compiled again (pyproject.toml ignores JAX's warning).
    """
    programs = getattr(config, "workerinput", {}).get("programs") or os.environ.get("JAX_COMPILATION_CACHE_DIR")
    if not programs:
        folder = tempfile.TemporaryDirectory(prefix="ltjax-programs-")
        config.add_cleanup(folder.cleanup)
        programs = folder.name
    config.stash[PROGRAMS] = programs
    jax.config.update("jax_compilation_cache_dir", programs)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of pytest-xdist where compiled programs are."""
    node.workerinput["programs"] = node.config.stash[PROGRAMS]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None]:
    """With fixtures."""
    jax.config.update("jax_disable_most_optimizations", item.path.stem.removeprefix("test_") in UNOPTIMISED)
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """A user has no such hook: what is said of a wrong argument then is tested with it switched off."""
    jaxtyping.config.update("jaxtyping_disable", item.get_closest_marker("wrong_types") is not None)
    strict = item.path.stem.removeprefix("test_") in STRICT
    how, usual = settings.PINNED["numpy_dtype_promotion"]
    if strict:
        settings.PINNED["numpy_dtype_promotion"] = (how, "strict")
    try:
        with jax.numpy_dtype_promotion("strict" if strict else "standard"):
            return (yield)
    finally:
        programs.make_room()  # for tests that compile without asking ltjax a question
        settings.PINNED["numpy_dtype_promotion"] = (how, usual)
        jaxtyping.config.update("jaxtyping_disable", False)
