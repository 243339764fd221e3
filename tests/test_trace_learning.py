"""Connections with delays and learning on traces, against float64; the STDP window; networks; bad input."""

import copy

import numpy as np
import pytest

import grilly_vk
from grilly_vk import VulkanCompute, nn
from grilly_vk.nn import traced

# float32 sums of some hundred changes of weights around 1
CLOSE = dict(rtol=1e-5, atol=1e-5)


def network(batch=2, ins=5, outs=4, delay=0, channel=False, seed=0, **rules):
    """One layer that fires now and then."""
    lead = (batch, 1) if channel else (batch,)
    grilly_vk.manual_seed(seed)
    first = traced.Input((*lead, ins), 1.0, 1.2, 0.8)
    last = traced.LIFNeuron((*lead, outs), 1.0, 0.0, 0.9, 0.7, 1.0, 1.0, 0.8, 0.7)
    return traced.Network(first, (traced.Linear(ins, outs, batch, 1.0, delay), last))


def spikes(rng, *shape, rate=0.3):
    return rng.random(shape) < rate


def shifted(x, delay):
    """(T, batch, in) as each synapse sees it: (T, batch, out, in), 0 before the first step."""
    out = np.zeros((*x.shape[:2], *delay.shape), np.float64)
    for o, i in np.ndindex(*delay.shape):
        d = delay[o, i]
        out[d:, :, o, i] = x[: len(x) - d, :, i] if d else x[:, :, i]
    return out


def seen(net, x):
    """What both sides did in a run, in float64: (pre, pre traces, post, post traces), with the connection's delays."""
    layer = net.layers[0]
    batch, outs, ins = layer.connection.synapse_shape
    post, post_trace = (t.numpy().reshape(len(x), batch, outs).astype(np.float64) for t in net.run(x))
    pre = np.asarray(x, np.float64).reshape(len(x), batch, ins)
    pre_trace, y = [], np.zeros((batch, ins))
    for now in pre:
        y = y * 0.8 + 1.2 * now
        pre_trace.append(y)
    delay = layer.connection.delay
    steps = np.zeros((outs, ins), int) if delay is None else delay.numpy()
    return shifted(pre, steps), shifted(np.array(pre_trace), steps), post, post_trace


DELAYS = np.array([[0, 1, 2, 3, 0], [5, 0, 1, 0, 2], [0, 0, 0, 0, 0], [7, 7, 1, 2, 3]])


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
    np.testing.assert_array_equal(c.activation_potential(x > 0).numpy()[:, 0], np.broadcast_to(c.weight.numpy(), x.shape))
    assert not c.spikes.numpy().any() and c.spikes.dtype == np.bool_ and c.trace.shape == (2, 2, 3)
    assert c.convert_spikes(x > 0).dtype == np.float32
    assert repr(traced.Linear(3, 2, 4, 0.5, 1.5)) == (
        "Linear(in_features=3, out_features=2, batch_size=4, dt=0.5, delay=up to 1.5)"
    )


# ---- the STDP window ----


def by_layer(pre, post, a_plus, a_minus):
    layer = nn.STDPLayer(1, 1, tau_plus=17.0, tau_minus=34.0, a_plus=a_plus, a_minus=a_minus)
    layer.weight = [[0.5]]
    layer.update_weights(pre[:, None, None], post[:, None, None])
    return layer.weight[0, 0]


def by_facade(pre, post, a_plus, a_minus):
    w, _, _ = VulkanCompute().snn.stdp_learning(
        pre[:, None, None], post[:, None, None], [[0.5]], tau_plus=17.0, tau_minus=34.0, a_plus=a_plus, a_minus=a_minus
    )
    return w[0, 0]


def by_traces(pre, post, a_plus, a_minus, rule=traced.STDP, how="linear", delay=0):
    """Neurons behind a connection of no effect, made to fire by an input of their own."""
    taus = [np.exp(-1 / 17.0), np.exp(-1 / 34.0)]
    if how == "exponential":  # its first order decays by 1 - dt / tau a step, and a spike adds alpha dt / tau
        taus = [1 / (1 - k) for k in taus]
    first = traced.Input((1, 1), 1.0, 1.0 if how == "linear" else taus[0], taus[0], how)
    last = traced.IFNeuron((1, 1), 1.0, 0.0, 1.0, 1.0 if how == "linear" else taus[1], 1.0, 0.0, taus[1], how)
    c = traced.Linear(1, 1, delay=delay)
    c.weight.assign(np.full((1, 1), 0.5, np.float32))
    c.run(*first.run(pre[:, None, None]))
    last.run(2.0 * post[:, None, None])
    rule(traced.Layer(first, c, last), 1.0, a_plus, a_minus).step()
    return c.weight.numpy()[0, 0]


PATHS = {
    "layer": by_layer,
    "facade": by_facade,
    "traces": by_traces,
    "exponential": lambda *a: by_traces(*a, how="exponential"),
    "online": lambda *a: by_traces(*a, rule=traced.OnlineSTDP),
}


@pytest.mark.parametrize("path", PATHS)
def test_window_is_the_analytic_one(path):
    """One pair of spikes -60 to 60 ms apart, through each public path; 0.5 + change rounds to 3e-8 at most."""
    for gap in range(-60, 61, 1 if path == "traces" else 4):
        pre, post = np.zeros((2, 130), np.float32)
        pre[max(0, -gap)] = post[max(0, gap)] = 1
        got = PATHS[path](pre, post, 0.4, 0.2) - 0.5
        want = 0.4 * np.exp(-gap / 17.0) if gap > 0 else -0.2 * np.exp(gap / 34.0) if gap < 0 else 0.0
        if path == "online" and gap == 0:
            want = 0.4 - 0.2  # the traces hold the step's own spikes
        assert got == pytest.approx(want, rel=1e-4, abs=6e-8), gap


def test_window_moves_with_the_delay():
    """What counts is when the spike arrives."""
    for gap in range(-20, 21, 5):
        pre, post = np.zeros((2, 60), np.float32)
        pre[max(0, -gap)] = post[max(0, gap)] = 1
        late = gap - 7
        want = 0.4 * np.exp(-late / 17.0) if late > 0 else -0.2 * np.exp(late / 34.0) if late < 0 else 0.0
        assert by_traces(pre, post, 0.4, 0.2, delay=7) - 0.5 == pytest.approx(want, rel=1e-4, abs=6e-8), gap


# ---- the rules ----


def pair_terms(net, x, own):
    """(T, batch, out, in): post spike times pre trace, and pre spike times post trace; own False: less own spikes."""
    pre, pre_trace, post, post_trace = seen(net, x)
    if not own:
        pre_trace, post_trace = pre_trace - 1.2 * pre, post_trace - 0.7 * post
    return post[..., None] * pre_trace, pre * post_trace[..., None]


SIZES = [(1, 1, 1), (2, 5, 4), (3, 6, 7)]


@pytest.mark.parametrize("delayed", [False, True])
@pytest.mark.parametrize(("batch", "ins", "outs"), SIZES)
@pytest.mark.parametrize("bound", [None, "hard", "soft"])
@pytest.mark.parametrize("own", [True, False])
def test_pair_rules(own, bound, batch, ins, outs, delayed):
    """OnlineSTDP and STDP over 60 steps."""
    rng = np.random.default_rng(batch + ins)
    net = network(batch, ins, outs, rng.integers(0, 4, (outs, ins)) if delayed else 0)
    w = net.connections[0].weight.numpy().astype(np.float64)
    up, down = pair_terms(net, spikes(rng, 60, batch, ins), own)
    low, high = (0.2, 0.8) if bound else (None, None)
    options = dict(w_min=low, w_max=high, bound=bound or "hard")
    rule = traced.OnlineSTDP(net, 0.05, 0.9, 0.6, **options) if own else traced.STDP(net, 0.05, 0.9, 0.6, **options)
    rule.step()
    for a, b in zip(0.9 * up, 0.6 * down):
        change = a * (high - w) - b * (w - low) if bound == "soft" else a - b
        w = w + 0.05 * change.mean(0)
        w = np.clip(w, low, high) if bound else w
    np.testing.assert_allclose(net.connections[0].weight.numpy(), w, **CLOSE)


@pytest.mark.parametrize("delayed", [False, True])
@pytest.mark.parametrize(("batch", "ins", "outs"), SIZES)
@pytest.mark.parametrize("kind", ["number", "tensor", "steps", "samples"])
def test_mstdpet(kind, batch, ins, outs, delayed):
    """Two runs of 40 and 20 steps: the eligibility goes on from one to the next."""
    rng = np.random.default_rng(batch)
    net = network(batch, ins, outs, rng.integers(0, 4, (outs, ins)) if delayed else 0)
    rule = traced.MSTDPET(net, 0.02, 1.1, 0.7, 0.9)
    w, e = net.connections[0].weight.numpy().astype(np.float64), np.zeros((batch, outs, ins))
    for steps in (40, 20):
        net.reset_state()
        up, down = pair_terms(net, spikes(rng, steps, batch, ins), True)
        shape = {"number": (), "tensor": (), "steps": (steps,), "samples": (steps, batch)}[kind]
        reward = rng.normal(size=shape)
        rule.step(reward if kind in ("steps", "samples") else grilly_vk.tensor(reward) if kind == "tensor" else float(reward))
        paid = np.broadcast_to(reward[..., None] if kind == "steps" else reward, (steps, batch))
        for a, b, r in zip(1.1 * up, 0.7 * down, paid):
            e = e * 0.9 + a - b
            w = w + 0.02 * (r[:, None, None] * e).mean(0)
    np.testing.assert_allclose(net.connections[0].weight.numpy(), w, **CLOSE)
    np.testing.assert_allclose(rule.e_trace_0.numpy(), e, rtol=1e-4, atol=1e-5)
    rule.reset_state()
    assert not rule.e_trace_0.numpy().any()


def test_mstdpet_bounds():
    rng = np.random.default_rng(3)
    net = network(2, 5, 4)
    rule = traced.MSTDPET(net, 0.05, w_min=0.3, w_max=0.6, e_trace_decay=0.5)
    up, down = pair_terms(net, spikes(rng, 40, 2, 5), True)
    w, e = net.connections[0].weight.numpy().astype(np.float64), 0
    reward, met = np.sin(np.arange(40) / 5), set()
    rule.step(reward)
    for a, b, r in zip(up, down, reward):
        e = e * 0.5 + a - b
        w = np.clip(w + 0.05 * r * e.mean(0), 0.3, 0.6)
        met |= {0.3, 0.6} & set(w.ravel())
    np.testing.assert_allclose(net.connections[0].weight.numpy(), w, **CLOSE)
    assert met == {0.3, 0.6}


@pytest.mark.parametrize("on_spike", [False, True])
@pytest.mark.parametrize("delayed", [False, True])
@pytest.mark.parametrize(("batch", "ins", "outs"), SIZES)
def test_fede(on_spike, delayed, batch, ins, outs):
    rng = np.random.default_rng(ins)
    net = network(batch, ins, outs, rng.integers(0, 4, (outs, ins)) if delayed else 0)
    w = net.connections[0].weight.numpy().astype(np.float64)
    x = spikes(rng, 50, batch, ins)
    x[:3] = False  # no trace at all
    _, trace, post, _ = seen(net, x)
    traced.FedeSTDP(net, 0.01, 0.4, 0.2, on_spike=on_spike).step()
    for y, s in zip(trace, post):
        share = y / y.max() if y.max() else y * 0
        change = np.exp(-(w - 0.4)) * (np.exp(share) - 0.2) - np.exp(w - 0.4) * (np.exp(1 - share) - 0.2)
        w = w + 0.01 * (change * s[..., None] if on_spike else change).mean(0)
    np.testing.assert_allclose(net.connections[0].weight.numpy(), w, **CLOSE)


@pytest.mark.parametrize("name", ["OnlineSTDP", "STDP", "MSTDPET", "FedeSTDP"])
def test_a_run_is_its_steps(name):
    """Learning from a run in one dispatch gives what learning after each of its steps gives, if the spikes are the same."""
    rng = np.random.default_rng(4)
    x = spikes(rng, 30, 2, 5)
    nets = [network(delay=DELAYS), network(delay=DELAYS)]
    rules = [getattr(traced, name)(net, lr=1e-3 if name == "STDP" else 1e-6) for net in nets]  # too small to change a spike
    pay = (1.0,) if name == "MSTDPET" else ()
    start = nets[0].connections[0].weight.numpy()
    nets[0].run(x)
    rules[0].step(*pay)
    for now in x:
        nets[1](now)
        rules[1].step(*pay)
    ran, stepped = (net.connections[0].weight.numpy() for net in nets)
    assert np.abs(ran - start).max() > 1e-6
    np.testing.assert_allclose(stepped, ran, rtol=1e-6, atol=1e-7)
    if name == "MSTDPET":
        np.testing.assert_allclose(rules[1].e_trace_0.numpy(), rules[0].e_trace_0.numpy(), rtol=1e-4, atol=1e-6)


def test_long_runs_in_pieces(monkeypatch):
    x = spikes(np.random.default_rng(5), 50, 2, 5)
    got = []
    for size in (64, 7):
        net = network(delay=DELAYS)
        rules = [traced.MSTDPET(net, 0.01), traced.FedeSTDP(net, 0.01), traced.STDP(net)]
        engine = type(net.connections[0].weight.engine)
        monkeypatch.setattr(engine, "steps_per_submit", lambda self, work, size=size: size)
        net.run(x)
        rules[0].step(np.linspace(-1, 1, 50))
        rules[1].step()
        rules[2].step()
        got.append([net.connections[0].weight.numpy(), rules[0].e_trace_0.numpy()])
    for one, cut in zip(*got):
        np.testing.assert_array_equal(one, cut)


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
    assert grilly_vk.memory_stats()["dispatches"] - before - 1 == 6  # input, two lines, product, neurons, rule


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

    def kept():
        grilly_vk.synchronize()
        return {k: grilly_vk.memory_stats()[k] for k in ("bytes_in_use", "bytes_reserved", "segments", "programs")}

    for _ in range(20):
        present(x)
    held = kept()
    for _ in range(2000):
        present(x)
    assert kept() == held


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
        (lambda: c(np.ones((2, 4)), np.ones((2, 5))), ValueError, r"x has shape \(2, 4\); expected \(2, 5\) or \(2, 1, 5\)"),
        (lambda: c(np.ones((2, 5)), np.ones((2, 1, 5))), ValueError, r"trace_in has shape \(2, 1, 5\); expected that of x"),
        (lambda: c.run(np.ones((2, 5)), np.ones((2, 5))), ValueError, r"expected \(T, 2, 5\) or \(T, 2, 1, 5\)"),
        (lambda: c.reset_weights("even"), ValueError, "distribution must be one of 'uniform'"),
        (lambda: c.fold(np.ones((2, 5))), ValueError, r"x has shape \(2, 5\); expected \(2, 4, 5\)"),
    ]:
        with pytest.raises(error, match=text):
            call()


def test_bad_rules_and_networks():
    net = network()
    layer = net.layers[0]
    for call, error, text in [
        (lambda: traced.STDP(5), TypeError, "layers must be a Network, a Layer, or several"),
        (lambda: traced.STDP([]), ValueError, "layers is empty"),
        (lambda: traced.STDP([5]), TypeError, r"layers must hold Layer\(presynaptic, connection, postsynaptic\), not int"),
        (lambda: traced.STDP(layer._replace(connection=5)), TypeError, "connection must be a connection of nn.traced"),
        (lambda: traced.STDP(layer._replace(presynaptic=layer.postsynaptic)), ValueError, r"presynaptic has cells_shape \(2, 4\)"),
        (lambda: traced.OnlineSTDP(net, a_plus=-1.0), ValueError, "a_plus must not be negative"),
        (lambda: traced.MSTDPET(net, e_trace_decay=1.5), ValueError, "e_trace_decay must lie in"),
        (lambda: traced.MSTDPET(net, w_min=0.0), ValueError, "w_min and w_max go together"),
        (lambda: traced.STDP(net, w_min=1.0, w_max=0.0), ValueError, r"w_min \(1.0\) must be below w_max \(0.0\)"),
        (lambda: traced.OnlineSTDP(net, bound="soft"), ValueError, "bound='soft' needs w_min and w_max"),
        (lambda: traced.FedeSTDP(net, a=2.0), ValueError, "a must lie in"),
        (lambda: traced.STDP(net).step(), RuntimeError, "Linear has not been called since its last reset"),
        (lambda: traced.LearningRule(net, None), TypeError, "lr must be a number"),
        (lambda: traced.Network(layer.connection), TypeError, "input must be input neurons"),
        (lambda: traced.Network(net.input), ValueError, "layers is empty"),
        (lambda: traced.Network(net.input, layer.connection), TypeError, r"layers\[0\] must be a pair"),
        (lambda: traced.Network(net.input, (layer.connection, net.input)), ValueError, r"postsynaptic has cells_shape"),
    ]:
        with pytest.raises(error, match=text):
            call()
    net.run(np.ones((3, 2, 5), np.float32))
    before = layer.connection.weight.numpy()
    rule = traced.MSTDPET(net)
    for reward, error, text in [
        (np.ones(2), ValueError, r"reward has shape \(2,\); expected one number, \(3,\) or \(3, 2\)"),
        ("much", TypeError, "reward must be a number"),
        (np.nan, ValueError, "reward must be finite"),
    ]:
        with pytest.raises(error, match=text):
            rule.step(reward)
    with pytest.raises(NotImplementedError, match="LearningRule defines no weight_update"):
        traced.LearningRule(net, 1.0).step()
    layer.postsynaptic.run(np.ones((2, 2, 4), np.float32))
    with pytest.raises(RuntimeError, match="the connection saw 3 steps for 4 neurons, and the neuron behind it made 2"):
        rule.step(1.0)
    np.testing.assert_array_equal(layer.connection.weight.numpy(), before)
