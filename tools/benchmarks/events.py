"""Event-driven products against dense ones, by the density of the spikes, and a training step on spikes."""

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

T, B, INS, OUTS = 25, 128, 784, 1000
DENSITIES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)


def cases(options):
    """`independent` spikes anywhere; `rate-coded` ones only at a fifth of each sample's inputs, as images have them."""
    for density in DENSITIES:
        yield from _sweep(density, "independent")
        if density < 0.2:
            yield from _sweep(density, "rate-coded")
    yield _training_step()


def _spikes(density, kind):
    rng = np.random.default_rng(0)
    chance = density if kind == "independent" else (rng.random((B, INS)) < 0.2) * (density / 0.2)
    return (rng.random((T, B, INS)) < chance).astype(np.float32)


def _sweep(density, kind):
    rng = np.random.default_rng(1)
    x = grilly_vk.tensor(_spikes(density, kind))
    weight = grilly_vk.tensor(rng.standard_normal((OUTS, INS)).astype(np.float32), requires_grad=True)
    g = grilly_vk.tensor(rng.standard_normal((T, B, OUTS)).astype(np.float32))
    name = f"{T * B}x{INS}x{OUTS}, {kind} spikes, {density:.0%}"

    def forward(how):
        with grilly_vk.no_grad():
            out = F.linear(x, weight, event_driven=how)
        grilly_vk.synchronize()
        return out

    made = {}

    def gradient(how):
        if how not in made:
            made[how] = F.linear(x, weight, event_driven=how)
        weight.grad = None
        made[how].backward(g, retain_graph=True)
        grilly_vk.synchronize()
        return weight.grad

    for part, run in (("product", forward), ("weight gradient", gradient)):

        def check(run=run):
            np.testing.assert_allclose(run(True).numpy(), run(False).numpy(), rtol=1e-3, atol=1e-2)

        def ours(run=run):
            return run(True)

        def dense(run=run):
            return run(False)

        yield Benchmark(f"event-driven {part} {name}", ours, {"dense": dense}, check, rounds=3)


def _training_step():
    """784-1000-10 on T x B spikes at 10 %, read out from rates of a threshold's outputs (a ReLU keeps it one op)."""
    x, labels = _spikes(0.1, "independent"), np.random.default_rng(2).integers(0, 10, B).astype(np.int32)

    def make(how):
        model = nn.Sequential(nn.Linear(INS, OUTS, event_driven=how), nn.ReLU(), nn.Linear(OUTS, 10))
        optimizer = optim.SGD(model.parameters(), lr=0.01)

        def step(inputs, targets):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(inputs).mean(axis=0), targets)
            loss.backward()
            optimizer.step()
            return loss

        compiled = grilly_vk.compile(step)
        return lambda: compiled(x, labels).item()

    peers = {"dense": make(False)}
    if torch is not None:
        torch.manual_seed(0)
        net = torch.nn.Sequential(torch.nn.Linear(INS, OUTS), torch.nn.ReLU(), torch.nn.Linear(OUTS, 10))
        sgd = torch.optim.SGD(net.parameters(), lr=0.01)
        torch_x, torch_y = torch.from_numpy(x), torch.from_numpy(labels.astype(np.int64))

        def torch_step():
            sgd.zero_grad()
            loss = torch.nn.functional.cross_entropy(net(torch_x).mean(0), torch_y)
            loss.backward()
            sgd.step()
            return loss.item()

        peers["PyTorch, CPU"] = torch_step
    return Benchmark(
        f"{INS}-{OUTS}-10 training step, T={T}, B={B}, 10 % spikes, event-driven", make(True), peers, rounds=3
    )
