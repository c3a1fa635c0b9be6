"""Results first, wherever they go: never a traceback, never lost."""

import json
import os
from pathlib import Path

import pytest
from rich.console import Console

from ltjax.cli import console
from tests.commands import process, started

STRANGERS = Path(__file__).parents[1] / "strangers"
ESTIMATE = ["estimate", "subset-sum", "--n", "4", "--eps", "0.25", "--trials", "20"]


def test_a_code_page_without_greek():
    code, out, err = process(*ESTIMATE, env={"PYTHONIOENCODING": "cp1252"})
    assert (code, err) == (0, "")
    assert "n = 4, eps = 0.25" in out


def test_a_reader_that_leaves_early():
    with started(*ESTIMATE) as running:
        for stream in filter(None, [running.stdout]):
            stream.close()
        err = "".join(running.stderr or ())
    assert (running.returncode, err) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full on this system")
def test_a_full_standard_output():
    with open("/dev/full", "w") as full:
        code, _, err = process(*ESTIMATE, "--json", stdout=full)
    lines = err.splitlines()
    assert code == 2
    assert json.loads(lines[0])["trials"] == 20
    assert lines[1] == "ltjax: standard output cannot be written: No space left on device"
    assert len(lines) == 2


def test_no_table_loses_a_word_on_a_narrow_screen():
    rows = console.table("id", "claim", "negative controls")
    rows.add_row("GAP-1", "Rows need exponentially more neurons than scissors", "GAP-1-linear, GAP-1-steep")
    narrow = Console(width=30)
    with narrow.capture() as text:
        narrow.print(rows)
    letters = [cell for line in text.get().splitlines() for cell in line.split("│")[1:-1]]
    assert "…" not in text.get()
    assert "".join("".join(letters[2::3]).split()).endswith("GAP-1-linear,GAP-1-steep")


def test_tables_in_a_file_have_a_line_a_row():
    code, out, err = process("claims", env={"COLUMNS": "30"})
    assert (code, err) == (0, "")
    assert any("GAP-1" in line and "scissors" in line and line.endswith("│") for line in out.splitlines())


def test_verdicts_go_to_standard_output(tmp_path):
    (tmp_path / "claim.py").write_text((STRANGERS / "claim.py").read_text())
    code, out, err = process("verify", "claim.py", cwd=tmp_path)
    assert (code, err) == (0, "no report: --out FOLDER writes one\n")
    assert out.startswith("MINE-1 supported")
