"""The driver: plan, hand out jobs, store what comes back at once, know when a cell has enough."""

import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from ltjax.machine import settings
from ltjax.sweeps import memory
from ltjax.sweeps.engines import AbstractEngine, Serial
from ltjax.sweeps.spec import Spec, Task, Until
from ltjax.sweeps.store import Rows, Store, check
from ltjax.sweeps.work import Done, Failed, Job, row_end, rows
from ltjax.trials.dispatch import MAX_TRIALS

SECONDS_A_JOB = 2.0
"""Long against the cost of handing out a job, short against what one minds losing to a kill."""
WORTH_COMPILING = 256
"""Blocks of trials after which leaving out finished cells, which takes a new compilation, begins to pay."""


@dataclasses.dataclass(frozen=True)
class Status:
    """How far a sweep is.

    Attributes:
        cells, cells_done: of the sweep; those that failed are not done.
        work, work_done: trials, weighed by what one costs: for a bar. With `until`, the work is what it is at most.
        trials: trials that this run has decided, of all tasks.
        seconds: since this run began.
    """

    cells: int
    cells_done: int
    work: float
    work_done: float
    trials: int
    seconds: float


@dataclasses.dataclass(frozen=True)
class Summary:
    """What a run of a sweep did.

    Attributes:
        cells, cells_done, tasks: of the sweep.
        trials_added: trials that this run decided and stored, of all tasks.
        trials_asked, trials_used: trials of all cells: at most, and what they needed; less with `until` only.
        short: cells whose trials ran out before `until` was reached, and of these, cells that more trials would not
            bring there if their shares stay as seen: the undecided ones alone are too many.
        failed: for each failed task its problem, n, ε and the reason.
        seconds: that this run took.
        earlier: cells in the store that another version of ltjax named; they stay, and nothing is added to them.
        other_code: the same of cells that other code of one's own counted.
    """

    cells: int
    cells_done: int
    tasks: int
    trials_added: int
    trials_asked: int
    trials_used: int
    short: tuple[int, int]
    failed: tuple[dict[str, Any], ...]
    seconds: float
    earlier: int = 0
    other_code: int = 0

    @property
    def saved(self) -> float:
        """The fraction of the cells' trials that `until` made unnecessary."""
        return 1.0 - self.trials_used / self.trials_asked if self.trials_asked else 0.0


def looks(task: Task, until: Until | None) -> Iterator[int]:
    """Numbers of trials at which cells are looked at; the last is `task.trials`.

    They are cuts between rows, an eighth apart, and the first is worth a dispatch on one device. They depend on
    the task alone, so that a stopped or a spread run ends each cell where any other does.
    """
    at = 0
    if until is not None:
        solver = task.choice.solver
        first = solver.blocks_per_chunk * solver.block(max(task.ns))
        while (at := row_end(max(at, first - 1))) < task.trials:
            yield at
            first = at + at // 8
    yield task.trials


class _Run:
    """One task under way.

    Cells that are `active` still need trials. All of them have their first `at` trials in the store, and the
    present round takes them to `goal`. Nothing here depends on timing: the same rows lead to the same state.
    """

    def __init__(self, task: Task, spec: Spec, stored: dict[int, Rows]) -> None:
        self.task, self.until, self.confidence = task, spec.until, spec.confidence
        self.rows = stored
        shape = (len(task.ns), len(task.eps))
        self.active: Bool[np.ndarray, "ns eps"] = np.ones(shape, bool)
        self.used: Int[np.ndarray, "ns eps"] = np.zeros(shape, np.int64)
        self.short = np.zeros(2, np.int64)
        self._hits, self._misses = np.zeros(shape, np.int64), np.zeros(shape, np.int64)
        self._covered = np.zeros(shape, np.int64)
        self.grid = (tuple(range(shape[0])), tuple(range(shape[1])))
        self._shrunk_at = 0
        self._looks = looks(task, spec.until)
        self.at, self.goal = 0, next(self._looks)
        self.todo: list[tuple[int, int]] = []
        self.flying = 0
        self.failed: str | None = None
        self.proven = False
        self.program = (task.choice.solver, task.ns, task.eps)
        self.weight = 1.0 / self.block
        self._refill()

    @property
    def block(self) -> int:
        """Trials a block at the largest n still searched."""
        return self.task.choice.solver.block(self.task.ns[self.grid[0][-1]])

    @property
    def finished(self) -> bool:
        return self.failed is not None or not self.active.any()

    def take(self, trials: int) -> Job | None:
        """The next job, of about so many trials; None where there is nothing to hand out now."""
        if self.failed is not None or not self.todo:
            return None
        if self.flying and not self.proven:
            # The first job goes alone. It tells the speed, fills the compilation cache that others then read,
            # and should it kill its worker, it kills no more of them than it must.
            return None
        start, stop = self.todo.pop(0)
        while self.todo and self.todo[0][0] == stop and stop - start < trials:
            stop = self.todo.pop(0)[1]
        self.flying += 1
        ns, eps = self.grid
        return Job(0, self.task, tuple(self.task.ns[i] for i in ns), tuple(self.task.eps[j] for j in eps), start, stop)

    def cells(self, job: Job) -> list[list[str | None]]:
        """The hashes of a job's cells; None for those that need no more trials."""
        task, active = self.task, self.active
        return [
            [task.cell(n, e) if active[task.ns.index(n), task.eps.index(e)] else None for e in job.eps] for n in job.ns
        ]

    def landed(self, job: Job, outcome: Done | Failed) -> None:
        """Take in what became of a job, after it was stored."""
        self.flying -= 1
        if isinstance(outcome, Failed):
            self.failed = self.failed or outcome.reason
            return
        self.proven = True
        where = np.ix_([self.task.ns.index(n) for n in job.ns], [self.task.eps.index(e) for e in job.eps])
        wanted = self.active[where]
        for tally in outcome.tallies:
            if tally.first not in self.rows:
                self.rows[tally.first] = Rows(*(np.zeros(self.active.shape, np.int64) for _ in range(3)))
            row = self.rows[tally.first]
            new = wanted & (row.trials[where] == 0)
            for array, counts in zip(row, (tally.trials, tally.hits, tally.misses), strict=True):
                array[where] = np.where(new, counts, array[where])
        if not self.todo and not self.flying:
            self._refill()

    def _refill(self) -> None:
        """Go on through the rounds until one lacks rows, or no cell is active."""
        while self.active.any():
            self.todo = self._missing()
            if self.todo:
                return
            self._sum()
            self.used[self.active] = self.goal
            self.at = self.goal
            if self.until is not None:
                for i, j in np.argwhere(self.active):
                    hits, misses = int(self._hits[i, j]), int(self._misses[i, j])
                    self.active[i, j] = not self.until.reached(hits, misses, self.at, self.confidence)
                    if self.active[i, j] and self.at == self.task.trials:
                        self.short += 1, self.until.hopeless(hits, misses, self.at)
            if self.at == self.task.trials:
                self.active[:] = False
                return
            self._shrink()
            self.goal = next(self._looks)

    def _missing(self) -> list[tuple[int, int]]:
        """Stretches of [at, goal), a row each, that some active cell lacks."""
        if not self.rows:
            return rows(self.at, self.goal)
        found = []
        for start, stop in rows(self.at, self.goal):
            covered = np.full(self.active.shape, start)
            for first in sorted(first for first in self._inside(start, stop)):
                covered += np.where(covered == first, self.rows[first].trials, 0)
            lacking = int(covered[self.active].min())
            if lacking < stop:
                found.append((lacking, stop))
        return found

    def _inside(self, start: int, stop: int) -> list[int]:
        # Rows begin where `rows` cuts, or where a run with fewer trials once ended.
        if start in self.rows and int(self.rows[start].trials[self.active].min()) >= stop - start:
            return [start]
        return [first for first in self.rows if start <= first < stop]

    def _sum(self) -> None:
        """Add the rows of [at, goal) to the counts of the active cells."""
        for first in sorted(first for first in self.rows if self.at <= first < self.goal):
            row = self.rows[first]
            next_ = self.active & (self._covered == first)
            self._hits += np.where(next_, row.hits, 0)
            self._misses += np.where(next_, row.misses, 0)
            self._covered += np.where(next_, row.trials, 0)

    def _shrink(self) -> None:
        """Leave the largest n and the ε that nobody needs out of the search, at doublings only."""
        if self.at >= max(WORTH_COMPILING * self.block, 2 * self._shrunk_at) and self.active.any():
            # Smaller n come with the largest for nothing.
            largest = int(np.flatnonzero(self.active.any(axis=1))[-1])
            eps = np.flatnonzero(self.active.any(axis=0))
            grid = (tuple(range(largest + 1)), tuple(int(j) for j in eps))
            if grid != self.grid:
                self.grid, self._shrunk_at = grid, self.at


def trials_left(task: Task, spec: Spec, stored: dict[int, Rows]) -> int:
    """How many trials of a task a run would still decide, at most."""
    run = _Run(task, spec, stored)
    return 0 if run.finished else sum(stop - start for start, stop in run.todo) + task.trials - run.goal


def plan(spec: Spec, engine: AbstractEngine) -> list[Task]:
    """The tasks, each with a chunk that fits the memory of an engine that was entered.

    Raises:
        ValueError: for a cell that is too large, or an option that the problem refuses.
    """
    own, share = engine.memory
    limit = own if spec.memory is None else spec.memory
    return [memory.fitted(task, limit, engine.devices, share) for task in spec.tasks()]


def run(
    spec: Spec,
    store: str | Path,
    *,
    engine: AbstractEngine | None = None,
    progress: Callable[[Status], None] | None = None,
) -> Summary:
    """Bring a store to what a spec asks for; what is there already is not computed again.

    Args:
        spec: from `read_spec`.
        store: the file; made if there is none.
        engine: default: this process and all its devices.
        progress: called after each job.

    Raises:
        ValueError: for a bad spec or store, before anything is written.
    """
    began = time.perf_counter()
    store = Path(store)
    check(store)
    spec.tasks()  # says what is wrong with the options before an engine is started
    with engine or Serial() as engine:
        tasks = plan(spec, engine)
        with Store(store) as file:
            file.check_generator(settings.generator())
            file.add_tasks(tasks, spec.confidence)
            runs = [_Run(task, spec, file.rows(task)) for task in tasks]
            added, again = 0, True
            speed: dict[Any, float] = {}

            def report() -> Status:
                done = [each.task.trials if each.finished else each.at for each in runs]
                return Status(
                    cells=sum(len(task) for task in tasks),
                    cells_done=sum(int((~each.active).sum()) for each in runs),
                    work=sum(each.weight * each.task.trials for each in runs),
                    work_done=sum(each.weight * trials for each, trials in zip(runs, done, strict=True)),
                    trials=added,
                    seconds=time.perf_counter() - began,
                )

            while again:
                again = False
                for job, outcome in _outcomes(runs, engine, speed):
                    if isinstance(outcome, Done) and outcome.origin["generator"] != settings.generator():
                        outcome = Failed(
                            f"its worker draws {outcome.origin['generator']}, and this process {settings.generator()}: "
                            "another version of JAX"
                        )
                    if isinstance(outcome, Done):
                        program = runs[job.index].program
                        measured = (job.stop - job.start) / max(outcome.seconds, 1e-9)
                        speed[program] = max(speed.get(program, 0.0), measured)
                        file.add(runs[job.index].cells(job), outcome.tallies, outcome.origin)
                        added += job.stop - job.start
                        again = True
                    runs[job.index].landed(job, outcome)
                    if progress is not None:
                        progress(report())
                if again:
                    # What another driver stored first stands, and it may have been less: look once more.
                    fresh = [_Run(each.task, spec, file.rows(each.task)) for each in runs]
                    runs = [old if old.failed else new for old, new in zip(runs, fresh, strict=True)]
            earlier, other_code = file.earlier(), file.other_code(tasks)
    status = report()
    failed = [each for each in runs if each.failed is not None]
    return Summary(
        cells=status.cells,
        cells_done=status.cells_done,
        tasks=len(tasks),
        trials_added=added,
        trials_asked=sum(each.task.trials * len(each.task) for each in runs if each.failed is None),
        trials_used=sum(int(each.used.sum()) for each in runs if each.failed is None),
        short=(sum(int(each.short[0]) for each in runs), sum(int(each.short[1]) for each in runs)),
        failed=tuple(
            {"problem": memory.describe(each.task), "n": each.task.ns, "eps": each.task.eps, "reason": each.failed}
            for each in failed
        ),
        seconds=status.seconds,
        earlier=earlier,
        other_code=other_code,
    )


def _outcomes(runs: list[_Run], engine: AbstractEngine, speed: dict[Any, float]) -> Iterator[tuple[Job, Done | Failed]]:
    """Keep the engine busy until every task is finished; the caller lets each outcome land.

    `speed` is trials a second, by program.
    """
    flying = 0
    while True:
        # Tasks in order: what is compiled is used while it is fresh.
        slots = engine.slots
        for index, each in enumerate(runs):
            if not each.todo:
                continue
            while flying < slots and (job := each.take(_size(each, engine, speed.get(each.program, 0.0)))) is not None:
                engine.submit(dataclasses.replace(job, index=index))
                flying += 1
            if flying >= slots:
                break
        if not flying:
            return
        flying -= 1
        yield engine.next()


def _size(each: _Run, engine: AbstractEngine, speed: float) -> int:
    """Trials for a job: a dispatch at first, then what takes about two seconds at the speed measured."""
    task = each.task
    own = task.chunk or task.choice.solver.blocks_per_chunk * each.block * engine.devices
    return min(max(own, int(speed * SECONDS_A_JOB)), MAX_TRIALS)
