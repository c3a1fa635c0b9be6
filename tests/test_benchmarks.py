"""The frame of the benchmarks, by stubs; and a few ratios, with margins that no noise reaches."""

import math
import resource
import subprocess
import sys
import time
import tracemalloc

import jax
import numpy as np
import pytest

import ltjax
from benchmarks import frame
from ltjax.trials.counts import count


class Clock:
    """Only work takes time, and exactly as long as it says: a loaded machine changes no ratio."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now

    def work(self, seconds, result):
        def call():
            self.now += seconds
            return result

        return call

    def measure(self, peer, rounds=5):
        mine = self.work(1e-3, np.ones(10))
        return frame.measure(frame.Workload("sums, | one", "instance", mine, len, {"peer": peer}, rounds), self)


def test_peers_are_compared_by_the_work_that_they_get_done():
    # Twenty times as long for a fifth of the work.
    clock = Clock()
    row = clock.measure(frame.Peer(clock.work(2e-2, np.ones(2)), len, lambda ours, theirs: theirs[0] == ours[0]))
    (peer,) = row["peers"]
    assert peer["agrees"]
    assert peer["ratio"] == pytest.approx(100.0)
    assert peer["low"] == pytest.approx(100.0)
    assert peer["high"] == pytest.approx(100.0)
    assert row["seconds"] == pytest.approx(1e-4)


def test_a_peer_that_gets_nothing_done_has_a_lower_bound():
    clock = Clock()
    row = clock.measure(frame.Peer(clock.work(2e-2, ()), len, lambda ours, theirs: True, tried=2.0), rounds=1)
    assert row["peers"][0]["amount"] == 0
    assert row["peers"][0]["low"] is None
    assert row["peers"][0]["seconds"] == pytest.approx(1e-2)
    assert frame.table([row]).count("more than ") == 2


def test_ratios_are_written_out():
    assert [frame.figure(x) for x in (0.0123, 4.567, 99.7, 12345.6)] == ["0.012", "4.57", "100", "12,346"]


def test_a_wrong_answer_is_seen():
    clock = Clock()
    peer = frame.Peer(clock.work(1e-3, np.zeros(10)), len, lambda ours, theirs: bool(np.all(ours == theirs)))
    assert not clock.measure(peer, rounds=1)["peers"][0]["agrees"]


def test_the_table_goes_between_the_marks_of_a_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n", "utf-8")
    frame.include(page, "| new |")
    assert page.read_text("utf-8") == "before\n<!-- bench -->\n| new |\n<!-- /bench -->\nafter\n"
    page.write_text("nothing", "utf-8")
    with pytest.raises(SystemExit, match="no block"):
        frame.include(page, "")


def least(call, times=5):
    call()
    seconds = []
    for _ in range(times):
        began = time.process_time()
        jax.block_until_ready(call())
        seconds.append(time.process_time() - began)
    return min(seconds)


def in_numpy(values, target):
    """Meet in the middle, trial by trial."""
    found = []
    for row in values:
        a, b = ((row[k::2] * np.array(list(np.ndindex(*[2] * len(row[k::2]))))).sum(axis=1) for k in (0, 1))
        a = np.sort(a)
        at = np.searchsorted(a, target - b)
        near = np.stack([a[np.clip(at - 1, 0, len(a) - 1)], a[np.clip(at, 0, len(a) - 1)]])
        found.append(np.abs(near + b - target).min())
    return np.asarray(found)


def test_many_least_errors_take_less_than_half_of_numpys_processor_time():
    # Twenty times less as it is measured, trial by trial.
    values = np.random.default_rng(0).uniform(-1.0, 1.0, (256, 18)).astype(np.float32)
    few = values[:32]
    np.testing.assert_allclose(ltjax.nearest_subset_sums(values, 0.5)[:32], in_numpy(few, 0.5), atol=1e-5)
    ours = least(lambda: ltjax.nearest_subset_sums(values, 0.5)) / len(values)
    assert 2.0 * ours < least(lambda: in_numpy(few, 0.5)) / len(few)


def test_one_instance_costs_less_than_half_a_block():
    values = np.random.default_rng(0).uniform(-1.0, 1.0, (512, 16)).astype(np.float32)
    one = least(lambda: ltjax.nearest_subset_sums(values[:1], 0.5), times=20)
    assert 2.0 * one < least(lambda: ltjax.nearest_subset_sums(values, 0.5), times=10)


def test_a_surface_costs_a_fraction_of_its_cells():
    # Ten precisions and two sizes for less than a third of the twenty; a twentieth and less as it is measured.
    ns, eps = (12, 14), tuple(float(e) for e in np.geomspace(1e-1, 1e-3, 10))
    problem, key = ltjax.SubsetSum(), jax.random.key(0)
    surface = least(lambda: count(problem, ns, eps, 2048, key), times=3)
    cells = sum(least(lambda n=n: count(problem, (n,), eps[:1], 2048, key), times=3) for n in ns)
    assert 3.0 * surface < len(eps) * cells


def peak(trials):
    """Bytes that NumPy and Python held at most at one time."""
    tracemalloc.start()
    try:
        ltjax.estimate(ltjax.SubsetSum(), n=4, eps=0.1, trials=trials, key=jax.random.key(0), chunk=8192)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_ten_times_the_trials_take_no_more_memory():
    peak(40_000)  # compiles
    assert peak(400_000) <= 1.1 * peak(40_000)


def processor_seconds(*words):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_the_command_and_the_package_are_there_at_once():
    """A processor's seconds, the least of three; with a wide margin over the 0.3 s that are promised."""

    def quickest(*words):
        return min((processor_seconds(*words) for _ in range(3)), default=math.inf)

    alone = quickest("-c", "import jax")
    assert quickest("-c", "import jax, ltjax") - alone < 0.3
    assert quickest("-m", "ltjax", "--help") < alone
