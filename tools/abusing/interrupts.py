"""KeyboardInterrupt at any place of pieces of work; afterwards the same piece gives the same bits as ever.

Nor may an interrupt leave the engine's lock held, a capture on, recording off, or memory that nobody gives back.
"""

from __future__ import annotations

import faulthandler
import gc
import random
import signal
import sys
import threading
import time

import numpy as np

import grilly_vk
from grilly_vk.autograd import grad_enabled
from grilly_vk.runtime import engine

from . import work

_PATIENCE = 20.0  # seconds for another thread's small piece of work
_LEFT = 1 << 20  # bytes that may be held more than before: graphs and batches that are kept on purpose


class _Trap:
    """Raises KeyboardInterrupt once, some time after it was set."""

    armed = False

    def __init__(self) -> None:
        signal.signal(signal.SIGALRM, self._ring)

    def _ring(self, *_: object) -> None:
        if self.armed:
            self.armed = False
            raise KeyboardInterrupt

    def run(self, piece, seconds: float):
        """The piece's result, or None if it was interrupted."""
        try:
            self.armed = True
            signal.setitimer(signal.ITIMER_REAL, seconds)
            result = piece()
            self.armed = False
        except KeyboardInterrupt:
            result = None
        self.armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        return result


def _others(patience: float = _PATIENCE) -> str:
    """What hinders another thread from working, if anything."""
    found: list[str] = []

    def small() -> None:
        try:
            values = (grilly_vk.ones(4) * 2).numpy()
            found.append("" if (values == 2).all() else f"another thread got {values} for 2")
        except BaseException as error:
            found.append(f"another thread got {type(error).__name__}: {error}")

    thread = threading.Thread(target=small, daemon=True)
    thread.start()
    thread.join(patience)
    if not found:
        faulthandler.dump_traceback(all_threads=True)
    return found[0] if found else f"other threads can't work any more: {engine().lock!r}"


def _settled() -> int:
    gc.collect()
    (grilly_vk.ones(4) + 1).numpy()
    gc.collect()
    grilly_vk.synchronize()
    (grilly_vk.ones(4) + 1).numpy()
    return grilly_vk.memory_stats()["bytes_in_use"]


def run(count: int, seed: int, tell) -> None:
    """Pieces in turns, each interrupted somewhere."""
    expected, seconds = {}, {}
    for name, piece in work.PIECES.items():
        piece()
        expected[name] = piece()
        began = time.perf_counter()
        if not work.same(piece(), expected[name]):
            tell.fault(f"{name} gives other bits each time, without any interrupt")
        seconds[name] = time.perf_counter() - began
    before = _settled()
    dropped = []
    sys.unraisablehook = lambda args: dropped.append(args.object)
    trap = _Trap()
    names = list(work.PIECES)
    hits = tries = 0
    while hits < count:
        rng = random.Random(f"{seed} {tries}")
        name = names[tries % len(names)]
        piece = work.PIECES[name]
        what = f"interrupt {hits} (try {tries}, seed {seed}) in {name}"
        tries += 1
        result = trap.run(piece, rng.uniform(1e-5, 1.1 * seconds[name]))
        if result is not None:
            if not work.same(result, expected[name]):
                tell.fault(f"{what}: the piece came to its end with other bits")
            continue
        hits += 1
        if engine().stream.capture is not None:
            tell.fault(f"{what}: a capture is still on")
            return
        if not grad_enabled():
            tell.fault(f"{what}: recording is still off")
            return
        hindered = _others()
        if hindered:
            tell.fault(f"{what}: {hindered}")
            return
        try:
            again = piece()
        except Exception as error:
            tell.fault(f"{what}: afterwards {type(error).__name__}: {error}")
        else:
            if not work.same(again, expected[name]):
                tell.fault(f"{what}: afterwards it gives other bits")
        tell.done()
    tell.note("tries", tries)
    tell.note("swallowed in finalizers", len(dropped))
    dropped.clear()
    for name, piece in work.PIECES.items():
        if not work.same(piece(), expected[name]):
            tell.fault(f"{name} gives other bits at the end")
    del piece, result
    left = _settled() - before
    if left > _LEFT:
        tell.fault(f"{left:,} bytes of device memory are held more than before ({np.round(left / count)} an interrupt)")
