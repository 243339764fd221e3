"""Sources of spikes of grilly_vk.sim, and counts: exact trains, moments, parts set between runs, states, ranks."""

import numpy as np
import pytest
from thread_ranks import on_ranks

from grilly_vk import sim
from grilly_vk.sim import network as networks

DT = 0.1


def alone(make, *args, runs=(100.0,), seed=5, **options):
    """Spikes of one source population: steps from 1, and indices."""
    with sim.Network(dt=DT, seed=seed) as net:
        p = make(*args, **options)
        p.record("spikes")
    for duration in runs:
        net.run(duration)
    times, who = p.spikes
    return np.rint(times / DT).astype(int), who


def test_listed_spikes_come_at_their_times_and_arrive_after_their_delay():
    rng = np.random.default_rng(1)
    lists = [rng.uniform(0.05, 420, n) for n in (0, 1, 300, 40, 90)]
    with sim.Network(dt=DT) as net:
        quiet = sim.RegularSource(3, 0.0)
        source = sim.SpikeSource(5, lists)
        post = sim.Population(5, "iaf_psc_delta", tau_m=1e9, C_m=1e9, E_L=0.0, V_th=1e9, V_reset=0.0)
        sim.Projection(source, post, sim.OneToOne(), weight=1.0, delay=1.2)
        sim.Projection(quiet, post[:3], sim.OneToOne(), weight=1.0, delay=1.2)
        source.record("spikes")
        post.record("V_m")
    net.run(77.7)
    net.run(350.0)  # several chunks, the last of them short
    times, who = source.spikes
    for i, given in enumerate(lists):
        steps = np.unique(np.rint(given / DT))
        np.testing.assert_array_equal(np.rint(times[who == i] / DT), steps)
        at, v = post[i].samples("V_m")
        want = np.searchsorted(steps + 12, np.rint(at / DT), side="right")
        np.testing.assert_allclose(v[:, 0], want, atol=1e-3)


def test_lists_are_set_and_added_to_between_runs():
    with sim.Network(dt=DT) as net:
        source = sim.SpikeSource(3, [5.0, 50.0])
        source.record("spikes")
    assert [list(x) for x in source.times] == [[5.0, 50.0]] * 3
    net.run(10)
    source[1:].set(times=[[5.0, 20.0], np.arange(11.0, 60.0)])
    source.add_times([[12.0], [], [12.0]])
    for wrong in (lambda: source.add_times([9.0]), lambda: source[0].set(times=[[5.0, 10.0]]),
                  lambda: source.add_times([[5.0], [], []])):  # fmt: skip
        with pytest.raises(ValueError, match="times must be later than now, 10 ms, got"):
            wrong()
    net.run(50)
    times, who = source.spikes
    for i, want in enumerate(([5, 12, 50], [5, 20], [5, *range(11, 60)])):
        np.testing.assert_allclose(times[who == i], want)
    source.times = [70.0]
    assert [list(x) for x in source.get("times")] == [[70.0]] * 3
    net.run(20)
    np.testing.assert_allclose(source.spikes[0][-3:], 70)


@pytest.mark.parametrize("dt", [0.1, 0.25])
def test_regular_spikes_are_rounded_one_by_one(dt):
    interval, stop = np.array([dt, 0.37, 7.3, 100 / 3, np.inf]), [9, 1e9, 200, 300, 99]
    start = [0.0, 3.14, 0.1, 20.0, 41.0]
    with sim.Network(dt=dt) as net:
        source = sim.RegularSource(5, interval=interval, start=start, stop=stop)
        source.record("spikes")
    for duration in (13.5, 300.0, 50.25):
        net.run(duration)
    times, who = source.spikes
    for i in range(5):
        train = start[i] + np.concatenate([[0], np.arange(1, 4000) * interval[i]])
        steps = np.floor(train / dt + 0.5 + 1e-6)  # halves go up
        steps = steps[(steps >= 1) & (steps <= net.steps_done) & (steps <= np.rint(stop[i] / dt))]
        np.testing.assert_array_equal(np.rint(times[who == i] / dt), steps)
    np.testing.assert_array_equal(alone(sim.RegularSource, 2, 50.0)[0], np.repeat([200, 400, 600, 800, 1000], 2))


def test_regular_sources_take_up_new_parameters_at_once():
    with sim.Network(dt=DT) as net:
        source = sim.RegularSource(3, interval=8.0)
        source.record("spikes")
    net.run(30)
    source[1].set(interval=5.0, start=1.0)
    source[2].set(interval=np.inf)
    net.run(30)
    source[2].set(interval=2.0, start=0.0, stop=64.0)
    net.run(10)
    times, who = source.spikes
    for i, want in enumerate((np.arange(8, 71, 8), [8, 16, 24, *range(31, 71, 5)], [8, 16, 24, 62, 64])):
        np.testing.assert_allclose(times[who == i], want)


def test_poisson_spikes_have_the_moments_of_their_rate():
    rate, n, steps = 400.0, 600, 3000
    step, who = alone(sim.PoissonSource, n, rate, runs=(steps * DT,))
    fired = np.zeros((steps, n), bool)
    fired[step - 1, who] = True
    p = rate * DT / 1000
    assert fired.mean() == pytest.approx(p, abs=5 * np.sqrt(p / fired.size))
    assert fired.sum(0).var() == pytest.approx(steps * p * (1 - p), rel=5 * np.sqrt(2 / n))
    intervals = np.concatenate([np.diff(np.flatnonzero(train)) for train in fired.T])
    cut = 1 - p  # of a geometric distribution; long intervals are missing where a run ends
    assert intervals.std() / intervals.mean() == pytest.approx(np.sqrt(cut), abs=0.03)
    for lag, axis in ((1, 0), (2, 0), (4, 0), (1, 1), (4, 1)):
        moved = np.roll(fired, lag, axis)
        assert abs(np.corrcoef(fired.ravel(), moved.ravel())[0, 1]) < 5 / np.sqrt(fired.size)


def test_poisson_spikes_do_not_depend_on_batches_runs_or_limits(monkeypatch):
    """The same words are compared with each step's own rate: a window, and steps of rates, cut trains out of others."""
    rates = (900.0, 0.0, 2500.0, 10_000.0, 60.0)
    whole = {rate: set(zip(*alone(sim.PoissonSource, 50, rate, runs=(60.0,)))) for rate in rates}
    assert len(whole[10_000.0]) == 50 * 600 and not whole[0.0]
    monkeypatch.setattr(networks, "_LONGEST_BATCH", 3)
    pieces = (10.1, 0.2, 33.3, 16.4)
    step, who = alone(sim.PoissonSource, 50, 900.0, start=5.0, stop=20.0, runs=pieces)
    assert set(zip(step, who)) == {(t, i) for t, i in whole[900.0] if 50 < t <= 200}
    edges = (5.0, 12.0, 12.5, 31.0, 55.0)
    step, who = alone(sim.SteppedPoissonSource, 50, edges, rates, runs=pieces)
    want = {(t, i) for rate, a, b in zip(rates, edges, (*edges[1:], 60)) for t, i in whole[rate]
            if round(a / DT) < t <= round(b / DT)}  # fmt: skip
    assert set(zip(step, who)) == want and len(want) > 10_000
    lists = [edges[: i % 6] for i in range(50)]
    step, who = alone(sim.SteppedPoissonSource, 50, lists, [rates[: i % 6] for i in range(50)], runs=pieces)
    for i, here in enumerate(lists):
        ends = [*here[1:], 60] if here else []
        mine = {(t, i) for rate, a, b in zip(rates, here, ends) for t in range(round(a / DT) + 1, round(b / DT) + 1)
                if (t, i) in whole[rate]}  # fmt: skip
        assert {(t, j) for t, j in zip(step, who) if j == i} == mine


@pytest.mark.parametrize("order", [2, 5])
def test_gamma_intervals_have_their_order(order):
    rate, n, steps = 100.0, 400, 6000
    step, who = alone(sim.GammaSource, n, rate, order, runs=(steps * DT,))
    p = order * rate * DT / 1000
    expected = n * steps * p / order
    assert len(step) == pytest.approx(expected, abs=5 * np.sqrt(expected))
    early = (step <= 300).sum()  # from the first step on, as later
    assert early == pytest.approx(expected / 20, abs=5 * np.sqrt(expected / 20))
    intervals = np.concatenate([np.diff(step[who == i]) for i in range(n)])
    assert intervals.std() / intervals.mean() == pytest.approx(np.sqrt((1 - p) / order), rel=0.03)


def test_rates_are_set_between_runs():
    with sim.Network(dt=DT, seed=2) as net:
        source, stepped = sim.PoissonSource(40, 100.0), sim.SteppedPoissonSource(2, [0.0], [50.0])
        source.record("counts")
        stepped.record("spikes")
    net.run(205)
    source[:20].set(rate=0.0)
    source[20:].set(rate=np.linspace(9000, 10_000, 20))  # a table that grows
    stepped.set(times=np.arange(40) * 1.0, rates=np.full(40, 9999.0))
    net.clear()
    net.run(205)
    assert (source[:20].counts == 0).all()
    np.testing.assert_allclose(source[20:].firing_rates, np.linspace(9000, 10_000, 20), rtol=0.02)
    assert len(stepped.spikes[0]) > 2 * 2040
    source.rate = 1.0
    assert (source.get("rate") == 1).all() and source.rate[3] == 1 and source.stop[0] == np.inf


def test_a_lower_order_does_not_wait_for_events_of_the_higher():
    with sim.Network(dt=DT, seed=2) as net:
        source = sim.GammaSource(20, 9.0, 1000)
        source.record("counts")
    net.run(2)
    source.set(rate=10_000.0, order=1)
    net.clear()
    net.run(30)
    assert (source.counts == 300).all()


def test_plastic_synapses_hear_sources():
    """Pairs of listed spikes, by the rule's closed form: depression at the second spike of the source, potentiation."""
    with sim.Network(dt=DT) as net:
        source = sim.SpikeSource(1, [10.0, 40.0])
        post = sim.Population(1, "iaf_psc_exp")
        post.inject(1e6, 19.9, 20.0)  # fires at 20
        rule = sim.STDP(
            tau_plus=20.0, tau_minus=20.0, A_plus=0.01, A_minus=0.012, Wmax=100.0, mu_plus=0.0, mu_minus=0.0
        )
        learning = sim.Projection(source, post, sim.AllToAll(), weight=40.0, delay=1.0, synapse=rule)
        post.record("spikes")
    net.run(50)
    np.testing.assert_allclose(post.spikes[0], [20.0])  # at the synapse at 21
    np.testing.assert_allclose(learning.weights, 40 + np.exp(-11 / 20) - 1.2 * np.exp(-19 / 20), rtol=1e-6)


def lively(comm=None):
    """Sources of all kinds, with synapses, in which the first kind and others alternate."""
    with sim.Network(dt=DT, seed=3, comm=comm) as net:
        poisson = sim.PoissonSource(37, np.linspace(0, 800, 37))
        neurons = sim.Population(11, "iaf_psc_delta")
        others = [
            sim.RegularSource(9, interval=np.linspace(0.37, 5, 9)),
            sim.SpikeSource(5, [np.arange(1 + i, 300, 0.7 + i) for i in range(5)]),
            sim.GammaSource(7, 90.0, np.arange(1, 8)),
            sim.SteppedPoissonSource(6, [0, 30, 70], [90, 900, 10]),
        ]
        for p in (poisson, *others):
            sim.Projection(p, neurons, sim.FixedInDegree(9), weight=1.5, delay=1.1)
            p.record("spikes", "counts")
        neurons.record("spikes", "V_m")
    return net


def shown(net):
    out = {f"{i} times": p.spikes[0] for i, p in enumerate(net.populations)}
    out |= {f"{i} who": p.spikes[1] for i, p in enumerate(net.populations)}
    return out | {f"{i} counts": p.counts for i, p in enumerate(net.populations) if i != 1}


def life(comm=None):
    net = lively(comm)
    net.run(20)
    net.populations[0][5:20].set(rate=300.0)
    net.populations[2][3:5].set(interval=3.3)
    net.run(20)
    return shown(net)


def same(got, wanted):
    assert got.keys() == wanted.keys()
    for name in wanted:
        np.testing.assert_array_equal(got[name], wanted[name], err_msg=name)


def test_ranks_share_sources():
    wanted = life()
    assert all(len(wanted[f"{i} times"]) > 20 for i in range(6))
    for got in on_ranks(3, life):
        same(got, wanted)


def test_a_state_goes_on_bit_for_bit():
    net = lively()
    net.run(33.3)
    state = net.state_dict()
    net.clear()
    net.run(50)
    other = lively()
    other.load_state_dict(state)
    other.run(50)
    same(shown(other), shown(net))
    np.testing.assert_array_equal(other.populations[1].samples("V_m")[1], net.populations[1].samples("V_m")[1])
    first = lively()
    first.run(83.3)
    net.reset()
    net.run(83.3)
    same(shown(net), shown(first))


def test_counts_are_those_of_the_spikes_and_can_be_asked_for_late():
    net = lively()
    poisson, neurons = net.populations[:2]
    net.run(50)
    assert neurons.counted.sum() == 0
    with pytest.raises(ValueError, match=r"ask for it by record\('counts'\)"):
        _ = neurons.counts
    neurons[3:].record("counts")
    net.run(30)
    late = neurons.spikes[1][neurons.spikes[0] > 50.01]
    np.testing.assert_array_equal(neurons[3:].counts, np.bincount(late, minlength=11)[3:])
    np.testing.assert_allclose(neurons[[4, 9]].firing_rates, neurons[[4, 9]].counts / 0.03)
    for p in net.populations:
        if p is not neurons:
            np.testing.assert_array_equal(p.counts, np.bincount(p.spikes[1], minlength=p.size))
            np.testing.assert_allclose(p.firing_rates, p.counts / 0.08)
    assert poisson.counts.dtype == np.int64 and poisson.counts.sum() > 300
    net.clear()
    assert not poisson.counts.any() and np.isnan(poisson.firing_rates).all()


def test_counting_alone_keeps_nothing_of_spikes():
    with sim.Network(dt=1.0) as net:
        source = sim.PoissonSource(100, 500.0)
        source.record("counts")
    net.run(5000)
    assert not net._spikes and source.counts.sum() == pytest.approx(250_000, rel=0.01)


def test_empty_and_single_sources_run():
    with sim.Network(dt=DT) as net:
        sources = [
            sim.PoissonSource(0, 5.0), sim.RegularSource(0, 5.0), sim.SpikeSource(0), sim.SpikeSource(1, [[3.0]]),
            sim.SteppedPoissonSource(0, [], []), sim.SteppedPoissonSource(1, [], []), sim.GammaSource(1, 9e3, 1),
        ]  # fmt: skip
        for s in sources:
            s.record("spikes", "counts")
    net.run(5)
    assert [len(s.spikes[0]) > 0 for s in sources] == [False, False, False, True, False, False, True]
    assert [s.counts.sum() for s in sources[:4]] == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda p: sim.PoissonSource(3, -1.0), "rate must be at least 0, got -1"),
        (lambda p: sim.PoissonSource(3, np.nan), "rate must be finite"),
        (lambda p: sim.PoissonSource(3, [1.0, 2.0]), r"rate must be a number or have shape \(3,\)"),
        (lambda p: sim.PoissonSource(3, 1.0, start=5.0, stop=4.0), "0 <= start <= stop, got 5 and 4"),
        (lambda p: sim.PoissonSource(3, 1.0, stop=np.nan), "stop must be a number"),
        (lambda p: sim.GammaSource(3, 1.0, 1.5), "order must be a whole number from 1 to 1000, got 1.5"),
        (lambda p: sim.SteppedPoissonSource(3, [1.0, 2.0], [5.0]), "rates must have one for each of 2 times, got 1"),
        (lambda p: sim.SteppedPoissonSource(3, [2.0, 1.0], [5.0, 6.0]), "times must be at least 0 and in order"),
        (lambda p: sim.RegularSource(3), "give either rate or interval"),
        (lambda p: sim.RegularSource(3, -5.0), "rate must be finite and at least 0"),
        (lambda p: sim.RegularSource(3, interval=0.0), "interval must be above 0, got 0"),
        (lambda p: sim.SpikeSource(3, [[1.0], [2.0]]), "3 lists, one for each source, got 2"),
        (lambda p: sim.SpikeSource(3, [1.0, -2.0]), "times must be above 0, got -2"),
        (lambda p: sim.SpikeSource(3, [1.0, np.inf]), "times must be lists of finite numbers"),
        (lambda p: sim.SpikeSource(3, 5.0), "times must be a list of numbers"),
        (lambda p: p.set(rate=-2.0), "rate must be at least 0"),
        (lambda p: p.set(tau_m=-2.0), "no parameter or state 'tau_m'; it has rate, order, start, stop"),
        (lambda p: p.record("V_m"), "poisson_source has no state 'V_m' to record; there are 'spikes' and 'counts'"),
        (lambda p: p.inject(1.0), "hears no current"),
        (lambda p: p[1:].inject(1.0), "hears no current"),
        (lambda p: sim.Projection(p, p, sim.AllToAll()), "post: poisson_source has no receptor"),
        (lambda p: sim.PoissonInput(p, 1.0, 1.0), "target: poisson_source has no receptor"),
    ],
)
def test_wrong_sources_are_refused(wrong, message):
    p = sim.PoissonSource(4, 30.0)
    with pytest.raises((ValueError, TypeError), match=message):
        wrong(p)
    assert (p.rate == 30).all() and not p.recorded.any() and not p.injections


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sim.PoissonSource(3, 2001.0), "rate must be at most 2000 Hz"),
        (lambda: sim.GammaSource(3, 1001.0, 2), "rate must be at most 1000 Hz"),
        (lambda: sim.SteppedPoissonSource(3, [1.0], [2001.0]), "rate must be at most 2000 Hz"),
        (lambda: sim.RegularSource(3, interval=0.4), "interval must be at least one step of 0.5 ms, got 0.4"),
        (lambda: sim.SpikeSource(3, [1.0, 0.2]), "times must be at least one step of 0.5 ms, got 0.2"),
    ],
)
def test_sources_too_fast_for_the_step_are_refused(make, message):
    with sim.Network(dt=0.5) as net, pytest.raises(ValueError, match=message):
        net.add(make())
        net.run(1)
    assert not net.built
    outside = make()
    with pytest.raises(ValueError, match=message):
        net.add(outside)
        net.run(1)
    with sim.Network(dt=0.1):
        make()
