"""Inference of a converted CNN over T steps, against SpikingJelly's conversion of the same network."""

from __future__ import annotations

import functools

import numpy as np

import grilly_vk
from grilly_vk import nn

from . import Benchmark
from .peer import Peer

STEPS, BATCH, CALIBRATION = 32, 32, 64


def cases(options):
    """One image batch, the same at every step; outputs summed over the steps."""
    data = _data()
    peer = Peer(options.peer_python, "torch_conversion.py", data) if options.peer_python else None
    yield _inference(peer, data)


@functools.cache
def _data():
    """Weights of the network and images, for all contenders."""
    rng = np.random.default_rng(0)
    shapes = {"w1": (16, 1, 5, 5), "w2": (32, 16, 3, 3), "w3": (10, 32 * 7 * 7)}
    data = {name: rng.normal(0.02, 1.2 / np.sqrt(np.prod(shape[1:])), shape) for name, shape in shapes.items()}
    data |= {"b1": rng.normal(0, 0.1, 16), "b2": rng.normal(0, 0.1, 32), "b3": rng.normal(0, 0.1, 10)}
    data |= {"x": rng.random((BATCH, 1, 28, 28)), "calibration": rng.random((CALIBRATION, 1, 28, 28))}
    return {name: values.astype(np.float32) for name, values in data.items()}


def _network(data):
    ann = nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 7 * 7, 10),
    )  # fmt: skip
    for layer, number in ((0, 1), (3, 2), (6, 3)):
        ann[layer].load_state_dict({"weight": data[f"w{number}"], "bias": data[f"b{number}"]})
    return ann.eval()


def _inference(peer, data):
    convert = nn.Converter("max_norm", T=STEPS, v_init=0.0)  # 0: as SpikingJelly starts
    snn = convert(_network(data), data["calibration"])
    x = grilly_vk.tensor(data["x"])

    def run():
        with grilly_vk.no_grad():
            out = snn(x)
        grilly_vk.synchronize()
        return out

    compiled = grilly_vk.compile(lambda x: snn(x))

    def replay():
        with grilly_vk.no_grad():
            out = compiled(x)
        grilly_vk.synchronize()
        return out

    def check():
        ours = run().numpy()
        np.testing.assert_allclose(replay().numpy(), ours, 1e-6, 1e-6)
        if peer:
            for work in peer.info["works"]:
                theirs = peer.results(work)["out"]
                off = np.abs(theirs - ours).max() / np.abs(theirs).max()
                assert off < 0.02, f"{work}: outputs apart by {off:.1e}"  # rounding moves single spikes of 32

    contenders = {"ours, compiled": replay}
    for work in peer.info["works"] if peer else ():
        contenders[work] = functools.partial(peer.request, "run", work)
    return Benchmark(f"converted CNN T={STEPS} B={BATCH} 28x28", run, contenders, check)
