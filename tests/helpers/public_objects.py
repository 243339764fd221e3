"""One object of every public class with attributes, how to make it, and a call that its settings have an effect on."""

import functools
import warnings

import numpy as np
import records_loss
from right_calls import of_steps

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import encode, models, monitor, nn, optim
from grilly_vk.data import DataLoader, events
from grilly_vk.equations.neurons import PUBLISHED
from grilly_vk.functional.loss_layers import LAYERS
from grilly_vk.nn import traced

T, B, N = 5, 3, 4


def numbers(*shape, low=-1.0, high=2.0, seed=0):
    return np.random.default_rng([seed, *shape]).uniform(low, high, shape).astype(np.float32)


def flat(*values):
    return np.concatenate([np.asarray(v.numpy() if hasattr(v, "numpy") else v, np.float64).ravel() for v in values])


def recording(n=20):
    """Events of a sensor of 9 x 7 pixels."""
    rng = np.random.default_rng(n)
    return events.make_events(*(rng.integers(0, most, n) for most in (9, 7, 100, 2)))


def with_gradient(*shape, low=-1.0, high=2.0):
    """Calls a module on numbers of this shape: the output and the gradient of the input."""

    def call(module):
        F.reset_net(module)
        x = grilly_vk.tensor(numbers(*shape, low=low, high=high), requires_grad=True)
        y = module(x)
        y = y[0] if isinstance(y, tuple) else y
        if y.requires_grad:
            (y * grilly_vk.tensor(numbers(*y.shape, seed=1))).sum().backward()
        return flat(y, 0.0 if x.grad is None else x.grad)

    return call


def plain(*shape, low=-1.0, high=2.0):
    return lambda module: flat(module(grilly_vk.tensor(numbers(*shape, low=low, high=high))))


def of_loss(target, *shape, low=0.0, high=1.0):
    def call(loss):
        x = grilly_vk.tensor(numbers(*shape, low=low, high=high), requires_grad=True)
        y = loss(x, target)
        y.sum().backward()
        return flat(y, x.grad)

    return call


def options_of(function):
    """Those of the sample of a loss's record that has most: where one option matters only with another, it is there."""
    found = [s.options for op in records_loss.OPS if op.name == function.__name__ for s in op.samples]
    return {n: v for n, v in max(found, key=len, default={}).items() if n != "reduction"}


def of_spikes(*target):
    def call(loss):
        x = grilly_vk.tensor((numbers(T, B, N, low=0.0, high=1.0) < 0.4).astype(np.float32), requires_grad=True)
        y = loss(x, *target)
        y.sum().backward()
        return flat(y, x.grad)

    return call


def unrolled(core):
    x = grilly_vk.tensor(numbers(T, B, N), requires_grad=True)
    y, _ = F.unroll(core, x)
    y.sum().backward()
    return flat(y, x.grad)


def moved(scheduler):
    """Learning rates of some steps."""
    found = [scheduler.get_last_lr()]
    for _ in range(7):
        scheduler.step()
        found.append(scheduler.get_last_lr())
    return flat(*found)


def scheduled(kind, **options):
    def make(**more):
        return kind(optim.SGD([nn.Parameter(np.ones(3, np.float32))], lr=0.3, momentum=0.5), **(options | more))

    return make


def module(kind, *given, **options):
    return lambda **more: kind(*given, **(options | more))


def trace_neurons(kind, *given, **options):
    names = dict(thresh=0.9, v_rest=0.1, alpha_v=0.8, alpha_t=1.0, dt=1.0, duration_refrac=1.0)
    return lambda **more: kind((B, N), **(names | options | more))


def run_traces(neurons):
    neurons.reset_state()
    x = numbers(T, B, N, low=0.0, high=2.0)
    given = (x, 0.2 * x) if isinstance(neurons, traced.FedeNeuron) else (x,)
    return flat(*neurons.run(*given))


def network():
    neurons = traced.LIFNeuron((B, 3), 0.8, 0.0, 0.5, 1.0, 1.0, 1.0, 0.9, 0.9)
    net = traced.Network(traced.Input((B, N), 1.0, 1.0, 0.9), (traced.Linear(N, 3, B), neurons))
    net.connections[0].weight.assign(np.linspace(0.1, 0.9, 3 * N, dtype=np.float32).reshape(3, N))
    return net


def rule(kind, **options):
    def make(**more):
        return kind(network(), **(options | more))

    return make


def learned(learning):
    layer = learning.layers[0]
    net = traced.Network(layer.presynaptic, (layer.connection, layer.postsynaptic))
    F.reset_net(net)
    net.run(numbers(T, B, N, low=0.0, high=1.0) > 0.4)
    learning.step(*([0.5] if isinstance(learning, traced.MSTDPET) else []))
    return flat(layer.connection.weight)


def currents(neuron):
    neuron.reset()
    return flat(*neuron.run(numbers(12, 2, N, low=0.0, high=40.0), record_membrane=True))


def plastic(layer):
    layer.reset() if hasattr(layer, "reset") else None
    layer.weight = np.linspace(0.2, 0.6, 12, dtype=np.float32).reshape(3, 4)
    given = (numbers(6, 2, 4, low=0.0, high=1.0) < 0.5, numbers(6, 2, 3, low=0.0, high=1.0) < 0.5)
    more = {} if getattr(layer, "tau_eligibility", None) is None else {"reward": 0.7}
    for _ in range(3):
        layer.update_weights(*(g.astype(np.float32) for g in given), **more)
    return flat(layer.weight, layer(np.ones(4, np.float32)))


def digits(**options):
    given = dict(
        T=40, seed=1, v_thresh=-63.0, theta_plus=0.3, inhibition=4.0, t_refrac=3.0, a_pre=0.02, a_post=0.05,
        tau_theta=500.0, tau_post=30.0, x_target=0.01, w_max=2.5, max_rate=200.0, min_spikes=2, tries=2, dt=0.001,
        v_low=-70.0,
    )  # fmt: skip
    return models.DiehlCook(16, 5, **given | options)


def present(net):
    """What the network has fired and learned, and its answers to spikes of another length."""
    net.weight.assign(np.linspace(0.1, 0.6, 80, dtype=np.float32).reshape(16, 5))  # scaled to `norm` at the start
    counts = net.present(numbers(6, 16, low=0.0, high=1.0)).numpy()
    others = net.present_spikes((numbers(25, 16, low=0.0, high=1.0) < 0.2).astype(np.float32)).numpy()
    return flat(counts, net.weight, net.theta, others)


def processed(snn):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no neuron fired
        return flat(*[np.asarray(v) for v in snn.process(numbers(2, 9)).values()])


def snn(**options):
    given = dict(sizes=[4, 6], output_size=2, num_timesteps=6, tau=2.0, threshold=0.3, slope=5.0)
    return models.SNN(**given | options)


def derivative(chosen):
    return flat(chosen.derivative(numbers(40)))


def converted(**options):
    return nn.Converter(**{"T": 4} | options)(nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)).eval())


def optimizer(kind):
    return kind([nn.Parameter(np.ones(3, np.float32))])


def sequential():
    sgd = optim.SGD([nn.Parameter(np.ones(3, np.float32))], lr=0.3)
    return optim.SequentialLR(sgd, [optim.StepLR(sgd, 2), optim.ExponentialLR(sgd, 0.5)], [3])


TARGETS = np.array([0, 2, 1], np.int32)
NODES = ("IFNode", "LIFNode", "ParametricLIFNode", "QIFNode", "EIFNode", "IzhikevichNode", "CUBALIFNode", "KLIFNode")
NODES += ("AdaptiveLIFNode", *(record.node for record in PUBLISHED))
LEAKY = nn.NeuronModel("leaky", "h = v + (x - v) * k", parameters={"tau": 2.0}, derived={"k": "1 / tau"})
X = with_gradient(B, N)
XT = with_gradient(T, B, N)
IMAGE = with_gradient(2, 4, 6, 6)
LINE = with_gradient(2, 4, 8)

# name: (make with options, call or None)
OBJECTS = {
    "models.DiehlCook": (digits, present),
    "models.SNN": (snn, X),
    "models.PatchEmbedding": (module(models.PatchEmbedding, 4, 2, 1, 8, step_mode="m"), None),
    "models.Spikformer": (module(models.Spikformer, 4, 2, 1, 3, embed_dim=8, depth=1, num_heads=2), None),
    "SNNCompute": (module(grilly_vk.SNNCompute, n_neurons=6, timesteps=30, pulse=1.2, bias=2.5), processed),
    "VulkanCompute": (module(grilly_vk.VulkanCompute), None),
    **{f"nn.{name}": (module(getattr(nn, name), step_mode="m"), XT) for name in NODES},
    **{
        f"nn.{r.node}": (module(getattr(nn, r.node), step_mode="m"), with_gradient(T, B, N, low=0.0, high=30.0))
        for r in PUBLISHED
    },
    **{f"nn.{k}": (module(getattr(nn, k), (N,)), unrolled) for k in ("IF", "LIF", "ALIF", "CuBaLIF")},
    **{f"nn.{k}": (module(getattr(nn, k), (N,)), unrolled) for k in ("RIF", "RLIF", "RCuBaLIF", "LI")},
    "nn.IzhikevichNode": (module(nn.IzhikevichNode, step_mode="m", a=0.3, b=0.2, v_threshold=0.5), XT),
    "nn.CustomNode": (module(nn.CustomNode, LEAKY, tau=3.0, step_mode="m"), XT),
    "nn.GatedLIFNode": (module(nn.GatedLIFNode, T), XT),
    "nn.LateResetNode": (
        module(nn.LateResetNode, beta=0.9, alpha=0.5, step_mode="m", late=False), XT
    ),
    "nn.AlphaNode": (module(nn.AlphaNode, alpha=0.95, beta=0.6, v_threshold=0.2, gain=2.0, step_mode="m"), XT),
    "nn.NonSpikingIFNode": (module(nn.NonSpikingIFNode), XT),
    "nn.NonSpikingLIFNode": (module(nn.NonSpikingLIFNode), XT),
    "nn.LIFNeuron": (module(nn.LIFNeuron, n_neurons=N), currents),
    "nn.GIFNeuron": (module(nn.GIFNeuron, n_neurons=N), currents),
    "nn.SNNLayer": (
        module(nn.SNNLayer, 4, 3, seed=2),
        lambda layer: (layer.reset(), flat(layer.run(numbers(9, 2, 4, low=0.0, high=40.0))))[1],
    ),
    "nn.HebbianLayer": (module(nn.HebbianLayer, 4, 3, rule="bcm", seed=2), plastic),
    "nn.STDPLayer": (
        module(nn.STDPLayer, 4, 3, tau_eligibility=30.0, a_plus=0.3, a_minus=0.3, w_min=0.25, w_max=0.55, seed=2),
        plastic,
    ),
    # ---- without state ----
    "nn.ELU": (module(nn.ELU), X),
    "nn.GELU": (module(nn.GELU), X),
    "nn.Hardtanh": (module(nn.Hardtanh), X),
    "nn.ReLU6": (module(nn.ReLU6), X),
    "nn.LeakyReLU": (module(nn.LeakyReLU), X),
    "nn.PReLU": (module(nn.PReLU), X),
    "nn.Softplus": (module(nn.Softplus), X),
    "nn.Softmax": (module(nn.Softmax, dim=0), X),
    "nn.LogSoftmax": (module(nn.LogSoftmax, dim=0), X),
    "nn.Linear": (module(nn.Linear, N, 2), X),
    "nn.Embedding": (module(nn.Embedding, 5, 2), None),
    "nn.Flatten": (module(nn.Flatten), X),
    **{f"nn.Conv{d}d": (module(getattr(nn, f"Conv{d}d"), 4, 2, 3), None) for d in (1, 2, 3)},
    **{f"nn.ConvTranspose{d}d": (module(getattr(nn, f"ConvTranspose{d}d"), 4, 2, 3), None) for d in (1, 2)},
    "nn.MaxPool2d": (module(nn.MaxPool2d, 2), None),
    "nn.AvgPool2d": (module(nn.AvgPool2d, 2), None),
    "nn.SumPool2d": (module(nn.SumPool2d, 2), None),
    "nn.AdaptiveAvgPool2d": (module(nn.AdaptiveAvgPool2d, 2), None),
    "nn.MaxPool1d": (module(nn.MaxPool1d, 2), None),
    "nn.AvgPool1d": (module(nn.AvgPool1d, 2), None),
    "nn.AdaptiveAvgPool1d": (module(nn.AdaptiveAvgPool1d, 2), None),
    "nn.SumPool": (module(nn.SumPool, (2, 2), (2, 2), "VALID"), None),
    "nn.Upsample": (module(nn.Upsample, scale_factor=2.0), None),
    "nn.ZeroPad2d": (module(nn.ZeroPad2d, 1), None),
    "nn.BatchNorm1d": (module(nn.BatchNorm1d, N), lambda m: flat(X(m), m.eval().running_mean, X(m))),
    "nn.BatchNorm2d": (module(nn.BatchNorm2d, N), lambda m: flat(IMAGE(m), m.running_mean)),
    "nn.TokenBatchNorm1d": (module(nn.TokenBatchNorm1d, N), lambda m: flat(with_gradient(2, 5, N)(m), m.running_mean)),
    "nn.BatchNormThroughTime1d": (
        module(nn.BatchNormThroughTime1d, N, T, step_mode="m"), lambda m: flat(XT(m), m.running_mean)
    ),
    "nn.ThresholdDependentBatchNorm1d": (
        module(nn.ThresholdDependentBatchNorm1d, N, step_mode="m"), lambda m: flat(XT(m), m.running_mean)
    ),
    "nn.TemporalEffectiveBatchNorm1d": (
        module(nn.TemporalEffectiveBatchNorm1d, T, N, step_mode="m"), lambda m: flat(XT(m), m.running_mean)
    ),
    "nn.LayerNorm": (module(nn.LayerNorm, N), X),
    "nn.RMSNorm": (module(nn.RMSNorm, N), X),
    "nn.GroupNorm": (module(nn.GroupNorm, 2, N), IMAGE),
    "nn.InstanceNorm1d": (
        module(nn.InstanceNorm1d, N, track_running_stats=True), lambda m: flat(LINE(m), m.running_mean)
    ),
    "nn.NeuNorm": (module(nn.NeuNorm, 2, 1, N, step_mode="m"), with_gradient(T, B, 2, 1, N, low=0.0)),
    "nn.Dropout": (module(nn.Dropout), X),
    "nn.Dropout1d": (module(nn.Dropout1d), LINE),
    "nn.Dropout2d": (module(nn.Dropout2d), IMAGE),
    "nn.DropoutOverTime": (module(nn.DropoutOverTime, step_mode="m"), XT),
    "nn.MultiheadAttention": (
        module(nn.MultiheadAttention, N, 2),
        lambda m: flat(m(*[grilly_vk.tensor(numbers(T, B, N, seed=i)) for i in range(3)])[0]),
    ),
    "nn.RNN": (module(nn.RNN, N, 5, 2), lambda m: flat(m(grilly_vk.tensor(numbers(B, B, N)))[0])),
    "nn.LSTM": (module(nn.LSTM, N, 5, 2), lambda m: flat(m(grilly_vk.tensor(numbers(B, B, N)))[0])),
    "nn.GRU": (module(nn.GRU, N, 5, 2), lambda m: flat(m(grilly_vk.tensor(numbers(B, B, N)))[0])),
    "nn.SpikingVanillaRNN": (module(nn.SpikingVanillaRNN, N, 5, 2), XT),
    "nn.SpikingLSTM": (module(nn.SpikingLSTM, N, 5, 2), XT),
    "nn.SpikingGRU": (module(nn.SpikingGRU, N, 5, 2), XT),
    "nn.RecurrentSNN": (module(nn.RecurrentSNN, [4, 5, 2]), None),
    # ---- synapses, delays, attention ----
    "nn.SynapseFilter": (module(nn.SynapseFilter, step_mode="m"), XT),
    "nn.DualTimescaleSynapse": (module(nn.DualTimescaleSynapse, step_mode="m"), XT),
    "nn.STPSynapse": (module(nn.STPSynapse, step_mode="m"), with_gradient(T, B, N, low=0.0, high=1.0)),
    "nn.Delay": (module(nn.Delay, delay=1, step_mode="m"), XT),
    "nn.DelaySynapse": (module(nn.DelaySynapse, N, 2, 1.0, 3, step_mode="m"), XT),
    "nn.SpikingSelfAttention": (
        module(nn.SpikingSelfAttention, N, 1, norm=None, v_threshold=0.2, step_mode="m"),
        with_gradient(T, 1, B, N),
    ),
    "nn.QKAttention": (module(nn.QKAttention, N, 1), None),
    "nn.TemporalWiseAttention": (module(nn.TemporalWiseAttention, T, 2), None),
    "nn.MultiDimensionalAttention": (module(nn.MultiDimensionalAttention, T, 4, reduction_t=2, reduction_c=2), None),
    "nn.SpikingLinear": (module(nn.SpikingLinear, N, 2), None),
    "nn.SpikingMLP": (module(nn.SpikingMLP, N, 8), None),
    "nn.PopulationCode": (module(nn.PopulationCode, 2), None),
    "nn.VotingLayer": (module(nn.VotingLayer, 2), None),
    "nn.ActivityRegularization": (module(nn.ActivityRegularization), None),
    "nn.LinearRecurrentContainer": (
        lambda **options: nn.LinearRecurrentContainer(nn.LIFNode(), N, N, **options), None
    ),
    # ---- losses ----
    **{
        f"nn.{n}": (module(getattr(nn, n), **options_of(loss.function)), of_loss(numbers(B, N, seed=2), B, N))
        for n, loss in LAYERS.items()
    },
    "nn.CrossEntropyLoss": (module(nn.CrossEntropyLoss, ignore_index=2), of_loss(TARGETS, B, N)),
    "nn.NLLLoss": (module(nn.NLLLoss, ignore_index=2), of_loss(TARGETS, B, N)),
    **{f"nn.{n}": (module(getattr(nn, n)), of_spikes(TARGETS)) for n, loss in LAYERS.items() if of_steps(loss)},
    "nn.RateRegularization": (module(nn.RateRegularization, target=0.3), of_spikes()),
    # ---- surrogates ----
    **{
        f"nn.{name}": (module(getattr(nn, name)), derivative)
        for name in ("ATan", "Boxcar", "Erf", "FastSigmoid", "PiecewiseQuadratic", "Rect", "Sigmoid", "SuperSpike",
                     "TanhSurrogate", "Triangular")
    },
    # ---- traced ----
    "nn.traced.IFNeuron": (trace_neurons(traced.IFNeuron, tau_t=0.7), run_traces),
    "nn.traced.LIFNeuron": (trace_neurons(traced.LIFNeuron, tau_v=0.8, tau_t=0.7), run_traces),
    "nn.traced.AdaptiveLIFNeuron": (
        trace_neurons(
            traced.AdaptiveLIFNeuron, tau_v=0.8, tau_t=0.7, alpha_thresh=0.3, tau_thresh=0.6, duration_refrac=0.0
        ),
        run_traces,
    ),
    "nn.traced.FedeNeuron": (trace_neurons(traced.FedeNeuron, tau_v=2.0, tau_t=3.0), run_traces),
    "nn.traced.Input": (
        module(traced.Input, (B, N), 1.0, alpha_t=1.0, tau_t=0.9),
        lambda m: (m.reset_state(), flat(*m.run(numbers(T, B, N, low=0.0, high=1.0) > 0.4)))[1],
    ),
    "nn.traced.Linear": (module(traced.Linear, N, 2, B, delay=1.0), None),
    "nn.traced.Network": (lambda: network(), None),
    "nn.traced.OnlineSTDP": (rule(traced.OnlineSTDP, lr=0.05, w_min=0.2, w_max=0.8), learned),
    "nn.traced.STDP": (rule(traced.STDP, w_min=0.2, w_max=0.8), learned),
    "nn.traced.MSTDPET": (rule(traced.MSTDPET, lr=0.05, w_min=0.2, w_max=0.8), learned),
    "nn.traced.FedeSTDP": (rule(traced.FedeSTDP, lr=0.01), learned),
    # ---- the rest ----
    "encode.PoissonEncoder": (
        module(encode.PoissonEncoder, clip=True), lambda m: flat(m(numbers(B, N, low=0.0, high=1.0)))
    ),
    "encode.LatencyEncoder": (
        module(encode.LatencyEncoder, T),
        lambda m: (m.reset(), flat(*[m(numbers(B, N, low=0.0, high=1.0)) for _ in range(T)]))[1],
    ),
    "encode.PeriodicEncoder": (module(encode.PeriodicEncoder, numbers(T, N)), None),
    "encode.WeightedPhaseEncoder": (module(encode.WeightedPhaseEncoder, T), None),
    "optim.StepLR": (scheduled(optim.StepLR, step_size=2), moved),
    "optim.CosineAnnealingLR": (scheduled(optim.CosineAnnealingLR, T_max=5), moved),
    "optim.LinearWarmup": (scheduled(optim.LinearWarmup), moved),
    "optim.OneCycleLR": (scheduled(optim.OneCycleLR, max_lr=0.5, total_steps=9), moved),
    "optim.ExponentialLR": (scheduled(optim.ExponentialLR, gamma=0.8), moved),
    "nn.Converter": (module(nn.Converter), None),
    "nn.conversion.ConvertedNetwork": (converted, lambda m: flat(m(numbers(B, 4)))),
    "nn.conversion.RateNode": (module(nn.conversion.RateNode, step_mode="m"), XT),
    "data.events.Frames": (
        lambda **options: events.Frames(**{"time_window": 20, "sensor_size": (9, 7, 2), **options}),
        lambda frames: flat(*frames.collate([recording(60)])),
    ),
    "data.events.EventBatch": (lambda: events.EventBatch([recording()]), None),
    "data.DataLoader": (lambda **options: DataLoader(np.arange(10), **options), None),
    "nn.BatchNormThroughTime2d": (module(nn.BatchNormThroughTime2d, 4, 5), None),
    "nn.ThresholdDependentBatchNorm2d": (module(nn.ThresholdDependentBatchNorm2d, 4), None),
    "nn.TemporalEffectiveBatchNorm2d": (module(nn.TemporalEffectiveBatchNorm2d, 5, 4), None),
    "nn.InstanceNorm2d": (module(nn.InstanceNorm2d, 4), None),
    "nn.DropoutOverTime1d": (module(nn.DropoutOverTime1d, step_mode="m"), with_gradient(T, 2, 4, 6)),
    "nn.DropoutOverTime2d": (module(nn.DropoutOverTime2d, step_mode="m"), with_gradient(T, 2, 4, 3, 3)),
    "nn.ChannelQKAttention": (module(nn.ChannelQKAttention, N, 1), None),
    "nn.TokenQKAttention": (module(nn.TokenQKAttention, N, 1), None),
    "nn.SpikingTransformerBlock": (module(nn.SpikingTransformerBlock, N, 1), None),
    "nn.CustomSurrogate": (module(nn.CustomSurrogate, lambda x: x * 0.0 + 1.0), None),
    "nn.ElementWiseRecurrentContainer": (
        module(nn.ElementWiseRecurrentContainer, nn.LIFNode(), lambda x, y: x + y), None
    ),
    "nn.RecurrentSynapse": (module(nn.RecurrentSynapse, nn.LIFNode(), nn.Linear(N, N)), None),
    "nn.MultiStepContainer": (module(nn.MultiStepContainer, nn.LIFNode()), None),
    "nn.SeqToANNContainer": (module(nn.SeqToANNContainer, nn.ReLU()), None),
    "nn.Sequential": (module(nn.Sequential, nn.ReLU()), None),
    "nn.Synapse": (module(nn.Synapse, nn.Linear(N, N)), None),
    "nn.ModuleList": (module(nn.ModuleList, [nn.ReLU()]), None),
    "nn.ModuleDict": (module(nn.ModuleDict, {"a": nn.ReLU()}), None),
    "nn.ParameterList": (module(nn.ParameterList, [nn.Parameter(np.ones(2, np.float32))]), None),
    **{f"nn.{n}": (module(getattr(nn, n)), None) for n in ("Identity", "ReLU", "SiLU", "SigmoidLayer", "Tanh")},
    "nn.SpikingVanillaRNNCell": (module(nn.SpikingVanillaRNNCell, N, 3), None),
    "nn.SpikingLSTMCell": (module(nn.SpikingLSTMCell, N, 3), None),
    "nn.SpikingGRUCell": (module(nn.SpikingGRUCell, N, 3), None),
    "nn.VoltageScaler": (lambda: nn.VoltageScaler(converted()), None),
    "nn.conversion.ChannelAffine": (
        module(nn.conversion.ChannelAffine, np.ones(2, np.float32), np.ones(2, np.float32)), None
    ),
    "nn.conversion.MaxPoolGate": (lambda: nn.conversion.MaxPoolGate(nn.MaxPool2d(2)), None),
    "nn.conversion.Places": (lambda: nn.conversion.Places([nn.ReLU()]), None),
    "optim.MultiStepLR": (scheduled(optim.MultiStepLR, milestones=[2, 4]), moved),
    "optim.LambdaLR": (scheduled(optim.LambdaLR, lr_lambda=lambda t: 0.5**t), None),
    "optim.ReduceLROnPlateau": (scheduled(optim.ReduceLROnPlateau), None),
    "optim.SequentialLR": (sequential, None),
    **{
        f"optim.{kind.__name__}": (functools.partial(optimizer, kind), None)
        for kind in (optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop)
    },
    **{
        f"monitor.{kind.__name__}": (functools.partial(kind, nn.Sequential(nn.LIFNode())), None)
        for kind in (monitor.InputMonitor, monitor.OutputMonitor, monitor.PotentialMonitor, monitor.RateMonitor,
                     monitor.SpikeMonitor)
    },
    "monitor.AttributeMonitor": (lambda: monitor.AttributeMonitor(nn.Sequential(nn.LIFNode()), "v"), None),
}  # fmt: skip
