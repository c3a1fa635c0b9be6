"""What a hurried person types: results, or one clear line and exit status 2."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from ltjax.inference import thresholds
from tests.commands import run

ESTIMATE = ["estimate", "subset-sum", "--n", "6", "--eps", "0.1"]


def test_help_is_quick_because_jax_stays_out():
    code = """
import sys, ltjax.cli
for words in ([], ["estimate"], ["estimate", "neuron-pruning"], ["threshold", "subset-sum"]):
    try:
        ltjax.cli.main([*words, "--help"])
    except SystemExit as stop:
        assert not stop.code
sys.exit('jax' in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(word in done.stdout for word in ("neuron-pruning", "--law", "--solver", "--bias", "--max-size"))


def test_estimate_as_json_and_nothing_else(capsys):
    code, out, _ = run(capsys, *ESTIMATE, "--trials", "500", "--seed", "3", "--json")
    found = json.loads(out)
    assert code == 0
    assert out.count("\n") == 1
    assert found["hits"] + found["misses"] + found["undecided"] == found["trials"] == 500
    assert 0 <= found["lower"] <= found["hits"] / 500 <= found["upper"] <= 1
    assert (found["n"], found["eps"], found["confidence"]) == (6, 0.1, 0.99)


def test_estimate_in_words(capsys):
    code, out, _ = run(capsys, *ESTIMATE, "--trials", "100", "--interval", "anytime")
    assert code == 0
    assert out.startswith("P(hit) in [")
    assert "100 trials" in out


def test_the_seed_decides(capsys):
    first, second, third = (run(capsys, *ESTIMATE, "--seed", seed, "--json")[1] for seed in ("1", "1", "2"))
    assert first == second != third


def test_threshold_as_json(capsys):
    code, out, _ = run(capsys, "threshold", "subset-sum", "--eps", "0.2", "0.05", "--trials", "200", "--json")
    found = json.loads(out)["thresholds"]
    assert code == 0
    assert [one["eps"] for one in found] == [0.2, 0.05]
    assert all(1 <= one["lower"] <= one["upper"] for one in found)


def test_a_stopped_threshold_prints_what_is_known(capsys, monkeypatch):
    counted, whole = [], thresholds.count

    def count(*asked, **how):
        if counted:
            raise KeyboardInterrupt
        counted.append(asked)
        return whole(*asked, **how)

    monkeypatch.setattr(thresholds, "count", count)
    words = ["threshold", "subset-sum", "--eps", "0.2", "--trials", "200"]
    code, out, err = run(capsys, *words)
    assert code == 130
    assert "n at least" in out
    assert "stopped: the last bracket is of what had been counted, 40 trials a size" in err


def test_the_solver_is_asked_for_by_name(capsys):
    coarse, fine = (
        json.loads(run(capsys, *ESTIMATE, "--trials", "50", "--json", "--solver", solver)[1])["problem"]["dtype"]
        for solver in ("float32", "float64")
    )
    assert (coarse, fine) == ("float32", "float64")


def test_a_problem_from_outside(capsys):
    """Its options are the command's, with their types."""
    words = ["toy:Toy", "--eps", "0.5", "--rate", "2", "--doubt", "0", "--trials", "64", "--json"]
    code, out, _ = run(capsys, "estimate", *words, "--n", "2")
    found = json.loads(out)
    assert code == 0
    assert (found["problem"]["problem"], found["problem"]["rate"], found["undecided"]) == ("toy", 2.0, 0)
    assert found["lower"] <= 1 - np.exp(-2.0) <= found["upper"]
    code, out, _ = run(capsys, "threshold", *words, "--n-max", "4")
    assert code == 0
    assert json.loads(out)["thresholds"][0]["lower"] == 1


OWN = '''
import dataclasses

import jax
import numpy as np

from ltjax import AbstractProblem


@dataclasses.dataclass(frozen=True)
class Own(AbstractProblem):
    """Mine, against yours. Args:
    fault: what is wrong,
        if anything."""

    fault: str = "none"
    name = "own"

    def draw(self, key, n):
        return {"x": jax.random.uniform(key, (n,))}

    def error(self, instance, mask, eps=None):
        match self.fault:
            case "one":
                return np.float64(0.3)
            case "order":
                return 0.5, 0.1
            case "raises":
                return self.oops
            case "looks at eps":
                return (0.0, 0.0) if eps is not None else (0.3, 0.3)
            case "large":
                return 1.0, 1.0
        return 0.1 * len(mask), 0.1 * len(mask)
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A problem of one's own in the folder one stands in."""
    module = tmp_path.name.lower()  # of each test its own: a command stays made
    (tmp_path / f"{module}.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    return f"{module}:Own"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("one", "Own.error returned np.float64(0.3): it must return two numbers, a lower and an upper bound"),
        ("order", "Own.error returned (0.5, 0.1): its bounds are out of order, the lower one comes first"),
        ("looks at eps", "Own.error contradicts itself"),
    ],
)
def test_a_problem_of_ones_own_is_told_what_is_wrong_with_it(capsys, own, fault, message):
    code, out, err = run(capsys, "estimate", own, "--n", "3", "--eps", "0.2", "--trials", "5", "--fault", fault)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_an_error_in_ones_own_code_is_shown_from_there_on(capsys, own):
    code, _, err = run(capsys, "estimate", own, "--n", "3", "--eps", "0.2", "--trials", "5", "--fault", "raises")
    assert code == 1
    assert err.startswith("Traceback")
    assert "return self.oops" in err
    assert "AttributeError" in err
    assert err.count('  File "') == 1


def test_the_help_of_ones_own_problem_reads_any_docstring(capsys, own):
    _, out, _ = run(capsys, "estimate", own, "--help")
    assert "Mine, against yours.\n" in out
    assert "what is wrong, if anything." in " ".join(out.replace("│", " ").split())


def test_a_threshold_looks_no_farther_than_a_method_can(capsys, own):
    """No mask of 16 parts hits, and all masks of more are not looked at: an open bracket, not a complaint."""
    code, out, err = run(capsys, "threshold", own, "--eps", "0.35", "--trials", "1", "--fault", "large")
    assert (code, err) == (0, "")
    assert "open (looked to 16)" in out
    assert "interpolated:" not in out


def test_an_interpolated_number_is_explained(capsys):
    _, out, _ = run(capsys, "threshold", "subset-sum", "--target", "cover", "--eps", "0.25", "--trials", "100")
    assert "interpolated: where the hit frequencies cross p, a real number that rounds up to n; no certificate" in out


def test_claims(capsys):
    code, out, _ = run(capsys, "claims", "--json")
    assert code == 0
    assert [claim["id"] for claim in json.loads(out)["claims"]][:3] == ["GAP-1", "GAP-2", "HW-1"]
    assert "SS-6" in run(capsys, "claims")[1]


BAD = {
    "n below 1": ([*ESTIMATE[:3], "0", "--eps", "0.1"], "n=0 is not allowed: n is a whole number from 1 to 40"),
    "n above 40": ([*ESTIMATE[:3], "41", "--eps", "0.1"], "n=41 is not allowed"),
    "n no number": ([*ESTIMATE[:3], "six", "--eps", "0.1"], "n='six' is not allowed: n is a whole number"),
    "eps zero": ([*ESTIMATE[:5], "0"], "eps=0.0 is not allowed: eps is a finite number above 0"),
    "eps negative": ([*ESTIMATE[:5], "-0.1"], "eps=-0.1 is not allowed"),
    "eps NaN": ([*ESTIMATE[:5], "nan"], "eps=nan is not allowed"),
    "eps missing": (ESTIMATE[:4], "--eps is missing: --eps is a number"),
    "eps twice": ([*ESTIMATE, "0.2"], "'0.2' is not allowed: --eps takes one value, and it is one more"),
    "n twice": ([*ESTIMATE[:4], "6", *ESTIMATE[4:]], "'6' is not allowed: --n takes one value, and it is one more"),
    "eps a word": ([*ESTIMATE[:5], "abc"], "eps='abc' is not allowed: eps is a number"),
    "eps without a value": (ESTIMATE[:5], "--eps is given without a value: --eps is a number"),
    "n given twice": ([*ESTIMATE, "--n", "7"], "--n is given twice: give it once"),
    "-n": (["estimate", "subset-sum", "-n", "6"], "--n is missing: --n is a whole number, and -n is no option"),
    "switch with a value": ([*ESTIMATE, "--json=5"], "json='5' is not allowed: json is a switch"),
    "interval": (["plot", "x", "--out", "x.png", "--interval", "best"], "interval is one of anytime, exact"),
    "store missing": (["sweep", "spec.toml"], "--store is missing: --store is a file"),
    "word for claims": (["claims", "NP"], "'NP' is not allowed: `ltjax claims` takes no more words"),
    "own problem without a class": (["estimate", "toy"], "problem='toy' is not known: problem is one of subset-sum"),
    "own problem as a file": (
        ["estimate", "toy.py:Toy", *ESTIMATE[2:]],
        "without .py and with dots for folders: toy:Toy",
    ),
    "own problem in a folder above": (["estimate", "../toy:Toy"], "problem is module:Class, such as blocks:Blocks"),
    "own problem half made": (["estimate", "ltjax:AbstractProblem", "--n", "6"], "it lacks draw, error"),
    "n_max of all masks": (
        ["threshold", "subset-sum", "--eps", "1e-6", "--solver", "all masks", "--n-max", "20"],
        "n_max=20 is not allowed: n_max is a whole number from 1 to 16",
    ),
    "law": ([*ESTIMATE, "--law", "cauchy"], "law='cauchy' is not known"),
    "solver": ([*ESTIMATE, "--solver", "milp"], "solver='milp' is not known for subset-sum: solver is one of auto"),
    "method as an option": ([*ESTIMATE, "--dtype", "float32"], "--dtype"),
    "class elsewhere": (["estimate", "nowhere.at:All", *ESTIMATE[2:]], "problem='nowhere.at:All' cannot be loaded"),
    "class that is none": (["estimate", "json:JSONDecoder", *ESTIMATE[2:]], "is no problem class"),
    "target": ([*ESTIMATE, "--target", "axis"], "target='axis' is not allowed"),
    "trials": ([*ESTIMATE, "--trials", "0"], "trials=0 is not allowed"),
    "seed": ([*ESTIMATE, "--seed", "-1"], "seed=-1 is not allowed"),
    "devices": ([*ESTIMATE, "--devices", "0"], "devices=0 is not allowed"),
    "option": ([*ESTIMATE, "--epsilon", "1"], "--epsilon"),
    "command": (["estimat"], 'Did you mean "estimate"?'),
    "problem": (["estimate", "subset"], "subset-sum"),
    "claim": (["verify", "SS-9"], "claim 'SS-9' is not known: a claim is named by its id"),
    "budget": (["verify", "--budget", "huge"], "budget='huge' is not known: budget is one of quick"),
    "out": (["verify", "SS-1", "--out", "/proc/nowhere"], "out='/proc/nowhere' cannot be written"),
    "threshold p": (["threshold", "subset-sum", "--eps", "0.1", "--p", "1"], "p=1.0 is not allowed"),
}


@pytest.mark.wrong_types
@pytest.mark.parametrize("name", list(BAD))
def test_bad_input_is_one_line_and_status_2(capsys, name):
    tokens, message = BAD[name]
    code, out, err = run(capsys, *tokens)
    assert code == 2
    assert out == ""
    assert err.startswith("ltjax: ")
    assert err.count("\n") == 1
    assert message in err


def test_an_output_folder_with_other_files_is_refused_and_left_alone(capsys, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    code, _, err = run(capsys, "verify", "SS-1", "--out", str(tmp_path))
    assert code == 2
    assert "holds other files" in err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_an_output_path_that_is_a_file_is_refused(capsys, tmp_path):
    file = tmp_path / "report"
    file.write_text("")
    assert "is a file" in run(capsys, "verify", "SS-1", "--out", str(file))[2]
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_verify_writes_a_whole_report(capsys, tmp_path):
    code, out, err = run(capsys, "verify", "SS-1", "--out", str(tmp_path / "deep" / "report"))
    assert code == 0
    assert err == ""
    assert out.startswith("SS-1 supported")
    report = tmp_path / "deep" / "report"
    results = json.loads((report / "results.json").read_text())
    (claim,) = results["claims"]
    assert (claim["id"], claim["verdict"]) == ("SS-1", "supported")
    assert all(control["refuted"] for control in claim["controls"])
    assert results["provenance"]["seed"] == 0
    assert claim["evidence"]["drawn"][0]["dtype"] == "float64"
    assert {path.name for path in (report / "figures").iterdir()} == {"SS-1.png", "SS-1.svg"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["report"], "no draft is left"
    html = (report / "index.html").read_text()
    assert "<math" in html
    assert "$" not in re.sub(r"<!--.*?-->", "", html, flags=re.DOTALL), "all LaTeX is typeset"
    for outside in ("http://", "https://"):
        # Namespaces are names, not addresses that a browser fetches.
        assert all(f'="{outside}' not in line or "xmlns" in line or "rdf" in line for line in html.splitlines())
    assert "src=" not in html
    assert "Proved: 1 of 43 comparisons. Measured: 42 not contradicted; d = 1, n = 1 to 12, ε = 0.0001 to 0.3," in html
    assert "<p>1 claim, 43 comparisons; proofs by exact arithmetic\namong them: 1." in html
    assert html.index('id="how-to-read"') < html.index('id="SS-1"')
    assert results["provenance"]["revision"]
    # Once more into the same folder: replaced as a whole.
    assert run(capsys, "verify", "SS-1", "--json", "--out", str(report))[0] == 0


def test_a_failing_run_says_so(capsys, monkeypatch):
    from ltjax.bounds import subset_sum as bounds

    monkeypatch.setattr(bounds, "hit_probability_bound", lambda *arguments: 1e-9)
    code, out, err = run(capsys, "verify", "SS-1", "--json")
    assert code == 1
    assert json.loads(out)["passed"] is False
    assert json.loads(out)["claims"][0]["verdict"] == "refuted"
    assert err == ""


def test_a_witness_file_can_be_checked_by_anyone(capsys, tmp_path):
    """A few lines of NumPy that share nothing with the package: every saved network is within ε at 4,000 points."""
    path = tmp_path / "hits.npz"
    args = ["estimate", "weight-pruning", "--n", "30", "--eps", "0.05", "--trials", "40", "--json"]
    _, out, _ = run(capsys, *args, "--witness", str(path))
    with np.load(path) as file:
        hits = dict(file)
    assert len(hits["trial"]) == json.loads(out)["hits"] > 20
    angle = np.linspace(0, 2 * np.pi, 4000)
    x = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    for u, v, w, mask_u, mask_v in zip(*(hits[name] for name in ("u", "v", "w", "mask_u", "mask_v")), strict=True):
        network = np.maximum(np.maximum(x @ (u * mask_u).T, 0) @ (v * mask_v), 0)
        assert np.abs(network - np.maximum(x @ w, 0)).max() <= 0.05
    assert [file.name for file in tmp_path.iterdir()] == ["hits.npz"], "nothing half-written is left"


@pytest.mark.parametrize("path", ["hits.txt", "nowhere/hits.npz"])
def test_a_witness_that_cannot_be_written(capsys, tmp_path, path):
    code, _, error = run(capsys, *ESTIMATE, "--trials", "10", "--witness", str(tmp_path / path))
    assert code == 2
    assert error.startswith("ltjax: witness=")
    assert error.count("\n") == 1


def test_the_bar_says_that_it_compiles_until_trials_come_back(capsys, monkeypatch):
    from rich.progress import Progress

    said = []
    update = Progress.update
    monkeypatch.setattr(Progress, "update", lambda *a, **how: said.append(how["description"]) or update(*a, **how))
    run(capsys, "estimate", "subset-sum", "--n", "4", "--eps", "0.1", "--trials", "20")
    assert said == ["trials: compiling, first trials", "trials"]
    said.clear()
    run(capsys, "threshold", "subset-sum", "--eps", "0.2", "--trials", "20", "--n-max", "4")
    assert said[:3] == [
        "trials: compiling, first trials",
        "ε = 0.2, n up to 4: compiling, first trials",
        "ε = 0.2, n up to 4",
    ]
