"""Make tests/data/golden_synapses.npz: what SpikingJelly's SynapseFilter computes, with all gradients.

SpikingJelly (activation_based.layer.SynapseFilter) computes y <- y - (1 - x) * y / tau + x, so y does not decay in a
step with a spike; ours decays in each, y <- y * exp(-1 / tau_syn) + x.  With decay = 1 - 1 / tau, that is
tau_syn = -1 / ln(1 - 1 / tau), theirs is ours of the input x * (1 + y / tau), y of the step before.  So both are equal
where y is 0 when a spike comes ("single" input: at most one spike a neuron), and on any input where each step is given
that input; gradients, too.  With learnable=True, 1 / tau = sigmoid(w), so w is minus our tau_syn_logit.

Every case is one filter on x (T, B, N), float32, PyTorch on the CPU, once with step_mode="m" and once as single steps;
the two must agree.  loss = (y * cotangent).sum() is differentiated with respect to x and, if learnable, w.

In the file: the inputs "single" and "train", the cotangent, y, grad_x and grad_w stacked over the cases, and `header`,
JSON with versions, seed and cases.
"""

from __future__ import annotations

import numpy as np
import torch
from spikingjelly.activation_based import layer

from golden import apart, versions

T, B, N, SEED = 24, 2, 5, 0
CLOSE = 1e-5  # of the largest value: float32 sums over 24 steps


def cases():
    """All cases: time constant, learnable or not, kind of input."""
    return [
        {"tau": tau, "learnable": learnable, "input": kind, "peer_call": f"layer.SynapseFilter({tau}, {learnable})"}
        for kind in ("single", "train")
        for tau in (1.5, 5.0, 100.0)
        for learnable in (False, True)
    ]


def inputs():
    """One spike a neuron at a random step, a random train, and the cotangent."""
    rng = np.random.default_rng(SEED)
    single = np.arange(T)[:, None, None] == rng.integers(0, T, (B, N))
    data = {"single": single, "train": rng.random((T, B, N)) < 0.3, "cotangent": rng.normal(size=(T, B, N))}
    return {name: values.astype(np.float32) for name, values in data.items()}


def run(case, data, mode):
    """One case in one step mode: y, grad_x, grad_w."""
    x = torch.from_numpy(data[case["input"]].copy()).requires_grad_()
    module = layer.SynapseFilter(case["tau"], case["learnable"], step_mode=mode)
    y = module(x) if mode == "m" else torch.stack([module(row) for row in x])
    (y * torch.from_numpy(data["cotangent"])).sum().backward()
    grad_w = module.w.grad if case["learnable"] else torch.zeros(())
    return {"y": y.detach().numpy(), "grad_x": x.grad.numpy(), "grad_w": grad_w.numpy()}


def collect(written=None):
    """The content of the file."""
    torch.set_num_threads(1)
    data, specs = inputs(), cases()
    results = [run(case, data, "m") for case in specs]
    modes = max(apart(run(c, data, "s")[k], r[k]) for c, r in zip(specs, results) for k in r)
    assert modes < CLOSE, f"the step modes differ by {modes:.1e}"
    arrays = data | {k: np.stack([r[k] for r in results]) for k in results[0]}
    header = {
        "versions": versions("spikingjelly", "torch", "numpy", "python"),
        "seed": SEED,
        "shapes": {"T": T, "B": B, "N": N},
        "loss": "(y * cotangent).sum()",
        "modes_apart": modes,
        "cases": specs,
    }
    return arrays, header
