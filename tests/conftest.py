"""Four CPU devices, so that sharding is really tested; derandomised hypothesis without deadlines; types executed."""

import gc
import os
from collections.abc import Generator

import hypothesis
import jax
import jaxtyping
import pytest
import threadpoolctl

# Every call is checked against its annotations, shapes and dtypes included; as for the static checker, an int is a
# float. Programs that a test starts run as a user's would, unchecked.
TYPES = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
jaxtyping.install_import_hook(["ltjax", "proofs_check"], TYPES)

from ltjax.machine import compilation, devices, programs, settings  # noqa: E402 - only what is imported after the hook is checked

# Two processes test beside each other; NumPy's own threads would only wait for cores, at full speed.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
threadpoolctl.threadpool_limits(1, user_api="blas")

compilation.compile_quickly()  # tests compile more than they compute
devices.use_cores(4)
# A worker reads no program that another process, perhaps one that was killed, left in the user's cache folder.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    jax.config.update("jax_enable_compilation_cache", False)

# In these files a dtype that nobody chose is a mistake: whole numbers meet floats, and 32 bits 64, by name only. The
# searches along the circle, which the other files reach, still mix them.
STRICT = {"breakpoints", "growth", "laws", "networks", "planar", "subset_sums", "uncovered", "zones"}

# These files compile far more than they compute: unoptimised programs compile faster, and run slower. Of some only the
# quick tests do.
UNOPTIMISED = {"arcs", "certificates", "company", "contracts", "searches"}
UNOPTIMISED_QUICK = {
    "clusters", "neuron_pruning", "normals", "pruning", "regression", "rounding", "subset_sums",
    "thresholds_and_scaling", "trials", "tube", "zones",
}  # fmt: skip

hypothesis.settings.register_profile("ltjax", derandomize=True, deadline=None, max_examples=60, print_blob=True)
hypothesis.settings.load_profile("ltjax")

# Programs and their traces are many objects, and seldom garbage.
gc.set_threshold(100_000, 50, 50)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None]:
    """With fixtures."""
    files = UNOPTIMISED if item.get_closest_marker("slow") else UNOPTIMISED | UNOPTIMISED_QUICK
    jax.config.update("jax_disable_most_optimizations", item.path.stem.removeprefix("test_") in files)
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
