"""Diehl & Cook's network on images, 784 -> 100 and 400: against a numpy loop and, with --peer-python, BindsNET."""

from __future__ import annotations

import math

import numpy as np

from grilly_vk.models import DiehlCook

from . import Benchmark
from .peer import Peer

STEPS, IMAGES = 250, 8


def cases(options):
    """Eight images with plasticity, and without."""
    for neurons in (100, 400):
        yield _network(neurons, True, options)
    yield _network(400, False, options)


def _images():
    """White discs, which have the spikes of a digit."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:28, :28]
    centres = rng.uniform(8, 20, (IMAGES, 2, 1, 1))
    return (((x - centres[:, 0]) ** 2 + (y - centres[:, 1]) ** 2) < 36).astype(np.float32).reshape(IMAGES, 784)


def _network(n, learn, options):
    net = DiehlCook(784, n, STEPS, min_spikes=0, seed=0)
    start = {name: value.numpy() for name, value in net.state_dict().items()}
    images = _images()
    loop = _Loop(net)
    spikes = np.random.default_rng(1).random((IMAGES, STEPS, 784)) < images[:, None] * 0.06375

    def ours():
        return net.present(images, learn).numpy()

    def numpy_loop():
        """Draws its spikes too, as ours does."""
        rng = np.random.default_rng(2)
        return np.stack([loop.present(rng.random((STEPS, 784)) < 0.06375 * image, learn) for image in images])

    peers = {"numpy loop, event by event": numpy_loop}
    if options.peer_python:
        peer = Peer(options.peer_python, "bindsnet_diehl_cook.py", {"images": images, "weight": start["weight"]})
        work = "learning" if learn else "frozen"
        if work in peer.info["works"]:
            peers[f"BindsNET {peer.info['versions']['bindsnet']}"] = lambda: peer.request("run", work)

    def check():
        net.load_state_dict(start)
        loop.restart(start)
        got = net.present_spikes(spikes.astype(np.float32), learn).numpy().sum(1)
        np.testing.assert_array_equal(got, np.stack([loop.present(s, learn) for s in spikes]))
        np.testing.assert_allclose(net.weight.numpy(), loop.w, atol=1e-5)

    def note(seconds, device):
        return [f"{seconds / IMAGES * 1e3:.2f} ms an image"] if device.type != "cpu" else []

    return Benchmark(
        f"diehl_cook {n} neurons, {'learning' if learn else 'weights frozen'}", ours, peers, check, 5, note
    )


class _Loop:
    """The same network in numpy: what has not changed is not touched."""

    def __init__(self, net):
        self.net = net
        self.restart({name: value.numpy() for name, value in net.state_dict().items()})

    def restart(self, state):
        self.w, self.theta = state["weight"].copy(), state["theta"].copy()

    def present(self, spikes, learn):
        net, w, theta = self.net, self.w, self.theta
        n = w.shape[1]
        keep = np.float32(math.exp(-1000 * net.dt / net.tau_mem))
        rise, floor = np.float32(net.v_thresh - net.v_rest), np.float32(net.v_low - net.v_rest)
        fade = np.exp(-1000 * net.dt * np.arange(len(spikes)) / net.tau_pre).astype(np.float32)
        deaf = int(net.t_refrac / 1000 / net.dt + 0.5)
        v, counts = np.zeros(n, np.float32), np.zeros(n, np.float32)
        last_pre, last_post = np.full(784, -(1 << 20)), np.full(n, -(1 << 20))
        winner, fired, level = -1, np.zeros(0, np.int64), theta.copy()
        for t, step in enumerate(spikes):
            inputs = np.flatnonzero(step)
            drive = w[inputs].sum(0)
            if winner >= 0:
                drive -= np.float32(net.inhibition)
                drive[winner] += np.float32(net.inhibition)
            hears = t - last_post > deaf
            v *= keep
            v += drive * hears
            np.maximum(v, floor, out=v)
            over = np.where(hears, v - (rise + level), -1)
            if learn:
                last_pre[inputs] = t
                if fired.size and inputs.size:
                    pairs = np.ix_(inputs, fired)
                    w[pairs] = np.maximum(w[pairs] - np.float32(net.a_pre) * fade[t - last_post[fired]], 0)
            winner = int(over.argmax())
            if over[winner] < 0:
                winner = -1
                continue
            v[winner] = net.v_reset - net.v_rest
            counts[winner] += 1
            if last_post[winner] < 0:
                fired = np.append(fired, winner)
            last_post[winner] = t
            if learn:
                level[winner] += np.float32(net.theta_plus)
                trace = np.where(last_pre >= 0, fade[np.minimum(t - last_pre, len(fade) - 1)], 0)
                w[:, winner] = np.clip(w[:, winner] + np.float32(net.a_post) * trace, 0, net.w_max)
        if learn:
            theta[:] = level * math.exp(-1000 * net.dt * len(spikes) / net.tau_theta)
            w[:, fired] *= np.float32(net.norm) / w[:, fired].sum(0)
        return counts
