"""Networks of ours that other frameworks read from tests/data/nir: what those files are made of, and their inputs.

`python tests/helpers/nir_networks.py` writes them again.
"""

from pathlib import Path

import numpy as np

DATA = Path(__file__).parents[1] / "data" / "nir"
DT = 1e-4
SHAPES = {"ours_mlp": (6,), "ours_conv": (2, 8, 8), "ours_recurrent": (6,)}


def weights(rng, *shape, gain=1.0):
    return (rng.normal(0.15, gain, shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


def filled(module, rng, gain):
    """Weights of numpy's generator, which are the same everywhere."""
    state = {}
    for name, parameter in module.named_parameters():
        shape = parameter.shape
        value = weights(rng, *shape, gain=gain) if name.endswith("weight") else rng.normal(0, 0.1, shape)
        state[name] = value.astype(np.float32)
    module.load_state_dict(state)
    return module


def network(name):
    """One of them: nothing that any of the frameworks can't say."""
    from grilly_vk import nn

    rng = np.random.default_rng(list(SHAPES).index(name))
    if name == "ours_mlp":
        net = nn.Sequential(nn.Linear(6, 8), nn.LIFNode(3.0), nn.Linear(8, 5), nn.LIFNode(2.0, v_threshold=0.5))
        return filled(net, rng, 4.0)
    if name == "ours_conv":
        net = nn.Sequential(
            nn.Conv2d(2, 4, 3, padding=1), nn.LIFNode(2.0, v_threshold=0.4), nn.Conv2d(4, 3, 3, (2, 1)),
            nn.LIFNode(4.0, v_threshold=0.2),
        )  # fmt: skip
        return filled(net, rng, 3.0)
    cell = nn.CUBALIFNode(5.0, False, 2.5)
    net = nn.Sequential(
        nn.Linear(6, 8),
        nn.RecurrentSynapse(cell, nn.Linear(8, 8, bias=False)),
        nn.Linear(8, 5),
        nn.CUBALIFNode(4.0, False, 2.0),
    )
    return filled(net, rng, 0.8)


def events(name, T=40, B=3):
    rng = np.random.default_rng(7)
    return (rng.random((T, B, *SHAPES[name])) < 0.4).astype(np.float32)


if __name__ == "__main__":
    from grilly_vk import nir

    for name, shape in SHAPES.items():
        nir.save(network(name), DATA / f"{name}.nir", shape, DT)
