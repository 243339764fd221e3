"""The positive control of tools/validate: work that depends on earlier work, with and without a barrier.

`python hazard.py missing` leaves the barrier out on purpose, and the validation layer must report it as
SYNC-HAZARD; `python hazard.py right` is the same work as the engine records it, and must be silent.
"""

import sys

import numpy as np
from steps import copy, engine, upload


class Blind:
    """A program that hides what it touches, so that the recorder sees no conflict."""

    def __init__(self, program):
        self.algorithm, self.part, self.tensors = program.algorithm, program.part, program.tensors
        self.reads = self.writes = frozenset()


def main(mode):
    """Copies a to b to c in one submit."""
    recorder = engine().stream.recorder
    if mode == "missing":
        record = recorder.record
        recorder.record = lambda entries, times: record([(Blind(p), push) for p, push in entries], times)
    a = upload(np.arange(1000))
    c = copy(copy(a))
    assert (c.numpy() == np.arange(1000)).all()
    print("done")


if __name__ == "__main__":
    main(sys.argv[1])
