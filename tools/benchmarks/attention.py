"""Attention: Spikformer's, QKFormer's and temporal-wise, forward and backward in training, against SpikingJelly's."""

from __future__ import annotations

import functools

import numpy as np

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn

from . import Benchmark
from .peer import Peer

STEPS, BATCH, TOKENS, WIDTH, HEADS = 4, 32, 64, 128, 4
MAP = (8, 16, 32, 16, 16)  # T, B, C, H, W of temporal-wise attention
KINDS = {
    "SpikingSelfAttention": lambda: nn.SpikingSelfAttention(WIDTH, HEADS, step_mode="m"),
    "TokenQKAttention": lambda: nn.TokenQKAttention(WIDTH, HEADS, step_mode="m"),
    "ChannelQKAttention": lambda: nn.ChannelQKAttention(WIDTH, HEADS, step_mode="m"),
    "TemporalWiseAttention": lambda: nn.TemporalWiseAttention(T=MAP[0], reduction=4),
}


def cases(options):
    """One benchmark a kind."""
    for kind, make in KINDS.items():
        module = make()
        data = _data(kind, module)
        peer = Peer(options.peer_python, "torch_attention.py", data) if options.peer_python else None
        if peer is None or peer.info["works"]:
            yield _benchmark(kind, module, data, peer)


def _data(kind, module):
    """Input, cotangent and our parameters, which the peer takes over."""
    rng = np.random.default_rng(0)
    squeeze = kind == "TemporalWiseAttention"
    shape = MAP if squeeze else (STEPS, BATCH, TOKENS, WIDTH)
    x = rng.normal(size=shape) if squeeze else rng.random(shape) < 0.2
    for name, p in module.named_parameters():
        if name.endswith("norm.bias"):
            p.detach().assign(np.full(p.shape, 0.5, np.float32))  # so that spikes are not rare
    parameters = {f"p.{name}": p.numpy() for name, p in module.named_parameters()}
    arrays = {"x": x.astype(np.float32), "cotangent": rng.normal(size=shape).astype(np.float32), **parameters}
    return {**arrays, "kind": np.array(kind), "heads": np.array(HEADS)}


def _benchmark(kind, module, data, peer):
    x, cotangent = grilly_vk.tensor(data["x"], requires_grad=True), grilly_vk.tensor(data["cotangent"])
    if kind != "TemporalWiseAttention":
        x.as_spikes()

    def step():
        F.reset_net(module)
        for t in (x, *module.parameters()):
            t.grad = None
        y = module(x)
        y.backward(cotangent)
        return y

    def ours(run=step):
        y = run()
        grilly_vk.synchronize()
        return y

    def check():
        y, gradient = ours().numpy(), x.grad.numpy()
        if peer is None:
            return
        theirs = peer.results("SpikingJelly")
        wrong = (np.abs(y - theirs["y"]) > 1e-4).mean()
        assert wrong < 1e-3, f"{wrong:.2e} of the outputs differ"
        off = np.linalg.norm(gradient - theirs["grad"]) / np.linalg.norm(theirs["grad"])
        assert off < 2e-2, f"gradients differ by {off:.1e}"  # a spike that rounding decides changes its whole sequence

    peers = {"ours, compiled": functools.partial(ours, grilly_vk.compile(step))}
    if peer is not None:
        peers["SpikingJelly"] = functools.partial(peer.request, "run", "SpikingJelly")
    shape = "x".join(map(str, data["x"].shape))
    return Benchmark(f"{kind} {shape} forward+backward", ours, peers, check)
