"""Learning on traces against float64: the STDP window through each public path, the rules, bad input."""

import numpy as np
import pytest
from traces import DELAYS, network, seen, spikes

import grilly_vk
from grilly_vk import VulkanCompute, nn
from grilly_vk.nn import traced

# float32 sums of some hundred changes of weights around 1
CLOSE = dict(rtol=1e-5, atol=1e-5)


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
    if how == "exponential":  # its first order decays by 1 - dt / tau per step, and a spike adds alpha dt / tau
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
    """Two runs of 40 and 20 steps; the second begins with the eligibility of the first, put back after the reset."""
    rng = np.random.default_rng(batch)
    net = network(batch, ins, outs, rng.integers(0, 4, (outs, ins)) if delayed else 0)
    rule = traced.MSTDPET(net, 0.02, 1.1, 0.7, 0.9)
    w, e = net.connections[0].weight.numpy().astype(np.float64), np.zeros((batch, outs, ins))
    for steps in (40, 20):
        kept = rule.e_trace_0.numpy()
        net.reset_state()
        assert not rule.e_trace_0.numpy().any()
        rule.e_trace_0.assign(kept)
        up, down = pair_terms(net, spikes(rng, steps, batch, ins), True)
        shape = {"number": (), "tensor": (), "steps": (steps,), "samples": (steps, batch)}[kind]
        reward = rng.normal(size=shape)
        rule.step(
            reward if kind in ("steps", "samples") else grilly_vk.tensor(reward) if kind == "tensor" else float(reward)
        )
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


@pytest.mark.parametrize("rule", ["OnlineSTDP", "MSTDPET"])
def test_large_layers(rule):
    """Layers from 16,384 weights take another variant of the kernel: 4 x 4 of them an invocation."""
    rng = np.random.default_rng(12)
    net = network(2, 129, 130)
    net.neurons[0].alpha_v = 0.05
    w = net.connections[0].weight.numpy().astype(np.float64)
    up, down = pair_terms(net, spikes(rng, 12, 2, 129), True)
    if rule == "OnlineSTDP":
        traced.OnlineSTDP(net, 0.02).step()
    else:
        traced.MSTDPET(net, 0.02, e_trace_decay=0.8).step(1.0)
    e = 0.0
    for a, b in zip(up, down):
        e = (e * 0.8 if rule == "MSTDPET" else 0.0) + a - b
        w = w + 0.02 * e.mean(0)
    np.testing.assert_allclose(net.connections[0].weight.numpy(), w, **CLOSE)


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
    """Learning from a run in one dispatch gives what learning after each of its steps gives, the spikes being equal."""
    rng = np.random.default_rng(4)
    x = spikes(rng, 30, 2, 5)
    nets = [network(delay=DELAYS), network(delay=DELAYS)]
    rules = [
        getattr(traced, name)(net, lr=1e-3 if name == "STDP" else 1e-6) for net in nets
    ]  # too small to change a spike
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


# ---- bad input ----


def test_bad_rules_and_networks():
    net = network()
    layer = net.layers[0]
    for call, error, text in [
        (lambda: traced.STDP(5), TypeError, "layers must be a Network, a Layer, or several"),
        (lambda: traced.STDP([]), ValueError, "layers is empty"),
        (
            lambda: traced.STDP([5]),
            TypeError,
            r"layers must hold Layer\(presynaptic, connection, postsynaptic\), not int",
        ),
        (lambda: traced.STDP(layer._replace(connection=5)), TypeError, "connection must be a connection of nn.traced"),
        (
            lambda: traced.STDP(layer._replace(presynaptic=layer.postsynaptic)),
            ValueError,
            r"presynaptic has cells_shape \(2, 4\)",
        ),
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
    with pytest.raises(NotImplementedError, match="LearningRule does not define weight_update"):
        traced.LearningRule(net, 1.0).step()
    layer.postsynaptic.run(np.ones((2, 2, 4), np.float32))
    with pytest.raises(RuntimeError, match="the connection saw 3 steps for 4 neurons, and the neuron behind it made 2"):
        rule.step(1.0)
    np.testing.assert_array_equal(layer.connection.weight.numpy(), before)


# ---- traces of your own ----


class Nearest:
    """The trace of the last spike alone: 1 at a spike, whatever was there before."""

    def update_trace(self, x):
        spikes = self.convert_spikes(x) if hasattr(self, "convert_spikes") else self.convert_input(x)
        self.trace = spikes + (1.0 - spikes) * self.trace * 0.8


class All:
    """The built-in linear trace, written by hand; it counts how often it moves."""

    moved = 0

    def update_trace(self, x):
        spikes = self.convert_spikes(x) if hasattr(self, "convert_spikes") else self.convert_input(x)
        self.trace = self.trace * 0.8 + spikes
        self.moved += 1


class Doubled:
    """The built-in trace of spikes that count twice."""

    def convert_spikes(self, spikes):
        return super().convert_spikes(spikes) * 2.0

    def convert_input(self, x):
        return super().convert_input(x) * 2.0


class Charging(traced.BaseNeuron):
    """A neuron of your own, as in the docs."""

    def update_voltage(self, x):
        self.v_cell = self.v_cell + self.alpha_v * x

    def fold(self, x):
        return traced.BaseNeuron.convert_spikes(self, x).sum(-1) if x.ndim > len(self.cells_shape) else x


def own_sides(trace, batch, ins, outs):
    """Input neurons, IF neurons and neurons from the base class, all with this trace."""
    first = type("OwnInput", (trace, traced.Input), {})((batch, ins), 1.0, 1.0, 0.8)
    bare = type("OwnBaseInput", (trace, traced.BaseInput), {})
    last = type("OwnIF", (trace, traced.IFNeuron), {})((batch, outs), 1.0, 0.0, 1.0, 1.0, 1.0, 0.0, 0.8)
    own = type("Own", (trace, Charging), {})((batch, outs), 1.0, 0.0, 1.0, 1.0, 1.0, 0.0)
    return [(first, last)] if trace is Doubled else [(first, last), (bare((batch, ins), 1.0), own)]


def followed(kind, s):
    """(T, ...) traces of spikes s without each step's own, in float64."""
    y, out = np.zeros(s.shape[1:]), []
    for now in s.astype(np.float64):
        out.append(y * 0.8)
        if kind is Nearest:
            y = np.where(now > 0, 1.0, y * 0.8)
        else:
            y = y * 0.8 + now * (2.0 if kind is Doubled else 1.0)
    return np.array(out)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("one_by_one", [False, True])
@pytest.mark.parametrize("kind", [Nearest, All, Doubled])
def test_stdp_follows_your_own_traces(kind, one_by_one, compiled):
    """Against float64, coincident spikes and all, each side made to fire as it should."""
    batch, ins, outs, steps = 2, 3, 4, 12
    rng = np.random.default_rng(3)
    pre, post = spikes(rng, steps, batch, ins, rate=0.4), spikes(rng, steps, batch, outs, rate=0.4)
    pre[-1] = post[-1] = True
    for first, last in own_sides(kind, batch, ins, outs):
        c = traced.Linear(ins, outs, batch)
        c.weight.assign(np.full((outs, ins), 0.5, np.float32))
        rule = traced.STDP(traced.Layer(first, c, last), 1.0, 0.03, 0.02, None, None)

        def present(pre, post, first=first, c=c, last=last, rule=rule):
            if not one_by_one:
                c.run(*first.run(pre))
                last.run(post)
                rule.step()
                return
            for t in range(len(pre)):
                c(*first(pre[t]))
                last(post[t])
                rule.step()

        call = grilly_vk.compile(present) if compiled else present
        call(grilly_vk.tensor(pre), grilly_vk.tensor(2.0 * post))
        x, y, w = followed(kind, pre), followed(kind, post), 0.5
        for t in range(steps):
            gain = post[t][..., None] * x[t][:, None, :]
            loss = pre[t][:, None, :] * y[t][..., None]
            w = w + (0.03 * gain - 0.02 * loss).mean(0)
        np.testing.assert_allclose(c.weight.numpy(), w, **CLOSE)
        if kind is All and not compiled:
            assert first.moved == last.moved == steps  # asked for the trace without spikes, it goes on as if it had not


def test_nearest_traces_of_a_pair():
    """A post spike, then both at once: the earlier one weakens by a_minus * 0.8, the coincident ones not at all."""
    first, last = own_sides(Nearest, 1, 1, 1)[0]
    c = traced.Linear(1, 1)
    c.weight.assign(np.full((1, 1), 0.5, np.float32))
    rule = traced.STDP(traced.Layer(first, c, last), 1.0)
    c.run(*first.run(np.array([0, 1], np.float32).reshape(2, 1, 1)))
    last.run(np.array([2, 2], np.float32).reshape(2, 1, 1))
    rule.step()
    assert c.weight.numpy()[0, 0] - 0.5 == pytest.approx(-0.008, abs=1e-7)


def test_what_stdp_can_not_follow_is_refused():
    first, last = own_sides(Nearest, 2, 5, 4)[0]
    late = traced.Linear(5, 4, 2, delay=2)
    with pytest.raises(ValueError, match=r"STDP can't follow the trace of OwnInput, .* a connection with delays"):
        traced.STDP(traced.Layer(first, late, last))
    c = traced.Linear(5, 4, 2)
    x = np.ones((3, 2, 5), np.float32)
    before = c.weight.numpy()
    c.run(*first.run(x))
    last.run(x[..., :4])
    rule = traced.STDP(traced.Layer(first, c, last))
    with pytest.raises(RuntimeError, match=r"OwnInput has not kept its traces .* after the rule was made"):
        rule.step()
    c.run(*first.run(x))
    last.run(x[..., :4])
    first.run(x[:2])
    with pytest.raises(RuntimeError, match="the connection saw 3 steps, and the neuron before it made 2"):
        rule.step()
    np.testing.assert_array_equal(c.weight.numpy(), before)
    with pytest.raises(NotImplementedError, match="OwnInput replaces update_trace or convert_input"):
        _ = first.jump
    traced.OnlineSTDP(traced.Layer(first, late, last))  # takes the traces as they are
