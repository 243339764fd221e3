"""Tensors: matmul in its three forms, convolutions, eager operations, and a training step, eager and compiled."""

from __future__ import annotations

import numpy as np

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim
from grilly_vk.ops.matmul import product

from . import Benchmark

try:
    import torch
except ImportError:
    torch = None


def cases(options):
    """Against PyTorch on the CPU where it is installed."""
    yield from _matmuls()
    yield from _convolutions()
    yield _eager_op()
    yield _training_step()


def _rate(multiplications):
    def note(seconds, device):
        return [f"{2e-9 * multiplications / seconds:.1f} GFLOP/s"]

    return note


def _matmuls():
    """The three forms: forward, and the gradients to x and to y."""
    m, k, n = 512, 784, 1024
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal(s).astype(np.float32) for s in ((m, k), (k, n)))
    for form, name in enumerate(("A B", "A B^T", "A^T B")):
        a = grilly_vk.tensor(np.ascontiguousarray(x.T) if form == 2 else x)
        b = grilly_vk.tensor(np.ascontiguousarray(y.T) if form == 1 else y)

        def ours(form=form, a=a, b=b):
            out = product(form, a, b, 1, m, n, k, (0, 0))
            grilly_vk.synchronize()
            return out

        def check(ours=ours):
            np.testing.assert_allclose(ours().numpy()[0], x @ y, rtol=1e-4, atol=1e-3)

        yield Benchmark(
            f"matmul {name} {m}x{k}x{n}", ours, {"numpy (BLAS)": lambda: x @ y}, check, note=_rate(m * k * n)
        )


def _convolutions():
    cases = (("32 to 32 channels", 32, 32, 1), ("1 to 16 channels", 1, 16, 1), ("depthwise, 32 channels", 32, 32, 32))
    for name, ins, outs, groups in cases:
        rng = np.random.default_rng(0)
        x = rng.standard_normal((8, ins, 28, 28)).astype(np.float32)
        w = rng.standard_normal((outs, ins // groups, 3, 3)).astype(np.float32)
        a, b = grilly_vk.tensor(x), grilly_vk.tensor(w)
        peers = {}
        if torch is not None:
            torch_x, torch_w = torch.from_numpy(x), torch.from_numpy(w)

            def theirs(x=torch_x, w=torch_w, groups=groups):
                return torch.nn.functional.conv2d(x, w, padding=1, groups=groups)

            peers["PyTorch, CPU"] = theirs

        def ours(a=a, b=b, groups=groups):
            out = F.conv2d(a, b, padding=1, groups=groups)
            grilly_vk.synchronize()
            return out

        size = 8 * outs * 28 * 28 * (ins // groups) * 9
        yield Benchmark(f"conv2d 3x3 {name}, 8 x 28 x 28", ours, peers, note=_rate(size))


def _eager_op():
    a, b = grilly_vk.ones(64), grilly_vk.ones(64)
    count = 1000

    def issue():
        for _ in range(count):
            a + b

    def note(seconds, device):
        return [f"{1e6 * seconds / count:.1f} us an operation (Python side)"]

    return Benchmark("issue x + y on 64 floats", issue, note=note, after=grilly_vk.synchronize)


def _training_step():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((128, 784)).astype(np.float32)
    y = rng.integers(0, 10, 128).astype(np.int32)
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    optimizer = optim.SGD(model.parameters(), lr=0.01)

    def step(inputs, labels):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        return loss

    compiled = grilly_vk.compile(step)
    device_x, device_y = grilly_vk.tensor(x), grilly_vk.tensor(y)
    peers = {"eager": lambda: step(device_x, device_y).item()}
    if torch is not None:
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(784, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10))
        sgd = torch.optim.SGD(net.parameters(), lr=0.01)
        torch_x, torch_y = torch.from_numpy(x), torch.from_numpy(y.astype(np.int64))

        def torch_step():
            sgd.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(torch_x), torch_y)
            loss.backward()
            sgd.step()
            return loss.item()

        peers["PyTorch, CPU"] = torch_step

    return Benchmark("MLP 784-256-10 training step, B=128, compiled", lambda: compiled(x, y).item(), peers)
