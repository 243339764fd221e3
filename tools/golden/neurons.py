"""Make tests/data/golden_neurons.npz: what NEST's neurons do with steps of current and with spikes that arrive.

Each case is one neuron of NEST 3.10 (`pip install nest-simulator==3.10.0`) for 200 ms in steps of 0.1 ms, with NEST's
parameters but those of the case.  A step current generator and two spike generators reach it; a multimeter samples
V_m at the end of each step.

In the file, step k ends at (k + 1) * 0.1 ms: `arriving` (T) holds at each step 1 where an excitatory spike arrives, -1
where an inhibitory one does; `currents` (T) is the current in force, in shares of the case's `current`: NEST's devices
are heard a step after their event, which is counted here.  `V` (cases, T), `spikes` (cases, T), and `header`, JSON with
versions and cases: model, parameters, current (pA), the weights of both kinds of spikes, and the states at the start.
"""

from __future__ import annotations

import nest
import numpy as np

from golden import versions

STEPS, DT, LATE = 2000, 0.1, 2  # LATE: steps from a generator's change to the first step that integrates it
LEVELS = ((20.0, 1.0), (60.0, 1.6), (100.0, 0.0), (120.0, 2.3), (170.0, -0.5))  # ms, shares of the current
STATES = ("V_m", "w", "U_m", "Act_m", "Inact_h", "Act_n")


def cases():
    """All cases: model, changed parameters, current, weights."""
    listed = [
        ("iaf_psc_delta", {"refractory_input": False}, 400.0, 2.0, -2.0),
        ("iaf_psc_exp", {"tau_syn_ex": 3.0, "tau_syn_in": 10.0}, 390.0, 150.0, -150.0),
        ("iaf_psc_alpha", {"t_ref": 1.0}, 390.0, 150.0, -150.0),
        ("iaf_cond_exp", {"tau_syn_ex": 1.0}, 310.0, 10.0, -10.0),
        ("iaf_cond_alpha", {"tau_syn_ex": 1.5}, 310.0, 5.0, -5.0),
        ("iaf_cond_exp_sfa_rr", {}, 500.0, 10.0, -10.0),
        ("aeif_cond_exp", {"gsl_error_tol": 1e-9, "t_ref": 1.0}, 700.0, 10.0, -10.0),
        ("aeif_cond_alpha", {"gsl_error_tol": 1e-9, "V_peak": -30.0, "t_ref": 2.0}, 700.0, 5.0, -5.0),
        ("hh_cond_exp_traub", {}, 300.0, 5.0, -5.0),
        ("izhikevich", {}, 8.0, 2.0, -2.0),
    ]
    names = ("model", "parameters", "current", "excitatory", "inhibitory")
    return [dict(zip(names, case)) for case in listed]


def inputs():
    """The steps at which spikes arrive (T), and the share of the current in force (T)."""
    rng = np.random.default_rng(3)
    arriving, currents = np.zeros(STEPS, np.int8), np.zeros(STEPS, np.float32)
    for sign in (1, -1):
        arriving[rng.choice(np.arange(20, STEPS), 20, replace=False)] = sign
    for start, level in LEVELS:
        currents[round(start / DT) + LATE - 1 :] = level
    return arriving, currents


def run(case, arriving):
    """V_m (T), spikes (T), and the states at the start."""
    nest.ResetKernel()
    nest.set_verbosity("M_ERROR")
    nest.resolution = DT
    neuron = nest.Create(case["model"], params=case["parameters"])
    start = {name: value for name in STATES if (value := neuron.get().get(name)) is not None}
    times, levels = zip(*LEVELS)
    current = nest.Create(
        "step_current_generator",
        params={"amplitude_times": times, "amplitude_values": [case["current"] * level for level in levels]},
    )
    nest.Connect(current, neuron, syn_spec={"delay": DT})
    for sign, weight in ((1, case["excitatory"]), (-1, case["inhibitory"])):
        at = np.flatnonzero(arriving == sign)
        source = nest.Create("spike_generator", params={"spike_times": np.round(at * DT, 1)})
        nest.Connect(source, neuron, syn_spec={"weight": weight, "delay": DT})
    meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": DT})
    spikes = nest.Create("spike_recorder")
    nest.Connect(meter, neuron, syn_spec={"delay": DT})
    nest.Connect(neuron, spikes, syn_spec={"delay": DT})
    nest.Simulate(STEPS * DT + 1)
    fired = np.zeros(STEPS, bool)
    steps = np.round(np.asarray(spikes.events["times"]) / DT).astype(int) - 1
    fired[steps[steps < STEPS]] = True
    return meter.events["V_m"][:STEPS].astype(np.float32), fired, start


def collect(written=None):
    """The content of the file."""
    arriving, currents = inputs()
    found = [(case, *run(case, arriving)) for case in cases()]
    arrays = {
        "arriving": arriving,
        "currents": currents,
        "V": np.stack([v for _, v, _, _ in found]),
        "spikes": np.stack([fired for _, _, fired, _ in found]),
    }
    header = {
        "versions": versions("nest-simulator", "numpy", "python"),
        "dt": DT,
        "cases": [{**case, "start": start} for case, _, _, start in found],
    }
    return arrays, header
