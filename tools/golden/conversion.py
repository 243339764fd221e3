"""Make tests/data/golden_conversion.npz: what SpikingJelly's ANN-to-SNN conversion makes of a small CNN and an MLP.

SpikingJelly 2.0.0: `ann2snn.FXConverter(ann2snn.RateCodingRecipe(data, mode=...))`, which folds batch norm into the
convolution before it (not into a Linear: there is none behind a Linear here), replaces each ReLU by
VoltageScaler(1 / scale), IFNode(v_threshold=1, soft reset), VoltageScaler(scale), and takes the scale from a run over
the data.  float32, PyTorch operations on the CPU.

In the file: the networks' weights, the calibration and test inputs, and for every network and mode each layer's scale
(our threshold), its spikes at each of T steps as packed bits, and the output of each step; and `header`, JSON with
versions, seed and the names of the layers.  The seed is the first whose potentials stay away from the threshold by
MARGIN, so that rounding decides nothing.

Conventions that differ:
- Scales over several batches are a running mean there (momentum 0.1), here exact over all of them; so one batch here.
- The potential starts at 0 there; here at half the threshold unless v_init=0, which the comparison uses.
- There the potential is in units of the scale, H / scale >= 1; here in those of the activation, H >= threshold.
- Modes: "Max" is our "max_norm", "99.9%" and a number in (0, 1] are the same.
- Max pooling of spikes there takes the largest spike of each step, which is more than the largest rate; ours is a gate.
  So there is none here.
"""

from __future__ import annotations

import numpy as np
import torch
from spikingjelly.activation_based import ann2snn, functional, neuron
from torch import nn

from golden import first_good, versions

T, CALIBRATION, TEST = 16, 24, 3
MARGIN = 2e-5
MODES = {"max_norm": "Max", "99.9%": "99.9%", "0.5": 0.5}


def networks(rng):
    """The two networks with weights of the seed, their inputs' shapes, and where our layers get which weights."""
    cnn = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2),
        nn.Conv2d(4, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 2 * 2, 5),
    )  # fmt: skip
    mlp = nn.Sequential(nn.Linear(7, 12), nn.ReLU(), nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 4))
    for model in (cnn, mlp):
        for name, tensor in model.state_dict().items():
            if "num_batches" in name:
                continue
            shape = tuple(tensor.shape)
            scale = 1.2 / np.sqrt(max(1, np.prod(shape[1:]))) if len(shape) > 1 else 0.2
            values = rng.normal(0.0, scale, shape)
            if "var" in name or (isinstance(_owner(model, name), nn.BatchNorm2d) and name.endswith("weight")):
                values = rng.uniform(0.5, 1.5, shape)
            tensor.copy_(torch.from_numpy(values.astype(np.float32)))
        model.eval()
    return {"cnn": (cnn, (1, 10, 10)), "mlp": (mlp, (7,))}


def _owner(model, name):
    return model.get_submodule(name.rpartition(".")[0])


def converted(model, data, mode):
    """SpikingJelly's network, and its (scale, IFNode) pairs in order."""
    loader = [(torch.from_numpy(data), torch.zeros(len(data)))]
    snn = ann2snn.FXConverter(ann2snn.RateCodingRecipe(loader, mode=mode)).convert(model)
    snn.eval()
    modules = dict(snn.named_modules())
    nodes = [(name, m) for name, m in modules.items() if isinstance(m, neuron.IFNode)]
    scales = [modules[name.rpartition(".")[0] + ".scaler1"].scale for name, _ in nodes]
    return snn, [(float(scale), node) for scale, (_, node) in zip(scales, nodes)]


def run(snn, nodes, x):
    """Spikes (T, B, n) of each node, outputs (T, B, out), and how near a potential came to the threshold."""
    functional.reset_net(snn)
    near, spikes, outputs = [1.0], [[] for _ in nodes], []

    def watch(found, node):
        def hook(module, args, out):
            before = module.v + out  # soft reset from 1: the potential before it
            near.append(float((before - 1.0).abs().min()))
            found.append(out.reshape(len(out), -1).numpy().astype(bool))

        return node.register_forward_hook(hook)

    handles = [watch(found, node) for found, (_, node) in zip(spikes, nodes)]
    with torch.no_grad():
        for _ in range(T):
            outputs.append(snn(torch.from_numpy(x)).numpy())
    for handle in handles:
        handle.remove()
    return [np.stack(s) for s in spikes], np.stack(outputs), min(near)


def attempt(seed):
    """The arrays of a seed, or None with the reason where a potential comes too near the threshold."""
    rng = np.random.default_rng(seed)
    arrays, notes = {}, {}
    with torch.no_grad():
        models = networks(rng)
    for name, (model, shape) in models.items():
        data = rng.random((CALIBRATION, *shape), dtype=np.float32)
        x = rng.random((TEST, *shape), dtype=np.float32)
        arrays |= {f"{name}/weights/{k}": v.numpy().copy() for k, v in model.state_dict().items()}
        with torch.no_grad():
            arrays |= {f"{name}/data": data, f"{name}/x": x, f"{name}/ann": model(torch.from_numpy(x)).numpy()}
        for ours, theirs in MODES.items():
            snn, nodes = converted(model, data, theirs)
            spikes, outputs, near = run(snn, nodes, x)
            if near < MARGIN:
                return None, f"{name} {ours}: a potential within {near:.1e} of the threshold"
            key = f"{name}/{ours}"
            arrays[f"{key}/scales"] = np.array([scale for scale, _ in nodes], np.float32)
            arrays[f"{key}/outputs"] = outputs
            for i, found in enumerate(spikes):
                arrays[f"{key}/spikes/{i}"] = np.packbits(found.reshape(-1))
                notes[f"{key}/spikes/{i}"] = list(found.shape)
            notes[f"{key}/rate"] = float(np.mean([s.mean() for s in spikes]))
    return (arrays, seed, notes), ""


def collect(written=None):
    """The content of the file, of the first good seed."""
    torch.set_num_threads(1)
    arrays, seed, notes = first_good(attempt, written)
    header = {
        "versions": versions("spikingjelly", "torch", "numpy", "python"),
        "seed": seed,
        "T": T,
        "modes": list(MODES),
        "shapes": {k: v for k, v in notes.items() if "spikes" in k},
        "rates": {k: v for k, v in notes.items() if "rate" in k},
    }
    return arrays, header
