"""Synapses over time, forward and with gradients, against SpikingJelly's and loops in PyTorch."""

from __future__ import annotations

import functools
import math

import numpy as np

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn

from . import Benchmark
from .peer import Peer

STEPS, BATCH, WIDTH = 32, 128, 1024
TAU = 5.0  # SpikingJelly's
DELAYS = 32, 64, 256, 256, 16  # T, B, in, out, max_delay
RECURRENT = 32, 32, 256  # T, B, N


def cases(options):
    """Peers take two threads; give ours as many (LP_NUM_THREADS=2) where there are more cores."""
    data = _data()
    peer = Peer(options.peer_python, "torch_synapses.py", data) if options.peer_python else None
    tau = -1 / math.log(1 - 1 / TAU)
    yield from _pair(
        "SynapseFilter", "filter", lambda: nn.SynapseFilter(tau, step_mode="m"), data["single"], peer, data
    )
    yield from _pair("STPSynapse", "STP", lambda: nn.STPSynapse(step_mode="m"), data["train"], peer, data)
    yield from _delays(peer, data)
    yield from _recurrent(peer, data)


@functools.cache
def _data():
    """What all contenders get; `single` has one spike a neuron, where SpikingJelly's filter is ours."""
    rng = np.random.default_rng(0)
    steps, batch, ins, outs, most = DELAYS
    data = {
        "single": np.arange(STEPS)[:, None, None] == rng.integers(0, STEPS, (BATCH, WIDTH)),
        "train": rng.random((STEPS, BATCH, WIDTH)) < 0.1,
        "cotangent": rng.normal(size=(STEPS, BATCH, WIDTH)),
        "x": rng.random((steps, batch, ins)) < 0.1,
        "weight": rng.normal(0, 0.1, (outs, ins)),
    }
    # Whole multiples of powers of two, so that sums are exact and nobody's order of them moves a spike.
    data["drive"] = np.round(rng.normal(0.6, 0.7, RECURRENT) * 64) / 64
    data["back"] = np.round(rng.normal(0, 0.05, RECURRENT[2:] * 2) * 1024) / 1024
    data = {name: values.astype(np.float32) for name, values in data.items()}
    return {**data, "delay": rng.integers(0, most, (outs, ins), np.int32, endpoint=True)}


def _works(peer, kind, ending):
    """The peer's works of a kind: name to function."""
    end = f" {kind} {ending}"
    found = [w for w in (peer.info["works"] if peer else ()) if w.endswith(end)]
    return {work.removesuffix(end): functools.partial(peer.request, "run", work) for work in found}


def _pair(title, kind, make, values, peer, data):
    """Forward without gradients, and forward with the gradient of the input."""
    x, cotangent = grilly_vk.tensor(values), grilly_vk.tensor(data["cotangent"])
    wanting = grilly_vk.tensor(values, requires_grad=True)

    def forward():
        with grilly_vk.no_grad():
            y = make()(x)
        grilly_vk.synchronize()
        return y

    def both():
        wanting.grad = None
        y = make()(wanting)
        y.backward(cotangent)
        grilly_vk.synchronize()
        return y

    def check():
        y, gradient = both().numpy(), wanting.grad.numpy()
        for name in _works(peer, kind, "forward+backward"):
            theirs = peer.results(f"{name} {kind} forward+backward")
            _agree(name, y, theirs["y"])
            mask = np.ones(values.shape, bool)
            expected = gradient
            if name == "SpikingJelly":  # its y does not decay in a step with a spike: other gradients before and there
                before = np.concatenate([np.zeros_like(y[:1]), y[:-1]])
                mask = np.cumsum(values, 0) > 0
                expected = gradient * (1 + before / TAU)
            elif kind == "STP":  # the loop gives a step without a spike a gradient, too
                mask = values > 0
            _agree(name, theirs["grad"][mask], expected[mask])

    sizes = f"T={STEPS} B={BATCH} N={WIDTH}"
    yield Benchmark(f"{title} {sizes} forward", forward, _works(peer, kind, "forward"))
    yield Benchmark(f"{title} {sizes} forward+backward", both, _works(peer, kind, "forward+backward"), check)


def _delays(peer, data):
    """DelaySynapse, forward and with the gradient of the weight."""
    steps, batch, ins, outs, most = DELAYS
    module = nn.DelaySynapse(ins, outs, data["delay"], most, bias=False, step_mode="m")
    module.load_state_dict({"weight": data["weight"], "delay": data["delay"]})
    x, cotangent = grilly_vk.tensor(data["x"]), grilly_vk.tensor(data["cotangent"][:, :batch, :outs].copy())

    def forward():
        module.reset()
        with grilly_vk.no_grad():
            y = module(x)
        grilly_vk.synchronize()
        return y

    def both():
        module.reset()
        module.zero_grad()
        y = module(x)
        y.backward(cotangent)
        grilly_vk.synchronize()
        return y

    def check():
        y = both().numpy()
        for name in _works(peer, "delays", "forward+backward"):
            theirs = peer.results(f"{name} delays forward+backward")
            _agree(name, y, theirs["y"])
            _agree(name, module.weight.grad.numpy(), theirs["grad"])

    title = f"DelaySynapse T={steps} B={batch} {ins}-{outs}, delays to {most}"
    yield Benchmark(f"{title} forward", forward, _works(peer, "delays", "forward"))
    yield Benchmark(f"{title} forward+backward", both, _works(peer, "delays", "forward+backward"), check)


def _recurrent(peer, data):
    """LIFNode with recurrent weights, forward and with the gradients of input and weights."""
    steps, batch, n = RECURRENT
    module = nn.RecurrentSynapse(nn.LIFNode(), nn.Linear(n, n, bias=False), step_mode="m")
    module.connection.load_state_dict({"weight": data["back"]})
    x, wanting = grilly_vk.tensor(data["drive"]), grilly_vk.tensor(data["drive"], requires_grad=True)
    cotangent = grilly_vk.tensor(data["cotangent"][:, :batch, :n].copy())

    def forward():
        F.reset_net(module)
        with grilly_vk.no_grad():
            y = module(x)
        grilly_vk.synchronize()
        return y

    def both():
        F.reset_net(module)
        module.zero_grad()
        wanting.grad = None
        y = module(wanting)
        y.backward(cotangent)
        grilly_vk.synchronize()
        return y

    def check():
        y = both().numpy()
        assert 0.02 < y.mean() < 0.5
        for name in _works(peer, "recurrent", "forward+backward"):
            theirs = peer.results(f"{name} recurrent forward+backward")
            _agree(name, y, theirs["y"])
            _agree(name, wanting.grad.numpy(), theirs["grad"])
            _agree(name, module.connection.weight.grad.numpy(), theirs["grad_weight"])

    title = f"RecurrentSynapse T={steps} B={batch} N={n}"
    yield Benchmark(f"{title} forward", forward, _works(peer, "recurrent", "forward"))
    yield Benchmark(f"{title} forward+backward", both, _works(peer, "recurrent", "forward+backward"), check)


def _agree(name, ours, theirs):
    """Within float32 sums of this length."""
    largest = np.abs(theirs).max()
    worst = np.abs(ours - theirs).max() / largest
    assert worst < 1e-4, f"{name}: results differ by {worst:.1e} of the largest"
