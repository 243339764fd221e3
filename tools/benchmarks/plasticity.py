"""STDP and Hebbian learning, 784 -> 400, one call, against numpy loops and, if it is installed, BindsNET."""

from __future__ import annotations

import math

import numpy as np

import grilly_vk
from grilly_vk import nn

from . import Benchmark

INS, OUTS = 784, 400
PLUS, MINUS, KEEP = np.float32(0.01), np.float32(0.012), np.float32(math.exp(-1 / 20))


def cases(options):
    """A long run, a busier one, single steps, a batch; Hebbian learning on a batch."""
    yield _stdp("T=250, 2 % of inputs, 1 % of outputs", 250, 1, 0.02, 0.01)
    yield _stdp("T=250, 5 % of inputs, 2 % of outputs", 250, 1, 0.05, 0.02)
    yield _stdp("T=1", 1, 1, 0.05, 0.02)
    yield _stdp("T=50, batch of 16", 50, 16, 0.05, 0.02, rounds=5)
    yield _hebbian(128)


def _stdp(name, steps, batch, pre_rate, post_rate, rounds=None):
    rng = np.random.default_rng(0)
    pre = (rng.random((steps, batch, INS)) < pre_rate).astype(np.float32)
    post = (rng.random((steps, batch, OUTS)) < post_rate).astype(np.float32)
    start = rng.random((OUTS, INS)).astype(np.float32)
    layer = nn.STDPLayer(INS, OUTS, a_plus=float(PLUS), a_minus=float(MINUS))

    def ours():
        layer.update_weights(pre, post)
        grilly_vk.synchronize()

    # Every contender goes on from its own weights; `check` compares them from the same start.
    state = {"dense": start.copy(), "sparse": start.copy()}
    scratch = np.empty_like(start)

    def product(outs, ins):
        # A batch of one is no work for BLAS, whose threads would only disturb the other contenders.
        if batch == 1:
            np.multiply(outs[0][:, None], ins[0], out=scratch)
        else:
            np.matmul(outs.T, ins, out=scratch)

    def dense():
        w, x, y = state["dense"], np.zeros((batch, INS), np.float32), np.zeros((batch, OUTS), np.float32)
        for t in range(steps):
            x *= KEEP
            y *= KEEP
            product(PLUS / batch * post[t], x)
            np.add(w, scratch, out=w)
            product(MINUS / batch * y, pre[t])
            np.subtract(w, scratch, out=w)
            np.clip(w, 0, 1, out=w)
            x += pre[t]
            y += post[t]
        return w

    def sparse():
        """Only the columns and rows of neurons that fire; for a batch of one."""
        w, x, y = state["sparse"], np.zeros(INS, np.float32), np.zeros(OUTS, np.float32)
        for t in range(steps):
            x *= KEEP
            y *= KEEP
            columns, rows = np.flatnonzero(pre[t, 0]), np.flatnonzero(post[t, 0])
            if rows.size:
                w[rows] += PLUS * x
            if columns.size:
                w[:, columns] = np.clip(w[:, columns] - (MINUS * y)[:, None], 0, 1)
            if rows.size:
                w[rows] = np.clip(w[rows], 0, 1)
            x += pre[t, 0]
            y += post[t, 0]
        return w

    peers = {"numpy dense loop": dense}
    if batch == 1:
        peers["numpy loop on rows and columns"] = sparse
        bindsnet = _bindsnet(pre[:, 0], post[:, 0], start)
        if bindsnet:
            peers["BindsNET PostPre"] = bindsnet

    def check():
        layer.weight = start
        layer.reset()
        ours()
        for peer, run in peers.items():
            if peer != "BindsNET PostPre":
                state["dense"][:] = state["sparse"][:] = start
            np.testing.assert_allclose(layer.weight, run(), atol=1e-5, err_msg=peer)

    return Benchmark(f"stdp {name}", ours, peers, check, rounds)


def _bindsnet(pre, post, start):
    """BindsNET's own update, on the same spikes; the traces are stepped by hand so that results are the same."""
    try:
        import torch
        from bindsnet.learning import PostPre
        from bindsnet.network.nodes import Input
        from bindsnet.network.topology import Connection
    except ImportError:
        return None
    torch.set_grad_enabled(False)
    source, target = (Input(n=n, traces=True) for n in (INS, OUTS))
    # its weights are (in, out), and its first rate belongs to presynaptic events
    weights = torch.from_numpy(start.T.copy())
    rates = float(MINUS), float(PLUS)
    link = Connection(source, target, w=weights, nu=rates, update_rule=PostPre, wmin=0.0, wmax=1.0)
    spikes, answers = torch.from_numpy(pre), torch.from_numpy(post)
    for side in (source, target):
        side.set_batch_size(1)

    def run():
        source.x.zero_()
        target.x.zero_()
        for s, z in zip(spikes, answers):
            source.x *= float(KEEP)
            target.x *= float(KEEP)
            source.s, target.s = s[None].bool(), z[None].bool()
            link.update(learning=True)
            source.x += s
            target.x += z
        return link.w.detach().numpy().T

    return run


def _hebbian(batch):
    rng = np.random.default_rng(0)
    pre, post = (rng.normal(size=(batch, n)).astype(np.float32) for n in (INS, OUTS))
    layer = nn.HebbianLayer(INS, OUTS, seed=0)
    w = layer.weight

    def ours():
        layer.update_weights(pre, post, 1e-4)
        grilly_vk.synchronize()

    def blas():
        np.add(w, np.float32(1e-4 / batch) * (post.T @ pre), out=w)
        return w

    def check():
        w[:] = layer.weight
        ours()
        np.testing.assert_allclose(layer.weight, blas(), atol=1e-5)

    return Benchmark(f"hebbian batch of {batch}", ours, {"numpy and its BLAS": blas}, check)
