"""Training steps of spiking convolutional networks, Adam, on frames of all steps and on one image held over them."""

from __future__ import annotations

import functools

import numpy as np

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim

from . import Benchmark
from .peer import Peer

# Layers as peers/torch_convnet.py reads them: (name, *sizes).
TWO = [("conv", 1, 16, 3, 1), ("node",), ("pool",), ("conv", 16, 32, 3, 1), ("node",), ("pool",), ("flat",)]
TWO += [("linear", 32 * 49, 10), ("node",)]
TUTORIAL = [("conv", 1, 12, 5, 0), ("pool",), ("node",), ("conv", 12, 64, 5, 0), ("pool",), ("node",), ("flat",)]
TUTORIAL += [("linear", 64 * 16, 10), ("node",)]  # of snnTorch's tutorial 6
CASES = [  # title, layers, T, B, whether one image is held
    ("CNN 16-32 on 28x28, frames", TWO, 8, 64, False),
    ("CNN 16-32 on 28x28, one image", TWO, 8, 64, True),
    ("CNN 12-64 (5x5) on 28x28, one image", TUTORIAL, 25, 32, True),
]
PEERS = ("SpikingJelly", "snnTorch Leaky, our dynamics")


def cases(options):
    """Peers take two threads each; give ours as many (LP_NUM_THREADS=2) where there are more cores."""
    for title, layers, steps, batch, image in CASES:
        data = _data(layers, steps, batch, image)
        peer = Peer(options.peer_python, "torch_convnet.py", data) if options.peer_python else None
        yield _training(f"{title}, training step, T={steps}, B={batch}, eager", layers, steps, image, data, peer)


def _data(layers, steps, batch, image):
    """Weights, so large that every layer fires, and input."""
    rng = np.random.default_rng(0)
    shape = (batch, 1, 28, 28) if image else (steps, batch, 1, 28, 28)
    data = {"x": rng.random(shape) if image else rng.random(shape) < 0.3}
    for i, (kind, *sizes) in enumerate(layers):
        if kind == "conv":
            ins, outs, width, _ = sizes
            data[f"{i}.weight"] = rng.normal(
                0.4 / (ins * width**2), 2.5 / np.sqrt(ins * width**2), (outs, ins, width, width)
            )
            data[f"{i}.bias"] = rng.normal(0.2, 0.1, outs)
        elif kind == "linear":
            ins, outs = sizes
            data[f"{i}.weight"], data[f"{i}.bias"] = (
                rng.normal(0, 3 / np.sqrt(ins), (outs, ins)),
                rng.normal(0.5, 0.1, outs),
            )
    data = {name: values.astype(np.float32) for name, values in data.items()}
    extra = {"labels": rng.integers(0, 10, batch).astype(np.int32), "steps": np.array(steps)}
    return {**data, **extra, "layers": np.array(repr(layers))}


_MAKE = {
    "conv": lambda ins, outs, width, padding: nn.Conv2d(ins, outs, width, padding=padding),
    "pool": lambda: nn.MaxPool2d(2),
    "node": lambda: nn.LIFNode(tau=2.0),
    "flat": nn.Flatten,
    "linear": nn.Linear,
}


def _training(title, layers, steps, image, data, peer):
    """Cross entropy of the outputs' rates."""
    x, labels = grilly_vk.tensor(data["x"]), grilly_vk.tensor(data["labels"])

    def made():
        model = nn.Sequential(*[_MAKE[kind](*sizes) for kind, *sizes in layers])
        model.load_state_dict({name: data[name] for name in model.state_dict()})
        F.set_step_mode(model, "m")
        adam = optim.Adam(model.parameters(), lr=1e-3)

        def step(x, y):
            adam.zero_grad()
            F.reset_net(model)
            loss = F.cross_entropy(model(x.expand(steps, *x.shape) if image else x).mean(0), y)
            loss.backward()
            adam.step()
            return loss

        return step

    eager, compiled = made(), grilly_vk.compile(made())

    def check():
        losses = {}
        for name, step in (("eager", made()), ("compiled", grilly_vk.compile(made()))):
            losses[name] = [step(x, labels).item() for _ in range(3)]
        assert losses["eager"][2] < losses["eager"][0], f"no learning: {losses['eager']}"
        for name in PEERS if peer else ():
            if f"{name} training" in peer.info["works"]:
                losses[name] = peer.request("ask", f"{name} losses")
        for name, values in losses.items():
            np.testing.assert_allclose(losses["eager"], values, rtol=5e-3, err_msg=name)

    contenders = {"ours, compiled": lambda: compiled(x, labels).item()}
    for work in peer.info["works"] if peer else ():
        contenders[work.removesuffix(" training")] = functools.partial(peer.request, "run", work)
    return Benchmark(title, lambda: eager(x, labels).item(), contenders, check)
