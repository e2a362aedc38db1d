# SPDX-License-Identifier: Apache-2.0
"""Who does the work: processes of this machine, or the workers of a Dask cluster, behind one interface."""

from __future__ import annotations

import logging
import multiprocessing
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from threading import Lock, Thread, local
from typing import Any, NamedTuple

from blazepose_ros.cli.signals import STOP_SIGNALS, unblock_signals
from blazepose_ros.core import hints
from blazepose_ros.core.errors import BlazePoseError
from blazepose_ros.nodes.common.process_tuning import configure_opencv

# How often a task is begun whose worker ends before the task does.
TRIES = 3
# So that the next recording is open when a worker is free.
_RECORDINGS_PER_WORKER = 2
# The workers of a cluster often come after the command has begun.
_MIN_RECORDINGS = 64
_CONNECT_S = 10.0
_SIGNAL_S = 0.2


class ExecutorError(BlazePoseError, RuntimeError):
    """There is nobody to do the work; the message says why."""


class WorkerLostError(BlazePoseError, RuntimeError):
    """Each worker process that has begun a task has ended before the task did."""


@dataclass(frozen=True)
class Workers:
    """Where tasks run.

    Attributes:
        executor: runs them.
        cores: how many each of them may use where it is alone; 1 for a worker of a cluster.
        count: how many run at once.
        recordings: how many recordings to work on at once, so that no worker waits for a task.
        lost: what the future of a task raises that its workers did not outlive.
    """

    executor: Executor
    cores: int
    count: int
    recordings: int
    lost: tuple[type[Exception], ...] = (WorkerLostError,)

    def threads(self, tasks: int) -> int:
        """Return how many threads each task has, if so many share the cores."""
        return max(1, self.cores // min(self.count, tasks))


def completed(futures: Iterable[Future[Any]]) -> Iterator[Future[Any]]:
    """Yield futures as they are done, while Ctrl-C is heard.

    A signal that comes just before its thread begins to wait, or to another thread, does not wake it.
    """
    pending = set(futures)
    while pending:
        done, pending = wait(pending, _SIGNAL_S, FIRST_COMPLETED)
        yield from done


@contextmanager
def open_workers(processes: int, scheduler: str = "") -> Iterator[Workers]:
    """Yield processes of this machine, or the workers of a cluster; an exception in the block stops them.

    Args:
        processes: how many tasks to do at once on this machine.
        scheduler: the address of a Dask scheduler; empty for this machine.

    Raises:
        ExecutorError: there is no such scheduler, or no longer, or Dask is not installed.
    """
    with _cluster(scheduler) if scheduler else _processes(processes) as workers:
        yield workers


@contextmanager
def _processes(count: int) -> Iterator[Workers]:
    pool = WorkerProcesses(count)
    try:
        yield Workers(pool, os.cpu_count() or 1, count, _RECORDINGS_PER_WORKER * count)
    except BaseException:
        pool.kill()
        raise
    finally:
        pool.shutdown()


@contextmanager
def _cluster(address: str) -> Iterator[Workers]:
    try:
        from distributed import Client, KilledWorker, WorkerPlugin
        from distributed.comm.addressing import get_address_host_port
    except ImportError as err:
        raise ExecutorError(f"--scheduler needs Dask: {hints.install('distributed')}") from err

    # They log a lost connection with a traceback; what comes of it is raised.
    for name in ("client", "utils"):
        logging.getLogger(f"distributed.{name}").setLevel(logging.CRITICAL)

    class Preparation(WorkerPlugin):
        """Prepares a worker, also one that comes later, before it imports OpenCV."""

        def setup(self, worker: object) -> None:  # noqa: ARG002 (Dask's interface)
            configure_opencv()

    try:
        # A client that has nobody to connect to is slow to say so, and slower to close.
        socket.create_connection(get_address_host_port(address), _CONNECT_S).close()
        client = Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as err:
        raise ExecutorError(f"no Dask scheduler answers at {address}: {err}") from err
    with client:
        client.register_plugin(Preparation())
        count = max(1, sum(client.nthreads().values()))
        _allow_open_files()
        executor = client.get_executor(pure=False)
        try:
            recordings = max(_MIN_RECORDINGS, _RECORDINGS_PER_WORKER * count)
            yield Workers(executor, 1, count, recordings, (KilledWorker,))
        except CancelledError as err:
            raise ExecutorError(f"the Dask scheduler at {address} has ended: run this again") from err
        finally:
            executor.shutdown(wait=False)  # cancels what is not done


def _allow_open_files() -> None:
    """Allow as many open files as there may be: each recording that is worked on has its lock."""
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))


class _Worker(NamedTuple):
    pool: ProcessPoolExecutor
    process: BaseProcess


class WorkerProcesses(Executor):
    """Processes that each do one task at a time; one that dies costs its own task alone, which runs again.

    A ``ProcessPoolExecutor`` gives all tasks up when one of its processes dies: here each has its own,
    and a thread that waits for it.

    Args:
        count: how many processes there are at most; they start when there is work for them.
    """

    def __init__(self, count: int) -> None:
        configure_opencv()  # here: a process imports OpenCV, which reads the variables, before it begins
        self._threads = ThreadPoolExecutor(count, "worker", _block_signals)
        self._mine = local()
        self._lock = Lock()
        self._workers: list[_Worker] = []
        self._is_stopped = False

    def submit(self, task: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Return the future of a task; it raises `WorkerLostError` where three workers did not outlive it."""
        return self._threads.submit(self._run, task, args, kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes once everything is done."""
        self._threads.shutdown(wait, cancel_futures=cancel_futures)
        for worker in self._workers:
            worker.pool.shutdown(wait)

    def kill(self) -> None:
        """End the processes at once; what is not done raises `CancelledError`.

        Each waiting task is run up to that: whoever waits for a future that its executor has cancelled
        waits forever.
        """
        with self._lock:
            self._is_stopped = True
            for worker in self._workers:
                worker.process.kill()
        self._threads.shutdown()

    def _run(self, task: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        codes: list[str] = []
        while len(codes) < TRIES:
            worker = getattr(self._mine, "worker", None) or self._start()
            self._mine.worker = worker
            try:
                return worker.pool.submit(task, *args, **kwargs).result()
            except BrokenProcessPool:
                codes.append(self._exit_code(worker))
        raise WorkerLostError(
            f"the worker process ended unexpectedly {TRIES} times (exit code {', '.join(codes)}):"
            " out of memory?"
        )

    def _start(self) -> _Worker:
        """Start a process.

        Raises:
            CancelledError: the processes have been ended.
        """
        with self._lock:
            if self._is_stopped:
                raise CancelledError
            resource_tracker.ensure_running()  # else begun with the first process, after which it
            _block_signals()  # unblocks them in this thread
            before = set(multiprocessing.active_children())
            pool = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _begin_worker)
            pool.submit(os.getpid)  # the first task starts the process
            (process,) = set(multiprocessing.active_children()) - before
            self._workers.append(_Worker(pool, process))
            return self._workers[-1]

    def _exit_code(self, worker: _Worker) -> str:
        """Return how a process has ended, and forget it."""
        self._mine.worker = None
        worker.pool.shutdown()
        with self._lock:  # of two threads that ask at once, one is told that there is no such process
            self._workers.remove(worker)
            worker.process.join()
            return str(worker.process.exitcode)


def _block_signals() -> None:
    """Block signals in a thread that starts processes: they begin with them blocked."""
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)


def _begin_worker() -> None:
    """Prepare a worker process, which ends with its parent and leaves Ctrl-C to it."""
    Thread(target=_end_with_parent, daemon=True).start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    unblock_signals()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
