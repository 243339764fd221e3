"""A process saves to one path again and again until it is killed; what is there must be one whole state."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from pathlib import Path

import numpy as np

import grilly_vk


def _state(i: int) -> dict[str, object]:
    return {"i": i, "array": np.full(20_000, i, np.int32), "more": [{"name": str(i)} for _ in range(50)]}


def _save_for_ever(path: Path, start: int) -> None:
    i = start
    while True:
        grilly_vk.save(path, _state(i))
        i += 1


def run(count: int, seed: int, tell) -> None:
    """Forks, before any device is open: an import for each would take most of the time."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.safetensors"
        grilly_vk.save(path, _state(0))
        last = 0
        for attempt in range(count):
            child = os.fork()
            if not child:
                try:
                    _save_for_ever(path, last + 1)
                finally:
                    os._exit(1)
            time.sleep(rng.uniform(0.0, 0.06))
            os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            if not os.WIFSIGNALED(status):
                tell.fault(f"attempt {attempt}: the saving process ended by itself ({status})")
            parts = list(Path(folder).glob(".*.part"))
            tell.note("files left by kills", bool(parts))
            if len(parts) > 1:  # the next save to the path removes what this one left
                tell.fault(f"attempt {attempt}: {len(parts)} files of killed processes lie there")
            try:
                got = grilly_vk.load(path)
            except Exception as error:
                tell.fault(f"attempt {attempt}: load: {type(error).__name__}: {error}")
                grilly_vk.save(path, _state(last))
                continue
            i = got["i"]
            if i < last or (got["array"] != i).any() or got["more"] != _state(i)["more"]:
                tell.fault(f"attempt {attempt}: the file holds a mixture, or an older state: {i}, before {last}")
            tell.note("saves", i - last)
            last = i
            tell.done()
        grilly_vk.save(path, _state(0))
        names = [p.name for p in Path(folder).iterdir()]
        if names != [path.name]:
            tell.fault(f"after the last save there are {names}")
