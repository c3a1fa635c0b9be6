"""The documentation says what is so: its code runs as it is written, in an empty folder, page by page."""

import ast
import doctest
import importlib
import importlib.metadata
import re
import shlex
import sys
from pathlib import Path

import pytest

import ltjax
from tests.commands import run

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TEXTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [page for page in TEXTS if re.search(r"^```(python|console)", page.read_text("utf-8"), re.MULTILINE)]
ELSEWHERE = ("helm ", "kubectl ", "make ", "git ", "python3 -m venv", ".venv/", "bash ")
"""Commands for machines that a test has not; `make` is run by whoever runs the tests."""
DEAR = {"README", "api", "index", "sweeps", "write-a-property-test"}
"""Pages whose commands take long."""


def commands(block):
    return [line.removeprefix("$ ").partition("  #")[0].strip() for line in block.splitlines() if line.startswith("$ ")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder to stand in; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


# Types are executed in these tests, and beartype looks at an item of a collection that it draws.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.parametrize(
    "page",
    [pytest.param(page, marks=pytest.mark.slow if page.stem in DEAR else ()) for page in PAGES],
    ids=lambda page: page.stem,
)
def test_code_on_a_page_runs(page, folder, capsys):
    """Blocks with a title are written as files; Python runs in one namespace; `$` lines as a user types them."""
    names = {"__name__": "page"}
    for kind, title, text in BLOCK.findall(page.read_text("utf-8")):
        if title:
            (folder / title).write_text(text, "utf-8")
        elif kind == "python":
            exec(compile(text, str(page), "exec"), names)
        elif kind == "console":
            for command in commands(text):
                if command.startswith(ELSEWHERE):
                    continue
                program, *words = shlex.split(command)
                if program == "pytest":
                    assert pytest.main(["-q", "-s", "-p", "no:cacheprovider", *words]) == 0
                else:
                    assert program == "ltjax"
                    code, _, err = run(capsys, *words)
                    assert (code, command) == (0, command), err


def test_every_link_leads_somewhere():
    for text in TEXTS:
        for link in re.findall(r"\]\(([^)#\s]+)", text.read_text("utf-8")):
            made = link in ("catalogue.md",)  # by docs/hooks.py
            assert made or link.startswith("https://") or (text.parent / link).exists(), f"{text.name}: {link}"


FILES = (("write-a-claim", "claim.py"), ("write-a-problem", "blocks.py"), ("write-a-pattern", "diagonals.py"))


def test_the_files_on_pages_are_those_that_the_tests_use():
    for page, name in FILES:
        shown = {title: text for _, title, text in BLOCK.findall((ROOT / "docs" / f"{page}.md").read_text("utf-8"))}
        assert shown[name] == (ROOT / "tests" / "strangers" / name).read_text("utf-8")


PUBLIC = ("ltjax", "ltjax.testing", "ltjax.tickets", "ltjax.sweeps")


def home_of(module, name):
    """The module that defines a public name."""
    homes = getattr(module, "_HOME", {})
    if name in homes:
        return homes[name] if homes[name].startswith("ltjax.") else f"{module.__name__}.{homes[name]}"
    return getattr(module, name).__module__


@pytest.mark.parametrize("public", PUBLIC)
def test_every_public_name_is_described_on_the_api_page(public):
    text, module = (ROOT / "docs" / "api.md").read_text("utf-8"), importlib.import_module(public)
    for name in module.__all__:
        home = home_of(module, name)
        described = f"::: {home}.{name}\n" in text or f"::: {home}\n" in text or getattr(module, name) is ltjax.LAWS
        assert described, f"{public}.{name}"


@pytest.mark.parametrize("public", PUBLIC)
def test_every_public_name_has_an_example_that_runs_on_the_api_page(public):
    """The page's code is run by `test_code_on_a_page_runs`; here each name is looked for in it, as code."""
    names, used = {"ltjax": "ltjax"}, set()
    for kind, _, text in BLOCK.findall((ROOT / "docs" / "api.md").read_text("utf-8")):
        if kind != "python":
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module == "ltjax":
                names |= {alias.asname or alias.name: f"ltjax.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names:
                used.add(f"{names[node.value.id]}.{node.attr}")
    assert [name for name in importlib.import_module(public).__all__ if f"{public}.{name}" not in used] == []


def test_the_version_is_said_once_and_the_changelog_knows_it():
    assert importlib.metadata.version("ltjax") == ltjax.__version__
    assert 'dynamic = ["version"]' in (ROOT / "pyproject.toml").read_text("utf-8")
    assert f"\n## {ltjax.__version__}\n" in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
@pytest.mark.parametrize("name", ["ltjax.testing.bound", "ltjax.testing.strategies"])
def test_examples_in_docstrings_run(name):
    done = doctest.testmod(importlib.import_module(name))
    assert done.failed == 0
    assert done.attempted > 0
