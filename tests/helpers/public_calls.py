"""Example calls of the public names: tests/test_kernel_list.py watches which kernels they launch.

A kernel that no record of the op table launches needs an example here, under the name of a public call that uses it
(as `python -m grilly_vk info --kernels NAME` writes it): one line, small, with `backward` where the kernel is a
gradient's.
"""

from dataclasses import replace

import numpy as np
from thread_ranks import on_ranks

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import decode, encode, nn, optim, sim
from grilly_vk.data import events
from grilly_vk.monitor import OutputMonitor, RateMonitor, SpikeMonitor
from grilly_vk.runtime import engine


def x(*shape, seed=0):
    """Normal numbers."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def spikes(*shape):
    """Zeros, and ones at three places of ten."""
    return (np.random.default_rng(list(shape)).random(shape) < 0.3).astype(np.float32)


def unit(*shape):
    """Numbers in [0, 1)."""
    return np.random.default_rng(list(shape)).random(shape).astype(np.float32)


def leaf(*shape):
    """A tensor that gets a gradient."""
    return grilly_vk.tensor.from_numpy(x(*shape)).requires_grad_()


def backward(y):
    """Runs the gradients of the sum of y."""
    y.sum().backward()


def snn():
    return grilly_vk.VulkanCompute().snn


def trained(make, **options):
    """One step of an optimizer."""
    layer = nn.Linear(3, 2)
    optimizer = make(layer.parameters(), **options)
    backward(layer(x(4, 3)))
    optimizer.step()


def clipped(clip):
    layer = nn.Linear(3, 2)
    backward(layer(x(4, 3)))
    clip(layer.parameters(), 0.1)


def watched(make):
    """A monitored node, and what was seen."""
    node = nn.LIFNode(step_mode="m")
    with make(node) as monitor:
        node(x(5, 2, 8))
        return monitor[next(iter(monitor))]


def event_driven():
    """A product of sparse spikes and its gradients, by lists of events."""
    weight = leaf(64, 64)
    rows = grilly_vk.tensor.from_numpy(spikes(80, 64)).requires_grad_()
    backward(F.linear(rows, weight, leaf(64), event_driven=True))


def norm(layer, *shape):
    """A norm in training, its gradients, and in evaluation."""
    backward(layer(leaf(*shape)))
    layer.eval()
    layer(x(*shape))


def loss(module, *shape, target):
    backward(module(leaf(*shape), target))


def legacy(layer, n_in, n_out):
    """One of the flat-array layers that learn: its product, and an update."""
    layer(x(2, n_in))
    layer.update_weights(spikes(6, 2, n_in), spikes(6, 2, n_out))


def hebbian():
    """The rules beside the plain one."""
    for rule in ("bcm", "sanger"):
        layer = nn.HebbianLayer(5, 3, rule=rule)
        layer.update_weights(spikes(6, 2, 5), spikes(6, 2, 3))


def node_backward():
    _, _, h = snn().snn_node_forward(x(5, 2, 3))
    snn().snn_node_backward(x(5, 2, 3), h)


def unrolled(core):
    """A recurrent core over five steps, and its gradients."""
    outputs, _ = F.unroll(core, leaf(5, 2, *core.hidden_shape))
    backward(outputs)


def precisions():
    """Those that the device has."""
    return ("float32",) if engine().matrices.lacking else ("float32", "float16")


def converted():
    """A spiking network made of a small one, in training."""
    ann = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3)).eval()
    backward(nn.Converter(T=4)(ann)(leaf(2, 5)))


def attentive(attention, *shape):
    F.set_step_mode(attention, "m")
    backward(attention(leaf(*shape)))


def traces(rule, **options):
    """A trace network with delays, step by step and all steps at once, and learning from both."""
    traced = nn.traced
    first = traced.Input((2, 5), 1.0, 1.0, 0.9)
    neurons = traced.LIFNeuron((2, 3), 1.0, 0.0, 0.5, 1.0, 1.0, 1.0, 0.9, 0.9)
    net = traced.Network(first, (traced.Linear(5, 3, 2, delay=2.0), neurons))
    learning = rule(net, **options)
    given = [1.0] if rule is traced.MSTDPET else []
    net(spikes(2, 5) > 0)
    learning.step(*given)
    net.run(spikes(6, 2, 5) > 0)
    learning.step(*given)


def recording(n=20):
    """Events of a sensor of 4 x 3 pixels."""
    rng = np.random.default_rng(n)
    fields = (rng.integers(0, most, n) for most in (4, 3, 100, 2))
    return events.make_events(*fields)


def brain(comm=None):
    """A tiny network."""
    with sim.Network(comm=comm) as net:
        population = sim.Population(5, "iaf_psc_delta", I_e=900.0)
        sim.Projection(population, population, sim.AllToAll())
        if comm is None:
            sim.Projection(population, population, sim.AllToAll(), synapse=sim.STDP())
        population.inject(sim.NoisyCurrent(0.0, 9.0))
        sim.PoissonSource(2, 50.0)
        sim.SpikeSource(2, [3.0])
    net.run(30)


def brain_by(owners):
    """Its targets owned by invocations, or rows shared."""
    on, before = engine(), engine().tuning
    try:
        on.tuning = replace(before, sim_lanes=owners)
        brain()
    finally:
        on.tuning = before


CALLS = {
    # ---- neurons ----
    "nn.LIFNeuron": lambda: nn.LIFNeuron(n_neurons=5)(x(5)),
    "nn.LIFNeuron.run": lambda: nn.LIFNeuron(n_neurons=8).run(x(6, 8)),
    "nn.GIFNeuron": lambda: nn.GIFNeuron(n_neurons=5)(x(5)),
    "nn.GIFNeuron.run": lambda: nn.GIFNeuron(n_neurons=8).run(x(6, 8)),
    "nn.SNNLayer": lambda: nn.SNNLayer(5, 3)(x(2, 5)),
    "nn.IFNode": lambda: backward(nn.IFNode(step_mode="m")(leaf(5, 2, 3))),
    "nn.LIFNode": lambda: backward(nn.LIFNode(step_mode="m")(leaf(5, 2, 4))),
    "nn.QIFNode": lambda: backward(nn.QIFNode(step_mode="m")(leaf(5, 2, 4), norm=nn.BatchNorm1d(4))),
    "nn.ParametricLIFNode": lambda: backward(nn.ParametricLIFNode()(leaf(2, 3))),
    "nn.EIFNode": lambda: backward(nn.EIFNode()(leaf(2, 3))),
    "nn.IzhikevichNode": lambda: backward(nn.IzhikevichNode()(leaf(2, 3))),
    "nn.CUBALIFNode": lambda: backward(nn.CUBALIFNode()(leaf(2, 3))),
    "nn.AdaptiveLIFNode": lambda: backward(nn.AdaptiveLIFNode()(leaf(2, 3))),
    "nn.KLIFNode": lambda: backward(nn.KLIFNode()(leaf(2, 3))),
    "nn.LateResetNode": lambda: backward(nn.LateResetNode(0.9, step_mode="m")(leaf(5, 2, 4))),
    "nn.AlphaNode": lambda: backward(nn.AlphaNode(0.9, 0.8)(leaf(2, 3))),
    "nn.RecurrentSynapse": lambda: [
        backward(nn.RecurrentSynapse(nn.LIFNode(), nn.Linear(n, n), nn.SynapseFilter(), "m")(leaf(5, rows, n)))
        for rows, n in ((2, 8), (64, 128))  # the host makes the larger one's products, on devices that are its CPU
    ],
    "nn.LSTM": lambda: backward(nn.LSTM(3, 4)(leaf(5, 2, 3))[0]),
    "nn.GRU": lambda: backward(nn.GRU(3, 5)(leaf(5, 2, 3))[0]),
    "F.if_step": lambda: F.if_step(x(3), x(3)),
    "F.lif_step": lambda: backward(F.lif_step(leaf(3), x(3))[0]),
    "F.plif_step": lambda: F.plif_step(x(3), x(3), 0.5),
    "nn.ATan": lambda: backward(nn.ATan()(leaf(7))),
    "nn.Surrogate.derivative": lambda: nn.Sigmoid().derivative(x(7)),
    "nn.Surrogate.primitive": lambda: nn.Erf().primitive(x(7)),
    "SNNCompute.process": lambda: grilly_vk.SNNCompute(n_neurons=16, timesteps=10, seed=0).process(x(16)),
    # ---- kernels on arrays ----
    "snn.lif_run": lambda: snn().lif_run(x(5, 3), np.zeros(3)),
    "snn.gif_run": lambda: snn().gif_run(x(5, 3), np.zeros(3)),
    "snn.snn_node_forward": lambda: snn().snn_node_forward(x(5, 2, 3)),
    "snn.snn_node_backward": node_backward,
    "snn.hebbian_learning": lambda: snn().hebbian_learning(spikes(5, 2, 4), spikes(5, 2, 3), x(3, 4)),
    "snn.stdp_learning": lambda: snn().stdp_learning(spikes(5, 2, 4), spikes(5, 2, 3), unit(3, 4)),
    "snn.stdp_traces": lambda: snn().stdp_traces(spikes(5, 3)),
    "snn.synapse_filter": lambda: snn().synapse_filter(x(5, 3)),
    "snn.dual_timescale": lambda: snn().dual_timescale(x(5, 3)),
    "snn.stp_run": lambda: snn().stp_run(x(5, 3)),
    "snn.spiking_attention": lambda: snn().spiking_attention(spikes(5, 4), spikes(5, 4), spikes(5, 4)),
    "snn.encode_poisson": lambda: snn().encode_poisson(unit(3), 5),
    "snn.encode_latency": lambda: snn().encode_latency(unit(3), 5),
    "snn.time_expand": lambda: snn().time_expand(x(3), 5),
    "snn.spike_count": lambda: snn().spike_count(spikes(5, 3)),
    "snn.firing_rate": lambda: snn().firing_rate(spikes(5, 3)),
    "snn.first_spike": lambda: snn().first_spike(spikes(5, 3)),
    "snn.snn_readout": lambda: snn().snn_readout(spikes(5, 2, 4), x(3, 4)),
    "snn.snn_matmul": lambda: snn().snn_matmul(x(2, 4), x(3, 4)),
    "snn.snn_softmax": lambda: snn().snn_softmax(x(2, 5)),
    "snn.snn_rmsnorm": lambda: snn().snn_rmsnorm(x(2, 5)),
    # ---- learning without gradients ----
    "nn.HebbianLayer": lambda: legacy(nn.HebbianLayer(5, 3), 5, 3),
    "nn.HebbianLayer.update_weights": hebbian,
    "nn.STDPLayer": lambda: legacy(nn.STDPLayer(5, 3), 5, 3),
    "nn.traced.STDP.weight_update": lambda: traces(nn.traced.STDP, lr=0.1),
    "nn.traced.MSTDPET.step": lambda: traces(nn.traced.MSTDPET, lr=0.1),
    "nn.traced.FedeSTDP.weight_update": lambda: traces(nn.traced.FedeSTDP, lr=0.1, w_init=0.5, a=0.0),
    "grilly_vk.models.DiehlCook.present": lambda: grilly_vk.models.DiehlCook(9, 4, T=5).present(unit(2, 9)),
    # ---- coding ----
    "grilly_vk.encode.rate": lambda: encode.rate(unit(3), 5),
    "grilly_vk.encode.direct": lambda: encode.direct(x(3), 5),
    "grilly_vk.encode.latency": lambda: encode.latency(unit(3), 5),
    "grilly_vk.encode.delta": lambda: encode.delta(x(5, 3)),
    "grilly_vk.encode.phase": lambda: encode.phase(unit(3)),
    "grilly_vk.encode.population": lambda: encode.population(unit(3), 4, 0.0, 1.0, 5),
    "grilly_vk.encode.receptive_fields": lambda: backward(encode.receptive_fields(leaf(3), 4, -1.0, 1.0)),
    "grilly_vk.decode.first_spike": lambda: decode.first_spike(spikes(5, 3)),
    "grilly_vk.decode.rate": lambda: decode.rate(spikes(5, 3)),
    # ---- layers ----
    "nn.Linear": lambda: backward(nn.Linear(5, 3)(leaf(2, 5))),
    "F.linear": event_driven,
    "nn.Conv2d": lambda: [backward(nn.Conv2d(3, 8, 3, padding=1, precision=p)(leaf(2, 3, 6, 6))) for p in precisions()],
    "nn.Conv1d": lambda: backward(nn.Conv1d(2, 4, 3)(leaf(2, 2, 8))),
    "nn.MaxPool2d": lambda: backward(nn.MaxPool2d(2)(leaf(2, 3, 4, 4))),
    "nn.BatchNorm1d": lambda: norm(nn.BatchNorm1d(3), 6, 3),
    "nn.BatchNorm2d": lambda: norm(nn.BatchNorm2d(3), 2, 3, 4, 4),
    "nn.LayerNorm": lambda: norm(nn.LayerNorm(6), 5, 6),
    "nn.RMSNorm": lambda: norm(nn.RMSNorm(6), 5, 6),
    "nn.Dropout": lambda: backward(nn.Dropout(0.5)(leaf(9))),
    "nn.Embedding": lambda: backward(nn.Embedding(5, 3)(np.array([0, 2, 2]))),
    "nn.CrossEntropyLoss": lambda: loss(nn.CrossEntropyLoss(), 4, 3, target=np.array([0, 1, 2, 0])),
    "nn.MSELoss": lambda: loss(nn.MSELoss(), 4, 3, target=x(4, 3)),
    "nn.MSECountLoss": lambda: loss(nn.MSECountLoss(), 5, 4, 3, target=np.array([0, 1, 2, 0])),
    "nn.CETemporalLoss": lambda: loss(nn.CETemporalLoss(), 5, 4, 3, target=np.array([0, 1, 2, 0])),
    "nn.SynapseFilter": lambda: backward(nn.SynapseFilter()(leaf(2, 3))),
    "nn.DualTimescaleSynapse": lambda: backward(nn.DualTimescaleSynapse()(leaf(2, 3))),
    "nn.STPSynapse": lambda: backward(nn.STPSynapse()(leaf(2, 3))),
    "nn.TemporalWiseAttention": lambda: [
        backward(nn.TemporalWiseAttention(T=4, reduction=2)(leaf(4, 2, n))) for n in (9000, 30)
    ],
    "nn.SpikingSelfAttention": lambda: [
        attentive(nn.SpikingSelfAttention(heads * size, heads), 3, 2, tokens, heads * size)
        for heads, size, tokens in (
            (2, 32, 36),
            (2, 5, 7),
        )  # with and without four elements a load; both few
    ],
    "nn.QKAttention": lambda: attentive(nn.QKAttention(32, 2), 3, 2, 5, 32),
    "nn.ChannelQKAttention": lambda: attentive(nn.ChannelQKAttention(32, 2), 3, 2, 5, 32),
    "nn.Converter": converted,
    "nn.LIF": lambda: unrolled(nn.LIF((8,))),
    "nn.RLIF": lambda: [unrolled(nn.RLIF((n,))) for n in (56, 96)],
    # ---- tensors ----
    "grilly_vk.rand": lambda: grilly_vk.rand(5),
    "grilly_vk.full": lambda: grilly_vk.full((3,), 2.0),
    "grilly_vk.matmul": lambda: [
        backward(grilly_vk.matmul(leaf(20, 20), leaf(20, 20), precision=precision)) for precision in precisions()
    ],
    "grilly_vk.where": lambda: grilly_vk.where(leaf(3) > 0.0, 1.0, 0.0),
    "Tensor.isclose": lambda: grilly_vk.tensor(x(5)).isclose(x(5)),
    "Tensor.__setitem__": lambda: grilly_vk.ones(3).__setitem__(np.array([True, False, True]), 0.0),
    "Tensor.nonzero": lambda: grilly_vk.tensor(x(3, 5)).nonzero(),
    "Tensor.sort": lambda: backward(leaf(3, 40).sort()[0]),
    "Tensor.scatter": lambda: grilly_vk.zeros(3, 4).scatter(1, [[1, 2], [0, 0], [3, 1]], 1.0),
    "Tensor.index_add": lambda: backward(grilly_vk.zeros(4, 3).index_add(0, [1, 1], leaf(2, 3))),
    "Tensor.clone": lambda: leaf(3).clone(),
    "Tensor.__add__": lambda: leaf(3) + leaf(2, 3),
    "Tensor.exp": lambda: backward(leaf(3).exp()),
    "Tensor.astype": lambda: leaf(3).astype(np.int32),
    "Tensor.sum": lambda: (leaf(3, 4).sum(0), grilly_vk.ones(3, dtype=np.int32).sum()),
    "Tensor.permute": lambda: leaf(3, 4).permute(1, 0),
    "Tensor.cumprod": lambda: grilly_vk.ones(3, 4, dtype=np.int32).cumprod(0),
    "Tensor.cumsum": lambda: backward(leaf(3, 4).cumsum(0)),
    "F.softmax": lambda: backward(F.softmax(leaf(3, 4), -1)),
    "grilly_vk.VulkanCompute.random_words": lambda: grilly_vk.VulkanCompute().random_words(
        np.zeros((1, 4), np.uint32), (1, 2)
    ),
    # ---- event data ----
    "grilly_vk.data.events.Frames.batch": lambda: events.Frames(time_window=20).batch([recording()]),
    "grilly_vk.data.events.EventBatch.drop": lambda: events.EventBatch([recording()]).drop(0.5),
    "grilly_vk.data.events.EventBatch.flip": lambda: events.EventBatch([recording()]).flip(lr=0.5),
    "grilly_vk.data.events.EventBatch.time_jitter": lambda: events.EventBatch([recording()]).time_jitter(3.0),
    # ---- training and watching ----
    "optim.SGD.step": lambda: trained(optim.SGD, lr=0.1),
    "optim.Adam.step": lambda: trained(optim.Adam),
    "optim.RMSprop.step": lambda: trained(optim.RMSprop),
    "optim.clip_grad_norm_": lambda: clipped(optim.clip_grad_norm_),
    "optim.clip_grad_value_": lambda: clipped(optim.clip_grad_value_),
    "grilly_vk.monitor.SpikeMonitor": lambda: watched(SpikeMonitor),
    "grilly_vk.monitor.OutputMonitor": lambda: watched(OutputMonitor),
    "grilly_vk.monitor.RateMonitor": lambda: watched(RateMonitor),
    "grilly_vk.sim.Network.run": lambda: [brain_by(4), brain_by(1), on_ranks(2, brain)],
    "grilly_vk.synchronize": lambda: (F.dropout(leaf(3), 0.5), grilly_vk.synchronize()),
}
