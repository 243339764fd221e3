"""Connections with delays, and networks of trace neurons: steps, runs, replays, copies, bad input."""

import copy

import numpy as np
import pytest
from steady import settled
from traces import DELAYS, network, shifted, spikes

import grilly_vk
from grilly_vk.nn import traced

# ---- connections ----


@pytest.mark.parametrize("delay", [0, 2, DELAYS], ids=["none", "two", "each"])
@pytest.mark.parametrize("batch", [1, 3])
def test_connection(delay, batch):
    """Potentials and traces of every synapse, step by step, and summed in one run; many spikes are on their way."""
    rng = np.random.default_rng(0)
    steps = np.broadcast_to(delay, (4, 5))
    x, trace = spikes(rng, 20, batch, 1, 5), rng.random((20, batch, 1, 5)).astype(np.float32)
    c = traced.Linear(5, 4, batch, 0.5, steps * 0.5 if np.ndim(delay) else delay * 0.5)
    w = c.weight.numpy().astype(np.float64)
    want_s, want_y = shifted(x[:, :, 0], steps), shifted(trace[:, :, 0], steps)
    for t in range(20):
        potential, arrived = c(x[t], trace[t])
        assert potential.shape == arrived.shape == (batch, 1, 4, 5)
        np.testing.assert_allclose(potential.numpy()[:, 0], w * want_s[t], rtol=1e-6)
        np.testing.assert_array_equal(arrived.numpy()[:, 0], want_y[t].astype(np.float32))
        np.testing.assert_array_equal(c.spikes.numpy(), want_s[t])
        np.testing.assert_array_equal(c.trace.numpy(), want_y[t].astype(np.float32))
    c.reset_state()
    got = [c.run(x[a:b], trace[a:b], trace_sums=True) for a, b in ((0, 1), (1, 4), (4, 20))]
    np.testing.assert_array_equal(c.spikes.numpy(), want_s[19])
    np.testing.assert_array_equal(c.trace.numpy(), want_y[19].astype(np.float32))
    for k, want in enumerate(((w * want_s).sum(-1), want_y.sum(-1))):
        whole = np.concatenate([g[k].numpy() for g in got])
        assert whole.shape == (20, batch, 1, 4)
        np.testing.assert_allclose(whole[:, :, 0], want, rtol=1e-5, atol=1e-6)


def test_odd_rows_and_one_synapse():
    """Numbers of rows that are no multiple of four, one input, one neuron."""
    rng = np.random.default_rng(1)
    for steps, batch, ins, outs in ((1, 1, 1, 1), (3, 1, 1, 2), (7, 3, 2, 1), (5, 1, 4, 4)):
        delay = rng.integers(0, 3, (outs, ins))
        x = spikes(rng, steps, batch, ins)
        c = traced.Linear(ins, outs, batch, delay=delay)
        got, none = c.run(x, np.zeros(x.shape, np.float32))
        assert none is None
        want = (c.weight.numpy() * shifted(x, delay)).sum(-1)
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-6, atol=1e-7)


def test_weights_start_as_asked():
    c = traced.Linear(200, 100)
    w = c.weight.numpy()
    assert not c.weight.requires_grad and w.min() >= 0 and w.max() < 1 and abs(w.mean() - 0.5) < 0.01
    for name, low, high, spread in [
        ("uniform", -1, 3, 4 / 12**0.5),
        ("neuron_scaled_uniform", -1 / 200**0.5, 3 / 200**0.5, 4 / 2400**0.5),
        ("normal", -6, 6, 1.0),
        ("neuron_scaled_normal", -12 / 200**0.5, 12 / 200**0.5, 2 / 200**0.5),
        ("xavier_uniform", -1, 1, 2 * (2 / 300) ** 0.5),
        ("xavier_normal", -2, 2, 2 * (2 / 300) ** 0.5),
        ("kaiming_uniform", -1, 1, (2 / 200) ** 0.5),
        ("kaiming_normal", -1, 1, (2 / 200) ** 0.5),
    ]:
        c.reset_weights(name, gain=2.0, a=-1.0, b=3.0)
        w = c.weight.numpy()
        assert w.min() >= low and w.max() <= high and w.std() == pytest.approx(spread, rel=0.03), name
    c.reset_weights("constant", gain=0.25)
    assert (c.weight.numpy() == 0.25).all()
    c.reset_weights("normalized", gain=3.0)
    assert c.weight.numpy().sum() == pytest.approx(3.0, rel=1e-4)


def test_the_other_methods_of_a_connection():
    c = traced.Linear(3, 2, 2)
    x = np.ones((2, 2, 3), np.float32)
    np.testing.assert_array_equal(c.fold(x).numpy(), x[:, None])
    np.testing.assert_array_equal(c.unfold(x).numpy(), x)
    np.testing.assert_array_equal(
        c.activation_potential(x > 0).numpy()[:, 0], np.broadcast_to(c.weight.numpy(), x.shape)
    )
    assert not c.spikes.numpy().any() and c.spikes.dtype == np.bool_ and c.trace.shape == (2, 2, 3)
    assert c.convert_spikes(x > 0).dtype == np.float32
    assert repr(traced.Linear(3, 2, 4, 0.5, 1.5)) == (
        "Linear(in_features=3, out_features=2, batch_size=4, dt=0.5, delay=up to 1.5)"
    )


# ---- networks ----


@pytest.mark.parametrize("delay", [0, DELAYS], ids=["none", "each"])
@pytest.mark.parametrize("channel", [False, True])
def test_network_steps_are_the_run(channel, delay):
    """Two layers, the second of Fede neurons."""
    lead = (2, 1) if channel else (2,)
    rng = np.random.default_rng(6)
    x = spikes(rng, 40, *lead, 5)
    nets = []
    for _ in range(2):
        net = network(channel=channel, delay=delay)
        fede = traced.FedeNeuron((*lead, 3), 0.3, 0.0, 9.0, 0.2, 1.0, 1.0, 4.0, 5.0)
        second = traced.Linear(4, 3, 2)
        second.reset_weights(a=2.0, b=5.0)
        nets.append(traced.Network(net.input, (net.connections[0], net.neurons[0]), (second, fede)))
    nets[1].load_state_dict(nets[0].state_dict())
    got, trace = nets[0].run(x)
    for t, now in enumerate(x):
        s, y = nets[1](now)
        np.testing.assert_array_equal(s.numpy(), got.numpy()[t])
        np.testing.assert_allclose(y.numpy(), trace.numpy()[t], rtol=1e-6)
    assert got.shape == (40, *lead, 3) and 0.02 < got.numpy().mean() < 0.9


def test_few_dispatches_and_compiled():
    """A presentation of 50 steps and its learning; a replay is the same bits, and carries state and weights on."""
    rng = np.random.default_rng(7)
    xs = [grilly_vk.tensor(spikes(rng, 50, 2, 5)) for _ in range(6)]
    nets = [network(delay=DELAYS) for _ in range(2)]
    rules = [traced.MSTDPET(net, 0.01) for net in nets]

    def present(x, reward, k):
        nets[k].reset_state()
        out, _ = nets[k].run(x)
        rules[k].step(reward)
        return out

    compiled = grilly_vk.compile(lambda x, reward: present(x, reward, 1))
    for i, x in enumerate(xs):
        reward = np.float32(i % 3 - 1)
        np.testing.assert_array_equal(
            compiled(x, np.array(reward)).numpy(), present(x, grilly_vk.tensor(reward), 0).numpy()
        )
    np.testing.assert_array_equal(nets[0].connections[0].weight.numpy(), nets[1].connections[0].weight.numpy())
    assert compiled.captures == 1
    grilly_vk.synchronize()
    before = grilly_vk.memory_stats()["dispatches"]
    nets[0].run(xs[0])
    rules[0].step(1.0)
    grilly_vk.synchronize()
    assert grilly_vk.memory_stats()["dispatches"] - before == 6  # input, two lines, product, neurons, rule


def test_learning_after_a_replay_sees_that_replay():
    """An eager call in between does not leave its own spikes behind."""
    rng = np.random.default_rng(8)
    a, b = (spikes(rng, 20, 2, 5) for _ in range(2))
    changes = []
    for between in (False, True):
        net = network()
        rule = traced.OnlineSTDP(net, 0.1)

        def run(x, net=net):
            net.reset_state()
            return net.run(x)[0]

        play = grilly_vk.compile(run)
        play(a)
        if between:
            run(b)
        play(a)
        rule.step()
        changes.append(net.connections[0].weight.numpy())
    np.testing.assert_array_equal(*changes)


def test_copies_and_state_dict():
    x = spikes(np.random.default_rng(9), 20, 2, 5)
    net = network(delay=DELAYS)
    net.run(x[:10])
    other, twin = network(delay=DELAYS, seed=1), copy.deepcopy(net)
    other.load_state_dict(net.state_dict())
    want = net.run(x[10:])[1].numpy()
    np.testing.assert_array_equal(other.run(x[10:])[1].numpy(), want)
    np.testing.assert_array_equal(twin.run(x[10:])[1].numpy(), want)
    names = set(net.state_dict())
    assert {"connections.0.weight", "connections.0.spike_history", "connections.0.delay", "neurons.0.v_cell"} <= names


def test_same_bits_twice():
    x, weights = spikes(np.random.default_rng(10), 60, 3, 6), []
    for _ in range(2):
        net = network(3, 6, 7, 2)
        rules = [traced.MSTDPET(net, 0.01), traced.FedeSTDP(net, 0.001), traced.STDP(net)]
        net.run(x)
        rules[0].step(0.5)
        rules[1].step()
        rules[2].step()
        weights.append(net.connections[0].weight.numpy())
    np.testing.assert_array_equal(*weights)


def test_no_growth():
    """2,000 presentations with learning."""
    x = grilly_vk.tensor(spikes(np.random.default_rng(11), 10, 2, 5))
    net = network(delay=DELAYS)
    rule = traced.MSTDPET(net, 1e-4)

    @grilly_vk.compile
    def present(x):
        net.reset_state()
        out = net.run(x)[0]
        rule.step(1.0)
        return out

    for _ in range(20):
        present(x)
    held = settled()
    for _ in range(2000):
        present(x)
    assert settled() == held


def test_layers_are_given_in_many_ways():
    net = network()
    layer = net.layers[0]
    as_dict = layer._asdict()
    for given in (net, layer, [layer], (layer,), {"first": layer}, as_dict, [as_dict], {"first": as_dict}):
        rule = traced.STDP(given)
        assert rule.layers == [layer]
        net.run(np.ones((2, 2, 5), np.float32))
        rule()


# ---- bad input ----


def test_bad_connections():
    for options, error, text in [
        ({"delay": 0.7}, ValueError, "delay must be a multiple of dt, got 0.7 with dt=1"),
        ({"delay": -1}, ValueError, "delay must not be negative"),
        ({"delay": np.full((4, 5), 0.5)}, ValueError, "delay must hold multiples of dt=1"),
        ({"delay": np.ones((5, 4))}, ValueError, r"delay has shape \(5, 4\); expected one number or \(4, 5\)"),
        ({"delay": 1e9}, ValueError, "delay must be at most 65536 steps"),
        ({"delay": "long"}, TypeError, "delay must hold real numbers"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"dt": -1.0}, ValueError, "dt must be positive"),
    ]:
        with pytest.raises(error, match=text):
            traced.Linear(**({"in_features": 5, "out_features": 4} | options))
    c = traced.Linear(5, 4, 2)
    for call, error, text in [
        (
            lambda: c(np.ones((2, 4)), np.ones((2, 5))),
            ValueError,
            r"x has shape \(2, 4\); expected \(2, 5\) or \(2, 1, 5\)",
        ),
        (
            lambda: c(np.ones((2, 5)), np.ones((2, 1, 5))),
            ValueError,
            r"trace_in has shape \(2, 1, 5\); expected that of x",
        ),
        (lambda: c.run(np.ones((2, 5)), np.ones((2, 5))), ValueError, r"expected \(T, 2, 5\) or \(T, 2, 1, 5\)"),
        (lambda: c.reset_weights("even"), ValueError, "distribution must be one of 'uniform'"),
        (lambda: c.fold(np.ones((2, 5))), ValueError, r"x has shape \(2, 5\); expected \(2, 4, 5\)"),
    ]:
        with pytest.raises(error, match=text):
            call()
