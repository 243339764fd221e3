"""The start of a process: Diehl & Cook to its first result, with the pipelines of an earlier process and without.

The driver's own shader caches are off, so that only ours counts.  CPU drivers (lavapipe, SwiftShader) keep nothing in
a Vulkan pipeline cache: there both starts are first ones, and the ratio is 1.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from . import Benchmark

_WORK = """
import numpy as np
from grilly_vk.models import DiehlCook
net = DiehlCook(784, 400, 250, seed=0)
print(net.present(np.full((1, 784), 0.5, np.float32)).numpy().sum())
"""
_NO_CACHES = {"MESA_SHADER_CACHE_DISABLE": "1", "__GL_SHADER_DISK_CACHE": "0"}  # Mesa; NVIDIA


def cases(options):
    """A second start against a first one."""
    with tempfile.TemporaryDirectory() as kept:

        def start(cache):
            environment = {**os.environ, **_NO_CACHES, "XDG_CACHE_HOME": cache}
            run = subprocess.run([sys.executable, "-c", _WORK], env=environment, capture_output=True, text=True)
            if run.returncode:
                raise RuntimeError(run.stderr)
            return run.stdout

        def first():
            with tempfile.TemporaryDirectory() as empty:
                return start(empty)

        def check():
            if start(kept) != first():
                raise AssertionError("the second start gives another result than the first")

        yield Benchmark("second start, Diehl & Cook", lambda: start(kept), {"first start": first}, check, rounds=5)
