"""Brunel's network of 10,000 neurons and 10 million synapses, 200 ms of it, against NEST.

8,000 excitatory and 2,000 inhibitory neurons with delta synapses, a tenth of each population onto each neuron, 1.5 ms
delay, 0.1 ms steps (Brunel, J. Comput. Neurosci. 8, 2000). Spikes are recorded and read. Then the same with pair STDP,
multiplicative, on all excitatory synapses.
"""

from __future__ import annotations

import gc
import time

import numpy as np

from grilly_vk import sim

from . import Benchmark
from .peer import Peer

STEP, SPAN = 0.1, 200.0
EXC, INH, DEGREE_EXC, DEGREE_INH = 8000, 2000, 800, 200
J, G, DELAY, TAU, THETA = 0.1, 5.0, 1.5, 20.0, 20.0
SCALE = (2_000, 5_000, 10_000, 20_000, 50_000, 100_000)  # neurons, of 1,000 synapses each
RATE = 2 * THETA / (J * DEGREE_EXC * TAU) * DEGREE_EXC * 1000  # events a second onto a neuron


def cases(options):
    """The network by itself, and NEST's where it is installed; without and with plasticity."""
    yield case(options, None, "network of Brunel, 10,000 neurons, 200 ms")
    rule = sim.STDP(A_plus=0.005, A_minus=0.005, mu_plus=1.0, mu_minus=1.0, Wmax=2 * J)
    yield case(options, rule, "the same, STDP on 8 million synapses")


def case(options, rule, title):
    """The network whose excitatory synapses have a rule, or none."""
    learning = []
    with sim.Network(dt=STEP, seed=5) as net:
        lif = dict(tau_m=TAU, C_m=1.0, E_L=0.0, V_th=THETA, V_reset=10.0, t_ref=2.0)
        exc, inh = (sim.Population(n, "iaf_psc_delta", **lif) for n in (EXC, INH))
        for target in (exc, inh):
            learning.append(
                sim.Projection(exc, target, sim.FixedInDegree(DEGREE_EXC), weight=J, delay=DELAY, synapse=rule)
            )
            sim.Projection(inh, target, sim.FixedInDegree(DEGREE_INH), weight=-G * J, delay=DELAY)
            sim.PoissonInput(target, RATE, J)
            target.record("spikes")
    net.build()

    def ours():
        net.clear()
        net.run(SPAN)
        return len(exc.spikes[0]) + len(inh.spikes[0])

    peers = {}
    if options.nest_python:
        peer = Peer(options.nest_python, "nest_brunel.py", {"plastic": np.array(rule is not None)})
        peers[f"NEST {peer.info['versions'].get('nest-simulator', '')}".strip()] = lambda: peer.request("run", "brunel")

    def check():
        ours()  # past the start
        own = ours() / (EXC + INH) / SPAN * 1000
        assert 40 < own < 46, own
        if rule is not None:
            assert abs(learning[0].weights.mean() / J - 1) < 0.1
        for run in peers.values():
            run()
            run()
            assert abs(peer.request("ask", "rate") - own) < 1.5, (peer.request("ask", "rate"), own)

    return Benchmark(title, ours, peers, check, 5)


def scale():
    """Prints what networks of growing size cost a synaptic event: CPU time of 200 ms, with the neurons' own steps."""
    print("| neurons | synapses | bytes a synapse | built, s | events | CPU time, s | ns an event |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for n in SCALE:
        with sim.Network(dt=STEP, seed=5) as net:
            pop = sim.Population(n, "iaf_psc_delta", tau_m=TAU, C_m=1.0, E_L=0.0, V_th=THETA, V_reset=10.0, t_ref=2.0)
            sim.Projection(pop[: n * 4 // 5], pop, sim.FixedInDegree(DEGREE_EXC), weight=J, delay=DELAY)
            sim.Projection(pop[n * 4 // 5 :], pop, sim.FixedInDegree(DEGREE_INH), weight=-G * J, delay=DELAY)
            sim.PoissonInput(pop, RATE, J)
            pop.record("spikes")
        begun = time.perf_counter()
        net.build()
        net.run(STEP)  # waits for the tables
        built = time.perf_counter() - begun
        net.run(50.0)  # past the start
        net.clear()
        begun = time.process_time()
        net.run(SPAN)
        taken = time.process_time() - begun
        synapses = net.groups[0].delivery.synapses
        events = len(pop.spikes[0]) * (DEGREE_EXC + DEGREE_INH)
        tables = sum(part.nbytes for part in net.groups[0].delivery._parts) / synapses
        print(
            f"| {n:,} | {synapses / 1e6:.0f} M | {tables:.2f} | {built:.1f} | {events / 1e6:.0f} M | {taken:.2f} "
            f"| {taken / events * 1e9:.1f} |",
            flush=True,
        )
        del net, pop
        gc.collect()
