"""The mutation tester on a toy package: which mutants there are, which survive, that nothing else is touched."""

import contextlib
import subprocess
import sys
import time
from pathlib import Path

import mutants
import pytest

TOY = '''"""A toy."""
from typing import overload


@overload
def ignored(x: int = 5) -> int: ...
def least(values: list[int | float], bound: float = 0.5) -> bool:
    """min < max."""
    return min(values) < bound and not len(values) + 1 == 2  # a < b


def down(n: int) -> int:
    while n > 0:
        n -= 1
    return n


def strict(x):
    if x < 0:
        raise ValueError(f"x={x + 1} is negative")
    return [x, -x][1]
'''

TESTS = """
import subprocess, sys
import pytest, toy

def test_least():
    assert toy.least([0.25, 3.0])
    assert not toy.least([1, 2])
    assert not toy.least([0.25])

def test_down():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)", "MARK"])
    assert toy.down(3) == 0

def test_strict():
    assert toy.strict(2) == -2
    with pytest.raises(ValueError):
        toy.strict(-1)
"""

ANSWERS = """
[tests]
"toy" = ["tests/test_toy.py"]
"""


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "tree"
    (root / "tests").mkdir(parents=True)
    (root / "toy.py").write_text(TOY)
    (root / "tests" / "test_toy.py").write_text(TESTS.replace("MARK", str(tmp_path)))
    (root / "tests" / "mutants.toml").write_text(ANSWERS)
    return root


def changes(source):
    return {mutant.change(source) for mutant in mutants.mutants_of("toy.py", source) if mutants.is_real(mutant, source)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a < b", "a <= b"),
        ("a < b", "a >= b"),
        ("a < b <= c", "a < b < c"),
        ("a is not None", "a is None"),
        ("a not in b", "a in b"),
        ("a + b", "a - b"),
        ("a + b", "a"),
        ("a + b", "b"),
        ("(a + b * c) * d", "(b * c) * d"),
        ("c - (a + b)", "c + (a + b)"),
        ("c - (a + b)", "c"),
        ("a and b", "a or b"),
        ("a and b", "(a)"),
        ("a and b or c", "a or b or c"),
        ("not (a or b) and c", "(a or b) and c"),
        ("-a", "a"),
        ("np.minimum(a, b)", "np.maximum(a, b)"),
        ("max(a, b)", "min(a, b)"),
        ("3", "4"),
        ("0.5", "1.0"),
        ("f(True)", "f(False)"),
        ("x['ε'] + 1", "x['ε'] - 1"),
    ],
)
def test_expressions(old, new):
    assert (f"z = {old}", f"z = {new}".replace("((b * c)) *", "(b * c) *")) in {
        (a, b.replace("((b * c)) *", "(b * c) *")) for a, b in changes(f"# ε\nz = {old}\n")
    }


def test_statements():
    found = changes(TOY)
    assert ('raise ValueError(f"x={x + 1} is negative")', "pass") in found
    assert ("n -= 1", "n += 1") in found
    assert ("return n", "return 0") in found
    line = "return min(values) < bound and not len(values) + 1 == 2  # a < b"
    assert (line, "return True  # a < b") in found
    assert (line, "return False  # a < b") in found
    head = "def least(values: list[int | float], bound: float = 0.5) -> bool:"
    assert (head, head.replace("0.5", "1.0")) in found
    touched = {old for old, _ in found}
    assert not {old for old in touched if "ignored" in old or '"""' in old or "import" in old}
    assert len([old for old, _ in found if old == head]) == 1, "annotations are not for mutants"
    assert len([old for old, _ in found if old.startswith("raise")]) == 1, "nor are messages"


def test_a_seed_draws_the_same_mutants_each_time(root):
    first, again, other = (mutants.drawn(root, ["toy.py"], 6, seed) for seed in (0, 0, 1))
    assert first == again != other
    assert len(first) == 6
    assert len(mutants.drawn(root, ["toy.py"], 1000, 0)) == len(changes(TOY))


def running(folder):
    """Command lines of the processes that the toy's tests started, which end with the folder's name."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(file.read_bytes())
    return [line for line in found if line.endswith(b"\0" + bytes(folder) + b"\0")]


def test_a_run_kills_answers_and_reports(root, capsys, tmp_path):
    """Three mutants: one survives, then is answered; the tree is as before and no process is left."""
    keep = {"min(values) <= bound": "survived", "min(values) >= bound": "killed", "n += 1": "timed out"}
    chosen = [
        mutant
        for mutant in mutants.drawn(root, ["toy.py"], 1000, 0)
        if any(text in mutant.change(TOY)[1] for text in keep)
    ]
    assert len(chosen) == 3
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutants, "drawn", lambda *_: chosen)
        options = ["toy.py", "--jobs", "2", "--limit", "8"]
        assert mutants.main(options, root) == 1
        said = capsys.readouterr().out
        for text, outcome in keep.items():
            assert any(line.startswith(outcome) and text in line for line in said.splitlines()), said
        assert "+    return min(values) <= bound and" in said
        assert "3 mutants: 2 killed, 0 answered, 1 survived" in said
        assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before

        survivor = next(mutant for mutant in chosen if "<=" in mutant.text)
        old, new = survivor.change(TOY)
        entry = f"[[answered]]\nfile = 'toy.py'\nwhere = 'least'\nold = '{old}'\nnew = '{new}'\nreason = 'toy'\n"
        (root / "tests" / "mutants.toml").write_text(ANSWERS + entry)
        patch.setattr(mutants, "drawn", lambda *_: [survivor])
        assert mutants.main(options, root) == 0
        assert "1 mutants: 0 killed, 1 answered, 0 survived" in capsys.readouterr().out
    deadline = time.monotonic() + 30.0
    while (left := running(tmp_path)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not left


def test_a_copy_holds_every_folder_of_a_package_and_no_results(root, tmp_path):
    for folder in ("package/report", "package/figures", "report", ".venv", "package/__pycache__"):
        (root / folder).mkdir(parents=True)
        (root / folder / "file.py").touch()
    mutants.Runner(root, tmp_path / "scratch", 1)
    there = {file.relative_to(tmp_path / "scratch" / "copy0").as_posix() for file in tmp_path.rglob("copy0/**/file.py")}
    assert there == {"package/report/file.py", "package/figures/file.py"}


def test_misuse(root):
    with pytest.raises(mutants.Misuse, match=r"nothing\.py is neither a file nor a folder"):
        mutants.main(["nothing.py"], root)
    (root / "tests" / "test_toy.py").write_text("def test_broken():\n    assert False\n")
    with pytest.raises(mutants.Misuse, match="without any mutant the tests fail"):
        mutants.main(["toy.py", "--count", "1"], root)
    (root / "tests" / "mutants.toml").write_text("[tests]\n'other' = []\n")
    with pytest.raises(mutants.Misuse, match=r"no tests are named for toy\.py"):
        mutants.main(["toy.py", "--count", "1"], root)
    (root / "tests" / "mutants.toml").write_text("[tests]\n'toy' = ['tests/gone.py']\n")
    with pytest.raises(mutants.Misuse, match=r"names tests/gone\.py, which does not exist"):
        mutants.main(["toy.py", "--count", "1"], root)
    done = subprocess.run([sys.executable, mutants.__file__, "nowhere"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("mutants: nowhere is neither")


def test_every_answer_is_of_a_mutant_that_there_still_is():
    answers = mutants.Answers.read(mutants.ROOT / "tests" / "mutants.toml", mutants.ROOT)
    for file in {file for file, *_ in answers.reasons}:
        source = (mutants.ROOT / file).read_text(encoding="utf-8")
        there = {(file, mutant.where, *mutant.change(source)) for mutant in mutants.mutants_of(file, source)}
        assert not {answer for answer in answers.reasons if answer[0] == file} - there
    for path in mutants.files_of(mutants.ROOT, mutants.MODULES):
        assert answers.tests_of(path)
