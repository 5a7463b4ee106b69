"""What a sweep's scheduler and caller carry: `python experiments/speed/saturation.py [--workers 1 16 256 4096]`.

Tasks sleep in place of training, and each brings back a folder's bytes, as a finished run does. So the table is of Dask
and of the caller alone: with how many runs at work they fall behind. Above 16 workers, a process stands for several,
as so many threads: the scheduler has as many tasks to give out, but fewer connections to hold.
"""

import time
from dataclasses import dataclass

from gan_paper import runs

import tyro

PROCESSES = 16
"""Worker processes at most."""


@dataclass(frozen=True)
class Arguments:
    """Measure how many workers a sweep can feed."""

    workers: tuple[int, ...] = (1, 16, 256, 4096)
    """How many at once, one row each."""
    seconds: float = 10.0
    """How long a task sleeps."""
    size: int = 400_000
    """Bytes that it brings back; a Gaussian run's folder has so many."""
    rounds: int = 2
    """Tasks a worker."""


def sleep(seconds: float, size: int) -> bytes:
    """What stands for a run."""
    time.sleep(seconds)
    return bytes(size)


def main(arguments: Arguments) -> None:
    """Print the table, a row as soon as it is measured."""
    from distributed import Client, LocalCluster, as_completed

    print("workers  tasks  seconds  ideal  share at work  tasks/s  longest wait of the caller (s)")
    for workers in arguments.workers:
        processes = min(workers, PROCESSES)
        with (
            LocalCluster(
                n_workers=processes, threads_per_worker=workers // processes, memory_limit=0, dashboard_address=None
            ) as cluster,
            Client(cluster, set_as_default=False) as client,
        ):
            client.submit(sleep, 0, 0, pure=False).result()
            began, tasks = time.perf_counter(), workers * arguments.rounds
            futures = [client.submit(sleep, arguments.seconds, arguments.size, pure=False) for _ in range(tasks)]
            longest = 0.0
            for future in as_completed(futures, loop=client.loop):
                asked = time.perf_counter()
                future.result()
                longest = max(longest, time.perf_counter() - asked)
                future.release()
            spent = time.perf_counter() - began
        ideal = arguments.seconds * arguments.rounds
        row = (
            workers,
            tasks,
            f"{spent:.1f}",
            f"{ideal:.1f}",
            f"{ideal / spent:.2f}",
            f"{tasks / spent:.1f}",
            f"{longest:.2f}",
        )
        print(*(str(cell).rjust(7) for cell in row), flush=True)


if __name__ == "__main__":
    with runs.exit_statuses():
        main(tyro.cli(Arguments, description=__doc__))
