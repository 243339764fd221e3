"""Copies, dispatches and timestamps in numbers; only timestamps can fail."""

from __future__ import annotations

import time as clock
from collections.abc import Callable

import numpy as np

import grilly_vk as g

from ...runtime import engine
from ...tensor import empty, from_numpy, full
from .memory import room
from .runner import NOTE, PASS, Check, Failed, Found, Time


def checks() -> list[Check]:
    """The rows about speed."""
    return [
        Check("speed", "copies", _copies, "send the row", 15.0),
        Check("speed", "latency of a submit", _latency, "send the row"),
        Check("speed", "timestamps", _stamps, "profiles are wrong on this device: send the row"),
    ]


def _best(work: Callable[[], object], seconds: float) -> float:
    """Seconds of the fastest call, of three at least."""
    work()
    best, end, count = float("inf"), clock.perf_counter() + seconds, 0
    while count < 3 or clock.perf_counter() < end:
        start = clock.perf_counter()
        work()
        best = min(best, clock.perf_counter() - start)
        count += 1
    return best


def _copies(time: Time) -> Found:
    nbytes = max(4096, min(64 << 20, room() // 8, engine().info.max_tensor_bytes)) // 4096 * 4096
    host = np.ones(nbytes // 4, np.float32)
    x, y = from_numpy(host), empty((nbytes // 4,), np.float32)
    each = 0.1 if time.quick else 0.5

    def upload() -> None:
        x.assign(host)
        g.synchronize()

    def copy() -> None:
        y.assign(x)
        g.synchronize()

    rates = {
        "upload": nbytes / _best(upload, each) / 1e9,
        "download": nbytes / _best(lambda: x.numpy(), each) / 1e9,
        "copy on the device": 2 * nbytes / _best(copy, each) / 1e9,  # read and written
    }
    text = ", ".join(f"{name} {rate:.2f} GB/s" for name, rate in rates.items())
    return Found(f"{text} ({nbytes >> 20} MiB; the last counts reads and writes)", NOTE, {"gb_per_s": rates})


def _latency(time: Time) -> Found:
    x, each = full((64,), 0.0), 0.1 if time.quick else 0.5

    def one() -> None:
        x.assign(x + 1.0)
        g.synchronize()

    with g.capture() as graph:
        x.assign(x + 1.0)

    def replay() -> None:
        graph.replay()
        g.synchronize()

    def issue() -> None:
        for _ in range(100):
            graph.replay()
        g.synchronize()

    micro = {
        "a small dispatch": 1e6 * _best(one, each),
        "a replayed graph": 1e6 * _best(replay, each),
        "a replay of 100 in flight": 1e4 * _best(issue, each),
    }
    return Found(", ".join(f"{k} {v:.0f} us" for k, v in micro.items()) + ", waiting included", NOTE, {"us": micro})


def _stamps(time: Time) -> Found:
    info = engine().info
    if not any(q["compute"] and q["timestamp_bits"] for q in info.queue_families):
        return Found("the queue has none: grilly_vk.profile() can't be used", NOTE)
    x = full((1 << 20,), 1.0)
    (x * 2.0).numpy()  # so that no pipeline is compiled below
    start = clock.perf_counter()
    with g.profile() as profile:
        for _ in range(10):
            x = x * 1.5 + 1.0
        g.synchronize()
    wall = clock.perf_counter() - start
    device, calls = profile.seconds, sum(k.calls for k in profile.kernels)
    if calls < 20:
        raise Failed(f"{calls} dispatches were seen, and 20 issued")
    if not 0 < device <= 1.2 * wall:  # clocks of host and device may run a little apart
        raise Failed(f"{calls} dispatches took {device:.2e} s by the device and {wall:.2e} s by the host")
    return Found(f"{calls} dispatches: {1e3 * device:.2f} ms of device time in {1e3 * wall:.2f} ms", PASS)
