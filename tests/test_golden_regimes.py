"""Brunel's regimes in grilly_vk.sim, within the spread of NEST's seeds; golden numbers by tools/make_golden.py."""

import numpy as np
import pytest
from golden import load

from grilly_vk import sim
from grilly_vk.sim import analysis

DATA, HEADER = load("regimes")
NETWORK, CASES = HEADER["network"], HEADER["cases"]


def found(case, seed):
    """Hz, CV of intervals, correlation, and deviation by mean of the population's counts, as the file has them."""
    with sim.Network(dt=NETWORK["dt"], seed=seed) as net:
        exc, inh = (sim.Population(NETWORK[n], "iaf_psc_delta", **NETWORK["neuron"]) for n in ("exc", "inh"))
        J, tau, theta = NETWORK["J"], NETWORK["neuron"]["tau_m"], NETWORK["neuron"]["V_th"]
        low, high = case["delay"]
        delay = low if low == high else sim.Uniform(low, high)
        for target in (exc, inh):
            for source, name, weight in ((exc, "exc", J), (inh, "inh", -case["g"] * J)):
                degree = sim.FixedInDegree(NETWORK[f"degree_{name}"])
                sim.Projection(source, target, degree, weight=weight, delay=delay)
            sim.PoissonInput(target, case["eta"] * theta / (J * tau) * 1000, J)
    net.run(NETWORK["start"])
    exc.record("spikes")
    net.run(NETWORK["stop"] - NETWORK["start"])
    span = {"start": NETWORK["start"], "stop": NETWORK["stop"]}
    population = analysis.population_rate(exc, **span)[1]
    return (
        population.mean(),
        np.nanmean(analysis.interval_cvs(exc, **span)),
        analysis.correlations(exc, **span).mean(),
        population.std() / population.mean(),
    )


@pytest.mark.parametrize("i", range(len(CASES)), ids=[case["name"] for case in CASES])
def test_a_regime_is_that_of_nest(i):
    """One seed, by Student's t: 3.5 deviations of NEST's ten are missed by one right figure in 100."""
    got, golden = found(CASES[i], 1), DATA["found"][i]
    apart = (got - golden.mean(axis=0)) / golden.std(axis=0, ddof=1)
    assert np.abs(apart).max() < 3.5, (got, golden.mean(axis=0), apart)
