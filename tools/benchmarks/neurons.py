"""Multi-step LIF: T steps in one dispatch, against an in-place numpy loop and the device's copy speed."""

from __future__ import annotations

import math

import numpy as np

import grilly_vk
from grilly_vk.ops.neurons import LIFConstants, lif
from grilly_vk.runtime.plain import COPY
from grilly_vk.tensor import empty, from_numpy, full

from . import Benchmark


def cases(options):
    """LIF on device-resident input, sizes from cache-resident to memory-bound."""
    for steps, n in ((32, 16384), (32, 262144)):
        yield _lif(steps, n)


def _lif(steps, n):
    x = np.random.default_rng(0).normal(1.5, 1, (steps, n)).astype(np.float32)
    a = math.exp(-1 / 20)
    c = LIFConstants(a, 1 - a, 0.0, 1.0, 0.0, 0)
    device_x, v, hold = from_numpy(x), full((n,), 0.0), full((n,), 0, np.uint32)
    target = empty(x.shape)

    def ours():
        spikes, _ = lif(device_x, v, hold, c)
        grilly_vk.synchronize()
        return spikes

    out, state, scratch = np.zeros_like(x), np.zeros(n, np.float32), np.empty(n, np.float32)
    keep, gain = np.float32(a), np.float32(1 - a)

    def numpy_loop():
        for t in range(steps):
            np.multiply(state, keep, out=state)
            np.multiply(x[t], gain, out=scratch)
            np.add(state, scratch, out=state)
            np.greater_equal(state, 1.0, out=out[t], casting="unsafe")
            np.subtract(1.0, out[t], out=scratch)
            np.multiply(state, scratch, out=state)
        return out

    def copy():
        COPY(src=device_x, dst=target, n=target.count)
        grilly_vk.synchronize()

    def check():
        fresh, zeros = full((n,), 0.0), full((n,), 0, np.uint32)
        state[:] = 0
        mine = lif(device_x, fresh, zeros, c)[0].numpy()
        wrong = (mine != numpy_loop()).mean()
        assert wrong < 1e-5, f"{wrong:.2%} of the spikes differ"

    return Benchmark(
        f"lif T={steps} n={n}", ours, {"numpy in place": numpy_loop, "device copy of as many bytes": copy}, check
    )
