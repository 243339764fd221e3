"""Networks that tests run on one rank and on several: each gives what is to be the same, bit for bit, as arrays."""

import numpy as np

from grilly_vk import sim

DT = 0.1


def mixed(comm=None):
    """Two models, every connector, kinds of weights and delays in all formats, Poisson inputs, electrodes, samples."""
    rng = np.random.default_rng(5)
    with sim.Network(dt=DT, seed=11, comm=comm) as net:
        exc = sim.Population(41, "iaf_psc_delta", label="exc", I_e=rng.uniform(300, 700, 41), V_th=-50.0)
        cond = sim.Population(14, "iaf_cond_exp", label="cond", I_e=rng.uniform(400, 900, 14))
        inh = sim.Population(23, "iaf_psc_delta", label="inh", I_e=rng.uniform(300, 700, 23))
        one = sim.Population(1, "iaf_psc_delta", label="one", I_e=900.0)
        exc.set(V_m=rng.uniform(-70, -56, 41))
        sim.Projection(exc, inh, sim.FixedProbability(0.3), weight=0.7, delay=1.5)
        normal, uniform = sim.Normal(0.5, 0.1), sim.Uniform(1.0, 3.0)
        sim.Projection(exc, exc, sim.FixedInDegree(8, autapses=False), weight=normal, delay=uniform)
        sim.Projection(inh, exc, sim.FixedOutDegree(7), weight=-1.1, delay=0.7, receptor="inh")
        small = sim.Uniform(-0.5, -0.1)
        sim.Projection(inh, inh, sim.FixedTotalNumber(50), weight=small, delay=2.0, dtype=np.float16)
        sim.Projection(inh, inh[3:19], sim.FixedInDegree(3, multapses=False), weight=-0.2, delay=2.0)
        sim.Projection(exc, cond, sim.FixedInDegree(5), weight=3.0, delay=1.1)
        sim.Projection(cond, one, sim.AllToAll(), weight=rng.uniform(0.1, 0.4, (14, 1)), delay=0.9)
        sim.Projection(one, cond[5:], sim.AllToAll(), weight=sim.Lognormal(0.5, 0.3), delay=1.3)
        sim.Projection(cond, cond, sim.OneToOne(), weight=2.0, delay=sim.Uniform(0.7, 2.0))
        rows = [(i, (7 * i) % 23, 0.1 * i, 0.7 + 0.1 * i) for i in range(40)]
        sim.Projection(exc, inh, sim.FromList(rows))
        sim.PoissonInput(exc, rng.uniform(0, 9000, 41), 0.3)
        sim.PoissonInput(cond[2:9], 700.0, 1.5)
        sim.PoissonInput(inh, 200.0, 0.4)
        sim.PoissonInput(inh[5], 100_000.0, 0.02)  # whose table is longer than others'
        exc[3:20].inject(150.0, 5.0, 30.0)
        inh[::2].inject(lambda t: 90 * np.sin(t))
        for p in (exc, inh, cond, one):
            p.record("spikes")
        exc[[1, 2, 30]].record("V_m", every=0.5)
        cond.record("V_m", "g_ex")
    return net


def observed(net):
    """What a network shows, by name."""
    out = {"t": np.array(net.t)}
    for i, p in enumerate(net.populations):
        out[f"{i} times"], out[f"{i} who"] = p.spikes
        out[f"{i} V_m"] = p.get("V_m")
        for name in p.sampled:
            out[f"{i} {name} at"], out[f"{i} {name}"] = p.samples(name)
    return out


def connections(net):
    """All synapses, by name."""
    return {f"{i} {j}": c for i, p in enumerate(net.projections) for j, c in enumerate(p.connections())}


def whole_life(comm=None):
    """A run in pieces with changes between them, a saved state that goes on elsewhere, a reset."""
    net = mixed(comm)
    out = {f"synapses {k}": v for k, v in connections(net).items()}
    net.run(20.3)
    exc = net.populations[0]
    exc[10:20].set(V_m=-60.0, I_e=800.0, tau_m=12.0)  # a constant that was the same for all
    net.run(17.1)
    out |= {f"first {k}": v for k, v in observed(net).items()}
    state = net.state_dict()
    out |= {f"state {k}": np.asarray(v) for k, v in state.items()}
    net.clear()
    net.run(30)
    out |= {f"second {k}": v for k, v in observed(net).items()}
    other = mixed(comm)
    other.populations[0][10:20].set(I_e=800.0, tau_m=12.0)
    other.load_state_dict(state)
    other.run(30)
    out |= {f"loaded {k}": v for k, v in observed(other).items()}
    net.reset()
    net.run(9.9)
    out |= {f"again {k}": v for k, v in observed(net).items()}
    return out


def plastic(comm=None):
    """Synapses that change by every rule, and static ones, all of which are given other weights on the way."""
    rng = np.random.default_rng(9)
    with sim.Network(dt=DT, seed=6, comm=comm) as net:
        a = sim.Population(21, "iaf_psc_exp", label="a", I_e=rng.uniform(300, 700, 21))
        few = sim.Population(1, "izhikevich", label="few", I_e=12.0)
        b = sim.Population(34, "iaf_psc_exp", label="b", I_e=rng.uniform(300, 500, 34))
        stdp, free = sim.STDP(Wmax=90.0, mu_plus=0.4), sim.Uniform(10.0, 60.0)
        sim.Projection(a, b, sim.FixedInDegree(9), weight=free, delay=sim.Uniform(0.8, 2.0), synapse=stdp)
        sim.Projection(
            b, a[4:15], sim.FixedProbability(0.4), weight=30.0, synapse=sim.TripletSTDP(Wmax=80.0), delay=1.2
        )
        sim.Projection(a, a, sim.FixedOutDegree(5), weight=25.0, synapse=sim.TsodyksMarkram(tau_fac=50.0), delay=1.0)
        sim.Projection(b, b, sim.OneToOne(), weight=40.0, synapse=sim.DopamineSTDP(dopamine=a[2:6]), delay=1.5)
        sim.Projection(a, few, sim.AllToAll(), weight=np.full((21, 1), 2.0), synapse=sim.STDP(Wmax=5.0), delay=0.9)
        sim.Projection(b, a, sim.FixedInDegree(3), weight=sim.Normal(-20.0, 4.0), delay=1.1)
        sim.Projection(b, b, sim.FixedOutDegree(3), weight=-20.0, delay=1.1, weight_max=40.0)
        for p in (a, few, b):
            p.record("spikes")
    return net


def learned(net):
    """What networks that learn show."""
    out = observed(net) | connections(net)
    return out | {f"{i} weights": p.weights for i, p in enumerate(net.projections)}


def whole_learning(comm=None):
    """Learning in pieces, with other weights on the way, a state that goes on elsewhere, and a reset."""
    net = plastic(comm)
    net.run(61.7)
    out = {f"first {k}": v for k, v in learned(net).items()}
    first, triplets, *_, own, alike = net.projections
    first.weights = np.linspace(10, 60, len(first.weights))
    triplets.weights = 33.0
    own.weights = np.linspace(-9, -30, len(own.weights))
    alike.weights = -31.0
    net.projections[3].dopamine = 0.3
    net.run(40)
    out |= {f"second {k}": v for k, v in learned(net).items()}
    state = net.state_dict()
    out |= {f"state {k}": np.asarray(v) for k, v in state.items()}
    net.clear()
    net.run(30)
    out |= {f"third {k}": v for k, v in learned(net).items()}
    other = plastic(comm)
    other.projections[5].weights, other.projections[6].weights = own.weights, -31.0
    other.load_state_dict(state)
    other.run(30)
    out |= {f"loaded {k}": v for k, v in learned(other).items()}
    net.reset()
    net.run(20)
    return (
        out | {f"again {k}": v for k, v in learned(net).items()} | {"dopamine": np.array(net.projections[3].dopamine)}
    )
