"""The throughput benchmark counts what it says, on several devices; no figure of it is tested."""

import importlib.util
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

PATH = Path(__file__).parent.parent / "benchmarks" / "throughput.py"
spec = importlib.util.spec_from_file_location("throughput", PATH)
assert spec is not None
assert spec.loader is not None
throughput = importlib.util.module_from_spec(spec)
spec.loader.exec_module(throughput)


def counted(fn, *args):
    return throughput.operations(jax.make_jaxpr(fn)(*args).jaxpr)


def test_operations_are_the_numbers_computed():
    x, y = jnp.ones((4, 5)), jnp.ones((5, 3))
    assert counted(lambda x: (2.0 * x + 1.0).T[1:], x) == 40
    assert counted(jnp.matmul, x, y) == 2 * 4 * 5 * 3
    assert counted(lambda x: jnp.sum(x, axis=1), x) == 20
    assert counted(jax.jit(lambda x: jax.lax.scan(lambda c, row: (c + row, None), x[0], x)[0]), x) == 20
    assert counted(lambda x: jnp.sort(x, axis=1), x) == 20 * 3
    assert counted(lambda x: jax.lax.cond(x[0, 0] > 0.0, lambda x: x + 1.0, lambda x: x, x), x) == 20 + 1


def test_table_on_several_devices(monkeypatch):
    for name, small in (("CHAIN", 2), ("LENGTH", 16), ("LARGE", 1 << 10)):
        monkeypatch.setattr(throughput, name, small)
    lines = throughput.table(seconds=0.0, blocks=1, kernels={"sums": throughput.subset_sum(6)})
    assert len(lines) == 2 * 3
    platform = jax.default_backend()
    for line in lines:
        if line["platform"] == platform:
            assert line["device"].startswith(f"{jax.local_device_count()} × ")
            for key in ("trials a second", "of arithmetic", "of memory"):
                assert line[key] > 0.0
        elif line["platform"] != "cpu":
            assert "device" not in line
    text = throughput.shown(lines)
    assert text.count("not measured") == sum("device" not in line for line in lines)
    assert len({row.count("|") for row in text.splitlines()}) == 1


def test_both_dtypes_and_any_devices_find_the_same():
    rng = np.random.default_rng(1)
    theta, kappa = throughput.neuron_pruning(5, 0.3, 32).draw(rng, 16, "float64")
    with jax.enable_x64(True):
        for kernel, rows in (
            (throughput.subset_sum(8), throughput.subset_sum(8).draw(rng, 16 * 1024, "float64")),
            (throughput.neuron_pruning(5, 0.3, 32), (theta, kappa)),
        ):
            block = kernel.block("float64")
            rows = tuple(jnp.asarray(x[: 4 * block]) for x in rows)
            one, four = (
                throughput.spread(kernel.search, block, tuple(jax.local_devices()[:k]))(
                    throughput.parallel.put(rows, jax.local_devices()[:k])
                )
                for k in (1, 4)
            )
            jax.tree.map(lambda a, b: np.testing.assert_array_equal(np.asarray(a), np.asarray(b)), one, four)
