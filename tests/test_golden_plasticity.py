"""Plastic synapses of grilly_vk.sim against golden vectors of NEST, made by tools/make_golden.py."""

import functools

import numpy as np
import pytest
from golden import load

from grilly_vk import sim

DATA, HEADER = load("plasticity")
CASES, DT = HEADER["cases"], HEADER["dt"]
SENT = np.flatnonzero(DATA["pre"])
PULSE = dict(tau_m=1e7, C_m=1.0, E_L=0.0, V_reset=0.0, V_th=1e4, t_ref=0.0)  # fires in steps with a current, no others


def rule_of(case, giver):
    """Our rule of one of NEST's."""
    p, target = dict(case["parameters"]), case["target"]
    post = {"tau_minus": target.get("tau_minus", 20.0)}
    if case["model"].startswith("stdp_triplet"):
        named = {n.replace("Aplus", "A_plus").replace("Aminus", "A_minus"): v for n, v in p.items()}
        return sim.TripletSTDP(tau_minus_triplet=target["tau_minus_triplet"], **named, **post)
    if case["model"].startswith("stdp_dopamine"):
        return sim.DopamineSTDP(giver, dopamine_delay=1.0, **p, **post)
    if case["model"].startswith("tsodyks2"):
        p.pop("u", None)
        return sim.TsodyksMarkram(**p)
    rate, alpha = p.pop("lambda"), p.pop("alpha")
    return sim.STDP(
        A_plus=rate, A_minus=rate * alpha, pairing="nearest" if "_nn_" in case["model"] else "all", **p, **post
    )


@functools.cache
def carried():
    """What our pre-synaptic spikes carried (cases, spikes), all in one network, with a source and a target each."""
    n = len(CASES)
    with sim.Network(dt=DT) as net:
        pre, post, giver = (sim.Population(size, "iaf_psc_delta", **PULSE) for size in (n, n, 1))
        for population, train in zip((pre, post, giver), (DATA["pre"], DATA["post"], DATA["giver"])):
            population.inject(lambda t, train=train: 2e5 * train[np.rint(np.asarray(t) / DT).astype(int)])
            population.record("spikes")
        synapses = [
            sim.Projection(
                pre[i : i + 1], post[i : i + 1], sim.AllToAll(), weight=case["weight"], delay=case["delay"],
                synapse=rule_of(case, giver),
            )
            for i, case in enumerate(CASES)
        ]  # fmt: skip
        for i, case in enumerate(CASES):
            if case["model"].startswith("tsodyks2"):
                post[i : i + 1].record("V_m")
    out, now = [], 0
    for step in SENT:
        net.run((step + 1 - now) * DT)
        now = step + 1
        out.append([float(s.weights[0]) for s in synapses])
    net.run((len(DATA["pre"]) - now) * DT)
    for population, train in ((pre, DATA["pre"]), (post, DATA["post"])):
        steps = np.rint(population[:1].spikes[0] / DT).astype(int) - 1
        np.testing.assert_array_equal(steps, np.flatnonzero(train))
    moves = {i: np.diff(post[i : i + 1].samples("V_m")[1][:, 0]) for i in range(n) if post.sampled["V_m"][i]}
    return np.array(out).T, moves


@pytest.mark.parametrize("i", range(len(CASES)), ids=[f"{c['model']} {c['delay']}" for c in CASES])
def test_weights_are_those_of_nest(i):
    """What each pre-synaptic spike carries, to float32's rounding over all spikes before."""
    weights, moves = carried()
    case, want = CASES[i], DATA["weights"][i]
    got = weights[i]
    if i in moves:  # what arrived, where the target did not fire
        at = SENT + round(case["delay"] / DT)
        quiet = (at < len(moves[i])) & ~DATA["post"][np.minimum(at, len(DATA["post"]) - 1)]
        got, want = moves[i][at[quiet] - 1], want[quiet]
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=2e-6)
    assert len(want) > 30 and np.ptp(want) > 0.05
