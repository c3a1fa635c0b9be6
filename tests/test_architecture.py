"""The house: imports point down, none goes in a circle, and the library knows no theorem's number."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
# From the ground up; a room may use those before it, and itself.
FLOORS = [
    *("arguments", "files", "outcomes", "machine", "laws", "patterns", "certify", "networks", "bounds", "search"),
    *("problems", "solvers", "trials", "inference", "tickets", "figures", "sweeps", "verify", "testing", "cli"),
]


def imports(path):
    """The modules of this project that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_imports_point_down():
    for path in (ROOT / "ltjax").rglob("*.py"):
        room = path.relative_to(ROOT / "ltjax").parts[0].removesuffix(".py")
        for name in imports(path):
            parts = name.split(".")
            assert parts[0] != "proofs_check", f"{path} knows the theorems"
            if parts[0] == "ltjax" and len(parts) > 1 and parts[1] in FLOORS and room in FLOORS:
                assert FLOORS.index(parts[1]) <= FLOORS.index(room), f"{path} imports {name}, which is above it"


def test_every_room_has_its_floor():
    rooms = {
        path.stem for path in (ROOT / "ltjax").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert rooms - {"__init__", "__main__"} == set(FLOORS)


def test_the_library_knows_no_claims_number():
    for path in [*(ROOT / "ltjax").rglob("*.py"), *(ROOT / "ltjax").rglob("*.jinja")]:
        found = re.findall(r"\b(?:SS|NP|WP|GAP|HW|PAT|SEARCH|KK)-\d+", path.read_text(encoding="utf-8"))
        assert not found, f"{path} names {found}"
