"""A peer that lives in another Python: a process that is asked over a pipe to do pieces of work."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import weakref
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

# Freed memory stays with the process: else page faults of fresh memory would be measured, not the peer's work.
_KEEP_MEMORY = {
    "MALLOC_TRIM_THRESHOLD_": str(1 << 40),
    "MALLOC_MMAP_THRESHOLD_": str(1 << 40),
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_ARENA_MAX": "1",
}
_THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS"), os.environ.get("BENCH_THREADS", "2"))


class Peer:
    """Starts `python peers/<script> <folder>`; `arrays` lie in the folder as .npy files.

    Attributes:
        libraries: of the class: what each script that has run computed with, by name.

    Raises:
        RuntimeError: the process ended; its own message stands above on stderr.
    """

    libraries: ClassVar[dict[str, dict[str, str]]] = {}

    def __init__(self, python: str, script: str, arrays: dict[str, np.ndarray]) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="bench-peer-")
        for name, values in arrays.items():
            np.save(Path(self.folder.name) / f"{name}.npy", values)
        path = Path(__file__).with_name("peers") / script
        self.script = path.name
        self.process = subprocess.Popen(
            [python, str(path), self.folder.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **_KEEP_MEMORY, **_THREADS, "PYTHONPATH": ""},
        )
        self.close = weakref.finalize(self, _end, self.process, self.folder)
        self.info = self.request("list")
        self.libraries[self.script] = self.info["versions"]

    def request(self, *words: Any) -> Any:
        """Sends one request and waits for its answer; see peers/serve.py."""
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps(words) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.script} ended at {words} with exit code {self.process.wait()}")
        return json.loads(line)

    def results(self, work: str) -> dict[str, np.ndarray]:
        """What a piece of work returns, as arrays."""
        file = Path(self.folder.name) / "results.npz"
        self.request("save", work, str(file))
        with np.load(file) as arrays:
            found = dict(arrays)
        file.unlink()
        return found


def _end(process: subprocess.Popen[str], folder: tempfile.TemporaryDirectory[str]) -> None:
    assert process.stdin and process.stdout
    process.stdin.close()
    process.wait()
    process.stdout.close()
    folder.cleanup()
