"""Mutation testing: small wrong changes to the library, and whether the tests notice.

`make mutants` runs it; `make mutants COUNT=200 SEED=1 MODULES="ltjax/inference ltjax/verify"` says what. It reads the
modules' syntax trees, lists every mutant (a comparison weakened or turned round, a constant changed, + for -, an
operand dropped, `and` for `or`, `not` removed, min for max, a default returned, a `raise` removed), draws COUNT of
them by SEED and runs, for each, the tests that `mutants.toml` names for its module, on a copy of the tree in a
temporary folder. A mutant is killed when the tests fail or take too long. The difference of each survivor is printed.
Either a test is missing, or the mutant changes nothing that matters: then it is *answered* by an entry in
`mutants.toml` that names file, place, the line before and after, and the reason. The exit status is 0 where every
survivor is answered, 1 where one is not, 2 on misuse. The working tree is only read.
"""

import argparse
import ast
import contextlib
import dataclasses
import difflib
import functools
import os
import queue
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MODULES = ("ltjax/certify", "ltjax/search", "ltjax/inference", "ltjax/verify")
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "*.db*")
"""What a copy of the tree does without, in any folder: environments, caches, results."""
LEFT_OUT_OF_ROOT = shutil.ignore_patterns("report", "build", "dist", "shared")
"""And in the root alone, since packages have folders of these names."""

COMPARISONS: dict[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Lt: ("<", ("<=", ">=")),
    ast.LtE: ("<=", ("<", ">")),
    ast.Gt: (">", (">=", "<=")),
    ast.GtE: (">=", (">", "<")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: ("is not", ("is",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: ("not in", ("in",)),
}
OPERATORS: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
}
PAIRS = [("min", "max"), ("minimum", "maximum"), ("any", "all"), ("floor", "ceil"), ("argmin", "argmax"), ("sf", "cdf")]
OTHER_NAME = {a: b for pair in PAIRS for a, b in (pair, pair[::-1])}
DEFAULTS = {"bool": ("True", "False"), "int": ("0",), "float": ("0.0",)}
ATOMS = (ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant)


class Misuse(Exception):
    """What keeps the run from starting, in words; exit status 2."""


@dataclasses.dataclass(frozen=True, order=True)
class Mutant:
    """One change of one file.

    Attributes:
        path: of the file, from the root, with slashes.
        start, end: the bytes replaced.
        text: what stands there instead.
        kind: in words.
        where: the function or class changed, dotted; empty for the module itself.
    """

    path: str
    start: int
    end: int
    text: str
    kind: str
    where: str

    def apply(self, source: str) -> str:
        """The file's text with the change."""
        data = source.encode()
        return (data[: self.start] + self.text.encode() + data[self.end :]).decode()

    def change(self, source: str) -> tuple[str, str]:
        """The lines touched, before and after, without the blanks around them."""
        before, after = source.encode()[: self.start].decode(), source.encode()[self.end :].decode()
        first = before.rfind("\n") + 1
        last = after.find("\n") if "\n" in after else len(after)
        tail = after[:last]
        old = source[first : len(source) - len(after) + last]
        return old.strip(), (before[first:] + self.text + tail).strip()

    def diff(self, source: str) -> str:
        """A unified difference with one line around."""
        lines = source.splitlines(keepends=True), self.apply(source).splitlines(keepends=True)
        return "".join(difflib.unified_diff(*lines, self.path, f"{self.path} ({self.kind}, in {self.where})", n=1))


class _Finder:
    """Walks a syntax tree and lists mutants; what is for readers and type checkers only is passed over."""

    def __init__(self, path: str, source: str) -> None:
        self.path, self.data, self.found = path, source.encode(), list[Mutant]()
        self.starts = [0]
        for line in source.encode().splitlines(keepends=True):
            self.starts.append(self.starts[-1] + len(line))

    def span(self, node: Any) -> tuple[int, int]:
        return (
            self.starts[node.lineno - 1] + node.col_offset,
            self.starts[node.end_lineno - 1] + node.end_col_offset,
        )

    def text(self, node: Any) -> str:
        start, end = self.span(node)
        return self.data[start:end].decode()

    def add(self, start: int, end: int, text: str, kind: str, where: str) -> None:
        self.found.append(Mutant(self.path, start, end, text, kind, where))

    def operand(self, node: ast.expr) -> str:
        return self.text(node) if isinstance(node, ATOMS) else f"({self.text(node)})"

    def between(self, left: Any, right: Any, old: str, new: str, where: str) -> None:
        """Replaces the operator between two operands, unless a comment there hides which sign it is."""
        start, end = self.span(left)[1], self.span(right)[0]
        region = self.data[start:end].decode()
        if region.count(old) == 1:
            self.add(start, end, region.replace(old, new), f"{old} to {new}", where)

    def visit(self, node: ast.AST, where: str, returns: str | None = None) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if any(ast.unparse(d).endswith("overload") for d in node.decorator_list):
                return
            where = f"{where}.{node.name}" if where else node.name
            if not isinstance(node, ast.ClassDef):
                returns = ast.unparse(node.returns) if node.returns else None
                for default in [*node.args.defaults, *node.args.kw_defaults]:
                    if default is not None:
                        self.visit(default, where)
            for statement in node.body:
                self.visit(statement, where, returns)
            return
        if isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.visit(node.value, where)
            return
        if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr):
            return
        self.mutate(node, where, returns)
        if isinstance(node, ast.Raise):  # what it says is no matter of these tests
            return
        for child in ast.iter_child_nodes(node):
            self.visit(child, where, returns)

    def mutate(self, node: ast.AST, where: str, returns: str | None) -> None:
        match node:
            case ast.Compare():
                operands = [node.left, *node.comparators]
                for op, left, right in zip(node.ops, operands, operands[1:], strict=False):
                    old, others = COMPARISONS[type(op)]
                    for new in others:
                        self.between(left, right, old, new, where)
            case ast.BinOp() if type(node.op) in OPERATORS and not _is_text(node):
                self.between(node.left, node.right, *OPERATORS[type(node.op)], where)
                if isinstance(node.op, ast.Add | ast.Sub):
                    self.add(*self.span(node), self.operand(node.left), "term dropped", where)
                if isinstance(node.op, ast.Add):
                    self.add(*self.span(node), self.operand(node.right), "term dropped", where)
            case ast.AugAssign() if isinstance(node.op, ast.Add | ast.Sub):
                old, new = OPERATORS[type(node.op)]
                self.between(node.target, node.value, f"{old}=", f"{new}=", where)
            case ast.BoolOp():
                old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
                for i, value in enumerate(node.values):
                    if i:
                        self.between(node.values[i - 1], value, old, new, where)
                    rest = f" {old} ".join(self.operand(v) for j, v in enumerate(node.values) if j != i)
                    self.add(*self.span(node), f"({rest})", "condition dropped", where)
            case ast.UnaryOp() if not isinstance(node.op, ast.UAdd):
                sign = {ast.Not: "not", ast.Invert: "~", ast.USub: "-"}[type(node.op)]
                self.add(*self.span(node), self.operand(node.operand), f"{sign} removed", where)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in OTHER_NAME:
                end = self.span(node.func)[1]
                self.add(end - len(name), end, OTHER_NAME[name], f"{name} to {OTHER_NAME[name]}", where)
            case ast.Constant(value=bool() as value):
                self.add(*self.span(node), str(not value), "constant changed", where)
            case ast.Constant(value=int() as value):
                self.add(*self.span(node), str(value + 1), "constant changed", where)
            case ast.Constant(value=float() as value):
                self.add(*self.span(node), repr(2.0 * value if value else 1.0), "constant changed", where)
            case ast.Return(value=ast.expr() as value):
                for default in DEFAULTS.get(returns or "", ("None",)):
                    if self.text(value) != default:
                        self.add(*self.span(node), f"return {default}", "default returned", where)
            case ast.Raise():
                self.add(*self.span(node), "pass", "raise removed", where)


def _is_text(node: ast.BinOp) -> bool:
    """Whether a sum joins strings, as far as its own operands show."""
    texts = (node.left, node.right)
    return any(
        isinstance(x, ast.JoinedStr) or (isinstance(x, ast.Constant) and isinstance(x.value, str)) for x in texts
    )


def mutants_of(path: str, source: str) -> list[Mutant]:
    """All mutants of a file, in order; each is valid Python and another program."""
    finder = _Finder(path, source)
    finder.visit(ast.parse(source), "")
    return sorted(set(finder.found))


def is_real(mutant: Mutant, source: str) -> bool:
    """Whether the mutant can be read by Python and differs in more than its looks."""
    try:
        return ast.dump(ast.parse(mutant.apply(source))) != ast.dump(ast.parse(source))
    except SyntaxError:
        return False


def files_of(root: Path, modules: Sequence[str]) -> list[str]:
    """Python files of the modules named, each a file or a folder from the root."""
    found = set[str]()
    for module in modules:
        place = root / module
        if not place.exists():
            raise Misuse(f"{module} is neither a file nor a folder of {root}")
        files = [place] if place.is_file() else place.rglob("*.py")
        found |= {file.relative_to(root).as_posix() for file in files}
    return sorted(found)


def drawn(root: Path, modules: Sequence[str], count: int, seed: int) -> list[Mutant]:
    """`count` mutants of the modules, or all if there are fewer; the same for the same files and seed."""
    sources = {path: (root / path).read_text(encoding="utf-8") for path in files_of(root, modules)}
    every = [mutant for path, source in sources.items() for mutant in mutants_of(path, source)]
    random.Random(seed).shuffle(every)
    chosen = list[Mutant]()
    for mutant in every:
        if len(chosen) == count:
            break
        if is_real(mutant, sources[mutant.path]):
            chosen.append(mutant)
    return sorted(chosen)


@dataclasses.dataclass(frozen=True)
class Answers:
    """What `mutants.toml` says: the tests of each module by the start of its path, and the survivors answered."""

    tests: dict[str, list[str]]
    reasons: dict[tuple[str, str, str, str], str]

    @staticmethod
    def read(file: Path, root: Path) -> "Answers":
        data = tomllib.loads(file.read_text(encoding="utf-8"))
        reasons = {(a["file"], a["where"], a["old"], a["new"]): a["reason"] for a in data.get("answered", [])}
        for test in {test for tests in data["tests"].values() for test in tests}:
            if not (root / test).exists():
                raise Misuse(f"{file.name} names {test}, which does not exist")
        return Answers(data["tests"], reasons)

    def tests_of(self, path: str) -> list[str]:
        """The tests of the longest start of the path that is named."""
        starts = [start for start in self.tests if path.startswith(start)]
        if not starts:
            raise Misuse(f"no tests are named for {path}")
        return self.tests[max(starts, key=len)]

    def reason(self, mutant: Mutant, source: str) -> str | None:
        return self.reasons.get((mutant.path, mutant.where, *mutant.change(source)))


def _left_out(root: Path, folder: str, names: list[str]) -> set[str]:
    return LEFT_OUT(folder, names) | (LEFT_OUT_OF_ROOT(folder, names) if Path(folder) == root else set())


class Runner:
    """Runs tests on copies of the tree, one copy for each of `jobs` threads."""

    def __init__(self, root: Path, scratch: Path, jobs: int) -> None:
        self.live, self.stopped = set[subprocess.Popen[bytes]](), False
        # Most tests compile more than they compute, and what JAX compiles for one mutant is mostly what it compiled
        # for the last: programs are known by their content. A folder named in the environment serves later runs too.
        self.cache = {
            "JAX_COMPILATION_CACHE_DIR": str(scratch / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }
        self.copies = queue.SimpleQueue[Path]()
        for i in range(jobs):
            copy = scratch / f"copy{i}"
            shutil.copytree(root, copy, ignore=functools.partial(_left_out, root))
            self.copies.put(copy)

    @contextlib.contextmanager
    def copy(self) -> Iterator[Path]:
        copy = self.copies.get()
        try:
            yield copy
        finally:
            self.copies.put(copy)

    def run(self, command: list[str], copy: Path, limit: float | None) -> tuple[int | None, str]:
        """Exit status, None past the limit in seconds, and what was printed. Its whole process group ends with it."""
        # No byte code: Python takes a compiled file for current by time and length, which a mutant may share.
        # The copy comes before an installed ltjax.
        environment = self.cache | os.environ | {"PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
        # Into a file: a pipe stays open as long as a process left behind has it.
        with tempfile.TemporaryFile() as printed:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=copy,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            self.live.add(process)
            try:
                status = None if self.stopped else process.wait(limit)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                self.end(process)
                process.wait()
                self.live.discard(process)
            printed.seek(0)
            return status, printed.read().decode(errors="replace")

    @staticmethod
    def end(process: subprocess.Popen[bytes]) -> None:
        """Kills the process and all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)

    def stop(self) -> None:
        self.stopped = True
        for process in list(self.live):
            self.end(process)

    def tests(self, tests: Sequence[str], copy: Path, limit: float | None) -> tuple[int | None, str]:
        return self.run(["-m", "pytest", "-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", *tests], copy, limit)

    def unchanged(self, tests: Sequence[str], package: str) -> float:
        """Seconds that the tests take on the tree as it is; they must pass, and import the copy."""
        with self.copy() as copy:
            _, text = self.run(["-c", f"import {package}; print({package}.__file__)"], copy, None)
            if str(copy.resolve()) not in text:
                raise Misuse(f"Python takes {package} from elsewhere than the copy: {text.strip()}")
            start = time.monotonic()
            status, text = self.tests(tests, copy, None)
            if status != 0:
                raise Misuse(f"without any mutant the tests fail: {' '.join(tests)}\n{text[-3000:]}")
            return time.monotonic() - start

    def fate(self, mutant: Mutant, tests: Sequence[str], limit: float) -> str:
        """ "killed", "timed out" or "survived"."""
        with self.copy() as copy:
            file = copy / mutant.path
            source = file.read_text(encoding="utf-8")
            file.write_text(mutant.apply(source), encoding="utf-8")
            try:
                status, _ = self.tests(tests, copy, limit)
            finally:
                file.write_text(source, encoding="utf-8")
        return "survived" if status == 0 else "timed out" if status is None else "killed"


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="mutants", description="Mutation testing; see the top of the file.")
    parser.add_argument("modules", nargs="*", default=MODULES, help="files or folders, from the root")
    parser.add_argument("--count", type=int, default=30, help="mutants to draw")
    parser.add_argument("--seed", type=int, default=0, help="which are drawn")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="tests run at once")
    parser.add_argument("--limit", type=float, help="seconds a mutant; default: a minute and four times the tests' own")
    parser.add_argument("--answers", type=Path, default=root / "tests" / "mutants.toml", help="tests and answers")
    parser.add_argument("--list", action="store_true", help="only print the mutants drawn")
    options = parser.parse_args(arguments)
    if options.count < 1 or options.jobs < 1:
        parser.error("--count and --jobs are at least 1")
    answers = Answers.read(options.answers, root)
    chosen = drawn(root, options.modules, options.count, options.seed)
    sources = {mutant.path: (root / mutant.path).read_text(encoding="utf-8") for mutant in chosen}
    if options.list:
        for mutant in chosen:
            print(mutant.diff(sources[mutant.path]))
        return 0

    fates = dict[Mutant, str]()
    answered = {mutant: reason for mutant in chosen if (reason := answers.reason(mutant, sources[mutant.path]))}
    open_ones = [mutant for mutant in chosen if mutant not in answered]
    with tempfile.TemporaryDirectory(prefix="mutants.") as scratch:
        runner = Runner(root, Path(scratch), options.jobs)
        pool = ThreadPoolExecutor(options.jobs)
        try:
            sets = sorted({(*answers.tests_of(mutant.path),) for mutant in open_ones})
            package = {(*answers.tests_of(m.path),): m.path.split("/")[0].removesuffix(".py") for m in open_ones}
            seconds = pool.map(lambda tests: runner.unchanged(tests, package[tests]), sets)
            took = dict(zip(sets, seconds, strict=True))

            def fate(mutant: Mutant) -> str:
                tests = answers.tests_of(mutant.path)
                limit = 60.0 + 4.0 * took[tuple(tests)] if options.limit is None else options.limit
                return runner.fate(mutant, tests, limit)

            for mutant, outcome in zip(open_ones, pool.map(fate, open_ones), strict=True):
                fates[mutant] = outcome
                old, new = mutant.change(sources[mutant.path])
                print(f"{outcome}: {mutant.path}, {mutant.where or 'module'}: {old!r} to {new!r}", flush=True)
        finally:
            runner.stop()
            pool.shutdown(cancel_futures=True)

    survivors = [mutant for mutant, outcome in fates.items() if outcome == "survived"]
    for mutant in survivors:
        print(f"\n{mutant.diff(sources[mutant.path])}", end="")
    killed = len(fates) - len(survivors)
    print(f"\n{len(chosen)} mutants: {killed} killed, {len(answered)} answered, {len(survivors)} survived")
    return 1 if survivors else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Misuse as error:
        print(f"mutants: {error}", file=sys.stderr)
        sys.exit(2)
