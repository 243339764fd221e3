"""Norms over time, alone and before a node: forward and backward in training, against SpikingJelly's."""

from __future__ import annotations

import functools

import numpy as np

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn

from . import Benchmark
from .peer import Peer

SHAPES = [(16, 32, 64, 14, 14), (16, 32, 32, 7, 7), (4, 60, 16, 14, 14)]


def cases(options):
    """Peers take two threads each; give ours as many (LP_NUM_THREADS=2) where there are more cores."""
    for shape in SHAPES:
        data = _data(shape)
        peer = Peer(options.peer_python, "torch_norm.py", data) if options.peer_python else None
        for name, module in _layers(shape).items():
            yield _benchmark(name, module, shape, data, peer)


def _data(shape):
    rng = np.random.default_rng(0)
    return {
        "x": rng.normal(0.5, 2.0, shape).astype(np.float32),
        "spikes": (rng.random(shape) < 0.3).astype(np.float32),
        "cotangent": rng.normal(size=shape).astype(np.float32),
    }


def _layers(shape):
    """The names that the peer has."""
    steps, _, channels, height, width = shape
    made = {
        "BatchNorm2d": nn.SeqToANNContainer(nn.BatchNorm2d(channels)),
        "tdBN": nn.ThresholdDependentBatchNorm2d(channels),
        "TEBN": nn.TemporalEffectiveBatchNorm2d(steps, channels),
        "BNTT": nn.BatchNormThroughTime2d(channels, steps, step_mode="m"),
        "NeuNorm": nn.NeuNorm(channels, height, width, step_mode="m"),
    }
    before = {
        "tdBN": nn.ThresholdDependentBatchNorm2d(channels),
        "TEBN": nn.TemporalEffectiveBatchNorm2d(steps, channels),
        "BNTT": nn.BatchNormThroughTime2d(channels, steps, step_mode="m"),
    }
    pairs = {f"{name} + LIFNode": (norm, nn.LIFNode(tau=2.0, step_mode="m")) for name, norm in before.items()}
    neu_norm = nn.NeuNorm(channels, height, width, step_mode="m")
    pairs["LIFNode + NeuNorm"] = nn.LIFNode(tau=2.0, step_mode="m"), neu_norm
    for name, pair in pairs.items():
        made[name] = nn.Sequential(*pair)
        made[name].step_mode = "m"
    for weight in (made["NeuNorm"].weight, neu_norm.weight):
        weight.detach().assign(np.full(weight.shape, 0.5 / channels, np.float32))  # its m is smaller by C there
    return made


def _benchmark(name, module, shape, data, peer):
    x = grilly_vk.tensor(data["spikes" if name == "NeuNorm" else "x"], requires_grad=True)
    cotangent = grilly_vk.tensor(data["cotangent"])

    def both():
        x.grad = None
        module.zero_grad()
        F.reset_net(module)
        y = module(x)
        y.backward(cotangent)
        grilly_vk.synchronize()
        return y

    def check():
        y = both()
        if peer:
            theirs = peer.results(name)
            if "LIFNode" in name:  # potentials within rounding of the threshold
                pairs = (y, theirs["y"]), (x.grad, theirs["grad"])
                wrong = max((np.abs(a.numpy() - b) > 1e-4 * np.abs(b).max()).mean() for a, b in pairs)
                assert wrong < 1e-3, f"{name}: {wrong:.2e} of the results differ"
                return
            for what, got in (("y", y), ("grad", x.grad)):
                wanted = theirs[what]
                np.testing.assert_allclose(
                    got.numpy(), wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max(), err_msg=f"{name} {what}"
                )

    peers = {"SpikingJelly": functools.partial(peer.request, "run", name)} if peer else {}
    return Benchmark(f"{name} {shape} forward+backward", both, peers, check)
