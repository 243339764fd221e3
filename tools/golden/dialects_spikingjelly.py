"""Make tests/data/golden_dialects_spikingjelly.npz: SpikingJelly's neurons with its own defaults, and all gradients.

Every case is one neuron on x (T, B, N), float32, PyTorch on the CPU, called step by step; with fixed cotangents,

    loss = (out * co).sum() + (v * cv).sum()

is differentiated with respect to x and the parameters; out are the spikes, or what a neuron without spikes gives, and v
the potentials after each step.  The seed of x is the first one for which float64 and slightly other inputs give the
same spikes.

In the file: for case i arrays `i.x`, `i.co`, `i.cv`, `i.out`, `i.v` (not of neurons without spikes), `i.grad_x`, and
`i.p.NAME` and `i.g.NAME` of its parameters; the surrogates' derivatives on a grid; and `header`, JSON with the
versions, and class, arguments and seed of each case.
"""

from __future__ import annotations

import numpy as np
import torch
from spikingjelly.activation_based import functional, neuron, surrogate

from golden import of_cases, slopes, steady, versions

T, B, N = 10, 2, 5
# Class, arguments (an act by its name), size of the inputs.
CASES = [
    ("IFNode", {}, 0.6),
    ("IFNode", {"v_threshold": 0.8, "v_reset": None, "detach_reset": True}, 0.6),
    ("HalfThresholdIFNode", {}, 0.5),
    ("HalfThresholdIFNode", {"v_threshold": 0.7, "surrogate_function": ["ATan", {}]}, 0.5),
    ("LIFNode", {}, 1.3),
    ("LIFNode", {"tau": 3.0, "decay_input": False, "v_reset": None, "surrogate_function": ["SoftSign", {}]}, 0.6),
    ("LIFNode", {"surrogate_function": ["SuperSpike", {"alpha": 1.5}]}, 1.3),
    ("LIAFNode", {"act": "relu", "threshold_related": False}, 1.3),
    ("LIAFNode", {"act": "sigmoid", "threshold_related": True, "v_reset": None, "tau": 1.5}, 1.3),
    ("ParametricLIFNode", {}, 1.3),
    ("QIFNode", {}, 1.2),
    ("QIFNode", {"tau": 3.0, "v_reset": None, "a0": 0.5, "detach_reset": True}, 1.5),
    ("EIFNode", {}, 0.8),
    ("EIFNode", {"tau": 3.0, "delta_T": 0.5, "theta_rh": 0.9, "v_reset": 0.0}, 1.2),
    ("IzhikevichNode", {}, 1.2),
    ("IzhikevichNode", {"w_rest": 0.1, "tau_w": 3.0, "a": 0.3, "b": 0.2, "v_reset": -0.2}, 1.3),
    ("KLIFNode", {}, 1.3),
    ("KLIFNode", {"decay_input": False, "v_reset": None, "tau": 3.0}, 0.5),
    ("CUBALIFNode", {}, 0.2),
    ("CUBALIFNode", {"c_decay": 0.3, "v_decay": 0.6, "v_reset": -0.2}, 0.4),
    ("GatedLIFNode", {"T": T}, 0.6),
    ("NonSpikingIFNode", {}, 0.5),
    ("NonSpikingLIFNode", {"decode": "max-abs-mem"}, 0.5),
]
SURROGATES = [
    (name, arguments)
    for name in ("ATan", "Sigmoid", "SoftSign", "PiecewiseQuadratic", "Erf", "Rect", "SuperSpike")
    for arguments in ({}, {"alpha": 1.7})
]


def build(name, arguments):
    """SpikingJelly's neuron of a case; its parameters are drawn with a fixed seed."""
    np.random.seed(0)  # noqa: NPY002  what SpikingJelly draws from
    own = dict(arguments)
    if "act" in own:
        own["act"] = getattr(torch, own["act"])
    if "surrogate_function" in own:
        kind, options = own["surrogate_function"]
        own["surrogate_function"] = getattr(surrogate, kind)(**options)
    return getattr(neuron, name)(**own)


def run(name, arguments, x, co, cv):
    """One case: a dictionary of numpy arrays."""
    dtype = torch.float32 if x.dtype == np.float32 else torch.float64
    node = build(name, arguments).to(dtype)
    x = torch.from_numpy(x).requires_grad_()
    if name == "GatedLIFNode":  # takes images, all steps at once, and its v is that after the last step
        out, v = node(x[..., None, None])[..., 0, 0], node.v[None, ..., 0, 0]
    elif name.startswith("NonSpiking"):
        out, v = node(x), None
        out = torch.stack(out) if isinstance(out, list) else out
    else:
        out, v = (torch.stack(rows) for rows in zip(*[(node(row), node.v) for row in x]))
    loss = (out * torch.from_numpy(co[: len(out)] if out.ndim == 3 else co[0]).to(dtype)).sum()
    if v is not None:
        loss = loss + (v * torch.from_numpy(cv[: len(v)]).to(dtype)).sum()
    loss.backward()
    functional.reset_net(node)
    found = {"out": out, "grad_x": x.grad, **({} if v is None else {"v": v})}
    found |= {f"{k}.{n}": t for n, p in node.named_parameters() for k, t in (("p", p), ("g", p.grad))}
    return {k: t.detach().numpy() for k, t in found.items()}


def attempt(case, seed):
    """The inputs of a seed and what comes of them, or None with the reason when they are no good."""
    (name, arguments, size), rng = case, np.random.default_rng(seed)
    x = np.abs(rng.normal(0.0, size, (T, B, N))).astype(np.float32)
    if name.startswith("NonSpiking"):
        x -= np.float32(size)
    co, cv = (rng.normal(size=(T, B, N)).astype(np.float32) for _ in range(2))
    found, why = steady(lambda values: run(name, arguments, values, co, cv), x)
    return None if why else ({"x": x, "co": co, "cv": cv, **found}, seed), f"{name}: {why}"


def collect(written=None):
    """The content of the file, of the first good seed of each case."""
    torch.set_num_threads(1)
    arrays, seeds = of_cases(attempt, CASES, written)
    specs = [{"class": case[0], "arguments": case[1], "seed": seed} for case, seed in zip(CASES, seeds)]
    header = {
        "versions": versions("spikingjelly", "torch", "numpy", "python"),
        "shapes": {"T": T, "B": B, "N": N},
        "loss": "(out * co).sum() + (v * cv).sum()",
        "cases": specs,
        "surrogates": SURROGATES,
    }
    return arrays | slopes(getattr(surrogate, name)(**arguments) for name, arguments in SURROGATES), header
