"""Spiking nodes: a layer of LIF, forward and with its gradient, and a training step, against the peers' own."""

from __future__ import annotations

import functools
import gc
import itertools

import numpy as np

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim

from . import Benchmark
from .peer import Peer

STEPS, BATCH, WIDTH = 32, 256, 1024
NET_STEPS, NET_BATCH, SIZES = 25, 128, (784, 1000, 10)
SAME = ("SpikingJelly", "snnTorch Leaky, our dynamics")  # as LIFNode(tau=2.0) computes
SUPERSPIKE = ("Norse LIFBox, our dynamics",)  # the same with SuperSpike(beta=1): Norse 1.1 leaves its alpha out


def cases(options):
    """Peers take two threads each; give ours as many (LP_NUM_THREADS=2) where there are more cores."""
    data = _data()
    peers = [
        Peer(python, script, data)
        for python, script in ((options.peer_python, "torch_nodes.py"), (options.spyx_python, "spyx_nodes.py"))
        if python
    ]
    yield from _layer(peers, data)
    yield _training(peers, data)


@functools.cache
def _data():
    """What all contenders get."""
    rng = np.random.default_rng(0)
    data = {
        "x": rng.normal(0.8, 1.0, (STEPS, BATCH, WIDTH)),
        "cotangent": rng.normal(size=(STEPS, BATCH, WIDTH)),
        "inputs": rng.random((NET_STEPS, NET_BATCH, SIZES[0])) < 0.1,
        "w1": rng.normal(0, 0.2, (SIZES[1], SIZES[0])),
        "b1": rng.normal(0, 0.1, SIZES[1]),
        "w2": rng.normal(0, 0.15, (SIZES[2], SIZES[1])),
        "b2": rng.normal(0, 0.1, SIZES[2]),
    }
    data = {name: values.astype(np.float32) for name, values in data.items()}
    return {**data, "labels": rng.integers(0, SIZES[2], NET_BATCH).astype(np.int32)}


def _works(peers, ending):
    """The peers' works whose name ends so: name to function."""
    return {
        work.removesuffix(ending).rstrip(): functools.partial(peer.request, "run", work)
        for peer in peers
        for work in peer.info["works"]
        if work.endswith(ending)
    }


def _layer(peers, data):
    """Forward without gradients, and forward with the gradient of the input."""
    x, cotangent = grilly_vk.tensor(data["x"]), grilly_vk.tensor(data["cotangent"])
    wanting = grilly_vk.tensor(data["x"], requires_grad=True)

    def forward():
        node = nn.LIFNode(tau=2.0, step_mode="m")
        with grilly_vk.no_grad():
            spikes = node(x)
        grilly_vk.synchronize()
        return spikes

    def both(memory="fast", surrogate=None):
        wanting.grad = None
        node = nn.LIFNode(tau=2.0, step_mode="m", memory=memory, surrogate_function=surrogate)
        spikes = node(wanting)
        spikes.backward(cotangent)
        grilly_vk.synchronize()
        return spikes

    def check():
        for names, surrogate in ((SAME, None), (SUPERSPIKE, nn.SuperSpike(beta=1.0))):
            for memory in ("fast", "low"):
                spikes = both(memory, surrogate).numpy()
                gradient = wanting.grad.numpy()
                for peer, name in itertools.product(peers, names):
                    work = f"{name} forward+backward"
                    if work in peer.info["works"]:
                        _agree(name, spikes, gradient, peer.results(work))

    def note(seconds, device):
        kept = {f"ours, memory {m}": _kept(x, wanting, m) for m in ("fast", "low")}
        for peer in peers:
            for work in peer.info["works"]:
                if work.endswith(" forward") and not work.startswith("spyx"):
                    name = work.removesuffix(" forward")
                    kept[name] = peer.request("ask", f"{name} kept")["beside_input_and_output"]
        return [
            "kept for backward: " + "; ".join(f"{k} {v / x.nbytes:.2f} of the input's bytes" for k, v in kept.items())
        ]

    title = f"LIFNode T={STEPS} B={BATCH} N={WIDTH}"
    yield Benchmark(f"{title} forward", forward, _works(peers, " forward"))
    low = {"ours, memory low": lambda: both("low")}
    yield Benchmark(f"{title} forward+backward", both, low | _works(peers, " forward+backward"), check, note=note)


def _agree(name, spikes, gradient, theirs):
    """The same but where rounding decides: potentials within a few ulp of the threshold."""
    wrong = (spikes != theirs["spikes"]).mean()
    assert wrong < 1e-5, f"{name}: {wrong:.2e} of the spikes differ"
    expected = theirs["grad"] * theirs["gain"]
    wrong = (np.abs(gradient - expected) > 1e-5 * np.abs(expected).max()).mean()
    assert wrong < 1e-4, f"{name}: {wrong:.2e} of the gradients differ"


def _kept(x, wanting, memory):
    """Bytes that a layer holds for its backward pass, beside its input and what it returns."""

    def in_use(t):
        node = nn.LIFNode(tau=2.0, step_mode="m", memory=memory)
        spikes = node(t)
        grilly_vk.synchronize()
        used = grilly_vk.memory_stats()["bytes_in_use"]
        del node, spikes
        gc.collect()  # a graph that nobody went back through
        return used

    gc.collect()

    return in_use(wanting) - in_use(x)


def _training(peers, data):
    """Linear-LIF-Linear-LIF, cross entropy of the outputs' rates, Adam."""
    inputs, labels = grilly_vk.tensor(data["inputs"]), grilly_vk.tensor(data["labels"])

    def made():
        model = nn.Sequential(
            nn.Linear(*SIZES[:2]), nn.LIFNode(tau=2.0, step_mode="m"),
            nn.Linear(*SIZES[1:]), nn.LIFNode(tau=2.0, step_mode="m"),
        )  # fmt: skip
        names = {"0.weight": "w1", "0.bias": "b1", "2.weight": "w2", "2.bias": "b2"}
        model.load_state_dict({ours: data[key] for ours, key in names.items()})
        adam = optim.Adam(model.parameters(), lr=1e-3)

        def step(x, y):
            adam.zero_grad()
            F.reset_net(model)
            loss = F.cross_entropy(model(x).mean(0), y)
            loss.backward()
            adam.step()
            return loss

        return step

    eager, compiled = made(), grilly_vk.compile(made())

    def check():
        losses = {}
        for name, step in (("eager", made()), ("compiled", grilly_vk.compile(made()))):
            losses[name] = [step(inputs, labels).item() for _ in range(5)]
        for peer, name in itertools.product(peers, SAME):
            if f"{name} training" in peer.info["works"]:
                losses[name] = peer.request("ask", f"{name} losses")
        assert losses["eager"][4] < losses["eager"][0], f"no learning: {losses['eager']}"
        for name, values in losses.items():
            np.testing.assert_allclose(losses["eager"], values, rtol=1e-3, err_msg=name)

    title = "-".join(map(str, SIZES)) + f" spiking training step, T={NET_STEPS}, B={NET_BATCH}, compiled"
    contenders = {"eager": lambda: eager(inputs, labels).item(), **_works(peers, " training")}
    return Benchmark(title, lambda: compiled(inputs, labels).item(), contenders, check)
