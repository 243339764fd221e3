"""Pieces of work in many threads at once: each gives the bits that it gives alone."""

from __future__ import annotations

import random
import threading

from . import work

THREADS = 12


def run(count: int, seed: int, tell) -> None:
    """A queue of jobs for all threads; each job is drawn by its number."""
    pieces = {name: piece for name, piece in work.PIECES.items() if name != "random"}
    names = list(pieces)
    expected = {name: piece() for name, piece in pieces.items()}
    lock = threading.Lock()
    jobs = iter(range(count))
    problems: list[str] = []

    def job() -> None:
        while not problems:
            with lock:
                number = next(jobs, None)
            if number is None:
                return
            name = random.Random(f"{seed} {number}").choice(names)
            try:
                fine = work.same(pieces[name](), expected[name])
                said = "other bits than alone"
            except BaseException as error:
                fine, said = False, f"{type(error).__name__}: {error}"
            with lock:
                if not fine:
                    problems.append(f"job {number}, seed {seed}, {name}: {said}")
                tell.done()

    threads = [threading.Thread(target=job, daemon=True) for _ in range(min(THREADS, count))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for problem in problems:
        tell.fault(problem)
