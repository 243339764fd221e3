"""SNNCompute.process on one 512-dimensional embedding: 512 neurons, 50 steps."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np

import grilly_vk

from . import Benchmark


def cases(options):
    """One call, numpy in and numpy out."""
    snn = grilly_vk.SNNCompute(n_neurons=512, timesteps=50)
    x = np.random.default_rng(0).standard_normal(512).astype(np.float32)

    def note(seconds, device):
        lines = [f"{1e3 * seconds:.3f} ms a call"]
        if options.grilly_python:
            script = Path(__file__).with_name("peer_grilly.py")
            done = subprocess.run([options.grilly_python, str(script)], capture_output=True, text=True, check=True)
            peer = json.loads(done.stdout.splitlines()[-1])
            lines.append(
                f"PyPI grilly {peer['version']} on its Vulkan path: {peer['best'] / seconds:.0f} times as long (best)"
            )
        return lines

    yield Benchmark("SNNCompute.process 512 x 50", lambda: snn.process(x), rounds=200, note=note)
