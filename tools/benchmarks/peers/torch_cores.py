"""spyx's recurrent cores as loops in PyTorch; started by benchmarks/cores.py with --peer-python.

The folder that is the only argument holds x.npy (T, B, N), cotangent.npy, beta.npy, gamma.npy and w.npy.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from serve import THREADS, serve, two_cores


class SuperSpike(torch.autograd.Function):
    """[x > 0], and on the way back 1 / (1 + 25 |x|)^2."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, g):
        (x,) = ctx.saved_tensors
        return g / (1 + 25 * x.abs()) ** 2


def run(name, p, x):
    """All steps of LIF, ALIF or RLIF: spikes of the incoming potential, whose reset is in the next one."""
    v = a = torch.zeros_like(x[0])
    beta, out = p["beta"].clamp(0, 1), []
    for row in x:
        level = 1 + a if name == "ALIF" else 1.0
        s = SuperSpike.apply(v - level)
        v = beta * v + (row + s @ p["recurrent_w"] if name == "RLIF" else row) - s * level
        if name == "ALIF":
            gamma = p["gamma"].clamp(0, 1)
            a = gamma * a + (1 - gamma) * s
        out.append(s)
    return torch.stack(out)


def works_of(name, p, x, cotangent):
    """Forward without gradients, and forward with those of the input and the parameters."""
    wanting = x.clone().requires_grad_()

    def forward():
        with torch.no_grad():
            return {"spikes": run(name, p, x)}

    def both():
        for t in (wanting, *p.values()):
            t.grad = None
        spikes = run(name, p, wanting)
        spikes.backward(cotangent)
        return {"spikes": spikes.detach(), "grad": wanting.grad, **{f"grad_{k}": t.grad for k, t in p.items()}}

    return {f"PyTorch loop {name} forward": forward, f"PyTorch loop {name} forward+backward": both}


if __name__ == "__main__":
    two_cores()
    torch.set_num_threads(THREADS)
    data = {path.stem: torch.from_numpy(np.load(path)) for path in Path(sys.argv[1]).glob("*.npy")}
    works = {}
    for name, more in (("LIF", {}), ("ALIF", {"gamma": "gamma"}), ("RLIF", {"recurrent_w": "w"})):
        names = {"beta": "beta", **more}
        parameters = {key: data[source].clone().requires_grad_() for key, source in names.items()}
        works |= works_of(name, parameters, data["x"], data["cotangent"])
    serve(works)
