"""`ltjax verify` and `ltjax claims` as strangers use them."""

import dataclasses
import importlib.metadata
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import proofs_check
from ltjax.arguments import ArgumentError
from ltjax.figures import style as drawing
from ltjax.verify.claim import Claim, Control
from ltjax.verify.rendering import panels, render
from ltjax.verify.report import readme as readme_of_report
from ltjax.verify.report.folder import ReportFolder
from ltjax.verify.report.page import inline_svg, typeset
from tests.commands import run

STRANGERS = Path(__file__).parent / "strangers"


def test_a_strangers_claim_has_at_most_25_lines_and_runs_from_its_file(tmp_path):
    path = STRANGERS / "claim.py"
    assert len(path.read_text().splitlines()) <= 25
    command = [sys.executable, "-c", "from ltjax.cli import main; main()", "verify", str(path), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    (claim,) = json.loads(done.stdout)["claims"]
    assert (claim["id"], claim["verdict"]) == ("MINE-1", "supported")
    assert claim["controls"][0]["refuted"]


@pytest.fixture
def broken_catalogue(monkeypatch):
    class Entry:
        name = "theirs"

        def load(self):
            raise ImportError("no module named nowhere")

    honest = importlib.metadata.entry_points
    monkeypatch.setattr(
        importlib.metadata,
        "entry_points",
        lambda **how: [Entry(), *honest(**how)] if how == {"group": "ltjax.claims"} else honest(**how),
    )


def test_a_broken_catalogue_is_one_broken_line(capsys, broken_catalogue):
    code, out, err = run(capsys, "claims", "--json")
    assert code == 0
    listed = json.loads(out)
    assert len(listed["claims"]) == len(proofs_check.claims())
    assert listed["broken"] == {"theirs": "ImportError: no module named nowhere"}
    assert err.count("broken") == 1
    code, out, _ = run(capsys, "verify", str(STRANGERS / "claim.py"), "NP-1", "--json")
    assert code == 0
    results = json.loads(out)
    assert [claim["id"] for claim in results["claims"]] == ["MINE-1", "NP-1"]
    assert results["broken"] == {}
    code, out, _ = run(capsys, "verify", "theirs")
    assert code == 1
    assert "no module named nowhere" in out


def test_a_broken_claim_is_told_and_the_others_finish(capsys, tmp_path):
    out = tmp_path / "report"
    code, told, _ = run(capsys, "verify", str(STRANGERS / "broken.py"), "--out", str(out))
    assert code == 1
    assert "ValueError: boom" in told
    assert "no paper" in told
    results = json.loads((out / "results.json").read_text())
    assert {claim["id"]: claim["verdict"] for claim in results["claims"]} == {
        "MINE-2": "broken",
        "MINE-3": "broken",
        "MINE-4": "supported",
    }
    assert not results["passed"]
    assert "boom" in results["claims"][0]["evidence"]["error"]
    assert results["claims"][1]["evidence"]["tables"] == {"What was measured": [{"n": 1, "p": 1.0}]}
    told = (out / "index.html").read_text()
    assert "ValueError: boom" in told
    assert "no paper" in told
    assert told.index("In short") < told.index("<em>told</em>") < told.index("All claims")
    assert "<h3>What was measured</h3>" in told
    assert "<math" in told


def test_on_a_narrow_page_panels_stand_below_one_another():
    """Each view lies within the figure, holds its own axes, and shows the one picture by its id."""
    figure, axes = drawing.panels(2)
    for ax in axes:
        ax.plot([0.0, 1.0])
        ax.set(xlabel="ε", ylabel="neurons")
    file = io.StringIO()
    figure.savefig(file, format="svg")
    figure.set_layout_engine("none")
    page = inline_svg(file.getvalue(), "two", "X-1", panels(figure))
    assert page.count('<use href="#X-1-figure_1"/>') == 2
    assert page.count('id="X-1-figure_1"') == 1
    width, height = 72.0 * figure.get_size_inches()
    boxes = [[float(x) for x in box.split()] for box in re.findall(r'class="panel"[^>]* viewBox="([^"]*)"', page)]
    for (x, y, w, h), ax in zip(boxes, axes, strict=True):
        assert -4.0 < x < x + w < width + 4.0
        assert -4.0 < y < y + h < height + 4.0
        at = ax.get_position()
        assert x + 10.0 < at.x0 * width < at.x1 * width < x + w
        assert y < (1.0 - at.y1) * height < (1.0 - at.y0) * height < y + h - 10.0
    assert boxes[0][0] + boxes[0][2] < boxes[1][0] + 6.0, "they do not overlap but for their margins"
    assert "panel" not in inline_svg(file.getvalue(), "one", "X-1")


def test_a_report_that_is_not_written_leaves_nothing_behind(tmp_path):
    with pytest.raises(KeyError), ReportFolder(tmp_path / "report"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_a_report_takes_no_place_of_other_files(tmp_path):
    file, taken, empty, earlier = (tmp_path / name for name in ("file", "taken", "empty", "earlier"))
    file.write_text("mine")
    for folder, name in ((taken, "thesis.tex"), (earlier, "results.json")):
        folder.mkdir()
        (folder / name).write_text("mine")
    empty.mkdir()
    for path, why in (
        (file, "it is a file"),
        (taken, "it holds other files"),
        (file / "below", "cannot be written: (Not a directory|File exists)$"),
    ):
        with pytest.raises(ArgumentError, match=why), ReportFolder(path):
            pass
    for path in (empty, earlier, tmp_path / "new"):
        with ReportFolder(path):
            pass
    assert sorted(path.name for path in tmp_path.iterdir()) == ["earlier", "empty", "file", "taken"]


def test_a_readme_gets_the_verdicts_between_its_marks_and_its_figures(tmp_path):
    report, text = tmp_path / "report", "Before.\n<!-- verdicts -->\n{}<!-- /verdicts -->\n![x](docs/figures/A-1.png)\n"
    (report / "figures").mkdir(parents=True)
    (report / "figures" / "A-1.png").write_bytes(b"picture")
    (report / "figures" / "B-1.png").write_bytes(b"not shown")
    finding = {"refutable": True}
    claims = [
        {
            "id": "A-1",
            "title": "All is well",
            "verdict": "supported",
            "controls": [{"refuted": True}, {"refuted": False}],
            "evidence": {"findings": [finding, finding, {"refutable": False}]},
        }
    ]
    made = {"devices": 2, "device": "cpu", "packages": {"jax": "1.2"}, "XLA_FLAGS": "none"}
    made |= {"budget": "quick", "seed": 3, "seconds": 61.4}
    (report / "results.json").write_text(json.dumps({"claims": claims, "provenance": made}))
    (report / "figures" / "C-1.png").write_bytes(b"on a page")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text("![y](figures/C-1.png)")
    readme = tmp_path / "README.md"
    written = []
    for old in ("old\nlines\n", ""):
        readme.write_text(text.format(old))
        readme_of_report.main(report, readme)
        written.append(readme.read_text())
    table = readme_of_report.table({"claims": claims, "provenance": made})
    assert "| A-1 | All is well | supported | 3 | 2 | 1 of 2 |" in table
    assert "`ltjax verify --budget quick --seed 3`: 61 s on 2 × cpu" in table
    assert written == [text.format(table)] * 2
    assert {path.name for path in (tmp_path / "docs" / "figures").iterdir()} == {"A-1.png", "C-1.png"}
    readme.write_text("No marks.")
    with pytest.raises(ArgumentError, match="has no block"):
        readme_of_report.main(report, readme)
    assert readme.read_text() == "No marks."


def test_the_same_figure_is_the_same_file_on_any_day(monkeypatch):
    from matplotlib.figure import Figure

    @dataclasses.dataclass(frozen=True)
    class Drawn(Claim):
        """A line."""

        id = "X-1"
        controls = (Control("X-1-bent", "bent", {}),)

        def measure(self, run):
            return None

        def tests(self, data):
            return []

        def figure(self, data):
            if data is None:
                return None
            figure = Figure()
            figure.add_subplot().plot(data)
            return figure

    pictures = []
    for epoch in ("0", "1000000000"):
        monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
        pictures.append(render(Drawn(), [1.0, 2.0]))
    assert pictures[0] == pictures[1]
    assert pictures[0].png.startswith(b"\x89PNG")
    assert "<svg" in pictures[0].svg
    assert len(pictures[0].panels) == 1
    assert render(Drawn(), None) is None


@pytest.mark.parametrize(("text", "display"), [("so $x$ holds", "inline"), ("so $$x$$ holds", "block")])
def test_formulas_are_typeset_within_a_line_too(text, display):
    html = typeset(text)
    assert f'display="{display}"' in html
    assert "$" not in html


def test_ctrl_c_writes_what_is_finished(capsys, tmp_path):
    out = tmp_path / "report"
    # One at a time, so that the first claim is finished when the second is interrupted.
    code, _, err = run(capsys, "verify", str(STRANGERS / "stopped.py"), "--out", str(out), "--at-once", "1")
    assert code == 130
    assert "1 of 2 claims are finished" in err
    results = json.loads((out / "results.json").read_text())
    assert [claim["id"] for claim in results["claims"]] == ["MINE-5"]
    assert results["stopped"]
    assert "This run was stopped" in (out / "index.html").read_text()


def test_a_misspelt_hook_and_a_missing_file_are_one_line(capsys, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        (STRANGERS / "claim.py").read_text().replace("def tests", "def headlines(self, data): ...\n\n    def tests")
    )
    code, _, err = run(capsys, "verify", str(path))
    assert code == 2
    assert "did you mean headline?" in err
    assert err.count("\n") == 1
    code, _, err = run(capsys, "verify", str(tmp_path / "none.py"))
    assert code == 2
    assert "there is no such file" in err
    path.write_text("raise RuntimeError('at import')")
    code, out, _ = run(capsys, "verify", str(path))
    assert code == 1
    assert "at import" in out


def test_the_same_id_twice_is_refused(capsys):
    code, _, err = run(capsys, "verify", str(STRANGERS / "claim.py"), str(STRANGERS / ".." / "strangers" / "claim.py"))
    assert code == 2
    assert "asked for twice" in err


def test_results_say_what_each_test_could_see(capsys):
    code, out, _ = run(capsys, "verify", "NP-2", "--json")
    assert code == 0
    results = json.loads(out)
    finding = results["claims"][0]["evidence"]["findings"][0]
    assert finding["refutable"]
    assert 0.0 < finding["detectable"] < 0.05
    assert finding["trials needed for half of that"] == pytest.approx(4 * 100_000, rel=0.01)
    assert results["claims"][0]["evidence"]["level"] == pytest.approx(1e-6 / len(proofs_check.claims()))
    assert results["provenance"]["claims in the budget"] == len(proofs_check.claims())


def mine(folder, *changes, name="mine.py"):
    """The stranger's claim, changed."""
    text = (STRANGERS / "claim.py").read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    (folder / name).write_text(text)
    return str(folder / name)


def test_a_refuted_claim_is_told_with_its_figures(capsys, tmp_path):
    code, out, err = run(capsys, "verify", mine(tmp_path, ("0.25\n", "0.5\n"), ('{"p": 0.5}', '{"p": 0.6}')))
    assert code == 1
    assert err == "no report: --out FOLDER writes one\n"
    (line,) = [line for line in out.splitlines() if "refuted: P(hit)" in line]
    assert re.search(
        r"\(measured 0\.2\d+; compared with 0\.5; difference \[-0\.\d+, -0\.\d+\]; claimed within 0\.05\)$", line
    )


def test_a_broken_claim_is_told_with_its_place(capsys, tmp_path):
    path = mine(tmp_path, ("Equivalent(", "AtMots("), ("    p: float", "\n    p: float"))
    _, out, _ = run(capsys, "verify", path)
    assert "NameError: name 'AtMots' is not defined (mine.py, line 22)" in out
    # The innermost line that is the user's own, where ltjax raises.
    path = mine(tmp_path, ("0.25,), 20_000", "-1.0,), 20_000"))
    _, out, _ = run(capsys, "verify", path)
    assert "(mine.py, line 18)" in out
    path = mine(tmp_path, ("import dataclasses\n", "import dataclasses\n\nnowhere\n"))
    code, out, _ = run(capsys, "verify", path)
    assert code == 1
    assert "NameError: name 'nowhere' is not defined (mine.py, line 5)" in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"x = (\n", "is no Python: line 1: '(' was never closed"),
        (b"x = 1\nif x\n", "is no Python: line 2: expected ':'"),
        (b"\xff\n", "is no Python: "),
        (b"x = '\0'\n", "is no Python: "),
    ],
)
def test_a_file_that_is_no_python_is_a_mistake_in_one_line(capsys, tmp_path, text, message):
    path = tmp_path / "mine.py"
    path.write_bytes(text)
    code, _, err = run(capsys, "verify", str(path))
    assert code == 2
    assert err.startswith(f"ltjax: claim file {str(path)!r} ")
    assert message in err
    assert err.count("\n") == 1


def test_a_control_that_survives_is_told_in_words_of_its_own(capsys, tmp_path):
    path = mine(tmp_path, ('{"p": 0.5}', '{"p": 0.25}'))
    code, out, _ = run(capsys, "verify", path, "--out", str(tmp_path / "report"))
    assert code == 1
    page = (tmp_path / "report" / "index.html").read_text()
    assert "control MINE-1-half survived: the check cannot tell the claim from it" in out
    assert "survived: the check cannot tell the claim from it" in page
    assert "broken" not in out
    assert "is broken" not in page


def test_a_report_of_one_claim_of_ones_own_reads_well(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("ltjax.verify.report.folder.__file__", str(tmp_path / "a" / "b" / "c" / "folder.py"))
    assert run(capsys, "verify", mine(tmp_path), "--out", str(tmp_path / "report"))[0] == 0
    page = (tmp_path / "report" / "index.html").read_text()
    assert "<title>ltjax: 1 claim checked</title>" in page
    assert "<p>1 claim, 1 comparison; proofs by exact arithmetic\namong them: 0." in page
    assert "1 claims" not in page
    assert "1 comparisons" not in page
    # Nothing is named that does not lie beside it.
    assert "docs/" not in page


def test_where_there_is_no_checkout_the_revision_says_so(tmp_path, monkeypatch):
    from ltjax.verify import runner

    monkeypatch.setattr(runner.ltjax, "__file__", str(tmp_path / "ltjax" / "__init__.py"))
    assert runner.revision() == "none: installed, not run from a checkout"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("NP1", "did you mean NP-1?"),
        ("serach", "did you mean SEARCH?"),
        ("np-1-doubled", "claim 'np-1-doubled' is not allowed: it is a control of NP-1 and checked with it"),
        ("mine", "did you mean mine.py?"),
        ("nonsense", "by its family, one of GAP, HW, KK, NP, PAT, SEARCH, SS, WP, by its catalogue, proofs_check, or"),
    ],
)
def test_a_word_that_names_nothing(capsys, tmp_path, monkeypatch, word, message):
    monkeypatch.chdir(tmp_path)
    mine(tmp_path)
    code, _, err = run(capsys, "verify", word)
    assert code == 2
    assert message in err
    assert "NP-2" not in err
    assert ("did you mean" in err) == ("did you mean" in message)


def test_ctrl_c_says_nothing_of_a_report_that_nobody_asked_for(capsys, monkeypatch):
    from rich.progress import Progress

    said = []
    update = Progress.update
    monkeypatch.setattr(Progress, "update", lambda *a, **how: said.append(how.get("description")) or update(*a, **how))
    code, _, _ = run(capsys, "verify", str(STRANGERS / "stopped.py"), "--at-once", "1")
    assert code == 130
    assert said
    assert "writing the report" not in said
