"""The committed notebooks belong to their scripts, and what builds and draws them does what it says."""

import ast
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ltjax.certify.errors import plane as plane_error
from ltjax.figures import style as drawing
from ltjax.inference.thresholds import Threshold

FOLDER = Path(__file__).parents[1] / "notebooks"
BUILDER = FOLDER / "build.py"
spec = importlib.util.spec_from_file_location("build_notebooks", BUILDER)
assert spec is not None
assert spec.loader is not None
build = importlib.util.module_from_spec(spec)
spec.loader.exec_module(build)

SCRIPTS = build.scripts()
NAMES = [script.stem for script in SCRIPTS]
MOST_BYTES = 400_000
PUBLIC = {
    "ltjax",
    "ltjax.figures.style",
    "ltjax.networks",
    "ltjax.patterns.get_pattern",
    "ltjax.sweeps",
    "ltjax.testing",
    "ltjax.tickets",
}
PUBLIC_PARENTS = ("ltjax.bounds", "ltjax.search")


def committed(script):
    return json.loads(script.with_suffix(".ipynb").read_text(encoding="utf-8"))


def cells_of(notebook):
    """What a script and its notebook have in common."""
    return [(cell["id"], cell["cell_type"], cell["metadata"], "".join(cell["source"])) for cell in notebook["cells"]]


def test_every_script_has_its_notebook():
    assert len(SCRIPTS) == 8
    assert sorted(path.stem for path in FOLDER.glob("*.ipynb")) == NAMES


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_the_committed_notebook_is_the_scripts(script):
    """Failing? `make notebooks`, and commit what it writes."""
    notebook, source = committed(script), build.read(script)
    assert cells_of(notebook) == cells_of(source)
    assert notebook["metadata"] == source["metadata"]


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_the_committed_notebook_ran_to_its_end(script):
    code = [cell for cell in committed(script)["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert {output["output_type"] for output in outputs} == {"stream", "execute_result"}
    assert {output["name"] for output in outputs if output["output_type"] == "stream"} == {"stdout"}
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 1


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_the_committed_notebook_is_small_and_tells_of_no_machine(script):
    assert script.with_suffix(".ipynb").stat().st_size < MOST_BYTES
    for cell in committed(script)["cells"]:
        for output in cell.get("outputs", []):
            text = {kind: value for kind, value in output.get("data", {}).items() if kind.startswith("text/")}
            printed = json.dumps([text, output.get("text", "")])
            assert not re.search(r"/\w+/\w|0x[0-9a-f]{6}", printed), "a path or an address in memory"


@pytest.mark.parametrize("script", SCRIPTS, ids=NAMES)
def test_only_the_public_interface_is_used(script):
    tree = ast.parse(script.read_text(encoding="utf-8"))
    used = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            used |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            used |= {f"{node.module}.{name.name}" for name in node.names}
        elif isinstance(node, ast.Attribute):
            assert not node.attr.startswith("_"), f"line {node.lineno}"
    for name in used:
        if name.partition(".")[0] in ("ltjax", "proofs_check"):
            assert name in PUBLIC or name.startswith(PUBLIC_PARENTS), name


def built(script, out):
    """Exit status and standard error of the builder, as `make notebooks` calls it."""
    done = subprocess.run(
        [sys.executable, str(BUILDER), str(script), "--out", str(out)], capture_output=True, text=True, check=False
    )
    return done.returncode, done.stderr


def write(path, *cells):
    path.write_text("".join(f"# %%\n{cell}\n\n" for cell in cells))
    return path


def test_a_notebook_is_asked_for_by_its_name(tmp_path):
    for word in (
        "6_test_a_bound",
        "6_test_a_bound.py",
        "notebooks/6_test_a_bound.py",
        "notebooks/6_test_a_bound.ipynb",
    ):
        assert build.asked_for(word).resolve() == FOLDER / "6_test_a_bound.py"
    script = write(tmp_path / "own.py", "1")
    assert build.asked_for(str(script)) == script
    code, said = built("9_nothing", tmp_path)
    assert (code, said.count("\n")) == (2, 1)
    assert "scripts='9_nothing' is not known: scripts are 1_exponential_gap" in said


def test_the_same_script_gives_the_same_bytes(tmp_path):
    empty = "import os, pathlib\nassert os.listdir() == []\npathlib.Path('hits.npz').touch()\n{'eps': 0.1}"
    script = write(tmp_path / "small.py", "# a comment", empty, "print('done')")
    files = []
    for out in (tmp_path / "once", tmp_path / "again"):
        assert built(script, out) == (0, "")
        files.append((out / "small.ipynb").read_bytes())
        assert [path.name for path in out.iterdir()] == ["small.ipynb"]
    assert files[0] == files[1]
    notebook = json.loads(files[0])
    assert [cell["id"] for cell in notebook["cells"]] == ["01", "02", "03"]
    assert notebook["cells"][1]["outputs"][0]["data"]["text/plain"] == ["{'eps': 0.1}"]


@pytest.mark.parametrize(
    ("cell", "said"),
    [("1 / 0", "ZeroDivisionError"), ("import warnings\nwarnings.warn('careful')", "UserWarning: careful")],
    ids=["error", "warning"],
)
def test_what_fails_leaves_the_old_notebook_alone(tmp_path, cell, said):
    (tmp_path / "small.ipynb").write_text("the old one")
    status, error = built(write(tmp_path / "small.py", "x = 1", cell), tmp_path)
    assert status == 1
    assert error.startswith("small.py: ")
    assert said in error
    assert "\x1b" not in error, "no colours in a log"
    assert (tmp_path / "small.ipynb").read_text() == "the old one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.ipynb", "small.py"]


def test_a_pruned_network_on_the_circle():
    """The curve is the network, as `planar` has it; it bends at the long ticks and nowhere else."""
    rng = np.random.default_rng(3)
    u, v, w = rng.normal(size=(7, 2)), rng.normal(size=7), np.array([np.cos(0.7), np.sin(0.7)])
    mask = np.array([True, False, True, True, False, False, True])
    _, (ax,) = drawing.panels()
    drawing.on_the_circle(ax, u, v, w, mask, 0.1)
    lines: dict[Any, Any] = {line.get_label(): line.get_data() for line in ax.lines}
    (t, g), (_, f) = lines["pruned network"], lines["target"]
    error, _ = plane_error.exact_error(u, v, w, mask)
    assert np.abs(g - f).max() == pytest.approx(error, abs=0.01)
    # Away from kinks the network is a·cos t + b·sin t, so that g(t + h) + g(t - h) = 2·cos(h)·g(t).
    h = t[1] - t[0]
    bend = np.abs(g[2:] + g[:-2] - 2 * np.cos(h) * g[1:-1])
    kept = lines["kink, kept"][0]
    near = np.abs(t[1:-1, None] - kept).min(axis=1) < 1.001 * h
    assert len(kept) == 2 * mask.sum()
    assert len(lines["kink, taken out"][0]) == 2 * (~mask).sum()
    assert bend[~near].max() < 1e-12
    for kink in kept:
        assert bend[np.abs(t[1:-1] - kink) < 1.001 * h].max() > 1e-6


def test_brackets_and_pictures():
    def bracket(lower, upper):
        return Threshold({}, 0.1, 0.5, lower, upper, None, 30, 100, 0.99, (), (), ())

    figure, (ax,) = drawing.panels()
    drawing.brackets(ax, [1.0, 2.0], [bracket(3, 8), bracket(5, None)], 1, "rows")
    bars = [line.get_ydata() for line in ax.lines if np.size(line.get_ydata()) == 2]
    assert [np.asarray(bar).tolist() for bar in bars] == [[3, 8], [5, 30]]
    assert [line.get_marker() for line in ax.lines].count("^") == 1, "an open end is an arrow head"
    assert ax.get_legend_handles_labels()[1] == ["rows"]
    drawing.band(ax, [1, 2], [0.2, 0.4], [0.1, 0.3], [0.3, 0.5], 0, "frequency")
    picture: Any = figure
    first, size = picture._repr_png_()
    assert first == picture._repr_png_()[0]
    assert first.startswith(b"\x89PNG")
    assert size == {"width": 620, "height": 350}
