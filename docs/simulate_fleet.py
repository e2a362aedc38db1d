# SPDX-License-Identifier: Apache-2.0
"""How long a fleet's recordings take on so many workers: docs/fleet.md has the figures.

    python docs/simulate_fleet.py poses/summary.json
    python docs/simulate_fleet.py --measure-scheduler 4000

The first draws the time of each task from those that a run has measured, as far as they differ from
their average, and plays what Dask's scheduler does: the next task goes to the next free worker; one that
dies is replaced, and its task begins anew. The second measures what a task costs that scheduler.
"""

import argparse
import heapq
import json
from pathlib import Path

import numpy as np
import psutil

# The scheduler's processor time for a camera's two tasks, finding people and writing, in seconds: the most
# of what was measured, see docs/fleet.md.
SCHEDULER_S = 2 * 0.0015
# What is lost when, and who is slow, is drawn so often.
DRAWS = 20
# A share of the workers is slower by a factor: old machines, busy neighbors.
SLOW_SHARE, SLOW_FACTOR = 0.02, 3.0
# A worker is lost so often, as on machines that may be taken away; another one begins after a while.
LOST_AFTER_S, REPLACED_AFTER_S = 24 * 3600.0, 120.0


def simulate(tasks_s: np.ndarray, workers: int, random: np.random.Generator) -> dict[str, float]:
    """Return the figures of a run.

    Args:
        tasks_s: how long each task takes, in seconds.
        workers: how many there are.
        random: decides which are slow, and which are lost when.
    """
    factors = np.where(random.random(workers) < SLOW_SHARE, SLOW_FACTOR, 1.0)
    free = [(0.0, worker) for worker in range(workers)]
    heapq.heapify(free)
    ends_s, waiting, lost = [], list(tasks_s[::-1]), 0
    scheduler_s = 0.0
    while waiting:
        now_s, worker = heapq.heappop(free)
        scheduler_s = max(scheduler_s, now_s) + SCHEDULER_S  # it hands out one task after the other
        task_s = waiting.pop()
        end_s = scheduler_s + task_s * factors[worker]
        lost_s = scheduler_s + random.exponential(LOST_AFTER_S)
        if lost_s < end_s:
            lost += 1
            waiting.append(task_s)
            heapq.heappush(free, (lost_s + REPLACED_AFTER_S, worker))
        else:
            ends_s.append(end_s)
            heapq.heappush(free, (end_s, worker))
    total_s = max(ends_s)
    return {
        "hours": total_s / 3600,
        "busy %": 100 * tasks_s.sum() / (workers * total_s),
        "tail min": (total_s - np.percentile(ends_s, 99)) / 60,
        "scheduler %": 100 * SCHEDULER_S * len(tasks_s) / total_s,
        "lost": lost,
    }


def scheduler_s(tasks: int) -> float:
    """Return the processor time of a real scheduler with two workers for a task that does nothing."""
    from distributed import Client
    from distributed.deploy.subprocess import SubprocessCluster

    with SubprocessCluster(n_workers=2, threads_per_worker=1) as cluster, Client(cluster) as client:
        scheduler = psutil.Process(cluster.scheduler.process.pid)
        before_s = sum(scheduler.cpu_times()[:2])
        client.gather([client.submit(str, number, pure=False) for number in range(tasks)])
        return (sum(scheduler.cpu_times()[:2]) - before_s) / tasks


def main() -> None:
    """Print a table for 1 to 1,000 workers, or the time that a task costs the scheduler."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "summary", type=Path, nargs="?", help="summary.json of a run of `blazepose bag` on a folder"
    )
    parser.add_argument("--measure-scheduler", type=int, metavar="TASKS")
    parser.add_argument("--tasks", type=int, default=20_000, help="how many cameras of recordings")
    parser.add_argument(
        "--recorded-minutes", type=float, default=10.0, help="how long a recording is, on average"
    )
    parser.add_argument(
        "--work", type=float, default=1.0, help="seconds of work for a second of recording, on average"
    )
    options = parser.parse_args()
    if options.measure_scheduler:
        print(f"{1000 * scheduler_s(options.measure_scheduler):.2f} ms for a task")  # noqa: T201
        return
    measured = [
        each["work_s"] / each["recorded_s"]
        for each in json.loads(options.summary.read_text())["recordings"]
        if each["recorded_s"]
    ]
    random = np.random.default_rng(0)
    # Lengths differ as those of robots' shifts do: one in ten is about three times the average.
    lengths_s = 60 * options.recorded_minutes * random.gamma(1.0, 1.0, options.tasks)
    spread = np.array(measured) / np.mean(measured)
    tasks_s = options.work * random.choice(spread, options.tasks) * lengths_s
    for workers in (1, 2, 10, 100, 1000):
        draws = [simulate(tasks_s, workers, np.random.default_rng(seed)) for seed in range(DRAWS)]
        columns = {name: [each[name] for each in draws] for name in draws[0]}
        text = (
            f"{name} {np.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
            for name, values in columns.items()
        )
        print(workers, *text, sep="  ")  # noqa: T201


if __name__ == "__main__":
    main()
