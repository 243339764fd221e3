"""Currents into neurons of grilly_vk.sim, read back from the membranes that they charge: shapes in time, and noise."""

import numpy as np
import pytest
from thread_ranks import on_ranks

from grilly_vk import sim
from grilly_vk.sim import network as networks

DT, TAU, C = 0.1, 2.0, 1.0
LEAK = np.exp(-DT / TAU)
PASSIVE = dict(tau_m=TAU, C_m=C, E_L=0.0, V_th=1e9, V_reset=0.0)


def membranes(n, *electrodes, runs=(50.0,), seed=1):
    """The network, and passive neurons with a current each or with those of a part, ready to be read."""
    with sim.Network(dt=DT, seed=seed) as net:
        p = sim.Population(n, "iaf_psc_delta", **PASSIVE)
        for where, current, *times in electrodes:
            p[where].inject(current, *times)
        p.record("V_m")
    for duration in runs:
        net.run(duration)
    return net, p


def currents(p):
    """What flowed in each step, (steps, n)."""
    v = p.samples("V_m")[1].astype(np.float64)
    before = np.concatenate([np.zeros((1, v.shape[1])), v[:-1]])
    return (v - before * LEAK) / ((1 - LEAK) * TAU / C)


def test_shapes_are_those_of_their_formulas():
    step = sim.StepCurrent([3.0, 7.04, 20.0], [2.0, -1.0, 0.5])
    sine = sim.ACCurrent(1.5, 40.0, phase=30.0, offset=0.25)
    where = slice(None)
    _, p = membranes(
        5, ([0], step), ([1], step, 5.0, 30.0), ([2], sine, 4.0, 45.0), ([3], sim.DCCurrent(0.75), 1.0),
        (where, 1.0, 49.0), ([3], step), runs=(11.3, 38.7),
    )  # fmt: skip
    k = np.arange(500)
    stairs = 2.0 * ((k >= 30) & (k < 70)) - 1.0 * ((k >= 70) & (k < 200)) + 0.5 * (k >= 200)
    wave = 0.25 + 1.5 * np.sin(2 * np.pi * 40 * (k - 40) * DT / 1000 + np.pi / 6)
    want = [stairs, stairs * ((k >= 50) & (k < 300)), wave * ((k >= 40) & (k < 450)), 0.75 * (k >= 10) + stairs, 0 * k]
    np.testing.assert_allclose(currents(p), np.stack(want, 1) + (k >= 490)[:, None], atol=2e-5)  # float32 of v / 0.1


def test_numbers_set_between_runs_act_in_the_next():
    dc, sine, step = sim.DCCurrent(1.0), sim.ACCurrent(1.0, 0.0, 90.0), sim.StepCurrent([0.0], [1.0])
    noise = sim.NoisyCurrent(1.0, 0.0)
    net, p = membranes(4, ([0], dc), ([1], sine), ([2], step), ([3], noise), runs=(5.0,))
    dc.amplitude, sine.offset, noise.mean = 3.0, 2.0, 3.0
    step.set([0.0, 5.0], [1.0, 3.0])
    with pytest.raises(ValueError, match="amplitudes must have one for each of 1 times, got 2"):
        step.set([1.0], [1.0, 2.0])
    net.run(5.0)
    np.testing.assert_allclose(currents(p), np.repeat([1.0, 3.0], 50)[:, None] * np.ones(4), atol=2e-5)
    noise.dt = 0.01
    with pytest.raises(ValueError, match=r"dt of a noise current must be at least one step of 0.1 ms, got 0.01"):
        net.run(1.0)
    assert net.t == pytest.approx(10)


def test_noise_has_its_moments_and_is_each_neurons_own():
    n, mean, sd = 400, 3.0, 2.0
    noise = sim.NoisyCurrent(mean, sd)
    _, p = membranes(n, (slice(None), noise, 0.0, 40.0), (slice(0, 200), noise, 20.0))
    x = currents(p)
    assert np.abs(x[400:, 200:]).max() < 1e-3  # no more of it, but what rounding leaves
    once, both = x[:200], x[200:400, :200]
    for part, times in ((once, 1), (both, 2)):
        close = 5 / np.sqrt(part.size)
        assert part.mean() == pytest.approx(times * mean, abs=close * sd * np.sqrt(times))
        assert part.std() == pytest.approx(sd * np.sqrt(times), rel=close / np.sqrt(2))
    normal = (once - mean) / sd
    assert (normal**3).mean() == pytest.approx(0, abs=5 * np.sqrt(15 / once.size))
    assert (normal**4).mean() == pytest.approx(3, abs=5 * np.sqrt(96 / once.size))
    for lag, axis in ((1, 0), (2, 0), (1, 1), (4, 1)):
        assert abs((normal * np.roll(normal, lag, axis)).mean()) < 5 / np.sqrt(once.size)
    alone = currents(membranes(n, (slice(None), noise), runs=(40.0,))[1])
    second = both - alone[200:400, :200]
    np.testing.assert_allclose(x[:200], alone[:200], atol=1e-4)
    assert abs(np.corrcoef(second.ravel(), alone[:200, :200].ravel())[0, 1]) < 5 / np.sqrt(
        second.size
    )  # not the same again


def test_noise_holds_for_its_own_interval_and_moves_a_membrane_as_theory_has_it():
    held, sd = 0.7, 4.0
    _, p = membranes(600, (slice(None), sim.NoisyCurrent(0.0, sd, held), 0.3, 63.3), runs=(10.05, 60.0))
    x = currents(p)
    assert np.abs(x[:3]).max() < 1e-6 and np.abs(x[640:]).max() < 1e-3
    blocks = x[3:633].reshape(90, 7, 600)
    np.testing.assert_allclose(blocks, blocks.mean(1, keepdims=True) * np.ones((1, 7, 1)), atol=1e-4)
    assert blocks[:, 0].std() == pytest.approx(sd, rel=0.02)
    a = np.exp(-held / TAU)
    v = p.samples("V_m")[1][2 + 7 * 20 : 633 : 7]
    assert v.var() == pytest.approx((sd * TAU / C) ** 2 * (1 - a) / (1 + a), rel=0.04)


def noisy(comm=None, seed=4):
    with sim.Network(dt=DT, seed=seed, comm=comm) as net:
        first = sim.Population(5, "iaf_psc_exp")
        p = sim.Population(23, "iaf_psc_delta", V_th=-60.0)
        first[1:4].inject(sim.NoisyCurrent(500.0, 900.0))
        p[[3, 7, 20]].inject(sim.NoisyCurrent(0.0, 50.0, 0.4))
        p[5:].inject(sim.NoisyCurrent(300.0, 400.0, 0.3), 0.5, 60.0)
        p.inject(sim.ACCurrent(60.0, 100.0))
        for population in (first, p):
            population.record("spikes", "V_m")
    return net


def seen(net):
    return [a for p in net.populations for a in (*p.spikes, p.samples("V_m")[1])]


def test_noise_does_not_depend_on_batches_runs_or_ranks(monkeypatch):
    def life(comm=None):
        net = noisy(comm)
        net.run(40)
        return seen(net)

    wanted = life()
    assert len(wanted[3]) > 20
    for got in on_ranks(3, life):
        for a, b in zip(got, wanted):
            np.testing.assert_array_equal(a, b)
    monkeypatch.setattr(networks, "_LONGEST_BATCH", 3)
    net = noisy()
    for duration in (7.7, 0.2, 32.1):
        net.run(duration)
    for a, b in zip(seen(net), wanted):
        np.testing.assert_array_equal(a, b)
    other = noisy(seed=5)
    other.run(40)
    assert (seen(other)[5] != wanted[5]).any()


def test_a_state_goes_on_within_a_noises_interval():
    net = noisy()
    net.run(20.2)
    state = net.state_dict()
    net.clear()
    net.run(20)
    other = noisy()
    other.load_state_dict(state)
    other.run(20)
    for a, b in zip(seen(other), seen(net)):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda p: p.inject(sim.NoisyCurrent(0.0, -1.0)), "sd must not be negative, got -1"),
        (lambda p: p.inject(sim.NoisyCurrent(np.nan, 1.0)), "mean must be finite"),
        (lambda p: p.inject(sim.NoisyCurrent(0.0, 1.0, 0.0)), "dt must be"),
        (lambda p: p.inject(sim.StepCurrent([1.0, 0.5], [1.0, 2.0])), "times must be at least 0 and in order"),
        (lambda p: p.inject(sim.StepCurrent([1.0], [np.inf])), "amplitudes must be a list of finite numbers"),
        (lambda p: p.inject(sim.ACCurrent(1.0, -1.0)), "frequency must not be negative"),
        (lambda p: p.inject(sim.DCCurrent("1")), "amplitude must be a number"),
        (lambda p: p.inject(sim.DCCurrent), "amplitude must be a number, not type"),
        (lambda p: p.inject(sim.NoisyCurrent(0.0, 1.0), 3.0, 2.0), "0 <= start <= stop"),
    ],
)
def test_wrong_currents_are_refused(wrong, message):
    p = sim.Population(4, "iaf_psc_delta")
    with pytest.raises((ValueError, TypeError), match=message):
        wrong(p)
    assert not p.injections
