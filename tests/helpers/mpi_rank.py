"""What tests/test_mpi.py runs on each rank by mpiexec: `mpi_rank.py FOLDER` leaves its results there."""

import signal
import sys
from pathlib import Path

import numpy as np
from mpi4py import MPI
from rank_networks import mixed, observed, whole_learning, whole_life
from rank_training import train


def interrupted():
    """A run that Ctrl+C ends on the last rank, in its host's work between chunks and amid the batches; it goes on."""
    net = mixed("world")
    last = net.rank == net.num_ranks - 1
    seen = []

    def current(times):  # asked for at the beginning of each chunk
        if last and len(seen) == 1:
            signal.raise_signal(signal.SIGINT)
        return 0.0 * times

    net.populations[2].inject(current)
    net.build()
    net.chunk = 10 * net.batch
    exchange = net._exchange
    middle = exchange._middle

    def at_times():
        if last and not seen and net.steps_done >= 200:
            signal.raise_signal(signal.SIGINT)
        middle()

    exchange._middle = at_times
    for _ in range(2):
        try:
            net.run(60)
        except KeyboardInterrupt as error:
            seen.append((net.steps_done, str(error)))
    stops = [steps for steps, _ in seen]
    net.run(60 - net.t)
    return observed(net) | {"stops": np.array(stops), "text": np.array([text for _, text in seen])}


def main(folder):
    results = {f"life {k}": v for k, v in whole_life("world").items()}
    if MPI.COMM_WORLD.Get_size() == 2:
        results |= {f"interrupted {k}": v for k, v in interrupted().items()}
        results |= {f"learning {k}": v for k, v in whole_learning("world").items()}
    results |= {f"trained {i}": v for i, v in enumerate(train("world"))}
    np.savez(Path(folder, f"{MPI.COMM_WORLD.Get_rank()}.npz"), **results)


main(sys.argv[1])
