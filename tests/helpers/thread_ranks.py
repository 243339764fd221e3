"""Ranks that are threads of one process: what `grilly_vk.ranks` asks of a communicator, without MPI.

They share the engine in use, as ranks may share a CPU.
"""

import threading

import numpy as np


class _Meeting:
    def __init__(self, size):
        self.size = size
        self.barrier = threading.Barrier(size, timeout=60)
        self.given = [None] * size


class ThreadComm:
    """One rank's communicator."""

    def __init__(self, meeting, rank):
        self._meeting, self._rank, self._kept = meeting, rank, {}

    def Get_rank(self):
        return self._rank

    def Get_size(self):
        return self._meeting.size

    def Dup(self):
        return self

    def Create_keyval(self):
        return 0

    def Get_attr(self, key):
        return self._kept.get(key)

    def Set_attr(self, key, value):
        self._kept[key] = value

    def _all(self, given):
        meeting = self._meeting
        meeting.given[self._rank] = np.array(given)
        meeting.barrier.wait()
        found = list(meeting.given)
        meeting.barrier.wait()
        return found

    def Allgather(self, given, into):
        into[...] = np.stack(self._all(given))

    def Alltoall(self, given, into):
        into[...] = np.stack([rows[self._rank] for rows in self._all(given)])

    def Allgatherv(self, given, into):
        into[0][...] = np.concatenate(self._all(given))


def on_ranks(size, work):
    """What `work(comm)` gives on each of so many ranks; an exception is what it gives too."""
    meeting, out = _Meeting(size), [None] * size

    def one(rank):
        try:
            out[rank] = work(ThreadComm(meeting, rank))
        except BaseException as error:
            out[rank] = error
            if isinstance(error, threading.BrokenBarrierError):
                meeting.barrier.abort()

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return out
