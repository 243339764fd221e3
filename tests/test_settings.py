"""Settings that change after a recording: `grilly_vk.compile` records again, so that compiled stays eager."""

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import models, nn
from grilly_vk.nn import traced
from grilly_vk.nn.conversion.node import RateNode
from grilly_vk.surrogate import superspike

T, B, N = 6, 2, 5


def drive(rng, *shape):
    return rng.uniform(0, 1.5, shape).astype(np.float32)


def core():
    module = nn.LIF((N,), beta=0.7)
    return module, lambda x: F.unroll(module, x)[0]


def core_with_gradient():
    module = nn.LIF((N,), beta=0.7)

    def call(x):
        module.beta.grad = None
        F.unroll(module, x)[0].sum().backward()
        return module.beta.grad

    return module, call


def attention():
    module = nn.SpikingSelfAttention(N, 1, norm=None, step_mode="m", v_threshold=0.2)
    return module, lambda x: (F.reset_net(module), module(x.reshape(T, 1, B, N)))[1]


def neu_norm():
    module = nn.NeuNorm(B, 1, N, step_mode="m")
    return module, lambda x: (F.reset_net(module), module(x.reshape(T, 1, B, 1, N)))[1]


def rate_node():
    module = RateNode(step_mode="m")
    return module, lambda x: (F.reset_net(module), module(x))[1]


def converted():
    module = nn.Converter(T=3)(nn.Sequential(nn.Linear(N, 4), nn.ReLU(), nn.Linear(4, 2)).eval())
    return module, lambda x: module(x[0])


def snn():
    module = models.SNN.build(input_size=N, hidden_sizes=[7], output_size=2, num_timesteps=4)
    return module, lambda x: module(x[0])


def digits():
    module = models.DiehlCook(N, 3, T=T * B, seed=1, norm=60.0, w_max=40.0, inhibition=1.0)
    return module, lambda x: (module.present_spikes(x.reshape(1, T * B, N)), module.weight * 1.0)[1]


def trace_network():
    shape = {"dt": 1.0, "alpha_t": 1.0, "tau_t": 0.9}
    neurons = traced.LIFNeuron((B, 3), 0.8, 0.0, 0.5, 1.0, 1.0, 1.0, 0.9, 0.9)
    net = traced.Network(traced.Input((B, N), **shape), (traced.Linear(N, 3, B), neurons))
    net.connections[0].weight.assign(np.linspace(0.1, 0.9, 3 * N, dtype=np.float32).reshape(3, N))
    return net, neurons


def trace_neurons():
    net, neurons = trace_network()
    return neurons, lambda x: (F.reset_net(net), net.run(x > 0.7))[1][1]


def trace_input():
    module = traced.Input((B, N), 1.0, 1.0, 0.9)
    return module, lambda x: (F.reset_net(module), module.run(x > 0.7))[1][1]


def trace_rule(make, of_neurons=False, **reward):
    def made():
        net, neurons = trace_network()
        rule = make(net)

        def call(x):
            F.reset_net(net)
            F.reset_net(rule)
            net.run(x > 0.7)
            rule.step(**reward)
            return net.connections[0].weight * 1.0

        return neurons if of_neurons else rule, call

    return made


CASES = {
    "core": (core, "threshold", 0.4),
    "core's surrogate": (core_with_gradient, "activation", superspike(2.0)),
    "attention": (attention, "scale", 2.0),
    "NeuNorm": (neu_norm, "k", 0.3),
    "RateNode": (rate_node, "v_init", 0.1),
    "ConvertedNetwork": (converted, "T", 11),
    "SNN": (snn, "num_timesteps", 9),
    "DiehlCook": (digits, "a_post", 3.0),
    "neurons": (trace_neurons, "alpha_t", 0.3),
    "Input": (trace_input, "tau_t", 0.2),
    "OnlineSTDP": (trace_rule(lambda net: traced.OnlineSTDP(net, 0.01)), "lr", 0.05),
    "STDP": (trace_rule(lambda net: traced.STDP(net, a_plus=0.02), of_neurons=True), "alpha_t", 0.3),
    "MSTDPET": (trace_rule(lambda net: traced.MSTDPET(net, 0.01), reward=0.5), "e_trace_decay", 0.1),
    "FedeSTDP": (trace_rule(lambda net: traced.FedeSTDP(net, 0.01)), "a", 0.7),
}


@pytest.mark.parametrize("case", CASES)
def test_a_changed_setting_is_recorded_again(case):
    make, name, value = CASES[case]
    x = grilly_vk.tensor(drive(np.random.default_rng(2), T, B, N))
    found = []
    for compiled in (False, True):
        grilly_vk.manual_seed(4)
        module, call = make()
        run = grilly_vk.compile(call) if compiled else call
        outs = [run(x).numpy(), run(x).numpy()]
        setattr(module, name, value)
        found.append([*outs, run(x).numpy()])
    np.testing.assert_array_equal(found[0], found[1])
    grilly_vk.manual_seed(4)
    module, call = make()
    unchanged = [call(x).numpy() for _ in range(3)][2]
    assert not np.array_equal(unchanged, found[0][2]), "the setting has no effect on this input"


@pytest.mark.parametrize("case", CASES)
def test_a_captured_graph_says_that_a_setting_has_changed(case):
    make, name, value = CASES[case]
    x = grilly_vk.tensor(drive(np.random.default_rng(2), T, B, N))
    grilly_vk.manual_seed(4)
    module, call = make()
    call(x)
    with grilly_vk.capture() as graph:
        call(x)
    graph.replay()
    before = getattr(module, name)
    setattr(module, name, value)
    with pytest.raises(RuntimeError, match=r"a setting of .* was changed since this graph was captured"):
        graph.replay()
    setattr(module, name, before)
    graph.replay()


def test_a_captured_graph_notices_the_mode_and_a_surrogate():
    node = nn.LIFNode(step_mode="m")
    net = nn.Sequential(nn.Linear(N, N), nn.Dropout(0.5), node)
    F.set_step_mode(net, "m")
    x = grilly_vk.tensor(drive(np.random.default_rng(2), T, B, N))
    with grilly_vk.capture() as graph:
        F.reset_net(net)
        net(x).sum().backward()
    with grilly_vk.capture() as alone:
        node.surrogate_function.derivative(x)
    F.reset_net(net)
    for broken, change, back in (
        ([graph], net.eval, net.train),
        ([graph, alone], lambda: setattr(node.surrogate_function, "alpha", 5.0),
         lambda: setattr(node.surrogate_function, "alpha", 2.0)),
        ([graph], lambda: setattr(net[1], "p", 0.1), lambda: setattr(net[1], "p", 0.5)),
        ([graph], lambda: F.set_step_mode(net, "s"), lambda: F.set_step_mode(net, "m")),
    ):  # fmt: skip
        change()
        assert all("was changed" in (g.outdated or "") for g in broken)
        back()
        assert graph.outdated is None and alone.outdated is None
