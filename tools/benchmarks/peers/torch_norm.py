"""SpikingJelly's norms over time; started by benchmarks/norm.py with --peer-python.

The folder that is the only argument holds x.npy (T, B, C, H, W), spikes.npy of the same shape, and cotangent.npy.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from serve import THREADS, serve, two_cores


def layers(shape):
    """Name -> (layer in multi-step mode, name of its input)."""
    from spikingjelly.activation_based import layer, neuron, surrogate

    steps, _, channels, height, width = shape
    made = {
        "BatchNorm2d": (layer.BatchNorm2d(channels), "x"),
        "tdBN": (layer.ThresholdDependentBatchNorm2d(1.0, 1.0, channels), "x"),
        "TEBN": (layer.TemporalEffectiveBatchNorm2d(steps, channels), "x"),
        "BNTT": (layer.BatchNormThroughTime2d(steps, channels), "x"),
        "NeuNorm": (layer.NeuNorm(channels, height, width), "spikes"),
    }
    neu_norm = layer.NeuNorm(channels, height, width)
    for norm in (made["NeuNorm"][0], neu_norm):
        norm.w.data.fill_(0.5)

    def node():
        return neuron.LIFNode(tau=2.0, surrogate_function=surrogate.ATan())

    for name, norm in (
        ("tdBN", layer.ThresholdDependentBatchNorm2d(1.0, 1.0, channels)),
        ("TEBN", layer.TemporalEffectiveBatchNorm2d(steps, channels)),
        ("BNTT", layer.BatchNormThroughTime2d(steps, channels)),
    ):
        made[f"{name} + LIFNode"] = (torch.nn.Sequential(norm, node()), "x")
    made["LIFNode + NeuNorm"] = (torch.nn.Sequential(node(), neu_norm), "x")
    for module, _ in made.values():
        for part in module.modules():
            if hasattr(part, "step_mode"):
                part.step_mode = "m"
    return made


def work(module, x, cotangent):
    """A forward and a backward pass, to the input and the parameters."""

    def both():
        x.grad = None
        module.zero_grad()
        for part in module.modules():
            if hasattr(part, "reset"):
                part.reset()
        y = module(x)
        y.backward(cotangent)
        return {"y": y.detach(), "grad": x.grad}

    return both


def main():
    """Builds all works and serves them."""
    torch.set_num_threads(THREADS)
    data = {path.stem: torch.from_numpy(np.load(path)) for path in Path(sys.argv[1]).glob("*.npy")}
    works = {}
    for name, (module, given) in layers(data["x"].shape).items():
        works[name] = work(module, data[given].clone().requires_grad_(), data["cotangent"])
    serve(works)


if __name__ == "__main__":
    two_cores()
    main()
