"""Make tests/data/golden_ports.npz: how the networks of examples/ports train in the libraries that they come from.

SpikingJelly 2.0.0 and snnTorch 1.0.0 build each network as their own example and tutorials do, and train it on the
ports' small digits (--small; scikit-learn is needed) for two epochs, in the order that our DataLoader with seed 0 has.
float32, on the CPU.

In the file: the losses of all training steps and the scores of the test images after them, by port; and `header`, JSON
with versions and, for each port, its numbers and each weight's shape, dtype and range, of which `ported_weights` makes
them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import sklearn  # noqa: F401  the digits are its own
import snntorch
import torch
import torch.nn.functional as F
from snntorch import functional as spike_loss
from snntorch import surrogate, utils
from spikingjelly.activation_based import functional, layer, neuron
from spikingjelly.activation_based import surrogate as jelly_surrogate
from torch import nn

from golden import versions

ROOT = Path(__file__).resolve().parents[2]
EPOCHS, BATCH = 2, 128
NUMBERS = {"csnn": {"steps": 4, "channels": 4}, "tutorial5": {"steps": 8}, "tutorial6": {"steps": 4}}
GAIN = {"csnn": 2.0, "tutorial5": 1.0, "tutorial6": 2.0}  # so that there are spikes from the start


def csnn(steps, channels):
    """Network, scores, loss, and learning rate of SpikingJelly's example."""
    c = channels

    def node():
        return neuron.IFNode(surrogate_function=jelly_surrogate.ATan())

    net = nn.Sequential(
        layer.Conv2d(1, c, 3, padding=1, bias=False), layer.BatchNorm2d(c), node(), layer.MaxPool2d(2, 2),
        layer.Conv2d(c, c, 3, padding=1, bias=False), layer.BatchNorm2d(c), node(), layer.MaxPool2d(2, 2),
        layer.Flatten(), layer.Linear(c * 49, c * 16, bias=False), node(), layer.Linear(c * 16, 10, bias=False), node(),
    )  # fmt: skip
    functional.set_step_mode(net, "m")

    def scores(x):
        functional.reset_net(net)
        return net(x.expand(steps, *x.shape).contiguous()).mean(0)

    return net, scores, lambda x, y: F.mse_loss(scores(x), F.one_hot(y, 10).float()), 1e-3


def over_time(net, steps):
    """Spikes and potentials of all steps, of a network whose last neuron gives both."""

    def run(x):
        utils.reset(net)
        return tuple(map(torch.stack, zip(*(net(x) for _ in range(steps)))))

    return run


def tutorial5(steps):
    """The same of snnTorch's tutorial 5."""
    options = {"beta": 0.95, "init_hidden": True}
    net = nn.Sequential()
    net.add_module("flat", nn.Flatten())
    net.add_module("fc1", nn.Linear(784, 1000))
    net.add_module("lif1", snntorch.Leaky(**options))
    net.add_module("fc2", nn.Linear(1000, 10))
    net.add_module("lif2", snntorch.Leaky(**options, output=True))
    run = over_time(net, steps)
    return net, lambda x: run(x)[0].sum(0), lambda x, y: sum(F.cross_entropy(v, y) for v in run(x)[1]), 5e-4


def tutorial6(steps):
    """The same of snnTorch's tutorial 6."""
    options = {"beta": 0.5, "spike_grad": surrogate.fast_sigmoid(slope=25), "init_hidden": True}
    net = nn.Sequential(
        nn.Conv2d(1, 12, 5), nn.MaxPool2d(2), snntorch.Leaky(**options),
        nn.Conv2d(12, 64, 5), nn.MaxPool2d(2), snntorch.Leaky(**options),
        nn.Flatten(), nn.Linear(1024, 10), snntorch.Leaky(**options, output=True),
    )  # fmt: skip
    run, loss = over_time(net, steps), spike_loss.ce_rate_loss()
    return net, lambda x: run(x)[0].sum(0), lambda x, y: loss(run(x)[0], y), 1e-2


def ranges(net, gain):
    """Shape, dtype, and least and largest value of each weight, by name; PyTorch's own, times gain."""
    found = {}
    for name, value in net.state_dict().items():
        layer_name, _, last = name.rpartition(".")
        weight = getattr(net.get_submodule(layer_name), "weight", None)
        if weight is None:  # a neuron's settings
            continue
        if weight.ndim == 1:  # a norm
            low = high = value.flatten()[0].item()
        else:
            high = weight[0].numel() ** -0.5 * (gain if last == "weight" else 1.0)
            low = -high
        found[name] = [list(value.shape), str(value.numpy().dtype), low, high]
    return found


def collect(written=None):
    """The arrays and the header of the file."""
    sys.path[:0] = [str(ROOT / "examples" / "ports"), str(ROOT / "tests" / "helpers")]
    from digits import digits
    from ported_weights import weights

    (x, y), (x_test, _) = digits(small=True)
    x, y, x_test = torch.from_numpy(x), torch.from_numpy(y).long(), torch.from_numpy(x_test)
    arrays, ports = {}, {}
    for name, numbers in NUMBERS.items():
        net, scores, loss_of, rate = {"csnn": csnn, "tutorial5": tutorial5, "tutorial6": tutorial6}[name](**numbers)
        found = ranges(net, GAIN[name])
        net.load_state_dict({k: torch.as_tensor(v) for k, v in weights(found).items()}, strict=False)
        optimizer = torch.optim.Adam(net.parameters(), lr=rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS) if name == "csnn" else None
        losses = []
        for epoch in range(EPOCHS):
            order = np.random.default_rng([0, epoch]).permutation(len(x))
            for picked in order[: len(x) // BATCH * BATCH].reshape(-1, BATCH):
                optimizer.zero_grad()
                loss = loss_of(x[picked], y[picked])
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
            if schedule:
                schedule.step()
        net.eval()
        with torch.no_grad():
            arrays[f"{name}.scores"] = scores(x_test).numpy()
        arrays[f"{name}.losses"] = np.float32(losses)
        ports[name] = {"numbers": {**numbers, "epochs": EPOCHS}, "weights": found}
        print(name, np.round(losses, 5).tolist(), f"mean score {arrays[f'{name}.scores'].mean():.3f}")
    names = ("python", "numpy", "torch", "spikingjelly", "snntorch", "scikit-learn")
    return arrays, {"versions": versions(*names), "ports": ports}
