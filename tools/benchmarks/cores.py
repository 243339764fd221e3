"""Recurrent cores over time against spyx and loops in PyTorch: LIF, ALIF and RLIF, forward and with all gradients."""

from __future__ import annotations

import functools

import numpy as np

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn

from . import Benchmark
from .peer import Peer

STEPS, BATCH, WIDTH = 100, 64, 256


def cases(options):
    """Peers take two threads; give ours as many (LP_NUM_THREADS=2) where there are more cores."""
    data = _data()
    scripts = ("spyx", options.spyx_python, "spyx_cores.py"), ("PyTorch loop", options.peer_python, "torch_cores.py")
    peers = {title: Peer(python, script, data) for title, python, script in scripts if python}
    for name in ("LIF", "ALIF", "RLIF"):
        yield from _core(name, data, peers)


@functools.cache
def _data():
    """What both contenders get."""
    rng = np.random.default_rng(0)
    data = {
        "x": rng.normal(0.3, 0.7, (STEPS, BATCH, WIDTH)),
        "cotangent": rng.normal(size=(STEPS, BATCH, WIDTH)),
        "beta": rng.uniform(0.2, 0.9, WIDTH),
        "gamma": rng.uniform(0.5, 0.95, WIDTH),
        "w": rng.normal(0, 0.3 / np.sqrt(WIDTH), (WIDTH, WIDTH)),
    }
    return {name: values.astype(np.float32) for name, values in data.items()}


def _core(name, data, peers):
    core = getattr(nn, name)((WIDTH,))
    state = {"beta": data["beta"], "gamma": data["gamma"], "recurrent_w": data["w"]}
    core.load_state_dict({key: state[key] for key in core.state_dict()})
    x, cotangent = grilly_vk.tensor(data["x"]), grilly_vk.tensor(data["cotangent"])
    wanting = grilly_vk.tensor(data["x"], requires_grad=True)

    def forward():
        with grilly_vk.no_grad():
            spikes, _ = F.unroll(core, x)
        grilly_vk.synchronize()
        return spikes

    def both():
        wanting.grad = None
        core.zero_grad()
        spikes, _ = F.unroll(core, wanting)
        spikes.backward(cotangent)
        grilly_vk.synchronize()
        return spikes

    def check():
        spikes = both().numpy()
        for title, peer in peers.items():
            theirs = peer.results(f"{title} {name} forward+backward")
            agree(
                f"{name} of {title}",
                spikes,
                theirs["spikes"],
                {"grad": wanting.grad.numpy()} | _gradients(core),
                theirs,
            )

    sizes = f"core T={STEPS} B={BATCH} N={WIDTH}"
    for work, ours in (("forward", forward), ("forward+backward", both)):
        theirs = {
            title: functools.partial(peer.request, "run", f"{title} {name} {work}") for title, peer in peers.items()
        }
        yield Benchmark(f"{name} {sizes} {work}", ours, theirs, check)


def _gradients(core):
    return {f"grad_{key}": p.grad.numpy() for key, p in core.named_parameters()}


def agree(name, spikes, expected, gradients, theirs):
    """The same but where rounding decides, after which a recurrent network goes another way in that sample."""
    same = (spikes == expected).all(axis=(0, 2))
    assert same.mean() > 0.8, f"{name}: {1 - same.mean():.0%} of the samples fire differently"
    ours, wanted = gradients["grad"][:, same], theirs["grad"][:, same]
    wrong = (np.abs(ours - wanted) > 1e-3 * np.abs(wanted).max()).mean()
    assert wrong < 1e-3, f"{name}: {wrong:.2e} of the gradients differ"
    if same.all():
        for key, value in gradients.items():
            np.testing.assert_allclose(
                value, theirs[key], 1e-3, 1e-3 * np.abs(theirs[key]).max(), err_msg=f"{name} {key}"
            )
