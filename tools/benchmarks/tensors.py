"""Tensors: matmul, what an eager operation costs, and a training step of an MLP, eager and compiled."""

from __future__ import annotations

import numpy as np

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim

from . import Benchmark

try:
    import torch
except ImportError:
    torch = None


def cases(options):
    """Against PyTorch on the CPU where it is installed."""
    yield _matmul()
    yield _eager_op()
    yield _training_step()


def _matmul():
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal(s).astype(np.float32) for s in ((512, 784), (784, 1024)))
    a, b = grilly_vk.tensor(x), grilly_vk.tensor(y)

    def ours():
        out = a @ b
        grilly_vk.synchronize()
        return out

    def note(seconds, device):
        return [f"{2e-9 * 512 * 784 * 1024 / seconds:.1f} GFLOP/s"]

    def check():
        np.testing.assert_allclose(ours().numpy(), x @ y, rtol=1e-4, atol=1e-3)

    return Benchmark("matmul 512x784x1024", ours, {"numpy (BLAS)": lambda: x @ y}, check, note=note)


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
