"""Make tests/data/golden_regimes.npz: statistics of Brunel's network in its regimes, by NEST, of ten seeds each.

N. Brunel, Dynamics of sparsely connected networks of excitatory and inhibitory spiking neurons, J. Comput. Neurosci. 8,
183-208 (2000): the network of its model A with a fifth of the neurons, each with a fifth of the synapses, and weights
five times as large, so that mean inputs are as published; NEST 3.10 (`pip install nest-simulator==3.10.0`), steps of
0.1 ms.  In the asynchronous regular regime delays are spread; else all are 1.5 ms.

In the file, `found` (cases, seeds, statistics) is, of the excitatory neurons after the start: Hz, the mean CV of
intervals, the mean correlation of spike counts in bins of 5 ms of 200 neurons, and the standard deviation by mean of
the population's counts in bins of 1 ms; `header` is JSON with versions, the network and the cases.
"""

from __future__ import annotations

import nest
import numpy as np

from golden import versions

SEEDS = 10
NETWORK = {
    "exc": 2000, "inh": 500, "degree_exc": 200, "degree_inh": 50, "J": 0.5, "dt": 0.1, "start": 200.0, "stop": 700.0,
    "neuron": {"tau_m": 20.0, "C_m": 1.0, "E_L": 0.0, "V_th": 20.0, "V_reset": 10.0, "t_ref": 2.0},
}  # fmt: skip
CASES = [  # g: inhibition by excitation; eta: noise, by what takes the mean potential to the threshold; delays in ms
    {"name": "SR", "g": 3.0, "eta": 2.0, "delay": [1.5, 1.5]},
    {"name": "SI fast", "g": 6.0, "eta": 4.0, "delay": [1.5, 1.5]},
    {"name": "SI slow", "g": 4.5, "eta": 0.9, "delay": [1.5, 1.5]},
    {"name": "AI", "g": 5.0, "eta": 2.0, "delay": [1.5, 1.5]},
    {"name": "AR", "g": 3.0, "eta": 2.0, "delay": [1.0, 3.0]},
]


def statistics(times, who):
    """The four numbers of spikes."""
    n, start, stop = NETWORK["exc"], NETWORK["start"], NETWORK["stop"]
    steps = np.rint(times / NETWORK["dt"]).astype(int) - round(start / NETWORK["dt"])
    steps, who = steps[steps > 0], who[steps > 0]
    trains = [np.sort(steps[who == i]) for i in range(n)]
    cvs = [np.diff(train).std() / np.diff(train).mean() for train in trains if len(train) > 2]
    bins = np.zeros((n, round((stop - start) / 5)))
    np.add.at(bins, (who, (steps - 1) // 50), 1)
    active = np.random.default_rng(0).permutation(np.flatnonzero(bins.std(axis=1) > 0))[:200]
    correlation = np.corrcoef(bins[active])[np.triu_indices(len(active), 1)].mean()
    together = np.bincount((steps - 1) // 10, minlength=round(stop - start))
    return len(steps) / n / (stop - start) * 1000, np.mean(cvs), correlation, together.std() / together.mean()


def run(case, seed):
    """The statistics of one run."""
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.resolution, nest.rng_seed = NETWORK["dt"], seed
    exc, inh = (
        nest.Create("iaf_psc_delta", NETWORK[n], params={**NETWORK["neuron"], "V_m": 0.0}) for n in ("exc", "inh")
    )
    low, high = case["delay"]
    delay = low if low == high else nest.random.uniform(low, high)
    for source, name, weight in ((exc, "exc", NETWORK["J"]), (inh, "inh", -case["g"] * NETWORK["J"])):
        rule = {"rule": "fixed_indegree", "indegree": NETWORK[f"degree_{name}"]}
        nest.Connect(source, exc + inh, rule, {"weight": weight, "delay": delay})
    neuron = NETWORK["neuron"]
    rate = case["eta"] * neuron["V_th"] / (NETWORK["J"] * neuron["tau_m"]) * 1000
    noise = nest.Create("poisson_generator", params={"rate": rate})
    nest.Connect(noise, exc + inh, syn_spec={"weight": NETWORK["J"], "delay": 1.5})
    recorder = nest.Create("spike_recorder")
    nest.Connect(exc, recorder)
    nest.Simulate(NETWORK["stop"])
    events = recorder.events
    return statistics(events["times"], np.asarray(events["senders"]) - 1)


def collect(written=None):
    """The content of the file."""
    found = np.array([[run(case, seed) for seed in range(1, SEEDS + 1)] for case in CASES])
    header = {"versions": versions("nest-simulator", "numpy", "python"), "network": NETWORK, "cases": CASES}
    return {"found": found}, header
