"""Make tests/data/golden_dialects_norse.npz: Norse's neurons with its own defaults, and all gradients.

Every case is one module on x (T, B, N), float32, PyTorch on the CPU; cells are called step by step.  With fixed
cotangents,

    loss = (out * co).sum() + (last v * cv).sum()

is differentiated with respect to x and the weights; out are the spikes, or the potentials of what never spikes.  The
seed of x is the first one for which float64 and slightly other inputs give the same spikes.

In the file: for case i arrays `i.x`, `i.co`, `i.cv`, `i.out`, `i.v`, `i.grad_x`, and `i.p.NAME` and `i.g.NAME` of its
weights; likewise for named behaviours of Izhikevich's neuron, whose u is part of the loss as it is; the spikes of
LIFRefracCell(); the derivatives of all methods on a grid; and `header`, JSON with the versions, and class, parameters,
arguments and seed of each case.
"""

from __future__ import annotations

import functools

import norse.torch as norse
import numpy as np
import torch
from norse.torch.functional import reset
from norse.torch.functional.threshold import threshold

from golden import first_good, of_cases, slopes, steady, versions

T, B, N, HIDDEN = 16, 2, 5, 4
OTHER = {"tau_syn_inv": 120.0, "tau_mem_inv": 250.0, "v_leak": 0.1, "v_th": 0.7, "v_reset": -0.2}
FAST = {"method": "tanh", "alpha": 2.0}
# Class, parameters that are not the defaults, more arguments, size of the inputs.
CASES = [
    ("LIFCell", {}, {}, 0.8),
    ("LIFCell", OTHER | FAST, {}, 0.4),
    ("LIF", {}, {}, 0.8),
    ("LIF", {"method": "triangle", "alpha": 0.3}, {"dt": 0.002}, 0.9),
    ("LIFBoxCell", {}, {}, 5.0),
    ("LIFBoxCell", {"reset_method": "reset_subtract", "v_leak": 0.1, "method": "circ", "alpha": 0.5},
     {"dt": 0.004}, 2.5),
    ("IAFCell", {}, {}, 0.4),
    ("IAF", {"v_th": 0.8, "v_reset": -0.1, "method": "heavi_erfc", "alpha": 1.5}, {}, 0.4),
    ("LIFExCell", {}, {}, 0.4),
    ("LIFEx", {"delta_T": 0.3} | OTHER, {}, 0.3),
    ("LSNNCell", {}, {}, 1.0),
    ("LSNN", {"tau_adapt_inv": 90.0, "beta": 0.3} | OTHER | FAST, {}, 0.6),
    ("LICell", {}, {}, 0.5),
    ("LI", {"tau_syn_inv": 1000.0, "tau_mem_inv": 400.0}, {}, 0.5),
    ("LIBoxCell", {}, {}, 0.5),
    ("LILinearCell", {}, {"input_size": N, "hidden_size": HIDDEN}, 0.5),
    ("LIFRecurrentCell", {}, {"input_size": N, "hidden_size": HIDDEN}, 1.0),
    ("LIFRecurrent", OTHER | FAST, {"input_size": N, "hidden_size": HIDDEN, "autapses": True}, 0.8),
]  # fmt: skip
# Behaviours of Izhikevich's neuron, and the mean of the current.
BEHAVIOURS = {"tonic_spiking": 20.0, "tonic_bursting": 18.0, "class_1_exc": 40.0, "dap": 30.0}
METHODS = [(m, a) for m in ("super", "tanh", "triangle", "circ", "heavi_erfc") for a in (100.0, 0.7)]


def build(name, own, more, dtype):
    """Norse's module of a case; its weights are drawn with a fixed seed."""
    torch.manual_seed(0)
    kind = name.removesuffix("Cell").replace("Recurrent", "").replace("Linear", "") + "Parameters"
    own = {k: getattr(reset, v) if k == "reset_method" else v for k, v in own.items()}
    own = {k: torch.as_tensor(v) if isinstance(v, float) else v for k, v in own.items()}
    p = getattr(norse, kind)(**own) if own else None
    return getattr(norse, name)(**more, **({} if p is None else {"p": p})).to(dtype)


def run(name, own, more, x, co, cv):
    """One case: a dictionary of numpy arrays."""
    dtype = torch.float32 if x.dtype == np.float32 else torch.float64
    module = build(name, own, more, dtype)
    x = torch.from_numpy(x).requires_grad_()
    if name.endswith("Cell"):
        rows, state = [], None
        for row in x:
            out, state = module(row, state)
            rows.append(out)
        out = torch.stack(rows)
    else:
        out, state = module(x)
    v = state.v
    loss = (out * torch.from_numpy(co[..., : out.shape[-1]]).to(dtype)).sum()
    (loss + (v * torch.from_numpy(cv[..., : out.shape[-1]]).to(dtype)).sum()).backward()
    found = {"out": out, "grad_x": x.grad, "v": v}
    found |= {f"{k}.{n}": t for n, p in module.named_parameters() for k, t in (("p", p), ("g", p.grad))}
    return {k: t.detach().numpy() for k, t in found.items()}


def izhikevich(name, x, co, cv):
    """One behaviour: a dictionary of numpy arrays."""
    dtype = torch.float32 if x.dtype == np.float32 else torch.float64
    x = torch.from_numpy(x).requires_grad_()
    behavior = getattr(norse, name)
    first = norse.IzhikevichState(*(torch.full(x.shape[1:], float(s.detach()), dtype=dtype) for s in behavior.s))
    out, state = norse.Izhikevich(behavior)(x, first)
    ends = {"v": state.v, "u": state.u}
    loss = (out * torch.from_numpy(co).to(dtype)).sum() + (state.v * torch.from_numpy(cv).to(dtype)).sum()
    (loss + state.u.sum()).backward()
    return {k: t.detach().numpy() for k, t in {"out": out, "grad_x": x.grad, **ends}.items()}


def behaves(name, seed):
    """The currents of a seed and what comes of them, or None with the reason when they are no good."""
    rng = np.random.default_rng(seed)
    x = rng.normal(BEHAVIOURS[name], 4.0, (3 * T, B, N)).astype(np.float32)
    co, cv = (rng.normal(size=shape).astype(np.float32) for shape in ((3 * T, B, N), (B, N)))
    found, why = steady(lambda values: izhikevich(name, values, co, cv), x, rare=0.02)
    return None if why else ({"x": x, "co": co, "cv": cv, **found}, seed), f"{name}: {why}"


def attempt(case, seed):
    """The inputs of a seed and what comes of them, or None with the reason when they are no good."""
    name, own, more, size = case
    rng = np.random.default_rng(seed)
    x = np.abs(rng.normal(0.0, size, (T, B, N))).astype(np.float32)
    co, cv = (rng.normal(size=shape).astype(np.float32) for shape in ((T, B, N), (B, N)))
    found, why = steady(lambda values: run(name, own, more, values, co, cv), x)
    return None if why else ({"x": x, "co": co, "cv": cv, **found}, seed), f"{name}: {why}"


def collect(written=None):
    """The content of the file, of the first good seed of each case."""
    torch.set_num_threads(1)
    arrays, seeds = of_cases(attempt, CASES, written)
    specs = [{"class": case[0], "p": case[1], "arguments": case[2], "seed": seed} for case, seed in zip(CASES, seeds)]
    behaviours = {}
    for name in BEHAVIOURS:
        own = written and {"seed": written["behaviours"][name]}
        found, behaviours[name] = first_good(functools.partial(behaves, name), own)
        arrays |= {f"{name}.{key}": value for key, value in found.items()}
    held = np.abs(np.random.default_rng(0).normal(0.0, 2.0, (T, B, N))).astype(np.float32)
    cell, state, waiting = norse.LIFRefracCell(), None, []
    for row in torch.from_numpy(held):
        spikes, state = cell(row, state)
        waiting.append(spikes.detach().numpy())
    arrays |= {"refractory.x": held, "refractory.out": np.stack(waiting)}
    header = {
        "versions": versions("norse", "torch", "numpy", "python"),
        "shapes": {"T": T, "B": B, "N": N},
        "loss": "(out * co).sum() + (last v * cv).sum()",
        "cases": specs,
        "behaviours": behaviours,
        "methods": METHODS,
    }
    return arrays | slopes(lambda at, m=m, a=a: threshold(at, m, torch.tensor(a)) for m, a in METHODS), header
