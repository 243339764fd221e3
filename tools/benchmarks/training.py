"""Training steps: submits and Python's share of a compiled one, and device memory against PyTorch's.

Memory is the peak of what is alive within a step, in device memory here and in PyTorch's CPU allocator (by its
profiler); for compiled steps it is all that the recording holds.
"""

from __future__ import annotations

import gc
import statistics
import time

import numpy as np

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim
from grilly_vk.compiled import Compiled
from grilly_vk.runtime import engine

from . import Benchmark

try:
    import torch
except ImportError:
    torch = None

_BATCH = 128


def _mlp(n):
    return n.Sequential(n.Linear(784, 1000), n.ReLU(), n.Linear(1000, 10))


def _cnn(n):
    return n.Sequential(
        n.Conv2d(1, 16, 3, padding=1), n.ReLU(), n.MaxPool2d(2), n.Conv2d(16, 32, 3, padding=1), n.ReLU(),
        n.MaxPool2d(2), n.Flatten(), n.Linear(32 * 49, 10),
    )  # fmt: skip


def _spiking(n):
    net = n.Sequential(
        n.Conv2d(1, 16, 3, padding=1), n.LIFNode(), n.MaxPool2d(2), n.Conv2d(16, 32, 3, padding=1), n.LIFNode(),
        n.MaxPool2d(2), n.Flatten(), n.Linear(32 * 49, 10),
    )  # fmt: skip
    F.set_step_mode(net, "m")
    return net


def cases(options):
    """An MLP 784-1000-10 and a small CNN on 28 x 28 images, batch 128, and a spiking CNN over 8 steps; Adam."""
    yield _submits_and_python()
    yield _memory("MLP 784-1000-10", _mlp, (_BATCH, 784))
    yield _memory("CNN 16-32 on 28x28", _cnn, (_BATCH, 1, 28, 28))
    yield _memory("spiking CNN 16-32 on 28x28, T=8", _spiking, (8, 64, 1, 28, 28))


def _data(shape):
    """Inputs of an image or a vector for each sample, over time where there are five axes; labels."""
    rng = np.random.default_rng(0)
    batch = shape[1 if len(shape) == 5 else 0]
    return rng.standard_normal(shape).astype(np.float32), rng.integers(0, 10, batch).astype(np.int32)


def _step(make):
    grilly_vk.manual_seed(0)
    model = make(nn)
    optimizer = optim.Adam(model.parameters())

    def step(x, y):
        optimizer.zero_grad()
        F.reset_net(model)
        out = model(x)
        loss = F.cross_entropy(out.mean(0) if out.ndim == 3 else out, y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def _submits_and_python():
    x, y = _data((_BATCH, 784))
    compiled = grilly_vk.compile(_step(_mlp))
    stream = engine().stream
    plain = stream._wait
    shares, submits = [], []

    def ours():
        return compiled(x, y).item()

    def share(seconds, device):
        inside = 0.0

        def wait(*given):
            nonlocal inside
            start = time.perf_counter()
            plain(*given)
            inside += time.perf_counter() - start

        stream._wait = wait
        try:
            for _ in range(30):
                inside, before, start = 0.0, stream.submits, time.perf_counter()
                ours()
                shares.append(1 - inside / (time.perf_counter() - start))
                submits.append(stream.submits - before)
        finally:
            stream._wait = plain
        return [f"{max(submits)} submit a step; {statistics.median(shares):.1%} of its time not waiting for the device"]

    return Benchmark("MLP 784-1000-10 training step, B=128, Adam, compiled", ours, note=share)


def _memory(name, make, shape):
    x, y = _data(shape)

    def ours(wrap):
        memory = engine().memory
        gc.collect()
        memory.collect()
        before = memory.in_use
        step = wrap(_step(make))
        inputs = grilly_vk.tensor(x), grilly_vk.tensor(y)
        for _ in range(3):
            step(*inputs).item()
        memory.collect()
        memory.peak = memory.in_use
        step(*inputs).item()
        return (memory.in_use if isinstance(step, Compiled) else memory.peak) - before

    def note(seconds, device):
        eager, compiled = ours(lambda f: f), ours(grilly_vk.compile)
        text = f"peak memory of a step: eager {eager / 1e6:.1f} MB, compiled {compiled / 1e6:.1f} MB"
        if torch is None or make is _spiking:  # PyTorch has no such node
            return [text]
        theirs = _torch_peak(make, x, y)
        return [f"{text}, PyTorch {theirs / 1e6:.1f} MB: {eager / theirs:.2f} and {compiled / theirs:.2f} times"]

    inputs, step = (grilly_vk.tensor(x), grilly_vk.tensor(y)), _step(make)
    return Benchmark(f"{name}, B={len(y)}, Adam, eager", lambda: step(*inputs).item(), note=note, rounds=3)


def _torch_peak(make, x, y):
    """Alive in a step: parameters, state and batch, and what the profiler sees come and go."""
    torch.manual_seed(0)
    net = make(torch.nn)
    adam = torch.optim.Adam(net.parameters())
    inputs, labels = torch.from_numpy(x), torch.from_numpy(y.astype(np.int64))

    def step():
        adam.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(inputs), labels)
        loss.backward()
        adam.step()
        return loss.item()

    for _ in range(3):
        step()
    adam.zero_grad()  # the profiler does not see what is freed that was there before
    state = [v for s in adam.state.values() for v in s.values() if torch.is_tensor(v)]
    now = peak = sum(t.numel() * t.element_size() for t in (inputs, labels, *net.parameters(), *state))
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        step()
    events = [e for e in profile.profiler.kineto_results.events() if e.name() == "[memory]"]
    for event in sorted(events, key=lambda e: e.start_ns()):
        now += event.nbytes()
        peak = max(peak, now)
    return peak
