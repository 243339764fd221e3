"""The loop that a peer's process runs: it reads requests, one JSON list a line, and answers each with a JSON line.

["list"]: names of works, and the libraries that compute them, with their versions, BLAS and threads.
["run", name]: does that work once, answers seconds, those of CPU time, and page faults.
["save", name, file]: does it once and writes what it returns, a dictionary of arrays, as .npz.
["ask", name]: answers what the question of this name returns.
"""

import importlib.metadata
import json
import os
import re
import resource
import sys
import time

import numpy as np

THREADS = int(os.environ.get("BENCH_THREADS", "2"))
PACKAGES = "torch", "spikingjelly", "snntorch", "norse", "bindsnet", "spyx", "jax"


def two_cores():
    """Keeps this process, and the threads that it starts later, on two cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])


def libraries():
    """Versions of what has been imported by now."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES if name in sys.modules}
    if "nest" in sys.modules:
        found["nest-simulator"] = sys.modules["nest"].__version__
    if "torch" in found:
        torch = sys.modules["torch"]
        patterns = r"Math Kernel Library Version (\S+)", r"MKL-DNN v(\S+)", r"CPU capability usage: (\S+)"
        for name, pattern in zip(("MKL", "oneDNN", "instructions"), patterns):
            if seen := re.search(pattern, torch.__config__.show()):
                found[name] = seen[1]
        found["threads"] = str(torch.get_num_threads())
    return found


def serve(works, questions=None):
    """Answers until the pipe closes; `works` and `questions` are functions without arguments, by name."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print must not look like an answer
    for line in sys.stdin:
        verb, *rest = json.loads(line)
        if verb == "list":
            reply = {"works": sorted(works), "versions": libraries()}
        elif verb == "run":
            faults, start = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.perf_counter()
            used = time.process_time()
            works[rest[0]]()
            seconds, used = time.perf_counter() - start, time.process_time() - used
            reply = {
                "seconds": seconds,
                "cpu": used,
                "faults": resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults,
            }
        elif verb == "save":
            np.savez(rest[1], **{k: np.asarray(v) for k, v in works[rest[0]]().items()})
            reply = {}
        else:
            reply = questions[rest[0]]()
        print(json.dumps(reply), file=answers, flush=True)
