"""Pieces of work for the other parts: each makes all that it uses, and returns the same bits whenever it is called."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import monitor, nn, optim
from grilly_vk.nn import traced

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 12)).astype(np.float32)
W = RNG.normal(size=(12, 8)).astype(np.float32)
LABELS = RNG.integers(0, 3, 16).astype(np.int32)
SPIKES = (RNG.random((12, 4, 12)) < 0.4).astype(np.float32)
STATE = {
    "0.weight": RNG.normal(size=(8, 12)).astype(np.float32),
    "0.bias": RNG.normal(size=8).astype(np.float32),
    "2.weight": RNG.normal(size=(3, 8)).astype(np.float32),
    "2.bias": RNG.normal(size=3).astype(np.float32),
}
FOLDER = tempfile.TemporaryDirectory()


def network(spiking: bool = False) -> nn.Sequential:
    """Two layers, always with the same weights."""
    net = nn.Sequential(nn.Linear(12, 8), nn.LIFNode(step_mode="m") if spiking else nn.ReLU(), nn.Linear(8, 3))
    net.load_state_dict(STATE)
    return net


def operations():
    x = grilly_vk.tensor(X)
    y = (x @ W).tanh() * 2.0 + 1.0
    y[2:4] = 0.5
    return [y.sum(1).numpy(), y[::2].numpy(), F.softmax(y).numpy(), y.amax(0).numpy()]


def training():
    net = network()
    optimizer = optim.AdamW(net.parameters(), lr=0.05)
    plan = optim.StepLR(optimizer, 2, 0.5)
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(net(X), LABELS).backward()
        optim.clip_grad_norm_(net.parameters(), 1.0)
        optimizer.step()
        plan.step()
    return [p.numpy() for p in net.parameters()]


def graph():
    x, y = grilly_vk.tensor(X), grilly_vk.zeros(16, 8)
    with grilly_vk.capture() as recorded:
        y += x @ W
    for _ in range(3):
        recorded.replay()
    x.assign(X * 2)
    recorded.replay()
    return [y.numpy()]


def compiled():
    net = network()
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    @grilly_vk.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        return loss

    losses = [step(X, LABELS).item() for _ in range(3)]
    return [np.array(losses), *(p.numpy() for p in net.parameters())]


def spiking():
    net = network(spiking=True)
    out = net(SPIKES)
    (out.mean(0) * out.mean(0)).sum().backward()
    F.reset_net(net)
    with grilly_vk.no_grad():
        again = net(SPIKES)
    return [out.numpy(), again.numpy(), *(p.grad.numpy() for p in net.parameters())]


def plastic():
    layer = nn.STDPLayer(12, 5, seed=1)
    for t in range(4):
        layer.update_weights(SPIKES[t], SPIKES[t, :, :5])
    first = traced.Input((4, 12), dt=1.0, alpha_t=1.0, tau_t=0.9)
    neurons = traced.IFNeuron(
        (4, 5), thresh=1.0, v_rest=0.0, alpha_v=0.5, alpha_t=1.0, dt=1.0, duration_refrac=1.0, tau_t=0.9
    )
    connection = traced.Linear(12, 5, batch_size=4, dt=1.0, delay=1)
    connection.weight.assign(np.abs(W.T[:5]))
    net = traced.Network(first, (connection, neurons))
    spikes, traces = net.run(SPIKES != 0)
    return [np.asarray(layer.weight), spikes.numpy(), traces.numpy()]


def files():
    path = Path(FOLDER.name) / f"{os.getpid()}.safetensors"
    net = network()
    grilly_vk.save(path, {"net": net.state_dict(), "x": X})
    other = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3))
    got = grilly_vk.load(path)
    other.load_state_dict(got["net"])
    return [other(got["x"]).numpy()]


def watched():
    net = network(spiking=True)
    with monitor.OutputMonitor(net) as seen:
        net(SPIKES)
    return [np.asarray(seen[name]) for name in seen]


def process():
    result = grilly_vk.SNNCompute(n_neurons=12, timesteps=20, seed=3).process(X[:4])
    return [np.asarray(result["spike_train"]), np.asarray(result["first_spike"])]


def random():
    grilly_vk.manual_seed(5)
    x = grilly_vk.randn(20, 3)
    net = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5))
    return [x.numpy(), net(x).numpy(), grilly_vk.get_rng_state()]


# All but "random" give the same bits also while other threads work: the generator is one for all.
PIECES: dict[str, Callable[[], list[np.ndarray]]] = {
    f.__name__: f for f in (operations, training, graph, compiled, spiking, plastic, files, watched, process, random)
}


def same(a: list[np.ndarray], b: list[np.ndarray]) -> bool:
    """Bit for bit."""
    return len(a) == len(b) and all(
        x.dtype == y.dtype and x.shape == y.shape and np.array(x).tobytes() == np.array(y).tobytes()
        for x, y in zip(a, b)
    )
