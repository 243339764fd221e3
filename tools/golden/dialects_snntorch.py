"""Make tests/data/golden_dialects_snntorch.npz: snnTorch's neurons with its own defaults, and all gradients.

Every case is one neuron on x (T, B, ...), float32, PyTorch on the CPU, called step by step; with fixed cotangents,

    loss = (spk * co).sum() + (mem * cv).sum()

is differentiated with respect to x and the parameters.  A case with `detach` cuts the state off the tape in the middle.
The seed of x is the first one for which float64 and slightly other inputs give the same spikes.  The cases `exact` are
made of quarters, so that potentials lie exactly at the threshold: there float64 gives the same bits.

`training` is 20 steps of a network of two Leaky layers with the loss of tutorial 5, cross-entropy of the potentials
of each step: losses from the given weights on.

In the file: for case i arrays `i.x`, `i.co`, `i.cv`, `i.out`, `i.v`, `i.grad_x`, and `i.p.NAME` and `i.g.NAME` of its
parameters; the surrogates' derivatives on a grid; `training.*`; and `header`, JSON with the versions, and function,
arguments and seed of each case.
"""

from __future__ import annotations

import inspect

import numpy as np
import snntorch
import torch
from snntorch import surrogate

from golden import apart, first_good, of_cases, slopes, steady, versions

T, B, N = 10, 2, 5
EACH = [0.5, 0.9, 0.75, 0.2, 0.6]
RECURRENT = {"all_to_all": True, "linear_features": N}
ALONE = {"all_to_all": False, "V": 0.4}
# Function, arguments, size of the inputs, what else.
CASES = [
    ("Leaky", {"beta": 0.9}, 0.5, {}),
    ("Leaky", {"beta": 0.9}, 0.5, {"detach": True}),
    ("Leaky", {"beta": 0.8, "reset_mechanism": "zero"}, 0.8, {}),
    ("Leaky", {"beta": 0.7, "reset_mechanism": "none", "threshold": 1.5}, 0.5, {}),
    ("Leaky", {"beta": 0.9, "reset_delay": False}, 0.8, {}),
    ("Leaky", {"beta": 0.9, "reset_delay": False, "reset_mechanism": "zero"}, 0.8, {"detach": True}),
    ("Leaky", {"beta": 0.9, "reset_delay": False, "reset_mechanism": "none", "threshold": 3.0}, 0.5, {}),
    ("Leaky", {"beta": 0.9, "learn_beta": True, "learn_threshold": True}, 0.5, {}),
    (
        "Leaky",
        {"beta": EACH, "threshold": [0.5, 1.0, 1.5, 0.75, 0.6], "learn_beta": True, "learn_threshold": True,
         "reset_mechanism": "zero", "reset_delay": False},
        0.7,
        {},
    ),
    ("Leaky", {"beta": EACH, "spike_grad": ["fast_sigmoid", {}]}, 0.6, {}),
    ("Leaky", {"beta": 0.9, "spike_grad": ["sigmoid", {"slope": 5}]}, 0.6, {}),
    ("Leaky", {"beta": 0.9, "graded_spikes_factor": 0.5, "learn_graded_spikes_factor": True}, 0.6, {}),
    ("Leaky", {"beta": 1.0, "learn_beta": True}, 0.4, {}),
    ("Leaky", {"beta": 0.0, "learn_beta": True}, 1.0, {}),
    ("Leaky", {"beta": 1.2, "learn_beta": True}, 0.4, {}),
    ("Leaky", {"beta": 0.5}, 1.0, {"exact": True}),
    ("Leaky", {"beta": 0.5, "reset_mechanism": "zero"}, 1.0, {"exact": True}),
    ("Leaky", {"beta": 1.0, "reset_delay": False}, 1.0, {"exact": True}),
    ("Leaky", {"beta": 0.5, "reset_mechanism": "none"}, 1.0, {"exact": True}),
    ("Synaptic", {"alpha": 0.8, "beta": 0.7}, 0.3, {}),
    ("Synaptic", {"alpha": 0.8, "beta": 0.7, "reset_mechanism": "zero"}, 0.3, {"detach": True}),
    ("Synaptic", {"alpha": 0.8, "beta": 0.7, "reset_mechanism": "none", "threshold": 2.0}, 0.3, {}),
    ("Synaptic", {"alpha": 0.8, "beta": 0.7, "reset_delay": False}, 0.4, {}),
    ("Synaptic", {"alpha": 0.8, "beta": 0.7, "reset_delay": False, "reset_mechanism": "zero"}, 0.4, {}),
    (
        "Synaptic",
        {"alpha": 0.8, "beta": 0.6, "learn_alpha": True, "learn_beta": True, "learn_threshold": True},
        0.3,
        {},
    ),
    ("Synaptic", {"alpha": EACH, "beta": 0.7, "learn_alpha": True, "reset_mechanism": "zero"}, 0.3, {"detach": True}),
    ("Synaptic", {"alpha": 0.5, "beta": 1.0}, 0.5, {"exact": True}),
    ("Alpha", {"alpha": 0.9, "beta": 0.7}, 1.0, {}),
    ("Alpha", {"alpha": 0.9, "beta": 0.7, "reset_mechanism": "subtract"}, 0.8, {}),
    ("Alpha", {"alpha": 0.9, "beta": 0.7, "reset_mechanism": "zero"}, 1.0, {"detach": True}),
    ("Alpha", {"alpha": 0.9, "beta": 0.7, "reset_mechanism": "none"}, 0.6, {}),
    (
        "Alpha",
        {"alpha": 0.9, "beta": 0.7, "learn_beta": True, "learn_threshold": True, "reset_mechanism": "subtract"},
        0.8,
        {"detach": True},
    ),
    ("Alpha", {"alpha": 0.9, "beta": EACH[:1] * N, "learn_beta": True, "reset_mechanism": "zero"}, 1.0, {}),
    ("Lapicque", {"beta": 0.8}, 3.0, {}),
    ("Lapicque", {"beta": 0.8, "R": 2.0, "reset_mechanism": "zero"}, 2.0, {}),
    ("Lapicque", {"R": 1.5, "C": 3.0, "time_step": 0.5, "reset_mechanism": "none", "learn_threshold": True}, 4.0, {}),
    ("Lapicque", {"beta": 0.8, "C": 2.0}, 1.8, {"detach": True}),
    ("StateLeaky", {"beta": 0.8, "learn_threshold": True}, 0.5, {}),
    ("StateLeaky", {"beta": EACH, "threshold": 1.2}, 0.6, {}),
    ("RLeaky", {"beta": 0.9, **RECURRENT}, 0.5, {}),
    ("RLeaky", {"beta": 0.9, **RECURRENT, "reset_mechanism": "zero", "learn_beta": True}, 0.6, {"detach": True}),
    ("RLeaky", {"beta": 0.7, **RECURRENT, "reset_mechanism": "none", "threshold": 1.5}, 0.5, {}),
    ("RLeaky", {"beta": 0.9, **RECURRENT, "reset_delay": False}, 0.5, {}),
    ("RLeaky", {"beta": 0.9, **ALONE}, 0.4, {}),
    ("RLeaky", {"beta": 0.9, **ALONE, "learn_recurrent": False, "learn_threshold": True}, 0.4, {}),
    ("RLeaky", {"beta": 0.9, "conv2d_channels": 2, "kernel_size": 3}, 0.5, {"shape": [2, 4, 3]}),
    ("RSynaptic", {"alpha": 0.8, "beta": 0.7, **RECURRENT}, 0.3, {}),
    ("RSynaptic", {"alpha": 0.8, "beta": 0.7, **ALONE, "reset_mechanism": "zero", "learn_alpha": True}, 0.3, {}),
    ("RSynaptic", {"alpha": 0.8, "beta": 0.7, **RECURRENT, "reset_mechanism": "none", "threshold": 2.5}, 0.3, {}),
]  # fmt: skip
SURROGATES = [
    (name, arguments)
    for name, parameter in (("atan", "alpha"), ("fast_sigmoid", "slope"), ("sigmoid", "slope"))
    for arguments in ({}, {parameter: 3.5})
]
STEPS, FEATURES, HIDDEN, CLASSES, BATCH, RATE = 20, 12, 16, 3, 8, 0.2  # of the training


def build(name, arguments):
    """snnTorch's neuron of a case; weights are drawn with a fixed seed."""
    torch.manual_seed(0)
    own = {k: torch.tensor(v) if isinstance(v, list) and k != "spike_grad" else v for k, v in arguments.items()}
    if "spike_grad" in own:
        kind, options = own["spike_grad"]
        own["spike_grad"] = getattr(surrogate, kind)(**options)
    if name == "StateLeaky":
        own["channels"] = N
    return getattr(snntorch, name)(**own)


def run(name, arguments, more, x, co, cv):
    """One case: a dictionary of numpy arrays."""
    dtype = torch.float32 if x.dtype == np.float32 else torch.float64
    node = build(name, arguments).to(dtype)
    x = torch.from_numpy(x).requires_grad_()
    if name == "StateLeaky":  # takes all steps at once
        out, v = node(x)
    else:
        state, rows = (), []
        for t, row in enumerate(x):
            if t == len(x) // 2 and more.get("detach"):
                state = [part.detach() for part in state]
            result = node(row, *(part.to(dtype) for part in state))  # spikes are float32 in float64, too
            state = result if name.startswith("R") else result[1:]
            rows.append((result[0], result[-1]))
        out, v = (torch.stack(part) for part in zip(*rows))
    ((out * torch.from_numpy(co).to(dtype)).sum() + (v * torch.from_numpy(cv).to(dtype)).sum()).backward()
    found = {"out": out, "grad_x": x.grad, "v": v}
    for n, p in node.named_parameters():
        found |= {f"p.{n}": p} | ({} if p.grad is None else {f"g.{n}": p.grad})
    return {k: t.detach().numpy() for k, t in found.items()}


def exactly(go, x):
    """For inputs made of quarters: potentials lie at the threshold, and float64 gives the same ones and spikes."""
    found, wide = go(x), go(x.astype(np.float64))
    if (
        not all(np.array_equal(found[k], wide[k]) for k in ("out", "v"))
        or apart(found["grad_x"], wide["grad_x"]) > 1e-5
    ):
        return found, "float64 differs"
    if (found["v"] == 1.0).sum() < 5 or found["out"].mean() < 0.1:
        return found, "too few potentials at the threshold, or spikes"
    return found, ""


def attempt(case, seed):
    """The inputs of a seed and what comes of them, or None with the reason when they are no good."""
    (name, arguments, size, more), rng = case, np.random.default_rng(seed)
    shape = (T, B, *more.get("shape", (N,)))
    x = np.abs(rng.normal(0.0, size, shape)).astype(np.float32)
    if name == "Alpha":
        x += np.float32(0.3 * size)
    if more.get("exact"):
        x = (rng.integers(-1, 5, shape) / 4).astype(np.float32)
    co, cv = (rng.normal(size=shape).astype(np.float32) for _ in range(2))
    judge = exactly if more.get("exact") else steady
    found, why = judge(lambda values: run(name, arguments, more, values, co, cv), x)
    return None if why else ({"x": x, "co": co, "cv": cv, **found}, seed), f"{name}: {why}"


def trained(start, x, y, dtype):
    """Losses of STEPS steps of SGD from the weights `start` on."""
    first, second = torch.nn.Linear(FEATURES, HIDDEN), torch.nn.Linear(HIDDEN, CLASSES)
    with torch.no_grad():
        for parameter, values in zip((*first.parameters(), *second.parameters()), start):
            parameter.copy_(torch.from_numpy(values))
    net = torch.nn.ModuleList([first, second]).to(dtype)
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
    x, y, losses = torch.from_numpy(x).to(dtype), torch.from_numpy(y).long(), []
    for _ in range(STEPS):
        lif1, lif2 = snntorch.Leaky(beta=0.9), snntorch.Leaky(beta=0.9)
        loss = torch.zeros((), dtype=dtype)
        for row in x:
            spikes, _ = lif1(first(row))
            _, mem = lif2(second(spikes.to(dtype)))
            loss = loss + torch.nn.functional.cross_entropy(mem, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses)


def training(seed):
    """Weights, data and losses, where float64 has the same losses."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 1, (T, BATCH, FEATURES)).astype(np.float32)
    y = rng.integers(0, CLASSES, BATCH).astype(np.int32)
    shapes = ((HIDDEN, FEATURES), (HIDDEN,), (CLASSES, HIDDEN), (CLASSES,))
    start = [(rng.uniform(-1, 1, shape) / np.sqrt(shape[-1])).astype(np.float32) for shape in shapes]
    losses, wide = (trained(start, x, y, dtype) for dtype in (torch.float32, torch.float64))
    if apart(losses, wide) > 1e-5:
        return None, f"training: float64 off by {apart(losses, wide):.1e}"
    if losses[-1] > 0.8 * losses[0]:
        return None, "training: learns little"
    found = {"x": x, "y": y, "losses": losses.astype(np.float32)} | {f"w{i}": w for i, w in enumerate(start)}
    return ({f"training.{k}": v for k, v in found.items()}, seed), ""


def signature(name):
    """The arguments of a class with their defaults."""
    taken = list(inspect.signature(getattr(snntorch, name).__init__).parameters.values())[1:]
    return {p.name: "required" if p.default is p.empty else p.default for p in taken}


def collect(written=None):
    """The content of the file, of the first good seed of each case."""
    torch.set_num_threads(1)
    arrays, seeds = of_cases(attempt, CASES, written)
    specs = [{"function": case[0], "arguments": case[1], "seed": seed, **case[3]} for case, seed in zip(CASES, seeds)]
    found, seed = first_good(training, written and written["training"])
    header = {
        "versions": versions("snntorch", "torch", "numpy", "python"),
        "shapes": {"T": T, "B": B, "N": N},
        "loss": "(spk * co).sum() + (mem * cv).sum()",
        "cases": specs,
        "surrogates": SURROGATES,
        "signatures": {name: signature(name) for name in sorted({case[0] for case in CASES})},
        "training": {"seed": seed, "beta": 0.9, "lr": RATE, "loss": "sum over steps of cross_entropy(mem, y)"},
    }
    derivatives = slopes(getattr(surrogate, name)(**arguments) for name, arguments in SURROGATES)
    return arrays | found | derivatives, header
