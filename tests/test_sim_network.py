"""grilly_vk.sim: whole networks against loops in numpy, whose synapses are those that the device reports."""

import numpy as np
import pytest

from grilly_vk import sim
from grilly_vk.sim import delivery as deliveries
from grilly_vk.sim import network as networks

DT = 0.1


def two(seed=3, n=60, sizes=(40, 20), record=True):
    """Excitatory and inhibitory neurons, driven by currents of their own."""
    rng = np.random.default_rng(seed)
    with sim.Network(dt=DT, seed=seed) as net:
        exc, inh = (sim.Population(size, "iaf_psc_delta", I_e=rng.uniform(300, 700, size)) for size in sizes)
        exc.set(V_m=rng.uniform(-70, -56, sizes[0]))
        sim.Projection(exc, inh, sim.FixedProbability(0.3), weight=0.7, delay=1.5)
        sim.Projection(
            exc, exc, sim.FixedInDegree(8, autapses=False), weight=sim.Normal(0.5, 0.1), delay=sim.Uniform(1.0, 3.0)
        )
        sim.Projection(inh, exc, sim.FixedOutDegree(7), weight=-1.1, delay=0.7, receptor="inh")
        sim.Projection(inh, inh, sim.FixedTotalNumber(50), weight=sim.Uniform(-0.5, -0.1), delay=2.0, dtype=np.float16)
        if record:
            exc.record("spikes")
            inh.record("spikes")
    return net, exc, inh


def loop(net, steps):
    """The same network spike by spike, float32 where the device is."""
    p = net.populations
    n = sum(x.size for x in p)
    f = np.float32
    c = np.concatenate([x.model.numbers(x.parameters, DT, x.size) for x in p], axis=1)
    v = np.concatenate([x.get("V_m") for x in p]).astype(f)
    left, out = np.zeros(n, int), []
    rings = [np.zeros((1024, n)) for _ in range(2)]
    synapses = [[] for _ in range(n)]
    for projection in net.projections:
        to = 0 if projection.receptor == "exc" else 1
        first, post = projection.pre.population.global_first, projection.post.population.global_first
        pre, target, weight, delay = projection.connections()
        for i, j, w, d in zip(pre, target, weight, np.rint(delay / DT).astype(int)):
            synapses[first + i].append((to, post + j, w, d))
    for t in range(steps):
        arrived = [ring[t % 1024].astype(f) for ring in rings]
        for ring in rings:
            ring[t % 1024] = 0
        moved = v + (v * c[0] + f(0) * c[1] + c[2])
        moved = moved + arrived[0] + arrived[1]
        hears = left == 0
        left = np.maximum(left - 1, 0)
        v = np.where(hears, moved, v)
        fired = np.flatnonzero(hears & (v >= c[4]))
        v[fired], left[fired] = c[3][fired], c[5][fired].astype(int)
        for i in fired:
            out.append((t, i))
            for to, j, w, d in synapses[i]:
                rings[to][(t + d) % 1024, j] += w
    return np.array(out)


def spikes(net):
    """Steps and numbers of all spikes."""
    found = []
    for p in net.populations:
        times, who = p.spikes
        found += list(zip(np.rint(times / DT).astype(int) - 1, who + p.global_first))
    return np.array(sorted(found))


def test_a_network_is_its_loop_in_numpy_spike_for_spike():
    net, *_ = two()
    net.build()
    want = loop(net, 3000)
    net.run(300)
    assert len(want) > 1000
    np.testing.assert_array_equal(spikes(net), want)


@pytest.mark.parametrize("owners", [(8, 1), (4, 3), (8, 5), (1, 2), (1, 1)], ids=str)
def test_any_layout_gives_the_same_synapses_and_spikes(owners, monkeypatch):
    net, *_ = two()
    want = [p.connections() for p in net.projections]
    net.run(120)
    init = deliveries.Delivery.__init__
    monkeypatch.setattr(
        deliveries.Delivery, "__init__", lambda self, *a: init(self, *a, lanes=owners[0], slices=owners[1])
    )
    other, *_ = two()
    for projection, connections in zip(other.projections, want):
        for got, wanted in zip(projection.connections(), connections):
            np.testing.assert_array_equal(got, wanted)
    other.run(120)
    assert len(spikes(net)) > 300
    np.testing.assert_array_equal(spikes(other), spikes(net))


def test_pieces_of_a_run_are_the_run():
    net, *_ = two()
    net.run(200)
    other, *_ = two()
    for piece in (0.3, 0.7, 49.0, 0.1, 120.4, 29.5):
        other.run(piece)
    np.testing.assert_array_equal(spikes(other), spikes(net))
    assert other.t == pytest.approx(200)


def test_short_chunks_and_batches_are_the_run(monkeypatch):
    net, *_ = two()
    net.run(100)
    monkeypatch.setattr(networks, "_LONGEST_BATCH", 3)
    monkeypatch.setattr(networks, "_CHUNK", 17)
    other, *_ = two()
    other.run(100)
    assert (other.batch, other.chunk) == (3, 15)
    np.testing.assert_array_equal(spikes(other), spikes(net))


def test_a_run_goes_on_after_an_interrupt(monkeypatch):
    net, *_ = two()
    net.run(300)
    other, exc, _ = two()
    exc.record("V_m")
    drain, calls = other._drain, []

    def interrupted(steps):
        calls.append(steps)
        if len(calls) == 1:
            raise KeyboardInterrupt
        drain(steps)

    monkeypatch.setattr(other, "_drain", interrupted)
    with pytest.raises(KeyboardInterrupt):
        other.run(250)
    assert other.t == 0
    other.run(50)
    assert other.t == pytest.approx(calls[0] * DT + 50)
    other.run(300 - other.t)
    np.testing.assert_array_equal(spikes(other), spikes(net))
    assert len(exc.samples("V_m")[0]) == 3000


def noisy(seed=1, n=64):
    with sim.Network(dt=DT, seed=seed) as net:
        p = sim.Population(n, "iaf_psc_delta", V_th=-50.0)
        sim.PoissonInput(p, 20_000.0, 0.3)
        sim.PoissonInput(p[:32], np.linspace(0, 900, 32), 0.9)
        sim.PoissonInput(p, 4_000.0, -0.2, receptor="inh")
        sim.Projection(p, p, sim.FixedInDegree(6), weight=0.4, delay=1.2)
        p.record("spikes", "V_m")
    return net, p


def test_a_state_goes_on_bit_for_bit_and_a_reset_begins_again():
    net, p = noisy()
    net.run(33.3)
    state = net.state_dict()
    net.clear()
    net.run(50)
    first, (times, v) = spikes(net), p.samples("V_m")
    other, q = noisy()
    other.load_state_dict(state)
    other.run(50)
    np.testing.assert_array_equal(spikes(other), first)
    np.testing.assert_array_equal(q.samples("V_m")[1], v)
    np.testing.assert_array_equal(q.samples("V_m")[0], times)
    assert times[0] == pytest.approx(33.4)
    net.reset()
    assert net.t == 0 and len(spikes(net)) == 0
    net.run(83.3)
    np.testing.assert_array_equal(spikes(net)[-len(first) :], first)


def test_noise_does_not_depend_on_the_batch(monkeypatch):
    net, p = noisy()
    net.run(40)
    monkeypatch.setattr(networks, "_LONGEST_BATCH", 1)
    other, q = noisy()
    other.run(40)
    np.testing.assert_array_equal(q.samples("V_m")[1], p.samples("V_m")[1])
    net, p = noisy(seed=2)
    net.run(40)
    assert (q.samples("V_m")[1] != p.samples("V_m")[1]).any()


def test_poisson_inputs_have_the_moments_of_their_rate():
    n, rate, steps = 512, 7_000.0, 400
    with sim.Network(dt=DT, seed=9) as net:
        p = sim.Population(n, "iaf_psc_delta", V_th=1e9, tau_m=1e9, C_m=1e9, E_L=0.0, V_reset=0.0)
        p.record("V_m")
        sim.PoissonInput(p, rate, 1.0)
    net.run(steps * DT)
    events = np.diff(p.samples("V_m")[1], axis=0, prepend=0)
    expected = rate * DT / 1000
    close = 5 / np.sqrt(events.size)
    assert events.mean() == pytest.approx(expected, abs=close * np.sqrt(expected))
    assert events.var() == pytest.approx(expected, abs=close * np.sqrt(2 * expected**2 + expected))
    for lag, axis in ((1, 0), (2, 0), (4, 0), (1, 1), (4, 1)):  # words of one counter, and neighbours
        moved = np.roll(events, lag, axis)
        assert abs(np.corrcoef(events.ravel(), moved.ravel())[0, 1]) < close


def test_poisson_inputs_are_independent_and_go_to_their_receptors():
    """Of two inputs of one neuron, and of neurons of one number in two groups."""
    steps, n = 1000, 64
    with sim.Network(dt=DT, seed=4) as net:
        a = sim.Population(n, "iaf_psc_exp", V_th=1e9, tau_syn_ex=0.1, tau_syn_in=0.1)
        b = sim.Population(n, "iaf_cond_exp", V_th=1e9, tau_syn_ex=0.1)
        for target, weight, receptor in ((a, 1.0, "exc"), (a, -1.0, "inh"), (b, 1.0, "exc")):
            sim.PoissonInput(target, 9_000.0, weight, receptor)
        a.record("I_ex", "I_in")
        b.record("g_ex")
    net.run(steps * DT)
    trains = [p.samples(name)[1].ravel() for p, name in ((a, "I_ex"), (a, "I_in"), (b, "g_ex"))]
    assert trains[0].min() >= 0 >= trains[1].max() and all(train.std() > 0.1 for train in trains)
    different = np.abs(np.corrcoef(trains) - np.eye(3))
    assert different.max() < 5 / np.sqrt(steps * n / 3), different  # neighbours in time share a third or so


@pytest.mark.parametrize("events", [1e-3, 0.7, 2.3, 31.0, 900.0])
def test_a_table_of_a_poisson_number_has_its_probabilities(events):
    from math import lgamma

    from grilly_vk.sim.poisson import alias, probabilities

    p = probabilities(events)
    k = np.arange(len(p))
    exact = np.exp(k * np.log(events) - events - np.array([lgamma(x + 1) for x in k]))
    np.testing.assert_allclose(p, exact, rtol=1e-9, atol=1e-12)
    bits = max(4, (len(p) - 1).bit_length())
    table = alias(p, bits).astype(np.float64)
    got = np.bincount(np.arange(1 << bits), (table[:, 0] + 1) / 2**32, 1 << bits)
    got += np.bincount(table[:, 1].astype(int), 1 - (table[:, 0] + 1) / 2**32, 1 << bits)
    np.testing.assert_allclose(got[: len(p)] / (1 << bits), p, atol=1e-8)


@pytest.mark.parametrize("delay", [0.1, 0.2, 1.5, 1.6, 12.7])
def test_a_spike_arrives_after_its_delay_exactly(delay):
    with sim.Network(dt=DT) as net:
        a = sim.Population(1, "iaf_psc_delta")
        b = sim.Population(1, "iaf_psc_delta")
        a.inject(1e6, 5.0, 5.1)
        sim.Projection(a, b, sim.OneToOne(), weight=3.0, delay=delay)
        a.record("spikes")
        b.record("V_m")
    net.run(25)
    (spike,), _ = a.spikes
    assert spike == pytest.approx(5.1)
    times, v = b.samples("V_m")
    moved = np.flatnonzero(v[:, 0] != -70)[0]
    assert times[moved] == pytest.approx(5.1 + delay)
    assert v[moved, 0] == pytest.approx(-67, abs=1e-5)


def test_currents_are_those_of_their_times():
    with sim.Network(dt=DT) as net:
        p = sim.Population(5, "iaf_psc_delta", V_th=1e9, C_m=100.0, tau_m=20.0)
        p[1:4].inject(50.0, 1.0, 3.0)
        p[2:5].inject(lambda t: 10 * t, 2.0)
        p.record("V_m")
    net.run(1.7)
    net.run(203.3)  # past the chunk's end
    v, want = np.zeros(5), []
    for k in range(2050):
        current = np.zeros(5)
        current[1:4] += 50.0 * (10 <= k < 30)
        current[2:5] += 10 * (k * DT) * (k >= 20)
        v = v * np.exp(-DT / 20) + current * 20 / 100 * (1 - np.exp(-DT / 20))
        want.append(v)
    np.testing.assert_allclose(p.samples("V_m")[1] + 70, want, rtol=2e-4, atol=1e-3)


def test_parts_are_recorded_and_set():
    net, exc, inh = two(record=False)
    exc[5:9].record("spikes", "V_m", every=0.5)
    exc[[20, 3]].record("V_m")
    net.run(50)
    times, v = exc.samples("V_m")
    np.testing.assert_allclose(times, np.arange(1, 101) * 0.5)
    assert v.shape == (100, 6)
    np.testing.assert_array_equal(exc[20].samples("V_m")[1][-1], exc[20].get("V_m"))
    assert set(exc.spikes[1]) <= set(range(5, 9)) and len(exc.spikes[0])
    assert len(inh.spikes[0]) == 0
    exc[4].set(V_m=-60.5, I_e=0.0)
    assert exc.get("V_m")[4] == -60.5 and exc.get("I_e")[4] == 0 and exc.get("I_e")[3] > 0
    exc[4].record("spikes")
    exc.set(I_e=0.0)
    net.run(100)
    late = exc.spikes[0] > 130
    assert not late.any()


def test_a_model_of_more_numbers_than_a_word_has_bits():
    terms = " + ".join(f"max(v, a{i})" for i in range(40))
    names = {f"a{i}": float(i) for i in range(40)}
    model = sim.equations(f"dv/dt = ({terms}) / tau : 1", threshold="v > 1e9", reset="v = 0.0", method="euler",
                          parameters={"tau": 1000.0, **names})  # fmt: skip
    with sim.Network(dt=DT) as net:
        p = sim.Population(3, model, a38=[38.0, 100.0, 200.0])
    net.run(DT)
    want = (sum(names.values()) - 38 + np.array([38.0, 100.0, 200.0])) * DT / 1000
    np.testing.assert_allclose(p.get("v"), want, rtol=1e-6)


def test_empty_and_single_populations_run():
    with sim.Network() as net:
        none, one = sim.Population(0, "iaf_psc_exp"), sim.Population(1, "iaf_psc_exp", I_e=1000.0)
        for pre, post in ((none, one), (one, none), (none, none)):
            sim.Projection(pre, post, sim.AllToAll(), weight=1.0, delay=1.0)
        itself = sim.Projection(one, one, sim.AllToAll(autapses=False), weight=1.0, delay=1.0)
        one.record("spikes")
    net.run(50)
    assert len(one.spikes[0]) > 2 and len(itself) == 0


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda p: sim.Population(-1, "iaf_psc_delta"), "size must be at least 0"),
        (lambda p: sim.Population(3, "iaf"), "there is no neuron model 'iaf'"),
        (lambda p: sim.Population(3, "iaf_psc_delta", tau=3.0), "no parameter or state 'tau'"),
        (
            lambda p: sim.Population(3, "iaf_psc_delta", tau_m=[1.0, 2.0]),
            r"tau_m must be a number or have shape \(3,\)",
        ),
        (lambda p: sim.Population(3, "iaf_psc_delta", tau_m=np.nan), "tau_m must be finite"),
        (lambda p: sim.Population(3, "iaf_psc_delta", tau_m=-1.0), "iaf_psc_delta needs"),
        (lambda p: p.record("w"), "no state 'w' to record"),
        (lambda p: p[7], "index 7 of 4 neurons"),
        (lambda p: p[[1, 1]], "each neuron once"),
        (lambda p: sim.Projection(p[[0, 2]], p, sim.AllToAll()), "pre must be neurons that follow each other"),
        (lambda p: sim.Projection(p, p, sim.AllToAll(), receptor="gaba"), "receptor must be"),
        (lambda p: sim.Projection(p, p, "all"), "connector must be one such as"),
        (lambda p: sim.PoissonInput(p, -1.0, 1.0), "rate must be finite and at least 0"),
        (lambda p: sim.PoissonInput(p, [1.0], 1.0), r"rate must be a number or have shape \(4,\)"),
        (lambda p: sim.Projection(p, p, sim.AllToAll(), weight=np.nan), "weight must be finite"),
        (lambda p: p.inject("much"), "amplitude must be a number"),
        (lambda p: p.inject(1.0, 5.0, 2.0), "0 <= start <= stop"),
    ],
)
def test_wrong_parts_are_refused(wrong, message):
    p = sim.Population(4, "iaf_psc_delta")
    with pytest.raises((ValueError, TypeError, IndexError), match=message):
        wrong(p)
    assert p.parameters["tau_m"] == 10 and not p.recorded.any() and not p.injections


@pytest.mark.parametrize(
    ("connector", "weight", "delay", "message"),
    [
        (sim.AllToAll(), 1.0, 0.04, "delay must be at least one step of 0.1 ms"),
        (sim.OneToOne(), 1.0, 1.0, "as many sources as targets, got 4 and 3"),
        (sim.FixedInDegree(5, multapses=False), 1.0, 1.0, "a neuron has 4 possible sources; needed are 5"),
        (sim.FromList([(0, 3)]), 1.0, 1.0, "target 3 is not below 3"),
        (sim.AllToAll(), sim.Normal(1.0, 0.1), 1e5, "delay must be at least 1 step and at most 65535"),
    ],
)
def test_wrong_projections_are_refused_before_anything_is_built(connector, weight, delay, message):
    with sim.Network() as net:
        a, b = sim.Population(4, "iaf_psc_delta"), sim.Population(3, "iaf_psc_delta")
        sim.Projection(a, b, connector, weight=weight, delay=delay)
    with pytest.raises(ValueError, match=message):
        net.run(1)
    assert not net.built


def test_a_network_has_its_own_parts():
    net, exc, _ = two()
    with pytest.raises(ValueError, match="belongs to another network"):
        sim.Network().add(exc)
    with pytest.raises(TypeError, match="not str"):
        net.add("population")
    with pytest.raises(ValueError, match="no population"):
        sim.Network().run(1)
    net.build()
    with pytest.raises(RuntimeError, match="before the first run"):
        net.add(sim.Population(3, "iaf_psc_delta"))
    with pytest.raises(KeyError, match="of another network"):
        net.load_state_dict({"steps": 3})


@pytest.mark.parametrize(
    "delay, connector, many, steps",
    [
        (0.26, sim.OneToOne(), "1 of 1 delays", [3, 3, 3]),
        ([0.1, 0.25, 0.34], sim.OneToOne(), "2 of 3 delays", [1, 3, 3]),
        (None, sim.FromList([[0, 0, 1, 0.3], [1, 2, 1, 0.31], [2, 1, 1, 7.0]]), "1 of 3 delays", [3, 3, 70]),
    ],
)
def test_delays_between_steps_are_rounded_with_a_warning(delay, connector, many, steps):
    """Numbers, arrays, and those of lists; delays of whole steps in float32 warn nobody."""
    with sim.Network(dt=DT) as net:
        group = sim.Population(3, "iaf_psc_delta")
        sim.Projection(group, group, sim.OneToOne(), delay=np.float32([0.3, 1.1, 0.7]))
        projection = sim.Projection(group, group, connector, delay=delay)
    with pytest.warns(UserWarning, match=rf"delay: {many} are no multiples of the step of 0\.1 ms"):
        net.build()
    np.testing.assert_allclose(sorted(projection.connections()[3] / DT), steps)
