"""The cortical microcircuit of Potjans and Diesmann (2014), whole or a part of it with the in-degrees kept.

    python examples/microcircuit.py [--scale 0.1] [--duration 1000] [--seed 1] [--picture FILE]

Eight populations, excitatory and inhibitory ones in layers 2/3, 4, 5 and 6, below 1 square mm of cortex: 77,169 neurons
and 0.3 billion synapses at full scale, for which a GPU with 3 GB of memory does.  A smaller scale has fewer neurons,
each with as many synapses as at full scale, so rates stay close while neurons share more of their inputs and fire more
in synchrony (van Albada, Helias and Diesmann, PLoS Comput. Biol. 11, 2015).

T. C. Potjans and M. Diesmann, The cell-type specific cortical microcircuit, Cerebral Cortex 24, 785-806 (2014): sizes
and probabilities (table 5), in-degrees of the background and synapses (table 4), numbers of synapses (its equation 1).
"""

import argparse
import math

import numpy as np

from grilly_vk import plot, sim
from grilly_vk.sim import analysis

NAMES = ("L2/3e", "L2/3i", "L4e", "L4i", "L5e", "L5i", "L6e", "L6i")
SIZES = (20683, 5834, 21915, 5479, 4850, 1065, 14395, 2948)
PROBABILITY = (  # rows: targets, columns: sources
    (0.1009, 0.1689, 0.0437, 0.0818, 0.0323, 0.0, 0.0076, 0.0),
    (0.1346, 0.1371, 0.0316, 0.0515, 0.0755, 0.0, 0.0042, 0.0),
    (0.0077, 0.0059, 0.0497, 0.135, 0.0067, 0.0003, 0.0453, 0.0),
    (0.0691, 0.0029, 0.0794, 0.1597, 0.0033, 0.0, 0.1057, 0.0),
    (0.1004, 0.0622, 0.0505, 0.0057, 0.0831, 0.3726, 0.0204, 0.0),
    (0.0548, 0.0269, 0.0257, 0.0022, 0.06, 0.3158, 0.0086, 0.0),
    (0.0156, 0.0066, 0.0211, 0.0166, 0.0572, 0.0197, 0.0396, 0.2252),
    (0.0364, 0.001, 0.0034, 0.0005, 0.0277, 0.008, 0.0658, 0.1443),
)
BACKGROUND = (1600, 1500, 2100, 1900, 2000, 1900, 2900, 2100)  # synapses of a neuron, at 8 spikes a second each
RATES = (0.903, 2.965, 4.414, 5.876, 7.569, 8.633, 1.105, 7.829)  # Hz, of NEST's model at full scale
# Normal numbers for the first potentials (mV), near those that a run comes to: the start dies away sooner.
POTENTIAL = (-68.28, -63.16, -63.33, -63.45, -63.11, -61.66, -66.72, -61.43)
SPREAD = (5.36, 4.57, 4.74, 4.94, 4.94, 4.55, 5.46, 4.48)
NEURON = dict(tau_m=10.0, C_m=250.0, E_L=-65.0, V_th=-50.0, V_reset=-65.0, t_ref=2.0, tau_syn_ex=0.5, tau_syn_in=0.5)
WEIGHT, G, DELAY = 87.8, -4.0, {"e": 1.5, "i": 0.75}  # pA; ms
TRANSIENT = 200.0  # ms, left out of the statistics


def synapses(probability, sources, targets):
    """How many synapses two whole populations have, so that a pair has at least one with this probability."""
    return math.log(1 - probability) / math.log(1 - 1 / (sources * targets))


def network(scale=0.1, seed=1):
    """The network and its eight populations."""
    rng = np.random.default_rng(seed)
    with sim.Network(dt=0.1, seed=seed) as net:
        sizes = [round(n * scale) for n in SIZES]
        populations = [sim.Population(n, "iaf_psc_exp", label=name, **NEURON) for n, name in zip(sizes, NAMES)]
        for population, mean, sd in zip(populations, POTENTIAL, SPREAD):
            population.set(V_m=rng.normal(mean, sd, population.size))
            population.record("spikes")
        for i, post in enumerate(populations):
            sim.PoissonInput(post, rate=8.0 * BACKGROUND[i], weight=WEIGHT)
            for j, pre in enumerate(populations):
                if not PROBABILITY[i][j]:
                    continue
                many = round(synapses(PROBABILITY[i][j], SIZES[j], SIZES[i]) * scale)
                delay = DELAY[NAMES[j][-1]]
                weight = WEIGHT * (G if NAMES[j].endswith("i") else 2.0 if (i, j) == (0, 2) else 1.0)
                limits = {"high": 0.0} if weight < 0 else {"low": 0.0}
                sim.Projection(
                    pre,
                    post,
                    sim.FixedTotalNumber(many),
                    weight=sim.Normal(weight, 0.1 * abs(weight), **limits),
                    delay=sim.Normal(delay, 0.5 * delay, low=net.dt),
                    receptor="inh" if weight < 0 else "exc",
                    dtype=np.float16,  # 15 bits of each weight: 4 bytes a synapse with its delay
                )
    return net, populations


def statistics(population, start=TRANSIENT):
    """Mean rate (Hz), mean CV of the intervals, and synchrony: variance by mean of counts in bins of 3 ms."""
    counts = analysis.binned_counts(population, start=start, bin=3.0).sum(axis=0)
    cvs = analysis.interval_cvs(population, start=start)
    cv = float(np.nanmean(cvs)) if np.isfinite(cvs).any() else math.nan
    mean = counts.mean()
    rate = analysis.firing_rates(population, start=start).mean()
    return float(rate), cv, float(counts.var() / mean) if mean else math.nan


def main(scale=0.1, duration=1000.0, seed=1, picture=None):
    net, populations = network(scale, seed)
    net.build()
    print(f"{sum(p.size for p in populations)} neurons")
    net.run(TRANSIENT + duration, progress=True)
    print(f"{duration / 1000:g} s after the start, in {net.real_time_factor:.2f} times real time")
    print("population    rate (Hz)   full scale   CV    synchrony")
    for population, full in zip(populations, RATES):
        rate, cv, synchrony = statistics(population)
        print(f"{population.label:10} {rate:10.2f} {full:12.2f} {cv:7.2f} {synchrony:9.2f}")
    if picture:
        ax = plot.population_raster(populations, start=net.t - min(duration, 500.0), stop=net.t)
        ax.set_title(f"Potjans and Diesmann's microcircuit at {100 * scale:g} %")
        ax.figure.savefig(picture, dpi=150)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=0.1, help="of the neurons, at most 1")
    parser.add_argument("--duration", type=float, default=1000.0, help="ms, after 200 ms that are left out")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--picture", help="a file for the raster")
    main(**vars(parser.parse_args()))
