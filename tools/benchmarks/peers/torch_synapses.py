"""Peers of the synapses' benchmarks that run on PyTorch; started by benchmarks/synapses.py with --peer-python.

The folder that is the only argument holds single.npy and train.npy (T, B, N), cotangent.npy (T, B, N), and for delays
x.npy (T, B, in), weight.npy and delay.npy (out, in), for recurrence drive.npy (T, B, N) and back.npy (N, N).  Peers
that are not installed are left out.
"""

import math
import sys
from pathlib import Path

import numpy as np
import torch
from serve import THREADS, serve, two_cores

TAU = 5.0  # SpikingJelly's; ours decays by 1 - 1 / TAU, too
TAU_D, TAU_F, U = 200.0, 20.0, 0.2


def spikingjelly_filter():
    """SynapseFilter of all steps."""
    from spikingjelly.activation_based import layer

    module = layer.SynapseFilter(TAU, step_mode="m")

    def run(x):
        module.reset()
        return module(x)

    return run


def loop_filter(x):
    """y = y * decay + x, a step at a time."""
    y, out = torch.zeros_like(x[0]), []
    for row in x:
        y = y * (1 - 1 / TAU) + row
        out.append(y)
    return torch.stack(out)


def loop_stp(x):
    """Short-term plasticity as in nn.STPSynapse, a step at a time."""
    a, b = math.exp(-1 / TAU_F), math.exp(-1 / TAU_D)
    u, r = torch.full_like(x[0], U), torch.ones_like(x[0])
    out = []
    for row in x:
        spike = row != 0
        u, r = U + (u - U) * a, 1 - (1 - r) * b
        u = torch.where(spike, u + U * (1 - u), u)
        out.append(row * u * r)
        r = torch.where(spike, r - u * r, r)
    return torch.stack(out)


def loop_delays(x, weight, delay):
    """A masked product for each delay that occurs: the sum of shifted inputs times the weights of that delay."""
    out = 0
    for d in range(int(delay.max()) + 1):
        late = torch.nn.functional.pad(x, (0, 0, 0, 0, d, 0))[: len(x)]
        out = out + late @ (weight * (delay == d)).T
    return out


def recurrent_works(drive, back, cotangent):
    """SpikingJelly's LIFNode with recurrent weights: in its container, and with a product a step.

    The container's layer takes input and spikes side by side; with the identity for the input it does the same.
    """
    from spikingjelly.activation_based import functional, layer, neuron, surrogate

    n = len(back)
    node = neuron.LIFNode(surrogate_function=surrogate.ATan())
    container = layer.LinearRecurrentContainer(node, n, n, bias=False, step_mode="m")
    container.rc.weight.data = torch.cat([torch.eye(n), back], 1)
    linear, alone = torch.nn.Linear(n, n, bias=False), neuron.LIFNode(surrogate_function=surrogate.ATan())
    linear.weight.data = back.clone()

    def in_container(x):
        functional.reset_net(container)
        return container(x)

    def product_a_step(x):
        alone.reset()
        y, out = torch.zeros_like(x[0]), []
        for row in x:
            y = alone(row + linear(y))
            out.append(y)
        return torch.stack(out)

    works = {}
    ways = {"SpikingJelly": (in_container, container.rc.weight), "SpikingJelly's node": (product_a_step, linear.weight)}
    for name, (run, weight) in ways.items():
        plain = works_of(f"{name} recurrent", run, drive, cotangent)

        def both(whole=plain[f"{name} recurrent forward+backward"], weight=weight):
            weight.grad = None
            return {**whole(), "grad_weight": weight.grad[:, -n:]}

        works |= plain | {f"{name} recurrent forward+backward": both}
    return works


def works_of(name, run, x, cotangent):
    """Forward without gradients, and forward with backward to the input."""
    wanting = x.clone().requires_grad_()

    def forward():
        with torch.no_grad():
            return {"y": run(x)}

    def both():
        wanting.grad = None
        y = run(wanting)
        y.backward(cotangent)
        return {"y": y.detach(), "grad": wanting.grad}

    return {f"{name} forward": forward, f"{name} forward+backward": both}


def main():
    """Builds all works and serves them."""
    torch.set_num_threads(THREADS)
    data = {path.stem: torch.from_numpy(np.load(path)) for path in Path(sys.argv[1]).glob("*.npy")}
    works = {}
    try:
        works |= works_of("SpikingJelly filter", spikingjelly_filter(), data["single"], data["cotangent"])
        _, batch, n = data["drive"].shape
        works |= recurrent_works(data["drive"], data["back"], data["cotangent"][:, :batch, :n].contiguous())
    except ImportError as error:
        print(f"SpikingJelly is left out: {error}", file=sys.stderr)
    works |= works_of("PyTorch loop filter", loop_filter, data["single"], data["cotangent"])
    works |= works_of("PyTorch loop STP", loop_stp, data["train"], data["cotangent"])
    weight, delay = data["weight"].requires_grad_(), data["delay"]
    cotangent = data["cotangent"][:, : data["x"].shape[1], : len(weight)].contiguous()

    def delays():
        return {"y": loop_delays(data["x"], weight, delay).detach()}

    def delays_both():
        weight.grad = None
        y = loop_delays(data["x"], weight, delay)
        y.backward(cotangent)
        return {"y": y.detach(), "grad": weight.grad}

    works |= {"a matmul a delay delays forward": delays, "a matmul a delay delays forward+backward": delays_both}
    serve(works)


if __name__ == "__main__":
    two_cores()
    main()
