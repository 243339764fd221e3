"""Make tests/data/golden_rows.npz: what rows of docs/coming_from.md name in SpikingJelly, snnTorch and Norse.

It holds what the other families don't: containers, learning rules, encoders and losses; and the parameters of what the
page names, with their defaults.

In the file: arrays `ROW.NAME`; `header`, JSON with the versions and `signatures`: by library and name the parameters in
order, each with its default: a number, a text, None, [class, numbers] of an object, or "required".
"""

from __future__ import annotations

import inspect

import norse.torch
import numpy as np
import snntorch.functional
import snntorch.spikegen
import torch
from spikingjelly.activation_based import encoding, functional, layer, learning, neuron, rnn, surrogate

from golden import versions

T, B, N = 8, 3, 4
SEED = 5
NAMES = {
    "spikingjelly": (
        (neuron, "neuron", "IFNode LIFNode ParametricLIFNode QIFNode EIFNode IzhikevichNode KLIFNode CUBALIFNode "
         "GatedLIFNode HalfThresholdIFNode LIAFNode NonSpikingIFNode NonSpikingLIFNode"),
        (surrogate, "surrogate", "ATan Sigmoid SoftSign PiecewiseQuadratic Erf Rect SuperSpike"),
        (layer, "layer", "MultiStepContainer SeqToANNContainer ElementWiseRecurrentContainer LinearRecurrentContainer "
         "SynapseFilter ThresholdDependentBatchNorm1d ThresholdDependentBatchNorm2d TemporalEffectiveBatchNorm1d "
         "TemporalEffectiveBatchNorm2d BatchNormThroughTime1d BatchNormThroughTime2d Dropout Dropout2d VotingLayer "
         "NeuNorm TemporalWiseAttention MultiDimensionalAttention SpikingSelfAttention QKAttention TokenQKAttention "
         "ChannelQKAttention Delay"),
        (functional, "functional", "multi_step_forward reset_net detach_net set_step_mode"),
        (rnn, "rnn", "SpikingLSTM SpikingGRU SpikingVanillaRNN SpikingLSTMCell SpikingGRUCell SpikingVanillaRNNCell"),
        (learning, "learning", "STDPLearner MSTDPETLearner"),
        (encoding, "encoding", "PoissonEncoder LatencyEncoder WeightedPhaseEncoder"),
    ),
    "norse": (
        (norse.torch, "", "LIFCell LIF LIFBoxCell IAFCell IAF LIFExCell LIFEx LSNNCell LSNN LICell LI LIBoxCell "
         "LILinearCell LIFRecurrentCell LIFRecurrent "
         "IzhikevichCell Izhikevich IzhikevichParameters LIFParameters LIFBoxParameters LIFExParameters LSNNParameters "
         "IAFParameters LIParameters LIBoxParameters"),
    ),
    "snntorch": (
        (snntorch.functional, "functional", "ce_rate_loss ce_count_loss mse_count_loss ce_temporal_loss "
         "mse_temporal_loss"),
        (snntorch.spikegen, "spikegen", "rate latency delta"),
    ),
}  # fmt: skip


def plain(value):
    """A default as JSON holds it."""
    if value is inspect.Parameter.empty:
        return "required"
    if isinstance(value, torch.Tensor):
        return round(value.item(), 9)
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, torch.nn.Module):
        own = inspect.signature(type(value)).parameters
        return [type(value).__name__, [getattr(value, n) for n in own if n not in ("spiking", "kwargs", "args")]]
    return [getattr(value, "__name__", type(value).__name__), []]


def parameters(kind):
    """The parameters of a class or function, with what their base classes add to **kwargs."""
    found = {}
    for home in kind.__mro__[:-1] if inspect.isclass(kind) else (kind,):
        target = home.__dict__.get("__init__", home.__dict__.get("__new__")) if inspect.isclass(kind) else home
        if target is None or (home.__module__.startswith("torch") and not home.__name__.startswith("_")):
            continue
        own = [p for p in inspect.signature(target).parameters.values() if p.name not in ("self", "_cls", "cls")]
        known = [p for p in own if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        given = {"activation", "activation_sparse", "state_fallback", "record_states"}  # of Norse's own use
        given |= {"p"} if home is not kind else set()
        found |= {p.name: plain(p.default) for p in known if p.name not in found and p.name not in given}
        if len(known) == len(own):
            break
    return found


def signatures():
    """By library and name."""
    out = {}
    for library, homes in NAMES.items():
        for module, home, names in homes:
            for name in names.split():
                key = f"{home}.{name}" if home else name
                out[f"{library} {key}"] = parameters(getattr(module, name))
    return out


def behaviours():
    """Norse's named behaviours of Izhikevich's neuron: parameters and first state."""
    own = {n: b for n, b in vars(norse.torch).items() if isinstance(b, norse.torch.IzhikevichSpikingBehavior)}
    return {name: [list(b.p), [round(s.item(), 5) for s in b.s]] for name, b in sorted(own.items())}


def drawn(*shape):
    """Numbers of a fixed seed."""
    return torch.from_numpy(np.random.default_rng([SEED, *shape]).normal(0.7, 0.8, shape).astype(np.float32))


def spikes(*shape, p=0.4):
    """0 and 1 of a fixed seed."""
    return torch.from_numpy((np.random.default_rng([SEED, *shape]).random(shape) < p).astype(np.float32))


def late(before, x):
    """Half of the spikes of the step before, taken from x."""
    return x - 0.5 * before


def containers():
    """Containers around LIFNode() and IFNode(): outputs, and gradients of inputs and weights."""
    for name, make in {
        "multi": lambda: layer.MultiStepContainer(neuron.LIFNode()),
        "element": lambda: layer.ElementWiseRecurrentContainer(neuron.IFNode(), late, "m"),
        "linear": lambda: layer.LinearRecurrentContainer(neuron.IFNode(), N, N, step_mode="m"),
        "ann": lambda: layer.SeqToANNContainer(torch.nn.Linear(N, 2)),
    }.items():
        torch.manual_seed(0)
        module, x = make(), drawn(T, B, N).requires_grad_()
        y = module(x)
        (y * drawn(*y.shape)).sum().backward()
        yield (
            name,
            {"x": x, "c": drawn(*y.shape), "y": y, "grad_x": x.grad}
            | {f"{k}.{n}": t for n, p in module.named_parameters() for k, t in (("p", p), ("g", p.grad))},
        )
    x = drawn(T, B, N)
    yield "forward", {"x": x, "y": functional.multi_step_forward(x, neuron.LIFNode(tau=1.5))}


def learning_rules():
    """Weight changes of the learners with constant f_pre and f_post, MSTDPET's with a reward a step."""
    pre, post = spikes(T, B, N), spikes(T, B, 3, p=0.3)
    linear, node = torch.nn.Linear(N, 3, bias=False), torch.nn.Identity()
    constant = {"f_pre": lambda w: 0.02 * torch.ones_like(w), "f_post": lambda w: 0.03 * torch.ones_like(w)}
    stdp = learning.STDPLearner("m", linear, node, 5.0, 8.0, **constant)
    stdp.in_spike_monitor.records.append(pre)
    stdp.out_spike_monitor.records.append(post)
    yield "stdp", {"pre": pre, "post": post, "delta": stdp.step(on_grad=False)}
    rewards = drawn(T)
    constant["f_post"] = constant["f_pre"]
    mstdpet = learning.MSTDPETLearner("s", linear, node, 5.0, 5.0, 6.0, **constant)
    total = 0.0
    for t in range(T):
        mstdpet.in_spike_monitor.records.append(pre[t, 0])
        mstdpet.out_spike_monitor.records.append(post[t, 0])
        total = total + mstdpet.step(rewards[t].item(), on_grad=False)
    yield "mstdpet", {"pre": pre[:, :1], "post": post[:, :1], "rewards": rewards, "delta": total}


def encoders():
    """Values in [0, 1) in T spikes."""
    x = torch.from_numpy(np.random.default_rng(SEED).random((B, N)).astype(np.float32))
    for kind in ("linear", "log"):
        encoder = encoding.LatencyEncoder(T, kind)
        yield f"latency_{kind}", {"x": x, "y": torch.stack([encoder(x) for _ in range(T)])}
    phase = encoding.WeightedPhaseEncoder(T)
    yield "phase", {"x": x * 0.99, "y": torch.stack([phase(x * 0.99) for _ in range(T)])}
    yield "spikegen_latency", {"x": x, "y": snntorch.spikegen.latency(x, num_steps=T, normalize=True, linear=True)}
    yield "spikegen_log", {"x": x + 0.02, "y": snntorch.spikegen.latency(torch.clamp(x + 0.02, max=1.0), num_steps=T)}
    yield "spikegen_delta", {"x": drawn(T, B, N), "y": snntorch.spikegen.delta(drawn(T, B, N), threshold=0.4)}


def losses():
    """snnTorch's losses of a train of spikes, with gradients."""
    targets = torch.tensor([2, 0, 3])
    for name, options in {
        "ce_rate_loss": {}, "ce_count_loss": {}, "mse_count_loss": {"correct_rate": 0.8, "incorrect_rate": 0.2},
        "ce_temporal_loss": {}, "mse_temporal_loss": {"on_target": 1, "off_target": 9},
    }.items():  # fmt: skip
        train = spikes(T + 2, B, N).requires_grad_()
        loss = getattr(snntorch.functional, name)(**options)(train, targets.clone())
        loss.backward()
        yield name, {"x": train, "y": loss.reshape(()), "grad_x": train.grad}


def collect(written=None):
    """The content of the file."""
    torch.set_num_threads(1)
    arrays = {
        f"{row}.{name}": tensor.detach().numpy()
        for part in (containers, learning_rules, encoders, losses)
        for row, found in part()
        for name, tensor in found.items()
    }
    header = {
        "versions": versions("spikingjelly", "snntorch", "norse", "torch", "numpy", "python"),
        "signatures": signatures(),
        "behaviours": behaviours(),
    }
    return arrays, header
