"""NEST's Brunel network; started by benchmarks/networks.py with --nest-python.  plastic.npy: whether with STDP."""

import os
import sys
from pathlib import Path

import numpy as np
from serve import THREADS, serve, two_cores

if __name__ == "__main__":
    two_cores()
    answers = os.dup(1)
    os.dup2(2, 1)  # NEST's own lines must not look like answers
    sys.stdout = sys.stderr
    import nest

    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.ResetKernel()
    nest.local_num_threads = THREADS
    nest.resolution = 0.1
    nest.rng_seed = 5
    neuron = dict(tau_m=20.0, C_m=1.0, E_L=0.0, V_th=20.0, V_reset=10.0, t_ref=2.0, V_m=0.0)
    exc = nest.Create("iaf_psc_delta", 8000, params=neuron)
    inh = nest.Create("iaf_psc_delta", 2000, params=neuron)
    noise = nest.Create("poisson_generator", params={"rate": 2 * 20.0 / (0.1 * 800 * 20.0) * 800 * 1000})
    spikes = nest.Create("spike_recorder")
    plastic = bool(np.load(Path(sys.argv[1]) / "plastic.npy"))
    same = {"lambda": 0.005, "alpha": 1.0, "mu_plus": 1.0, "mu_minus": 1.0, "Wmax": 0.2, "tau_plus": 20.0}
    nest.CopyModel("stdp_synapse", "plastic", same)
    for source, degree, weight in ((exc, 800, 0.1), (inh, 200, -0.5)):
        rule = {"rule": "fixed_indegree", "indegree": degree}
        model = "plastic" if weight > 0 and plastic else "static_synapse"
        nest.Connect(source, exc + inh, rule, {"synapse_model": model, "weight": weight, "delay": 1.5})
    nest.Connect(noise, exc + inh, syn_spec={"weight": 0.1, "delay": 1.5})
    nest.Connect(exc + inh, spikes)
    nest.Prepare()
    found = [0]

    def brunel():
        before = spikes.n_events
        nest.Run(200.0)
        found[0] = spikes.n_events - before
        return {"spikes": found[0]}

    sys.stdout = os.fdopen(answers, "w")
    serve({"brunel": brunel}, {"rate": lambda: found[0] / 10000 / 0.2})
