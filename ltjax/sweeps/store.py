"""The store: one SQLite file of counts.

A row of `counts` is acknowledged when its transaction is on the disk (WAL, synchronous=full) and never changes
afterwards. Its key is the cell's hash and the first trial; every run cuts trials at the same places
(`ltjax.sweeps.work.row_end`), so `insert or ignore` makes any order, repetition or race of runs harmless. Only
the driver of a sweep writes; several drivers may share a file.
"""

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from ltjax.arguments import ArgumentError
from ltjax.sweeps.code import KEY
from ltjax.sweeps.spec import FORMAT, Task, digest
from ltjax.sweeps.work import Tally

APPLICATION = 0x6C746A78
"""`ltjx`: how the file says whose it is."""
SCHEMA = 1
TABLES = """
create table streams (stream text primary key, content text not null) without rowid;
create table cells (
    cell text primary key, stream text not null references streams, n integer not null, eps real not null
) without rowid;
create table origins (origin integer primary key, content text not null unique);
create table counts (
    cell text not null references cells, first integer not null, trials integer not null,
    hits integer not null, misses integer not null, origin integer not null references origins,
    primary key (cell, first)
) without rowid;
"""
CONFIDENCES = "create table if not exists confidences (cell text primary key, confidence real not null) without rowid"
"""Of each cell's interval, as the last sweep asked for it; no other table depends on this one."""
NEW_CONFIDENCE = """
insert into confidences values (?, ?)
on conflict (cell) do update set confidence = excluded.confidence where confidence != excluded.confidence
"""


class Rows(NamedTuple):
    """Stored rows of a task's cells that begin at one trial; `trials` is 0 for a cell that has none there."""

    trials: Int[np.ndarray, "ns eps"]
    hits: Int[np.ndarray, "ns eps"]
    misses: Int[np.ndarray, "ns eps"]


class Store:
    """An open store, made if there was none.

    Raises:
        ArgumentError: where the file is something else, of another schema, or cannot be read or written.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False) -> None:
        self.path = Path(path)
        check(self.path, must_exist=read_only)
        with self._errors("opened"):
            self._db = _connect(self.path) if read_only else _opened(self.path, "rwc")
            if not read_only:
                try:
                    self._prepare()
                except BaseException:
                    self._db.close()
                    raise

    def _prepare(self) -> None:
        self._db.isolation_level = None
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        with self._transaction():
            if not self._db.execute("select 1 from sqlite_master").fetchone():
                for statement in TABLES.split(";"):
                    self._db.execute(statement)
                self._db.execute(f"pragma application_id = {APPLICATION}")
                self._db.execute(f"pragma user_version = {SCHEMA}")
            self._db.execute(CONFIDENCES)
        # A copy of the file alone, without what waits beside it, is then a store, of what was done before.
        self._db.execute("pragma wal_checkpoint")

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._db.close()

    def add_tasks(self, tasks: Sequence[Task], confidence: float) -> None:
        """Make the cells of these tasks known, and the confidence of their intervals."""
        with self._errors("written"), self._transaction():
            for task in tasks:
                stream = task.stream
                content = json.dumps(task.content)
                self._db.execute("insert or ignore into streams values (?, ?)", (stream, content))
                cells = [(task.cell(n, eps), stream, n, eps) for n in task.ns for eps in task.eps]
                self._db.executemany("insert or ignore into cells values (?, ?, ?, ?)", cells)
                asked = [(cell, confidence) for cell, *_ in cells]
                self._db.executemany(NEW_CONFIDENCE, asked)

    def add(self, cells: Sequence[Sequence[str | None]], tallies: Sequence[Tally], origin: dict[str, Any]) -> None:
        """Store rows; those that are there already stay as they are.

        Args:
            cells: the hash for each n and ε of the tallies; None: this cell is not to be stored.
            tallies: the counts.
            origin: what computed them.
        """
        with self._errors("written"), self._transaction():
            content = (json.dumps(origin, sort_keys=True),)
            self._db.execute("insert or ignore into origins (content) values (?)", content)
            (number,) = self._db.execute("select origin from origins where content = ?", content).fetchone()
            self._db.executemany(
                "insert or ignore into counts values (?, ?, ?, ?, ?, ?)",
                [
                    (cell, tally.first, tally.trials, int(tally.hits[i, j]), int(tally.misses[i, j]), number)
                    for tally in tallies
                    for i, line in enumerate(cells)
                    for j, cell in enumerate(line)
                    if cell is not None
                ],
            )

    def check_generator(self, own: str) -> None:
        """Whether all that is here was drawn as this process draws; what earlier versions stored does not say.

        Raises:
            ArgumentError: if not: a cell's trials would be of two streams.
        """
        with self._errors("read"):
            origins = [json.loads(content) for (content,) in self._db.execute("select content from origins")]
        for other in {origin.get("generator", own) for origin in origins} - {own}:
            raise ArgumentError(
                f"store={str(self.path)!r} holds trials of another random generator, {other}, and this process draws "
                f"{own}: take another store, or the version of JAX that made this one"
            )

    def earlier(self) -> int:
        """Cells that another version of ltjax named: they stay as they are, and no run adds to them."""
        with self._errors("read"):
            streams = [
                stream
                for stream, content in self._db.execute("select stream, content from streams")
                if json.loads(content).get("format") != FORMAT
            ]
            cells = [self._db.execute("select count(*) from cells where stream = ?", (each,)) for each in streams]
            return sum(found.fetchone()[0] for found in cells)

    def other_code(self, tasks: Sequence[Task]) -> int:
        """Cells that ask what these tasks ask, but were counted by other code of one's own, or before a store knew by
        which: they stay as they are, and no run of these tasks adds to them."""
        own = {task.stream for task in tasks}
        asked = {_but_for_code(task.content) for task in tasks if KEY in task.content}
        found = 0
        with self._errors("read"):
            streams = list(self._db.execute("select stream, content from streams")) if asked else []
            for stream, content in streams:
                if stream not in own and _but_for_code(json.loads(content)) in asked:
                    (cells,) = self._db.execute("select count(*) from cells where stream = ?", (stream,)).fetchone()
                    found += cells
        return found

    def rows(self, task: Task) -> dict[int, Rows]:
        """What is stored of a task's cells, by first trial."""
        shape = (len(task.ns), len(task.eps))
        found: dict[int, Rows] = {}
        with self._errors("read"):
            for i, n in enumerate(task.ns):
                for j, eps in enumerate(task.eps):
                    query = "select first, trials, hits, misses from counts where cell = ?"
                    for first, *numbers in self._db.execute(query, (task.cell(n, eps),)):
                        if first not in found:
                            found[first] = Rows(*(np.zeros(shape, np.int64) for _ in range(3)))
                        for array, number in zip(found[first], numbers, strict=True):
                            array[i, j] = number
        return found

    def confidences(self) -> dict[str, float]:
        """The confidence that the last sweep of each cell asked for; earlier versions stored none."""
        if not list(self.query("select 1 from sqlite_master where name = 'confidences'")):
            return {}
        return dict(self.query("select cell, confidence from confidences"))

    def query(self, statement: str) -> Iterator[tuple[Any, ...]]:
        """Rows of a `select`."""
        with self._errors("read"):
            yield from self._db.execute(statement)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            if self._db.in_transaction:  # a full disk has rolled it back already
                self._db.execute("rollback")
            raise
        self._db.execute("commit")

    @contextlib.contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise ArgumentError(f"store={str(self.path)!r} cannot be {what}: {error}") from None


def _but_for_code(content: dict[str, Any]) -> str:
    return digest({key: value for key, value in content.items() if key != KEY})


def _opened(path: Path, mode: str) -> sqlite3.Connection:
    # As an address: SQLite knows names, such as :memory:, that are no files.
    return sqlite3.connect(f"{path.absolute().as_uri()}?{'' if '=' in mode else 'mode='}{mode}", uri=True, timeout=60)


def _connect(path: Path) -> sqlite3.Connection:
    """For reading. SQLite's read-only mode leaves its helper files lying about, and is the last resort."""
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        return _opened(path, "rw")
    beside = [path.with_name(path.name + ending) for ending in ("-wal", "-shm")]
    if not beside[0].exists() or beside[0].stat().st_size == 0:
        return _opened(path, "immutable=1")  # all that was stored is in the file itself
    if not beside[1].exists():
        raise ArgumentError(
            f"store={str(path)!r} cannot be read where nothing can be written: rows wait in {beside[0].name!r}; copy "
            "both files to another folder"
        )
    return _opened(path, "ro")


def check(path: Path, *, must_exist: bool = False) -> bool:
    """Whether this file is a store; nothing is written.

    Raises:
        ArgumentError: one line that says why it is none and cannot become one.
    """
    name = f"store={str(path)!r}"
    if str(path) == ":memory:":
        raise ArgumentError(f"{name} is not allowed: a store is a file, and outlives this process")
    if path.is_dir():
        raise ArgumentError(f"{name} is a folder: a store is a file")
    if not path.exists():
        if must_exist:
            raise ArgumentError(f"{name} cannot be read: there is no such file")
        if not path.parent.is_dir():
            raise ArgumentError(f"{name} cannot be written: there is no folder {str(path.parent)!r}")
        return False
    try:
        with open(path, "rb") as file:
            head = file.read(16)
        if head and head != b"SQLite format 3\0":
            raise ArgumentError(f"{name} is no store: it is no SQLite file")
        with contextlib.closing(_connect(path)) as db:
            (application,) = db.execute("pragma application_id").fetchone()
            (schema,) = db.execute("pragma user_version").fetchone()
            empty = not db.execute("select 1 from sqlite_master").fetchone()
    except (OSError, sqlite3.Error) as error:
        raise ArgumentError(f"{name} cannot be read: {error}") from None
    if empty and (application, schema) == (0, 0):
        if must_exist:
            raise ArgumentError(
                f"{name} is no store: it is empty; a copy of a store in use needs {path.name + '-wal'!r} beside it"
            )
        return False  # a run was stopped before it had made the tables
    if application != APPLICATION:
        raise ArgumentError(f"{name} is no store: it is an SQLite file of another kind")
    if schema != SCHEMA:
        raise ArgumentError(f"{name} has schema version {schema}, and this ltjax reads version {SCHEMA}")
    return True
