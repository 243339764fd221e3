"""Make tests/data/golden_plasticity.npz: the weights that NEST's plastic synapses send.

Each case is one synapse of NEST 3.10 (`pip install nest-simulator==3.10.0`) between two parrot neurons in steps of
0.1 ms, with NEST's parameters but those of the case; a spike generator makes each parrot fire, and a weight recorder
tells what each pre-synaptic spike carried.  Dopamine comes from a third parrot.

In the file, `pre`, `post` and `giver` (T) are true at the steps at which the neurons fire, step k ending at
(k + 1) * 0.1 ms; `weights` (cases, pre-synaptic spikes) is what these carried; `header` is JSON with versions and
cases: NEST's model, its parameters and those of the target, first weight and delay in ms.
"""

from __future__ import annotations

import nest
import numpy as np

from golden import versions

STEPS, DT = 12_000, 0.1


def cases():
    """All cases: model, parameters, those of the post-synaptic neuron, first weight, delay."""
    pair = {"lambda": 0.05, "alpha": 1.1, "Wmax": 2.0, "tau_plus": 15.0}
    triplet = {"Aplus": 0.01, "Wmax": 4.0}
    dopamine = {"A_plus": 0.4, "A_minus": 0.5, "Wmax": 3.0, "tau_c": 300.0, "b": 0.002}
    listed = [
        ("stdp_synapse", {**pair, "mu_plus": 0.0, "mu_minus": 0.0}, {}, 1.0, 1.0),
        ("stdp_synapse", {**pair, "mu_plus": 1.0, "mu_minus": 1.0}, {"tau_minus": 25.0}, 0.3, 2.3),
        ("stdp_synapse", {**pair, "mu_plus": 0.0, "mu_minus": 1.0}, {}, 1.0, 0.5),
        ("stdp_synapse", {**pair, "mu_plus": 0.4, "mu_minus": 0.7}, {}, 1.0, 20.0),
        ("stdp_synapse", {**pair, "mu_plus": 0.0, "mu_minus": 0.5, "Wmax": -2.0}, {}, -1.0, 1.0),
        ("stdp_nn_symm_synapse", {**pair, "mu_plus": 1.0, "mu_minus": 0.0}, {}, 1.0, 1.5),
        ("stdp_triplet_synapse", {}, {"tau_minus": 33.7, "tau_minus_triplet": 125.0}, 1.0, 1.0),
        ("stdp_triplet_synapse", triplet, {"tau_minus": 20.0, "tau_minus_triplet": 110.0}, 1.0, 3.1),
        ("tsodyks2_synapse", {}, {}, 1.0, 1.0),
        ("tsodyks2_synapse", {"U": 0.15, "u": 0.15, "tau_rec": 130.0, "tau_fac": 530.0}, {}, -2.0, 1.7),
        ("stdp_dopamine_synapse", dopamine, {}, 1.0, 1.0),
        ("stdp_dopamine_synapse", {**dopamine, "tau_n": 40.0, "b": 0.0}, {"tau_minus": 30.0}, 1.5, 4.2),
    ]
    return [dict(zip(("model", "parameters", "target", "weight", "delay"), case)) for case in listed]


def trains():
    """The steps at which the three neurons fire, as bools (T)."""
    rng = np.random.default_rng(11)
    out = rng.random((3, STEPS)) < np.array([[0.004], [0.004], [0.0015]])
    out[:, :6] = False
    out[0, 5] = True  # NEST's nearest-neighbour synapses are born with a pre-synaptic spike at time 0
    out[:2, [700, 2500, 2501, 6000]] = True  # at the same time, and twice in a row
    out[1, np.flatnonzero(out[0, 3000:5000]) + 3000 - 10] = True  # arriving at the same time, after 1 ms
    out[0, 8000:10500] = False  # silence, longer than a post-synaptic history may have room for
    return out


def run(case, fired):
    """The weights of the pre-synaptic spikes."""
    nest.ResetKernel()
    nest.set_verbosity("M_ERROR")
    nest.resolution = DT
    neurons = [nest.Create("parrot_neuron", params=case["target"] if i == 1 else {}) for i in range(3)]
    for neuron, train in zip(neurons, fired):
        source = nest.Create("spike_generator", params={"spike_times": np.round(np.flatnonzero(train) * DT, 1)})
        nest.Connect(source, neuron, syn_spec={"delay": DT})
    recorder = nest.Create("weight_recorder")
    extra = {"weight_recorder": recorder}
    if "dopamine" in case["model"]:
        transmitter = nest.Create("volume_transmitter")
        nest.Connect(neurons[2], transmitter, syn_spec={"delay": 1.0})
        extra["volume_transmitter"] = transmitter
    nest.CopyModel(case["model"], "own", {"weight": case["weight"], **case["parameters"], **extra})
    first = {"weight": case["weight"], "delay": case["delay"]}
    nest.Connect(neurons[0], neurons[1], syn_spec={"synapse_model": "own", "receptor_type": 1, **first})
    nest.Simulate(STEPS * DT + 30)
    return np.asarray(recorder.events["weights"], np.float64)


def collect(written=None):
    """The content of the file."""
    fired = trains()
    arrays = dict(zip(("pre", "post", "giver"), fired))
    arrays["weights"] = np.stack([run(case, fired) for case in cases()])
    header = {"versions": versions("nest-simulator", "numpy", "python"), "dt": DT, "cases": cases()}
    return arrays, header
