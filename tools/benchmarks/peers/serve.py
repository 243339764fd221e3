"""The loop that a peer's process runs: it reads requests, one JSON list a line, and answers each with a JSON line.

["list"]: names and versions.  ["run", name]: does that work once, answers seconds and page faults.
["save", name, file]: does it once and writes what it returns, a dictionary of arrays, as .npz.
["ask", name]: answers what the question of this name returns.
"""

import json
import os
import resource
import sys
import time

import numpy as np

THREADS = 2


def two_cores():
    """Keeps this process, and the threads that it starts later, on two cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])


def serve(works, versions, questions=None):
    """Answers until the pipe closes; `works` and `questions` are functions without arguments, by name."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print must not look like an answer
    for line in sys.stdin:
        verb, *rest = json.loads(line)
        if verb == "list":
            reply = {"works": sorted(works), "versions": versions}
        elif verb == "run":
            faults, start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
            works[rest[0]]()
            seconds = time.perf_counter() - start
            reply = {"seconds": seconds, "faults": resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults}
        elif verb == "save":
            np.savez(rest[1], **{k: np.asarray(v) for k, v in works[rest[0]]().items()})
            reply = {}
        else:
            reply = questions[rest[0]]()
        print(json.dumps(reply), file=answers, flush=True)
