"""Who does the jobs: this process, or workers under a Dask scheduler.

An engine is entered, given jobs, and asked for outcomes in whatever order they come. It stores nothing.
"""

import abc
import contextlib
import logging
import multiprocessing
import os
import re
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any

import jax

from ltjax import arguments
from ltjax.arguments import ArgumentError
from ltjax.machine import devices as parallel
from ltjax.sweeps import memory
from ltjax.sweeps.work import Done, Failed, Job, decide

ALLOWED_FAILURES = 2
"""Workers that may die of one job before the job is given up: the third death tells."""


class AbstractEngine(abc.ABC):
    """Runs jobs."""

    name: str
    devices = 1
    """Devices that share one job."""

    @abc.abstractmethod
    def __enter__(self) -> "AbstractEngine": ...

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        return None

    @property
    @abc.abstractmethod
    def slots(self) -> int:
        """Jobs that should be under way at one time."""

    @property
    @abc.abstractmethod
    def processes(self) -> int:
        """Jobs that run at one time."""

    @property
    @abc.abstractmethod
    def memory(self) -> tuple[int, int]:
        """(bytes of the memory that a job works in, how many of its devices share it)"""

    @abc.abstractmethod
    def submit(self, job: Job) -> None:
        """Take a job."""

    @abc.abstractmethod
    def next(self) -> tuple[Job, Done | Failed]:
        """Wait for some job that was submitted."""


class Serial(AbstractEngine):
    """One job at a time in this process, spread over its devices.

    A thread of its own does them, so that the next is under way while the driver waits for the disk.
    """

    name = "serial"

    def __init__(self, devices: Sequence[parallel.Device] | None = None) -> None:
        self._given = devices

    def __enter__(self) -> "Serial":
        self._devices = tuple(self._given if self._given is not None else parallel.local())
        self.devices = len(self._devices)
        self._jobs: deque[tuple[Job, Future[Done]]] = deque()
        self._thread = ThreadPoolExecutor(1, "ltjax-sweep")
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        # Ctrl-C waits for no job: its trials are drawn again.
        self._thread.shutdown(wait=kind is not KeyboardInterrupt, cancel_futures=True)

    @property
    def slots(self) -> int:
        return 2

    @property
    def processes(self) -> int:
        return 1

    @property
    def memory(self) -> tuple[int, int]:
        shared = self.devices if self._devices[0].platform == "cpu" else 1
        return memory.of_device(self._devices[0]), shared

    def submit(self, job: Job) -> None:
        self._jobs.append((job, self._thread.submit(decide, job, self._devices)))

    def next(self) -> tuple[Job, Done | Failed]:
        job, future = self._jobs.popleft()
        try:
            return job, future.result()
        except Exception as error:
            return job, Failed(_reason(error))


class Dask(AbstractEngine):
    """Workers under a Dask scheduler: a local cluster, or one that runs already.

    Locally there is one single-threaded worker a GPU, each told by its environment which GPU is its own, or one a
    core. Not by Dask's `resources`: a job that kills its worker would then take those that wait there with it.
    For the same reason a worker is sent no job before it is free (saturation 1.0).

    Args:
        scheduler: its address; None starts a local cluster.
        workers: of the local cluster; default: one a GPU, or one a core.
        say: takes a line for people.
    """

    name = "dask"

    def __init__(
        self,
        scheduler: str | None = None,
        workers: int | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._scheduler, self._say = scheduler, say
        self._workers = None if workers is None else arguments.whole("workers", workers, 1, 4096)

    def __enter__(self) -> "Dask":
        try:
            import dask.config
            import distributed
        except ImportError:
            raise ArgumentError("engine='dask' needs the extra cluster: pip install 'ltjax[cluster]'") from None
        if getattr(multiprocessing.current_process(), "_inheriting", False):
            # A worker runs the script that starts it once more; its parent says what is wrong with that.
            raise SystemExit(1)
        with contextlib.ExitStack() as stack:
            settings: dict[str, Any] = {
                "distributed.scheduler.worker-saturation": 1.0,
                "distributed.scheduler.allowed-failures": ALLOWED_FAILURES,
                # A worker that died comes back, on a busy machine after minutes. By default Dask's local cluster gives
                # up for good each that is away for 15 seconds, and once all are, waits for ever.
                "distributed.deploy.lost-worker-timeout": "1000 days",
                "distributed.admin.large-graph-warning-threshold": "1GB",
            }
            stack.enter_context(dask.config.set(settings))
            address: Any = self._scheduler or stack.enter_context(self._local_cluster())
            try:
                client = distributed.Client(address, timeout=10, set_as_default=False)
            except (OSError, ValueError) as error:
                raise ArgumentError(f"scheduler={self._scheduler!r} cannot be reached: {error}") from None
            self.client = stack.enter_context(client)
            if self._scheduler and not client.scheduler_info(n_workers=-1)["workers"]:
                self._say(f"the scheduler at {self._scheduler} has no workers yet: waiting for one")
            self._completed = distributed.as_completed(loop=client.loop)
            self._jobs: dict[str, Job] = {}
            self._count = 0
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def _local_cluster(self) -> Any:
        from distributed import Nanny, Scheduler, SpecCluster

        gpus = local_gpus()
        count = self._workers or len(gpus) or parallel.cores()
        env = {"DASK_LOGGING__DISTRIBUTED": "critical"}
        if cache := getattr(jax.config, "jax_compilation_cache_dir", None):
            env["JAX_COMPILATION_CACHE_DIR"] = str(cache)
        workers: dict[int, Any] = {}
        one_core = {"JAX_NUM_CPU_DEVICES": "1", "XLA_FLAGS": f"{parallel.ONE_THREAD} {os.environ.get('XLA_FLAGS', '')}"}
        for i in range(count):
            # A worker is one device, so that many workers do not each take all cores.
            own = {"CUDA_VISIBLE_DEVICES": gpus[i % len(gpus)]} if gpus else one_core
            options = {"nthreads": 1, "memory_limit": 0, "env": env | own, "silence_logs": logging.CRITICAL}
            workers[i] = {"cls": Nanny, "options": options | {"dashboard": False}}
        self._local = count
        where = {"host": "127.0.0.1", "port": 0, "dashboard_address": "127.0.0.1:0", "dashboard": False}
        scheduler = {"cls": Scheduler, "options": where}
        quiet: Any = logging.CRITICAL  # a level, whatever its annotation says
        try:
            self.cluster = SpecCluster(scheduler=scheduler, workers=workers, silence_logs=quiet)
        except RuntimeError as error:
            raise ArgumentError(
                "engine='dask': no worker could be started; a script of yours that starts workers does so under "
                f"`if __name__ == '__main__':` ({_reason(error)})"
            ) from None
        return self.cluster

    @property
    def processes(self) -> int:
        if self._scheduler is None:
            return self._local
        threads: Any = self.client.nthreads()
        return max(1, sum(threads.values()))

    @property
    def slots(self) -> int:
        # More than run, so that no worker waits for the driver; a cluster that grows on demand sees a demand.
        return 2 * self.processes + 2 if self._scheduler is None else max(16, 2 * self.processes)

    @property
    def memory(self) -> tuple[int, int]:
        if self._scheduler is None:
            return memory.available() // self._local, 1
        known: Any = self.client.scheduler_info(n_workers=-1)
        limits = [worker["memory_limit"] for worker in known["workers"].values()]
        # Nothing known of a worker: its own machine will tell.
        return min((limit for limit in limits if limit), default=1 << 60), 1

    def _nannies(self) -> list[Any]:
        """What starts the local workers, and starts each again that dies."""
        return list(self.cluster.workers.values())

    def submit(self, job: Job) -> None:
        self._count += 1
        name = f"ltjax-{self.client.id}-{self._count}"
        self._jobs[name] = job
        self._completed.add(self.client.submit(decide, job, key=name, pure=False))

    def next(self) -> tuple[Job, Done | Failed]:
        from distributed.scheduler import KilledWorker

        while not self._completed.has_ready():
            if self._scheduler is None and not any(nanny.status.name == "running" for nanny in self._nannies()):
                raise ArgumentError("no worker is left; what was stored stays: run the same command again to go on")
            with self._completed.thread_condition:
                self._completed.thread_condition.wait(0.1)
        future: Any = next(self._completed)
        job = self._jobs.pop(future.key)
        if future.status == "finished":
            return job, future.result()
        if future.status != "error":
            raise ArgumentError("the scheduler was lost; what was stored stays: run the same command again to go on")
        error = future.exception()
        if isinstance(error, KilledWorker):
            return job, Failed(f"it killed its worker {ALLOWED_FAILURES + 1} times")
        return job, Failed(_reason(error))


def _reason(error: BaseException | None) -> str:
    """An exception as one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:300]}" if text else type(error).__name__


def local_gpus() -> list[str]:
    """What to set CUDA_VISIBLE_DEVICES to, for each GPU here. JAX is not asked: it would take their memory."""
    if re.fullmatch("cpu", os.environ.get("JAX_PLATFORMS", "")):
        return []
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name for name in chosen.split(",") if name not in ("", "-1", "NoDevFiles")]
    try:
        return [str(i) for i, _ in enumerate(sorted(Path("/proc/driver/nvidia/gpus").iterdir()))]
    except OSError:
        return []
