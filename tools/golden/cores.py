"""Make tests/data/golden_cores.npz: what spyx's recurrent cores compute over 200 steps, with all gradients.

    python -m venv venv
    venv/bin/pip install spyx==1.0.0
    venv/bin/python tools/make_golden.py cores [--check]

Every case is one core on an input xs (T, B, N) from a given first state, float32, compiled by XLA on the CPU.  With the
fixed cotangents cy and cs,

    loss = (outs * cy).sum() + (last state * cs).sum()

is differentiated with respect to xs, the first state, and each constant and weight.  The seed is the first one whose
potentials stay away from the threshold by MARGIN in all cases, and for which float32 and float64 agree to DRIFT.

In the file: for each case its outputs (spikes as packed bits), the state after every EVERY-th step, all gradients; the
inputs; and `header`, JSON with the versions, the seed, and for every case its arguments.

Differences of convention: at beta = 0 and beta = 1 jnp.clip passes half of the gradient, our cores all of it, so that
expected gradients of such constants are twice what is in the file (`"edge": true`).
"""

from __future__ import annotations

import os

os.environ.setdefault("JAX_ENABLE_X64", "1")  # before jax is loaded; what is float32 stays so

import jax
import jax.numpy as jnp
import numpy as np
import spyx
from flax import nnx

from golden import apart, first_good, versions

T, B, N, EVERY = 200, 2, 4, 5
MARGIN, DRIFT = 2e-5, 1e-4
TWO = ("ALIF", "CuBaLIF", "RCuBaLIF")
OTHER = {"ALIF": "gamma", "CuBaLIF": "alpha", "RCuBaLIF": "alpha"}


def cases():
    """(core, constants by name: None is one a unit from the file, threshold, surrogate)."""
    superspike = ["superspike", {"k": 25.0}]
    for core in ("IF", "LIF", "LI", "ALIF", "CuBaLIF", "RIF", "RLIF", "RCuBaLIF"):
        names = [n for n in ("beta", OTHER.get(core)) if n and core not in ("IF", "RIF")]
        yield core, dict.fromkeys(names), 1.0, superspike
        if names:
            yield core, dict(zip(names, (0.9, 0.7))), 0.8, superspike
    for beta in (0.0, 1.0, -0.2, 1.3):
        yield "LIF", {"beta": beta}, 1.0, superspike
    yield "ALIF", {"beta": 0.8, "gamma": 1.4}, 1.0, superspike
    yield "LIF", {"beta": None}, 1.0, ["triangular", {"k": 0.7}]
    yield "RLIF", {"beta": None}, 1.0, ["boxcar", {"width": 1.5, "height": 0.4}]
    yield "ALIF", {"beta": None, "gamma": None}, 1.0, ["tanh", {"k": 1.5}]


def spec(core, constants, threshold, surrogate):
    """One case as it goes into the header."""
    return {
        "core": core,
        "constants": constants,
        "threshold": threshold,
        "surrogate": surrogate,
        "edge": any(v in (0.0, 1.0) for v in constants.values()),
    }


def build(case, data, dtype):
    """spyx's core of a case, with the file's constants and weights."""
    name, arguments = case["surrogate"]
    options = {} if case["core"] == "LI" else {"activation": getattr(spyx.axn, name)(**arguments)}
    options |= {} if case["core"] == "LI" else {"threshold": case["threshold"]}
    core = getattr(spyx.nn, case["core"])((N,), **case["constants"], **options, rngs=nnx.Rngs(0))
    for key, value in case["constants"].items():
        getattr(core, key).value = jnp.asarray(data[key] if value is None else value, dtype)
    if case["core"].startswith("R"):
        core.recurrent_w.value = jnp.asarray(data["W"], dtype)
    return core


def run(case, data, dtype=jnp.float32):
    """One case: a dictionary of numpy arrays."""
    two = case["core"] in TWO
    xs, cy = (jnp.asarray(data[k], dtype) for k in ("xs", "cy"))
    first, cs = (jnp.asarray(data[k][:, : N * (1 + two)], dtype) for k in ("first", "cs"))
    graph, params = nnx.split(build(case, data, dtype))

    def steps(params, xs, first):
        def step(state, x):
            out, after = nnx.merge(graph, params)(x, state)
            return after, (out, after)

        return jax.lax.scan(step, first, xs)

    def loss(params, xs, first):
        last, (outs, states) = steps(params, xs, first)
        return (outs * cy).sum() + (last * cs).sum(), (outs, states)

    slope = jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2), has_aux=True))
    (_, (outs, states)), (gp, gx, gfirst) = slope(params, xs, first)
    found = {"outs": outs, "states": states, "grad_xs": gx, "grad_first": gfirst}
    found |= {f"grad_{key}": leaf for key, leaf in nnx.to_pure_dict(gp).items()}
    return {k: np.asarray(v) for k, v in found.items()}


def margin(case, data, found):
    """How near a potential before a step comes to the threshold."""
    if case["core"] == "LI":
        return np.inf
    two = case["core"] in TWO
    first = data["first"][None, :, : N * (1 + two)]
    before = np.concatenate([first, found["states"][:-1]]).astype(np.float64)
    threshold = case["threshold"] + (before[..., N:] if case["core"] == "ALIF" else 0)
    distance = np.abs(before[..., :N] - threshold)
    edges = {"boxcar": 0.75, "triangular": 1 / 0.7}
    return min(np.abs(distance - e).min() for e in (0.0, edges.get(case["surrogate"][0], 0.0)))


def inputs(seed):
    """What every case gets."""
    rng = np.random.default_rng(seed)
    data = {
        "xs": rng.normal(0.35, 0.8, (T, B, N)),
        "first": rng.uniform(-0.3, 0.9, (B, 2 * N)),
        "beta": rng.uniform(0.2, 0.95, N),
        "gamma": rng.uniform(0.2, 0.95, N),
        "alpha": rng.uniform(0.1, 0.7, N),
        "W": rng.normal(0, 0.4, (N, N)),
        "cy": rng.normal(size=(T, B, N)),
        "cs": rng.normal(size=(B, 2 * N)),
    }
    return {k: v.astype(np.float32) for k, v in data.items()}


def attempt(seed, specs):
    """The inputs of a seed and each case's results, or None with the reason when they are no good."""
    data, results, drift, rates = inputs(seed), [], 0.0, []
    for case in specs:
        found = run(case, data)
        if margin(case, data, found) < MARGIN:
            return None, f"{case['core']}: a potential within {MARGIN} of an edge"
        double = run(case, data, jnp.float64)
        if case["core"] != "LI" and not np.array_equal(found["outs"], double["outs"]):
            return None, f"{case['core']}: float64 fires differently"
        drift = max(drift, *(apart(found[k], double[k]) for k in found))
        if drift > DRIFT:
            return None, f"{case['core']}: float32 and float64 apart by {drift:.1e}"
        rates += [] if case["core"] == "LI" else [float(found["outs"].mean())]
        results.append(found)
    return (data, results, {"seed": seed, "float64_apart": drift, "rates": [min(rates), max(rates)]}), ""


def collect(written=None):
    """The content of the file, of the first good seed."""
    specs = [spec(*case) for case in cases()]
    data, results, notes = first_good(lambda seed: attempt(seed, specs), written)
    arrays = dict(data)
    for i, (case, found) in enumerate(zip(specs, results)):
        for key, values in found.items():
            if key == "outs" and case["core"] != "LI":
                values = np.packbits(values.astype(bool))
            arrays[f"{i}.{key}"] = values[EVERY - 1 :: EVERY] if key == "states" else values
    header = {
        "versions": versions("spyx", "jax", "flax", "numpy", "python"),
        "shapes": {"T": T, "B": B, "N": N, "every": EVERY},
        "loss": "(outs * cy).sum() + (last state * cs).sum()",
        "margin": MARGIN,
        **notes,
        "cases": specs,
    }
    return arrays, header
