"""A process that asks about many sizes compiles many programs, more than Linux lets it hold."""

import subprocess
import sys

import jax
import numpy as np
import pytest

import ltjax
from ltjax.machine import programs

LINUX = pytest.mark.skipif(not programs.MAPS.exists(), reason="the limit is Linux's")

CROWDED = """
import ctypes, jax, ltjax
from ltjax.machine import programs

# Every second page may be written: each page is a piece of memory of its own, until few are left.
pages, libc = (programs.mapped()[1] - 2800) // 2, ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
start = libc.mmap(None, 8192 * pages, 1, 0x22, -1, 0)
for page in range(pages):
    assert libc.mprotect(start + 8192 * page, 4096, 3) == 0
for n in range(4, 14):
    ltjax.estimate(ltjax.SubsetSum(), n=n, eps=0.05, trials=10, key=jax.random.key(0))
print("done", programs.mapped()[0])
"""


@LINUX
@pytest.mark.slow
def test_a_process_with_little_room_computes_on():
    done = subprocess.run([sys.executable, "-c", CROWDED], capture_output=True, text=True, timeout=600, check=False)
    assert (done.returncode, done.stdout[:4]) == (0, "done"), done.stderr[-2000:]


@LINUX
def test_programs_are_forgotten_past_half_of_the_limit_and_answers_stay(monkeypatch, tmp_path):
    def ask():
        found = ltjax.estimate(ltjax.SubsetSum(), n=6, eps=0.05, trials=100, key=jax.random.key(0))
        return found.hits, found.misses

    before = ask()
    used = programs.mapped()
    assert used is not None
    monkeypatch.setattr(programs, "_compiled", programs.LOOK)
    monkeypatch.setattr(programs, "LIMIT", tmp_path / "limit")
    programs.LIMIT.write_text(str(used[0] * 3), "ascii")
    assert not programs.make_room()
    programs.LIMIT.write_text(str(used[0]), "ascii")
    assert not programs.make_room(), "no look before some programs were compiled since the last"
    monkeypatch.setattr(programs, "_compiled", programs.LOOK)
    assert programs.make_room()
    assert ask() == before


def test_a_call_inside_a_program_that_is_traced_survives(monkeypatch):
    """`nearest_subset_sums` may be called where JAX traces; what is forgotten then is compiled again."""
    monkeypatch.setattr(programs, "mapped", lambda: (2, 2))

    @jax.jit
    def doubled(x):
        monkeypatch.setattr(programs, "_compiled", programs.LOOK)
        assert programs.make_room()
        return 2 * x

    assert np.array_equal(doubled(np.arange(3.0)), [0, 2, 4])


def test_where_the_system_says_nothing_nothing_is_forgotten(monkeypatch, tmp_path):
    monkeypatch.setattr(programs, "MAPS", tmp_path / "none")
    monkeypatch.setattr(programs, "_compiled", programs.LOOK)
    assert programs.mapped() is None
    assert not programs.make_room()
