"""Peers of the nodes' benchmarks that run on PyTorch; started by benchmarks/nodes.py with --peer-python.

The folder that is the only argument holds x.npy (T, B, N), cotangent.npy, and for the training step inputs.npy
(T, B, in), labels.npy, and w1, b1, w2, b2.npy.  Peers that are not installed are left out.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from serve import THREADS, serve, two_cores

RATE = 1e-3  # Adam's


def spikingjelly_layer():
    """tau=2, decay_input, hard reset to 0, ATan: SpikingJelly's and our defaults."""
    from spikingjelly.activation_based import neuron, surrogate

    node = neuron.LIFNode(surrogate_function=surrogate.ATan(), step_mode="m")

    def layer(x):
        node.reset()
        return node(x)

    return layer


def snntorch_layer(same):
    """Leaky in a loop, its reset at once and to zero as in our node (`same`), or as its defaults are."""
    import snntorch
    from snntorch import surrogate

    settings = {"reset_mechanism": "zero", "reset_delay": False} if same else {}
    leaky = snntorch.Leaky(beta=0.5, spike_grad=surrogate.atan(alpha=2.0), **settings)

    def layer(x):
        potential, spikes = torch.zeros_like(x[0]), []
        for row in x:
            spike, potential = leaky(row, potential)
            spikes.append(spike)
        return torch.stack(spikes)

    return layer


def norse_layer(box):
    """LIFBox has the dynamics of our node with tau=2 and SuperSpike(beta=1); LIF has a synaptic current besides."""
    import norse.torch as norse

    if box:
        layer = norse.Lift(norse.LIFBoxCell(norse.LIFBoxParameters(tau_mem_inv=torch.as_tensor(500.0))))
    else:
        layer = norse.LIF()
    return lambda x: layer(x)[0]


def layers():
    """The installed ones: a layer, and what the input is multiplied by to give our node's dynamics."""
    found = {}
    for name, make, argument, gain in (
        ("SpikingJelly", spikingjelly_layer, (), 1.0),
        ("snnTorch Leaky", snntorch_layer, (False,), 0.5),
        ("snnTorch Leaky, our dynamics", snntorch_layer, (True,), 0.5),
        ("Norse LIF", norse_layer, (False,), 1.0),
        ("Norse LIFBox, our dynamics", norse_layer, (True,), 1.0),
    ):
        try:
            found[name] = make(*argument), gain
        except ImportError as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return found


def layer_works(name, layer, gain, data):
    """Forward without gradients, and forward with backward to the input."""
    x = data["x"] * gain
    wanting = x.clone().requires_grad_()

    def forward():
        with torch.no_grad():
            return {"spikes": layer(x)}

    def both():
        wanting.grad = None
        spikes = layer(wanting)
        spikes.backward(data["cotangent"])
        return {"spikes": spikes.detach(), "grad": wanting.grad, "gain": gain}

    return {f"{name} forward": forward, f"{name} forward+backward": both}


def training(layer, gain, data):
    """A step of Linear-LIF-Linear-LIF with Adam on the cross entropy of the outputs' rates, from the given weights."""
    one, two = (torch.nn.Linear(data[f"w{i}"].shape[1], data[f"w{i}"].shape[0]) for i in (1, 2))
    parameters = [one.weight, one.bias, two.weight, two.bias]
    for parameter, key in zip(parameters, ("w1", "b1", "w2", "b2")):
        parameter.data.copy_(data[key])
    first, second = layer(), layer()
    adam = torch.optim.Adam(parameters, lr=RATE)

    def scaled(currents):
        return currents if gain == 1 else currents * gain

    def step():
        adam.zero_grad()
        hidden = first(scaled(one(data["inputs"])))
        rates = second(scaled(two(hidden))).mean(0)
        loss = torch.nn.functional.cross_entropy(rates, data["labels"])
        loss.backward()
        adam.step()
        return loss.item()

    return step


def kept_bytes(layer, x):
    """Bytes that one layer's forward keeps for its backward, each storage once; the outputs' own counted apart."""
    kept = {}

    def pack(t):
        kept[t.untyped_storage().data_ptr()] = t.untyped_storage()  # held, so that no address comes twice
        return t

    wanting = x.clone().requires_grad_()
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        spikes = layer(wanting)
    total = sum(storage.nbytes() for storage in kept.values())
    for known in (wanting, spikes):
        kept.pop(known.untyped_storage().data_ptr(), None)
    return {"bytes": total, "beside_input_and_output": sum(s.nbytes() for s in kept.values()), "output": spikes.nbytes}


def main():
    """Builds all works and serves them."""
    torch.set_num_threads(THREADS)
    data = {path.stem: torch.from_numpy(np.load(path)) for path in Path(sys.argv[1]).glob("*.npy")}
    data["labels"] = data["labels"].long()
    found, works, questions = layers(), {}, {}
    for name, (layer, gain) in found.items():
        works |= layer_works(name, layer, gain, data)
        questions[f"{name} kept"] = lambda layer=layer, gain=gain: kept_bytes(layer, data["x"] * gain)
    trained = {"SpikingJelly": spikingjelly_layer, "snnTorch Leaky, our dynamics": lambda: snntorch_layer(True)}
    for name, make in trained.items():
        if name in found:
            gain = found[name][1]
            works[f"{name} training"] = training(make, gain, data)
            questions[f"{name} losses"] = lambda make=make, gain=gain: losses(make, gain, data)
    serve(works, questions)


def losses(make, gain, data):
    """Of the first five steps from the given weights."""
    step = training(make, gain, data)
    return [step() for _ in range(5)]


if __name__ == "__main__":
    two_cores()
    main()
