"""Spiking convolutional networks on PyTorch; started by benchmarks/convnet.py with --peer-python.

The folder that is the only argument holds layers.npy (the text of a list, see there), steps.npy, x.npy, frames (T, B,
1, H, W) or one image (B, 1, H, W) for all steps, labels.npy, and i.weight.npy and i.bias.npy of layer i.  Peers that
are not installed are left out.
"""

import ast
import sys
from pathlib import Path

import numpy as np
import torch
from serve import THREADS, serve, two_cores
from torch_nodes import RATE

PEERS = "SpikingJelly", "snnTorch Leaky, our dynamics"


def plain(kind, sizes):
    """A layer without time."""
    if kind == "conv":
        return torch.nn.Conv2d(*sizes[:3], padding=sizes[3])
    return {"pool": lambda: torch.nn.MaxPool2d(2), "flat": torch.nn.Flatten}.get(
        kind, lambda: torch.nn.Linear(*sizes)
    )()


def spikingjelly_net(layers, steps):
    """All steps at once, layer by layer, one image repeated as its examples do; T joins the batch for plain layers."""
    from spikingjelly.activation_based import functional, layer, neuron, surrogate

    made = []
    for kind, *sizes in layers:
        node = kind == "node" and neuron.LIFNode(surrogate_function=surrogate.ATan(), step_mode="m")
        made.append(node or layer.SeqToANNContainer(plain(kind, sizes)))
    net = torch.nn.Sequential(*made)

    def run(x):
        functional.reset_net(net)
        return net(x if x.ndim == 5 else x.unsqueeze(0).repeat(steps, 1, 1, 1, 1)).mean(0)

    return run, {i: part[0] for i, part in enumerate(net) if not hasattr(part, "v")}


def snntorch_net(layers, steps):
    """Step by step, as its tutorials do; Leaky has half our current (tau = 2), and its reset is at once and to zero."""
    import snntorch
    from snntorch import surrogate

    def leaky():
        return snntorch.Leaky(beta=0.5, spike_grad=surrogate.atan(alpha=2.0), reset_mechanism="zero", reset_delay=False)

    made = [leaky() if kind == "node" else plain(kind, sizes) for kind, *sizes in layers]
    net = torch.nn.ModuleList(made)

    def run(x):
        potentials, out = {}, []
        for t in range(steps):
            y = x[t] if x.ndim == 5 else x
            for i, part in enumerate(net):
                if isinstance(part, snntorch.Leaky):
                    y = y * 0.5
                    y, potentials[i] = part(y, potentials.get(i, torch.zeros_like(y)))
                else:
                    y = part(y)
            out.append(y)
        return torch.stack(out).mean(0)

    return run, {i: part for i, part in enumerate(net) if not isinstance(part, snntorch.Leaky)}


def training(make, layers, data):
    """A step with Adam on the cross entropy of the outputs' rates, from the given weights."""
    run, parts = make(layers, int(data["steps"]))
    parameters = []
    for i, part in parts.items():
        for name, parameter in part.named_parameters():
            parameter.data.copy_(data[f"{i}.{name}"])
            parameters.append(parameter)
    adam = torch.optim.Adam(parameters, lr=RATE)

    def step():
        adam.zero_grad()
        loss = torch.nn.functional.cross_entropy(run(data["x"]), data["labels"])
        loss.backward()
        adam.step()
        return loss.item()

    return step


def losses(make, layers, data):
    """Of the first three steps from the given weights."""
    step = training(make, layers, data)
    return [step() for _ in range(3)]


def main():
    """Builds all works and serves them."""
    torch.set_num_threads(THREADS)
    folder = Path(sys.argv[1])
    layers = ast.literal_eval(str(np.load(folder / "layers.npy")))
    arrays = {path.stem: np.load(path) for path in folder.glob("*.npy") if path.stem != "layers"}
    data = {name: torch.from_numpy(values) for name, values in arrays.items()}
    data["labels"] = data["labels"].long()
    works, questions = {}, {}
    for name, make in zip(PEERS, (spikingjelly_net, snntorch_net)):
        try:
            works[f"{name} training"] = training(make, layers, data)
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
            continue
        questions[f"{name} losses"] = lambda make=make: losses(make, layers, data)
    serve(works, questions)


if __name__ == "__main__":
    two_cores()
    main()
