"""What a dispatch costs: issued by Python, replayed from a recorded submit, replayed as a graph."""

from __future__ import annotations

import grilly_vk
from grilly_vk.runtime.plain import COPY
from grilly_vk.tensor import empty

from . import Benchmark

_COUNT = 1000


def cases(options):
    """1,000 dependent small dispatches each."""
    a, b = empty((64,)), empty((64,))

    def issue():
        for _ in range(_COUNT):
            COPY(src=a, dst=b, n=64)

    def eager():
        issue()
        grilly_vk.synchronize()

    with grilly_vk.capture() as graph:
        issue()

    def per_dispatch(seconds, device):
        return [f"{1e6 * seconds / _COUNT:.1f} us a dispatch"]

    yield Benchmark("issue a dispatch (Python side)", issue, note=per_dispatch, after=grilly_vk.synchronize)
    yield Benchmark("eager dispatch (issue and run)", eager, note=per_dispatch)
    yield Benchmark("graph replay", graph.replay, {"eager": eager}, note=per_dispatch)
