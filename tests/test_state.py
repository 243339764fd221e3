"""State between calls, of every class that has one: reset, deepcopy, detach and state_dict reach all of it."""

import copy

import numpy as np
import pytest
from traces import network, spikes

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import encode, nn
from grilly_vk.equations.neurons import PUBLISHED
from grilly_vk.nir.meaning import Meaning
from grilly_vk.nir.neurons import NEURONS
from grilly_vk.nn import conversion, traced

B, N = 3, 4
RNG = np.random.default_rng(5)
RUN = RNG.uniform(0, 1.0, (4, B, N)).astype(np.float32)
RUN_1D = RNG.normal(size=(4, B, N)).astype(np.float32)
RUN_2D = RNG.normal(size=(4, B, N, 2, 2)).astype(np.float32)
SLOWED = nn.NeuronModel("slowed", "h = v * 0.8 + x - 0.1 * u", state={"v": 0.0, "u": 0.0}, after="u = u * 0.9 + s")


def node(kind, **options):
    return lambda: (kind(v_threshold=0.7, **options), RUN)


def trace_args(k=1):
    return ((B, N), 0.5, 0.0, 0.6, 1.0, 1.0, 1.0, *[0.8] * k)


def pooling():
    """The gate works inside a converted network only."""
    ann = nn.Sequential(nn.Conv2d(N, 3, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3, 2)).eval()
    return nn.Converter(T=4)(ann), RUN_2D


def of_nir(kind):
    """A neuron of NIR, each with a time constant of its own."""
    fields = {"r": 2.0, "v_leak": 0.0, "v_threshold": 0.7, "v_reset": 0.0, "w_in": 2.0}
    fields |= dict.fromkeys(("tau", "tau_mem", "tau_syn"), np.linspace(2, 4, N))
    return NEURONS[kind](Meaning(1.0), **{name: fields[name] for name in NEURONS[kind].fields}), RUN


def graph_of_nir():
    nir = pytest.importorskip("nir")
    net = nn.Sequential(nn.RecurrentSynapse(nn.LIFNode(v_threshold=0.2), nn.Linear(N, N)), nn.Delay(2))
    assert nir
    read = grilly_vk.nir.from_nir(grilly_vk.nir.to_nir(net, (N,), 1.0))
    F.set_step_mode(read, "s")
    return read, RUN * 2


MAKE = {
    **{kind: lambda kind=kind: of_nir(kind) for kind in NEURONS},
    "Graph": graph_of_nir,
    **{k.__name__: node(k) for k in (nn.IFNode, nn.LIFNode, nn.ParametricLIFNode, nn.KLIFNode, nn.CUBALIFNode)},
    **{k.__name__: node(k) for k in (nn.QIFNode, nn.EIFNode, nn.IzhikevichNode, nn.AdaptiveLIFNode)},
    **{record.node: lambda kind=record.node: (getattr(nn, kind)(), RUN * 4) for record in PUBLISHED},
    "CustomNode": lambda: (nn.CustomNode(SLOWED, v_threshold=0.7), RUN),
    "SynapseFilter": lambda: (nn.SynapseFilter(), RUN),
    "DualTimescaleSynapse": lambda: (nn.DualTimescaleSynapse(), RUN),
    "STPSynapse": lambda: (nn.STPSynapse(), (RUN > 0.5).astype(np.float32)),
    "Delay": lambda: (nn.Delay(3), RUN),
    "DelaySynapse": lambda: (nn.DelaySynapse(N, 2, 2), RUN),
    "NeuNorm": lambda: (nn.NeuNorm(N, 2, 2), RUN_2D),
    "BatchNormThroughTime1d": lambda: (nn.BatchNormThroughTime1d(N, 8, step_mode="s"), RUN_1D),
    "BatchNormThroughTime2d": lambda: (nn.BatchNormThroughTime2d(N, 8, step_mode="s"), RUN_2D),
    "TemporalEffectiveBatchNorm1d": lambda: (nn.TemporalEffectiveBatchNorm1d(8, N, step_mode="s"), RUN_1D),
    "TemporalEffectiveBatchNorm2d": lambda: (nn.TemporalEffectiveBatchNorm2d(8, N, step_mode="s"), RUN_2D),
    "ActivityRegularization": lambda: (nn.ActivityRegularization(), RUN),
    "RecurrentSynapse": lambda: (nn.RecurrentSynapse(nn.LIFNode(), nn.Linear(N, N)), RUN * 2),
    "ElementWiseRecurrentContainer": lambda: (
        nn.ElementWiseRecurrentContainer(nn.LIFNode(), lambda x, y: x + 0.5 * y), RUN * 2,
    ),
    "LinearRecurrentContainer": lambda: (nn.LinearRecurrentContainer(nn.LIFNode(v_threshold=0.2), N, N), RUN * 2),
    "LatencyEncoder": lambda: (encode.LatencyEncoder(7), np.broadcast_to(RUN[0], RUN.shape)),
    "PeriodicEncoder": lambda: (encode.PeriodicEncoder(RUN), [None] * 4),
    "WeightedPhaseEncoder": lambda: (encode.WeightedPhaseEncoder(7), np.broadcast_to(RUN[0], RUN.shape)),
    "DropoutOverTime": lambda: (nn.DropoutOverTime(), RUN),
    "DropoutOverTime1d": lambda: (nn.DropoutOverTime1d(), RUN_2D[..., 0]),
    "DropoutOverTime2d": lambda: (nn.DropoutOverTime2d(), RUN_2D),
    "NonSpikingIFNode": lambda: (nn.NonSpikingIFNode(step_mode="s"), RUN),
    "NonSpikingLIFNode": lambda: (nn.NonSpikingLIFNode(step_mode="s"), RUN),
    "LateResetNode": lambda: (nn.LateResetNode(0.9, 0.5), RUN),
    "AnalogLIFNode": lambda: (nn.dialects.spikingjelly.LIAFNode(nn.ReLU(), False), RUN),
    "Izhikevich2003Node": lambda: (nn.dialects.norse.IzhikevichCell(nn.dialects.norse.tonic_spiking), 40 * RUN),
    "AlphaNode": lambda: (nn.AlphaNode(0.9, 0.6, learn="beta"), RUN),
    "GatedLIFNode": lambda: (nn.GatedLIFNode(8, step_mode="s"), RUN * 2),
    "RateNode": lambda: (conversion.RateNode(), RUN),
    "MaxPoolGate": pooling,
    "Input": lambda: (traced.Input((B, N), 1.0, 1.0, 0.9), RUN > 0.5),
    "IFNeuron": lambda: (traced.IFNeuron(*trace_args()), RUN),
    "LIFNeuron": lambda: (traced.LIFNeuron(*trace_args(2)), RUN),
    "AdaptiveLIFNeuron": lambda: (traced.AdaptiveLIFNeuron(*trace_args(2), 0.4, 0.9), RUN),
    "FedeNeuron": lambda: (traced.FedeNeuron((B, N), 0.3, 0.0, 1.0, 1.0, 1.0, 1.0, 2, 5), [(x, x / 2) for x in RUN]),
    "Linear": lambda: (traced.Linear(N, 2, B, 1.0, delay=2), [(x > 0.5, x) for x in RUN]),
}  # fmt: skip


def classes_with_state():
    todo, found = [nn.StatefulModule, traced.cells.TracedPart], set()
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        if kind.__module__.startswith("grilly_vk.") and not kind.__name__.startswith("_"):
            found.add(kind)
    bases = {c for c in found if any(c is not d and issubclass(d, c) for d in found)}
    return {c.__name__ for c in found - bases}


def test_the_table_is_whole():
    assert classes_with_state() - set(MAKE) == set()


def called(module, step):
    out = module(*step) if isinstance(step, tuple) else module(step)
    return [t.numpy() for t in (out if isinstance(out, tuple) else (out,))]


def ran(module, run):
    return [value for step in run for value in called(module, step)]


def same(a, b):
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b))


@pytest.mark.parametrize("name", MAKE)
def test_reset_copy_detach_and_state_dict_reach_it(name):
    grilly_vk.manual_seed(1)
    module, run = MAKE[name]()
    module.eval()
    first, second = ran(module, run), ran(module, run)
    F.reset_net(module)
    assert same(ran(module, run), first), "reset_net begins again"

    other = copy.deepcopy(module)
    assert same(ran(other, run), second), "a copy goes on from the same state"
    assert same(ran(module, run), second), "and has a state of its own"

    F.detach_net(module)
    held = [v for v in getattr(module, "memories", dict)().values() if isinstance(v, grilly_vk.Tensor)]
    assert all(v.node is None for v in held)

    if isinstance(module, traced.cells.TracedPart):  # its state lies in buffers: what was saved goes on elsewhere
        F.reset_net(module)
        ran(module, run)
        grilly_vk.manual_seed(2)
        fresh = MAKE[name]()[0].eval()
        fresh.load_state_dict({k: v.numpy() for k, v in module.state_dict().items()})
        assert same(ran(fresh, run), second)


def learned(net, rule, x):
    """How much the weights change by one presentation, and back."""
    weight = net.connections[0].weight
    before = weight.numpy()
    net.run(x)
    rule.step(1.0)
    after = weight.numpy()
    weight.assign(before)
    return np.abs(after - before).sum()


@pytest.mark.parametrize("how", ["reset_state", "reset", "reset_net", "connection", "rule"])
def test_reset_reaches_the_eligibility(how):
    """The same presentation to the same weights gives the same change, however one resets."""
    net = network()
    rule, x = traced.MSTDPET(net, 0.01, e_trace_decay=0.99), spikes(np.random.default_rng(1), 30, 2, 5)
    changes = []
    for _ in range(3):
        changes.append(learned(net, rule, x))
        if how == "reset_net":
            F.reset_net(net)
        elif how == "connection":
            net.connections[0].reset_state()
            net.input.reset(), net.neurons[0].reset()
        elif how == "rule":
            assert rule.e_trace_0.numpy().any()
            net.reset_state(), F.reset_net(rule)
        else:
            getattr(net, how)()
        assert not rule.e_trace_0.numpy().any()
    assert changes[0] > 0.1
    assert changes == [changes[0]] * 3


def test_reset_reaches_the_eligibility_in_a_compiled_function():
    net = network()
    rule, x = traced.MSTDPET(net, 0.01), spikes(np.random.default_rng(1), 30, 2, 5)

    @grilly_vk.compile
    def present(x):
        net.reset_state()
        net.run(x)
        rule.step(1.0)
        return rule.e_trace_0 * 1.0

    first = present(x).numpy()
    weight = net.connections[0].weight
    for _ in range(3):
        weight.assign(np.array(network().connections[0].weight))
        np.testing.assert_array_equal(present(x).numpy(), first)


class Remembering(traced.LearningRule):
    """A rule of your own, with a memory."""

    def __init__(self, layers):
        super().__init__(layers, 1.0)
        self.seen = 0

    def weight_update(self, index, layer, met):
        self.seen += met.post.shape[0]

    def reset_state(self):
        self.seen = 0


class More(traced.MSTDPET):
    """One of ours that remembers more."""

    seen = 0

    def reset_state(self):
        super().reset_state()
        self.seen = 0


def test_reset_reaches_your_own_rules():
    net = network()
    rule, more = Remembering(net), More(net)
    net.run(np.ones((3, 2, 5), np.float32))
    rule.step()
    assert rule.seen == 3
    more.seen = 2
    net.reset_state()
    assert (rule.seen, more.seen) == (0, 0)


def test_one_layer_of_a_rule():
    """A connection that is reset takes the eligibility of its own layer along, not that of the others."""
    net = network()
    extra = network(ins=5, outs=3)
    rule = traced.MSTDPET([net.layers[0], extra.layers[0]])
    for kept in (rule.e_trace_0, rule.e_trace_1):
        kept.assign(np.ones(kept.shape, np.float32))
    net.reset_state()
    assert not rule.e_trace_0.numpy().any()
    assert rule.e_trace_1.numpy().all()


@pytest.mark.parametrize("order", ["net first", "rule first"])
def test_a_copied_rule_belongs_to_the_copied_network(order):
    net = network()
    rule, x = traced.MSTDPET(net, 0.01), spikes(np.random.default_rng(1), 30, 2, 5)
    learned(net, rule, x)
    if order == "net first":
        net2, rule2 = copy.deepcopy((net, rule))
    else:
        rule2, net2 = copy.deepcopy((rule, net))
    assert rule2.layers[0].connection is net2.connections[0]
    np.testing.assert_array_equal(rule2.e_trace_0.numpy(), rule.e_trace_0.numpy())
    net2.reset_state()
    assert rule.e_trace_0.numpy().any()
    assert not rule2.e_trace_0.numpy().any()
    net.reset_state()
    assert not rule.e_trace_0.numpy().any()


def test_a_copied_network_has_no_rule_and_a_dropped_rule_is_gone():
    net = network()
    rule = traced.MSTDPET(net)
    rule.e_trace_0.assign(np.ones(rule.e_trace_0.shape, np.float32))
    copy.deepcopy(net).reset_state()
    assert rule.e_trace_0.numpy().all()
    assert len(net.connections[0]._rules) == 1
    del rule
    assert len(net.connections[0]._rules) == 0
