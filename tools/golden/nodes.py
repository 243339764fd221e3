"""Make tests/data/golden_nodes.npz: what SpikingJelly's IF, LIF and PLIF nodes compute, with all gradients.

`--check` also runs with spikingjelly==0.0.0.0.14, which lacks Rect (those cases are left out then).

Every case is one node on the same input x = inp @ W^T (T, B, N), float32, PyTorch operations on the CPU, once with
step_mode="m" and once as a loop of single steps; the two must agree.  With the fixed cotangents cs and cv,

    loss = (spikes * cs).sum() + (v_seq * cv).sum()

is differentiated with respect to x, W and, for ParametricLIFNode, w.  v_seq holds the potentials after the reset; its
last row is the node's final v.  The seed is the first one whose potentials before the reset stay away from the
threshold and from the surrogates' edges by MARGIN in all cases, and for which float32 and float64 agree to DRIFT.

In the file: arrays stacked over the cases (`spikes` as packed bits), the inputs, each surrogate's derivative on a grid,
and `header`, JSON with the versions, the seed, and for every case the call in our names and in SpikingJelly's.

Surrogates: SpikingJelly's derivative is the same function as ours for ATan, Sigmoid, PiecewiseQuadratic, Erf, Rect and
SoftSign (our FastSigmoid).  Its SuperSpike is alpha/(1+|x|)^2, ours (Zenke & Ganguli 2018) 1/(1+beta|x|)^2, so they
meet at alpha = beta = 1 only, and that case is here.  Our TanhSurrogate, Boxcar and Triangular have no counterpart
with the same height and width there.
"""

from __future__ import annotations

import itertools

import numpy as np
import torch
from spikingjelly.activation_based import neuron, surrogate

from golden import apart, first_good, versions

T, B, N, K = 8, 2, 6, 5
MARGIN, DRIFT = 5e-5, 3e-6
ARRAYS = ("spikes", "v_seq", "grad_x", "grad_W", "grad_w")

# Our name and arguments, SpikingJelly's, and where its derivative has edges.
MAIN_SURROGATES = [
    ("ATan", {"alpha": 2.0}, "ATan", {"alpha": 2.0}, ()),
    ("Sigmoid", {"alpha": 4.0}, "Sigmoid", {"alpha": 4.0}, ()),
    ("PiecewiseQuadratic", {"alpha": 1.0}, "PiecewiseQuadratic", {"alpha": 1.0}, (1.0,)),
    ("Erf", {"alpha": 2.0}, "Erf", {"alpha": 2.0}, ()),
]
OTHER_SURROGATES = [
    ("ATan", {"alpha": 1.3}, "ATan", {"alpha": 1.3}, ()),
    ("Sigmoid", {"alpha": 2.5}, "Sigmoid", {"alpha": 2.5}, ()),
    ("PiecewiseQuadratic", {"alpha": 0.7}, "PiecewiseQuadratic", {"alpha": 0.7}, (1 / 0.7,)),
    ("Erf", {"alpha": 1.1}, "Erf", {"alpha": 1.1}, ()),
    ("FastSigmoid", {"alpha": 2.0}, "SoftSign", {"alpha": 2.0}, ()),
    ("FastSigmoid", {"alpha": 3.5}, "SoftSign", {"alpha": 3.5}, ()),
    ("Rect", {"alpha": 1.0}, "Rect", {"alpha": 1.0}, (0.5,)),
    ("Rect", {"alpha": 0.8}, "Rect", {"alpha": 0.8}, (0.5 / 0.8,)),
    ("SuperSpike", {"beta": 1.0}, "SuperSpike", {"alpha": 1.0}, ()),
]
RESETS = (0.0, -0.3, None)
TAU = {"IFNode": None, "LIFNode": "tau", "ParametricLIFNode": "init_tau"}


def cases():
    """All cases: every combination with the main surrogates, the plain ones with the others."""
    for name, tau in TAU.items():
        settings = ((2.0, 1.0), (3.5, 0.8))
        inputs = (True, False) if tau else (None,)
        for (value, threshold), decay, reset, detach, sg in itertools.product(
            settings, inputs, RESETS, (False, True), MAIN_SURROGATES
        ):
            yield case(name, value, threshold, decay, reset, detach, sg)
    for name, reset, sg in itertools.product(("LIFNode", "ParametricLIFNode"), (0.0, None), OTHER_SURROGATES):
        yield case(name, 2.0, 1.0, True, reset, False, sg)


def case(name, tau, threshold, decay, reset, detach, sg):
    """One case as it goes into the header."""
    arguments = {"v_threshold": threshold, "v_reset": reset, "detach_reset": detach}
    if TAU[name]:
        arguments |= {TAU[name]: tau, "decay_input": decay}
    ours, our_arguments, theirs, their_arguments, edges = sg
    call = ", ".join(f"{k}={v}" for k, v in arguments.items())
    inner = ", ".join(f"{k}={v}" for k, v in their_arguments.items())
    return {
        "node": name,
        "arguments": arguments,
        "surrogate": [ours, our_arguments],
        "edges": list(edges),
        "peer_surrogate": [theirs, their_arguments],
        "peer_call": f"neuron.{name}({call}, surrogate_function=surrogate.{theirs}({inner}))",
    }


def build(spec, mode):
    """SpikingJelly's node of a case."""
    name, arguments = spec["peer_surrogate"]
    return getattr(neuron, spec["node"])(
        **spec["arguments"],
        surrogate_function=getattr(surrogate, name)(**arguments),
        step_mode=mode,
        store_v_seq=mode == "m",
    )


def run(spec, data, mode, dtype=torch.float32):
    """One case in one step mode: a dictionary of numpy arrays."""
    inp, weight, cs, cv = (torch.from_numpy(data[k]).to(dtype) for k in ("inp", "W", "cs", "cv"))
    weight.requires_grad_()
    node = build(spec, mode).to(dtype)
    x = inp @ weight.T
    x.retain_grad()
    if mode == "m":
        spikes, v_seq = node(x), node.v_seq
    else:
        rows = [(node(row), node.v) for row in x]
        spikes, v_seq = (torch.stack(part) for part in zip(*rows))
    assert torch.equal(node.v, v_seq[-1])
    ((spikes * cs).sum() + (v_seq * cv).sum()).backward()
    w = getattr(node, "w", None)
    results = (spikes, v_seq, x.grad, weight.grad, torch.zeros(()) if w is None else w.grad)
    return {k: v.detach().numpy() for k, v in zip(ARRAYS, results)} | {"x": x.detach().numpy()}


def margin(spec, found):
    """How near a potential before the reset comes to the threshold or to an edge of the surrogate."""
    arguments = spec["arguments"]
    reset = arguments["v_reset"] or 0.0
    x = found["x"].astype(np.float64)
    before = np.concatenate([np.full((1, B, N), reset), found["v_seq"][:-1]]).astype(np.float64)
    tau = arguments.get("tau", arguments.get("init_tau"))
    if tau is None:
        h = before + x
    elif arguments["decay_input"]:
        h = before + (x - (before - reset)) / tau
    else:
        h = before - (before - reset) / tau + x
    distance = np.abs(h - arguments["v_threshold"])
    return min(np.abs(distance - edge).min() for edge in (0.0, *spec["edges"]))


def attempt(seed, specs):
    """The inputs of a seed and each case's results, or None with the reason when they are no good."""
    rng = np.random.default_rng(seed)
    data = {
        "inp": np.abs(rng.normal(size=(T, B, K))),
        "W": rng.normal(0.3, 0.6, size=(N, K)),
        "cs": rng.normal(size=(T, B, N)),
        "cv": rng.normal(size=(T, B, N)),
    }
    data = {k: v.astype(np.float32) for k, v in data.items()}
    results, modes, drift, rates = [], 0.0, 0.0, []
    for spec in specs:
        found = run(spec, data, "m")
        if margin(spec, found) < MARGIN:
            return None, f"a potential within {MARGIN} of an edge"
        single, double = run(spec, data, "s"), run(spec, data, "m", torch.float64)
        rates.append(found["spikes"].mean())
        if not 0.1 < rates[-1] < 0.9:
            return None, f"{rates[-1]:.0%} of spikes"
        assert np.array_equal(found["spikes"], single["spikes"]), "the step modes fire differently"
        assert np.array_equal(found["spikes"], double["spikes"]), "float64 fires differently"
        modes = max(modes, *(apart(single[k], found[k]) for k in ARRAYS))
        drift = max(drift, *(apart(found[k], double[k]) for k in ARRAYS))
        if drift > DRIFT:
            return None, f"float32 and float64 apart by {drift:.1e}"
        results.append(found)
    notes = {"seed": seed, "modes_apart": modes, "float64_apart": drift, "rates": [min(rates), max(rates)]}
    return (data, results, notes), ""


def collect(written=None):
    """The content of the file, of the first good seed."""
    torch.set_num_threads(1)
    specs = [spec for spec in cases() if not written or hasattr(surrogate, spec["peer_surrogate"][0])]
    data, results, notes = first_good(lambda seed: attempt(seed, specs), written)
    arrays = {k: np.stack([r[k] for r in results]) for k in ARRAYS}
    arrays["spikes"] = np.packbits(arrays["spikes"].astype(bool).reshape(len(specs), -1), axis=1)
    arrays |= data | {"x": results[0]["x"]}
    grid, keys, derivatives = np.linspace(-2.013, 2.017, 97, dtype=np.float32), [], []
    for name, arguments, theirs, their_arguments, _ in MAIN_SURROGATES + OTHER_SURROGATES:
        if hasattr(surrogate, theirs):
            at = torch.from_numpy(grid.copy()).requires_grad_()
            getattr(surrogate, theirs)(**their_arguments)(at).sum().backward()
            derivatives.append(at.grad.numpy())
            keys.append([name, arguments])
    arrays |= {"grid": grid, "derivatives": np.stack(derivatives)}
    header = {
        "versions": versions("spikingjelly", "torch", "numpy", "python"),
        "shapes": {"T": T, "B": B, "N": N, "K": K},
        "loss": "(spikes * cs).sum() + (v_seq * cv).sum(), x = inp @ W.T",
        "margin": MARGIN,
        **notes,
        "surrogates": keys,
        "cases": specs,
    }
    return arrays, header


def covered(old, written, header):
    """What of a file the installed SpikingJelly has the surrogates for."""
    rows = [i for i, spec in enumerate(written["cases"]) if spec in header["cases"]]
    curves = [i for i, key in enumerate(written["surrogates"]) if key in header["surrogates"]]
    old = old | {k: old[k][rows] for k in ARRAYS} | {"derivatives": old["derivatives"][curves]}
    return old, written | {key: [v for v in written[key] if v in header[key]] for key in ("cases", "surrogates")}
