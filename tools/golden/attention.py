"""Make tests/data/golden_attention.npz: what SpikingJelly's attention modules compute, with all gradients.

Each case is one module in training mode on the same kind of input, float32, PyTorch on the CPU.  With a fixed cotangent
of the output, loss = (out * cotangent).sum() is differentiated with respect to the input and every parameter.

SpikingJelly's spiking attentions take (T, N, C, L), channels before tokens; the file holds tokens before channels,
(T, B, N, D), as ours are called, and Conv1d weights (out, in, 1) as (out, in).  The seed of each case is the first one
whose potentials before the reset stay away from the threshold by MARGIN in every node, and for which float32 and
float64 fire alike and agree to DRIFT.

In the file: for case i arrays `i.x`, `i.cotangent`, `i.out`, `i.grad_x`, `i.p.NAME` and `i.g.NAME` with our names of
the parameters; `i.r.NAME` are batch norm's running statistics after the call.  `header` is JSON with the versions and,
for every case, our class and arguments, and SpikingJelly's call.
"""

from __future__ import annotations

import numpy as np
import torch
from spikingjelly.activation_based import layer, neuron, surrogate

from golden import apart, first_good, versions

MARGIN, DRIFT = 2e-5, 2e-5

SQUEEZE = {"sharedMLP.0.weight": "down.weight", "sharedMLP.2.weight": "up.weight"}
UNITS = {
    "conv_bn.module.0.weight": "linear.weight",
    "conv_bn.module.1.weight": "norm.weight",
    "conv_bn.module.1.bias": "norm.bias",
    "conv_bn.module.1.running_mean": "norm.running_mean",
    "conv_bn.module.1.running_var": "norm.running_var",
    "conv_bn.0.weight": "linear.weight",
    "conv_bn.1.weight": "norm.weight",
    "conv_bn.1.bias": "norm.bias",
    "conv_bn.1.running_mean": "norm.running_mean",
    "conv_bn.1.running_var": "norm.running_var",
}

# Our class, its arguments, SpikingJelly's class and arguments, the shape of x in our order.
CASES = [
    ("TemporalWiseAttention", {"T": 8, "reduction": 4}, {"T": 8, "reduction": 4}, (8, 2, 3, 4, 5)),
    ("TemporalWiseAttention", {"T": 10, "reduction": 4, "dimension": 2}, {"T": 10, "reduction": 4, "dimension": 2},
     (10, 3, 7)),
    ("MultiDimensionalAttention", {"T": 6, "C": 8, "reduction_t": 2, "reduction_c": 4},
     {"T": 6, "C": 8, "reduction_t": 2, "reduction_c": 4}, (6, 2, 8, 5, 4)),
    ("MultiDimensionalAttention",
     {"T": 4, "C": 5, "reduction_t": 4, "reduction_c": 2, "kernel_size": 7, "use_temporal": False},
     {"T": 4, "C": 5, "reduction_t": 4, "reduction_c": 2, "kernel_size": 7, "use_temporal": False}, (4, 3, 5, 3, 8)),
    ("SpikingSelfAttention", {"embed_dim": 16, "num_heads": 4}, {"dim": 16, "num_heads": 4}, (4, 3, 11, 16)),
    ("SpikingSelfAttention", {"embed_dim": 12, "num_heads": 1, "tau": 1.5, "v_threshold": 0.6},
     {"dim": 12, "num_heads": 1, "tau": 1.5, "v_threshold": 0.6}, (3, 2, 5, 12)),
    ("QKAttention", {"embed_dim": 16, "num_heads": 2}, {"dim": 16, "num_heads": 2}, (4, 3, 6, 16)),
    ("TokenQKAttention", {"embed_dim": 10, "num_heads": 2, "detach_reset": False},
     {"dim": 10, "num_heads": 2, "detach_reset": False}, (3, 2, 7, 10)),
    ("ChannelQKAttention", {"embed_dim": 16, "num_heads": 4}, {"dim": 16, "num_heads": 4}, (4, 3, 6, 16)),
    ("ChannelQKAttention", {"embed_dim": 9, "num_heads": 3}, {"dim": 9, "num_heads": 3}, (5, 2, 5, 9)),
]  # fmt: skip


def our_name(name: str) -> str | None:
    """The name of a parameter or buffer in our module; None: it has none."""
    for part, ours in (("ta.", "time."), ("ca.", "channels."), ("", "scores.")):
        for theirs, own in SQUEEZE.items():
            if name == part + theirs:
                return ours + own
    if name == "sa.conv.weight":
        return "places.weight"
    for part, ours in (("qkv_", "inputs."), ("qk_", "inputs."), ("proj_", "output.")):
        for theirs, own in UNITS.items():
            if name == part + theirs:
                return ours + own
    return None


def spiking(spec) -> bool:
    """Whether a case has nodes, and tokens that come before channels."""
    return "embed_dim" in spec[1]


def build(spec, dtype=torch.float32):
    """SpikingJelly's module of a case; its nodes' surrogate is Sigmoid(4) unless one is given, ours is ATan(2)."""
    nodes = {"surrogate_function": surrogate.ATan()} if spiking(spec) else {}
    return getattr(layer, spec[0])(**spec[2], **nodes).to(dtype).train()


def run(spec, seed, dtype=torch.float32):
    """One case: (arrays by name, potentials less thresholds)."""
    torch.manual_seed(seed)
    module = build(spec)
    rng = np.random.default_rng(seed)
    x = rng.normal(size=spec[3])
    if spiking(spec):
        x = rng.random(spec[3]) < 0.4
    x, cotangent = x.astype(np.float32), rng.normal(size=spec[3]).astype(np.float32)
    with torch.no_grad():  # norms that are not at their start
        for name, p in module.named_parameters():
            if "weight" in name and p.ndim == 1:
                p.copy_(torch.from_numpy(rng.uniform(1.0, 2.0, p.shape).astype(np.float32)))
            elif "bias" in name:
                p.copy_(torch.from_numpy(rng.uniform(0.6, 1.8, p.shape).astype(np.float32)))
            elif spec[0][0] in "TM" and not spiking(spec):
                p.copy_(torch.from_numpy(rng.normal(0, 0.7, p.shape).astype(np.float32)))
    module = module.to(dtype)
    gaps: list[np.ndarray] = []
    for node in module.modules():
        if isinstance(node, neuron.BaseNode):
            node.register_forward_pre_hook(lambda node, args: gaps.append(distances(node, args[0])))
    given = torch.from_numpy(x).to(dtype).requires_grad_()
    out = module(given.transpose(-1, -2) if spiking(spec) else given)
    out = out.transpose(-1, -2) if spiking(spec) else out
    (out * torch.from_numpy(cotangent).to(dtype)).sum().backward()
    found = {"x": x, "cotangent": cotangent, "out": out.detach().numpy(), "grad_x": given.grad.numpy()}
    for name, p in module.named_parameters():
        ours = our_name(name)
        assert ours, name
        shape = p.shape[:2] if p.ndim in (3, 5) else p.shape
        found["p." + ours] = p.detach().numpy().reshape(shape)
        found["g." + ours] = p.grad.numpy().reshape(shape)
    for name, b in module.named_buffers():
        ours = our_name(name)
        if ours:
            found["r." + ours] = b.numpy()
    return found, gaps


def distances(node, x_seq) -> np.ndarray:
    """Potentials before the reset less the threshold, by the node's formula (hard reset to 0, decayed input)."""
    v, rows = np.zeros(x_seq.shape[1:]), []
    for x in x_seq.detach().double().numpy():
        h = v + (x - v) / node.tau
        rows.append(h - node.v_threshold)
        v = np.where(rows[-1] >= 0, 0.0, h)
    return np.stack(rows)


def attempt(spec, seed):
    """The arrays of a case and notes, or None with the reason where this seed is no good."""
    found, gaps = run(spec, seed)
    double, _ = run(spec, seed, torch.float64)
    exact = spec[1].get("tau", 2.0) == 2.0  # counts of spikes through halvings: a potential may be the threshold itself
    margin = min((np.abs(g[g != 0] if exact and i == 1 else g).min() for i, g in enumerate(gaps)), default=1.0)
    if margin < MARGIN:
        return None, f"a potential within {margin:.1e} of the threshold"
    rates = [float((g >= 0).mean()) for g in gaps]
    if rates and not (min(rates) > 0.02 and max(rates) < 0.97):
        return None, f"rates {rates}"
    if gaps and not np.array_equal(found["out"], double["out"]):
        return None, "float64 fires differently"
    drift = max(apart(found[k], double[k]) for k in found)
    if drift > DRIFT:
        return None, f"float64 apart by {drift:.1e}"
    return (found, {"seed": seed, "shape": spec[3], "drift": drift, "rates": rates}), ""


def collect(written=None):
    """The content of the file, of each case's first good seed."""
    torch.set_num_threads(1)
    arrays, cases = {}, []
    for i, spec in enumerate(CASES):
        found, notes = first_good(lambda seed, spec=spec: attempt(spec, seed), written and written["cases"][i])
        arrays |= {f"{i}.{k}": v for k, v in found.items()}
        call = ", ".join(f"{k}={v}" for k, v in spec[2].items())
        call += ", surrogate_function=surrogate.ATan()" if spiking(spec) else ""
        ours = {"class": spec[0], "arguments": spec[1], "peer_call": f"layer.{spec[0]}({call})"}
        cases.append(ours | notes)
    return arrays, {"versions": versions("spikingjelly", "torch", "numpy"), "margin": MARGIN, "cases": cases}
