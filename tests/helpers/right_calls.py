"""A right call of every public function, class, module and kernel, as text: what it is made with, and what it takes.

`CALLS` has an entry for each name, the arguments of a call as Python; `MADE` has for each class what makes one.  They
are evaluated anew for each call, with the names of this file, so that no call sees what another one changed.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
from scipy import sparse

import grilly_vk as g
import grilly_vk.functional as F
from grilly_vk import data, decode, encode, models, monitor, nn, optim, parallel, plot, sim, snn, surrogate
from grilly_vk.equations.neurons import PUBLISHED
from grilly_vk.functional.loss_layers import LAYERS
from grilly_vk.nn import conversion, dialects, init, traced, utils
from grilly_vk.ops.pointwise import BINARY_METHODS, UNARY_METHODS

__all__ = [
    "CALLS", "MADE", "METHODS", "F", "conversion", "data", "decode", "dialects", "encode", "g", "init", "models",
    "monitor", "nn", "optim", "parallel", "plot", "sim", "snn", "sparse", "surrogate", "traced", "utils",
]  # fmt: skip


def x(*shape, seed=0):
    """Normal numbers."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32)


def s(*shape):
    """Spikes: ones at a third of the places."""
    return (np.random.default_rng(shape).random(shape) < 0.34).astype(np.float32)


def u(*shape, seed=0):
    """Numbers between 0.1 and 0.9."""
    return np.random.default_rng([seed, *shape]).uniform(0.1, 0.9, shape).astype(np.float32)


def i(*shape, below=2):
    """Whole numbers."""
    return np.random.default_rng(shape).integers(0, below, shape).astype(np.int32)


def cells():
    return sim.Population(3, "iaf_psc_delta")


def leaf(*shape):
    return g.tensor(x(*shape), requires_grad=True)


def parameters():
    layer = nn.Linear(3, 2)
    layer(x(4, 3)).sum().backward()
    return list(layer.parameters())


def ann():
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)).eval()


def converted():
    return nn.Converter(T=4)(ann())


def network():
    neurons = traced.LIFNeuron((2, 3), 0.8, 0.0, 0.5, 1.0, 1.0, 1.0, 0.9, 0.9)
    return traced.Network(traced.Input((2, 4), 1.0, 1.0, 0.9), (traced.Linear(4, 3, 2), neurons))


def spiking():
    return nn.Sequential(nn.Linear(4, 3), nn.LIFNode())


def sgd():
    return optim.SGD([nn.Parameter(np.ones(3, np.float32))], lr=0.3)


def of_steps(layer):
    """Whether a loss takes spikes of all steps, and classes."""
    return [p.name for p in layer.parameters(of_call=True)] == ["spikes", "targets"]


def place(name):
    return Path(tempfile.gettempdir()) / f"grilly-vk-{os.getpid()}-{name}"


def saved():
    g.save(place("saved"), {"a": g.ones(2)})
    return place("saved")


def recording():
    return data.events.make_events(i(9, below=4), i(9, below=4), np.arange(9) * 10, i(9))


def event_file():
    folder = place("events")
    (folder / "left").mkdir(parents=True, exist_ok=True)
    np.save(folder / "left" / "a.npy", recording())
    return folder / "left" / "a.npy"


def sequence():
    first = sgd()
    return first, [optim.StepLR(first, 2), optim.ExponentialLR(first, 0.5)], [3]


def each(names, text):
    return dict.fromkeys(names.split(), text)


CALLS = {
    # ---- one array ----
    **dict.fromkeys((f"g.{k}" for k in UNARY_METHODS), "u(2, 3)"),
    **{f"g.{k}": v for k, v in each(
        "clone isfinite isinf isnan log10 log2 logical_not nonzero numel reciprocal round rsqrt square squeeze t "
        "unique diag flatten nan_to_num tril triu trace from_numpy as_tensor FloatTensor bernoulli poisson", "u(2, 3)"
    ).items()},
    # ---- two ----
    **dict.fromkeys((f"g.{k}" for k in BINARY_METHODS), "u(2, 3), u(2, 3, seed=1)"),
    **{f"g.{k}": v for k, v in each(
        "add div equal fmod logical_and logical_or logical_xor sub isclose allclose heaviside",
        "u(2, 3), u(2, 3, seed=1)",
    ).items()},
    # ---- an array and an axis ----
    **{f"g.{k}": v for k, v in each(
        "all any amax amin argmax argmin count_nonzero max mean median min norm prod std sum var logsumexp sort "
        "argsort cumsum cumprod softmax log_softmax flip unbind unsqueeze", "x(2, 3), 1"
    ).items()},
    "g.norm": "x(2, 3), 2.0, 1",
    **{f"g.{k}": "g.tensor(x(2, 3))" for k in ("empty_like", "ones_like", "rand_like", "randn_like", "zeros_like")},
    **{f"g.{k}": "2, 3" for k in ("empty", "ones", "rand", "randn", "zeros")},
    "g.addmm": "x(2, 4), x(2, 3), x(3, 4)", "g.arange": "0, 5, 1", "g.LongTensor": "i(2, 3)", "g.bincount": "i(4)",
    "g.bmm": "x(2, 3, 4), x(2, 4, 2)", "g.broadcast_to": "x(2, 3), (4, 2, 3)", "g.cat": "[x(2, 3), x(1, 3)], 0",
    "g.cdist": "x(2, 3), x(4, 3)", "g.chunk": "x(2, 3), 2, 0", "g.clamp": "x(2, 3), -1.0, 1.0",
    "g.clip": "x(2, 3), -1.0, 1.0", "g.concat": "[x(2, 3), x(1, 3)], 0", "g.dot": "x(3), x(3, seed=1)",
    "g.einsum": "'ij,jk->ik', x(2, 3), x(3, 4)", "g.eye": "3, 2", "g.full": "(2, 3), 1.5",
    "g.full_like": "g.tensor(x(2, 3)), 2.0", "g.gather": "x(2, 3), 1, i(2, 2)", "g.hstack": "[x(2, 3), x(2, 1)]",
    "g.index_add": "x(2, 3), 0, i(2), x(2, 3, seed=1)", "g.index_select": "x(2, 3), 0, i(4)", "g.is_tensor": "x(2)",
    "g.lerp": "x(2, 3), x(2, 3, seed=1), 0.5", "g.linspace": "0.0, 1.0, 5", "g.logspace": "0.0, 1.0, 5",
    "g.manual_seed": "3", "g.masked_fill": "x(2, 3), x(2, 3) > 0, 0.5", "g.masked_select": "x(2, 3), x(2, 3) > 0",
    "g.matmul": "x(2, 3), x(3, 4)", "g.meshgrid": "x(2), x(3)", "g.mm": "x(2, 3), x(3, 4)",
    "g.movedim": "x(2, 3), 0, 1", "g.mv": "x(2, 3), x(3)", "g.narrow": "x(2, 3), 0, 1, 1",
    "g.normal": "0.0, 1.0, (2, 3)", "g.outer": "x(2), x(3)", "g.permute": "x(2, 3), 1, 0",
    "g.randint": "0, 5, (2, 3)", "g.randperm": "4", "g.repeat_interleave": "x(2, 3), 2, 1",
    "g.reshape": "x(2, 3), 3, 2", "g.roll": "x(2, 3), 1, 0", "g.scatter": "x(2, 3), 1, i(2, 2), x(2, 2)",
    "g.scatter_add": "x(2, 3), 1, i(2, 2), x(2, 2)", "g.split": "x(2, 3), 1, 0", "g.take": "x(2, 3), i(4)",
    "g.stack": "[x(2, 3), x(2, 3, seed=1)], 0", "g.tensordot": "x(2, 3), x(3, 4), 1", "g.tile": "x(2, 3), 2, 1",
    "g.topk": "x(2, 3), 2, 1", "g.transpose": "x(2, 3), 0, 1", "g.unflatten": "x(2, 6), 1, (3, 2)",
    "g.vstack": "[x(2, 3), x(1, 3)]", "g.where": "x(2, 3) > 0, x(2, 3), x(2, 3, seed=1)",
    "g.checkpoint": "F.relu, leaf(2, 3)", "g.gradcheck": "F.sigmoid, leaf(2, 3)", "g.compile": "F.relu",
    "g.grad": "(leaf(3) * 2.0).sum(), leaf(3)", "g.set_rng_state": "g.get_rng_state()",
    "g.set_detect_anomaly": "False", "g.set_grad_enabled": "True", "g.iinfo": "g.int32", "g.finfo": "g.float32",
    "g.tensor": "x(2, 3)", "g.Tensor": "x(2, 3)", "g.save": "place('saved'), {'a': g.ones(2)}", "g.load": "saved()",
    "g.device": "None", "g.set_device": "None", "g.set_host_blas": "g.host_blas() is not None",
    **{f"g.{k}": "" for k in (
        "capture", "devices", "get_rng_state", "host_blas", "is_grad_enabled", "memory_stats", "profile",
        "synchronize", "no_grad", "enable_grad", "inference_mode",
    )},
    # ---- F ----
    **{f"F.{k}": v for k, v in each(
        "elu gelu hardtanh leaky_relu logsigmoid relu relu6 sigmoid silu softplus tanh dropout if_step lif_step stp "
        "synapse_filter dual_timescale", "x(2, 3)"
    ).items()},
    **{f"F.{layer.function.__name__}": "u(2, 3), u(2, 3, seed=1)" for layer in LAYERS.values()},
    **{f"F.{layer.function.__name__}": "s(4, 2, 3), i(2)" for layer in LAYERS.values() if of_steps(layer)},
    "F.if_step": "x(2, 3), x(2, 3, seed=1)", "F.lif_step": "x(2, 3), x(2, 3, seed=1)",
    "F.plif_step": "x(2, 3), x(2, 3, seed=1), 0.5", "F.softmax": "x(2, 3), 1", "F.log_softmax": "x(2, 3), 1",
    "F.cumsum": "x(2, 3), 1", "F.prelu": "x(2, 3), x(3)", "F.threshold": "x(2, 3), 0.5, 0.0",
    "F.adaptive_avg_pool1d": "x(2, 3, 8), 2", "F.adaptive_avg_pool2d": "x(2, 3, 6, 8), 2",
    "F.avg_pool1d": "x(2, 3, 8), 2", "F.avg_pool2d": "x(2, 3, 6, 8), 2", "F.max_pool1d": "x(2, 3, 8), 2",
    "F.max_pool2d": "x(2, 3, 6, 8), 2", "F.sum_pool2d": "x(2, 3, 6, 8), 2",
    "F.sum_pool": "x(2, 6, 8, 3), (2, 2), (2, 2), 'VALID'",
    "F.batch_norm": "x(4, 3), g.zeros(3), g.ones(3), x(3), x(3)", "F.group_norm": "x(2, 4, 5), 2, x(4), x(4)",
    "F.batch_norm_through_time": "x(5, 4, 3), g.zeros(5, 3), g.ones(5, 3), x(5, 3), x(5, 3)",
    "F.temporal_effective_batch_norm": "x(5, 4, 3), g.zeros(3), g.ones(3), x(5), x(3), x(3)",
    "F.instance_norm": "x(2, 3, 5)", "F.layer_norm": "x(2, 3), 3, x(3), x(3)", "F.rms_norm": "x(2, 3), 3, x(3)",
    "F.neu_norm": "s(6, 2, 3, 4, 5), g.tensor(x(2, 1, 4, 5)), x(3, 4, 5)",
    "F.conv1d": "x(2, 3, 8), x(4, 3, 2), x(4)", "F.conv2d": "x(2, 3, 6, 8), x(4, 3, 2, 3), x(4)",
    "F.conv3d": "x(2, 3, 4, 6, 8), x(4, 3, 2, 3, 2), x(4)", "F.conv_transpose1d": "x(2, 3, 8), x(3, 4, 2), x(4)",
    "F.conv_transpose2d": "x(2, 3, 6, 8), x(3, 4, 2, 3), x(4)",
    "F.cosine_similarity": "x(2, 3), x(2, 3, seed=1)", "F.normalize": "x(2, 3)",
    "F.cross_entropy": "x(2, 3), i(2)", "F.nll_loss": "x(2, 3), i(2)",
    "F.delayed_linear": "s(4, 2, 3), x(5, 3), i(5, 3)", "F.dropout1d": "x(2, 3, 5)", "F.dropout2d": "x(2, 3, 4, 5)",
    "F.embedding": "i(4), x(5, 3)", "F.one_hot": "i(2, 3), 3", "F.pad": "x(2, 3), (1, 2)",
    "F.interpolate": "x(2, 3, 4, 6), scale_factor=2.0", "F.linear": "x(4, 3), x(2, 3), x(2)",
    "F.rate_regularization": "s(4, 2, 3), target=0.2", "F.unroll": "nn.LIF((3,)), x(4, 2, 3)",
    "F.scaled_dot_product_attention": "x(2, 4, 5), x(2, 3, 5), x(2, 3, 6)",
    "F.stp": "s(4, 2, 3)", "F.synapse_filter": "s(4, 2, 3)", "F.dual_timescale": "s(4, 2, 3)",
    "F.multi_step_forward": "spiking(), x(5, 2, 4), 5", "F.detach_net": "spiking()", "F.reset_net": "spiking()",
    "F.set_step_mode": "spiking(), 'm'",
    # ---- codes ----
    "encode.delta": "x(5, 2)", "encode.direct": "x(2, 3), 4", "encode.latency": "u(2, 3), 4",
    "encode.phase": "u(2, 3)", "encode.poisson": "u(2, 3), 4", "encode.rate": "u(2, 3), 4",
    "encode.population": "u(2, 3), 4, 0.0, 1.0, 5", "encode.receptive_fields": "u(2, 3), 4, 0.0, 1.0",
    "decode.count": "s(4, 2, 3)", "decode.first_spike": "s(4, 2, 3)", "decode.membrane": "x(4, 2, 3)",
    "decode.phase": "s(8, 2, 3)", "decode.population_vote": "s(4, 2, 6), 3", "decode.rate": "s(4, 2, 3)",
    # ---- parameters, networks ----
    **{f"init.{k}": "nn.Parameter(x(2, 3))" for k in (
        "kaiming_normal_", "kaiming_uniform_", "normal_", "ones_", "orthogonal_", "trunc_normal_", "uniform_",
        "xavier_normal_", "xavier_uniform_", "zeros_",
    )},
    "init.constant_": "nn.Parameter(x(2, 3)), 0.5", "init.calculate_gain": "'relu'", "init.fans": "(2, 3)",
    "utils.clip_grad_norm_": "parameters(), 0.1", "utils.clip_grad_value_": "parameters(), 0.1",
    "utils.parameters_to_vector": "parameters()", "utils.vector_to_parameters": "g.tensor(x(8)), parameters()",
    "nn.evaluate": "converted(), (x(6, 4), i(6)), 4", "conversion.rates_and_activations": "converted(), x(3, 4), 4",
    "nn.summary": "ann(), (2, 4)", "nn.superspike": "25.0",
    "monitor.firing_rate_report": "spiking(), x(2, 4)", "data.sentences": "",
    "g.from_dlpack": "x(2, 3)", "g.interop.to_torch_state": "nn.Linear(3, 2)",
    "g.interop.load_torch_state": "nn.Linear(3, 2), {'weight': x(2, 3), 'bias': x(2)}",
    # ---- recordings of events ----
    "data.stack": "[(x(2, 3), 1), (x(2, 3), 0)]", "data.pad_sequences": "[x(2, 3), x(4, 3)]",
    "data.events.make_events": "i(5), i(5), np.arange(5), i(5)", "data.events.drop_events": "recording(), 0.5",
    "data.events.flip_events": "recording(), (4, 4, 2)", "data.events.time_jitter": "recording(), 3.0",
    "data.events.to_frames": "recording(), (4, 4, 2), n_time_bins=3", "data.events.read": "event_file()",
    # ---- plots ----
    "plot.accuracy_curve": "nn.evaluate(converted(), (x(6, 4), i(6)), (4, 8))", "plot.potentials": "x(20, 3)",
    "plot.population_raster": "{'a': ([1.0, 2.0], [0, 1], 3)}",
    "plot.raster": "s(20, 6)", "plot.rate_boxes": "[u(6), u(6)]", "plot.rate_histogram": "u(30)",
    "plot.rate_scatter": "{'a': (u(6), u(6, seed=1))}", "plot.training_curves": "[{'loss': 1.0}, {'loss': 0.5}]",
    "plot.weight_map": "x(4, 9)",
    # ---- kernels on arrays ----
    "SNN.lif_step": "x(2, 3), x(2, 3)", "SNN.lif_run": "x(5, 2, 3), x(2, 3)", "SNN.gif_step": "x(2, 3), x(2, 3)",
    "SNN.gif_run": "x(5, 2, 3), x(2, 3)", "SNN.snn_node_forward": "x(5, 2, 3)",
    "SNN.snn_node_backward": "x(5, 2, 3), x(5, 2, 3, seed=1)",
    "SNN.hebbian_learning": "s(5, 2, 4), s(5, 2, 3), x(3, 4)", "SNN.stdp_learning": "s(5, 2, 4), s(5, 2, 3), u(3, 4)",
    "SNN.stdp_reward_learning": "s(5, 2, 4), s(5, 2, 3), u(3, 4), 1.0", "SNN.stdp_traces": "s(5, 3)",
    "SNN.synapse_filter": "x(5, 3)", "SNN.dual_timescale": "x(5, 3)", "SNN.stp_step": "s(2, 3)",
    "SNN.stp_run": "s(5, 2, 3)", "SNN.spiking_attention": "s(2, 5, 4), s(2, 5, 4), s(2, 5, 4)",
    "SNN.encode_poisson": "u(2, 3), 5", "SNN.encode_latency": "u(2, 3), 5", "SNN.time_expand": "x(2, 3), 5",
    "SNN.snn_matmul": "x(2, 4), x(3, 4), x(3)", "SNN.snn_readout": "s(5, 2, 4), x(3, 4), x(3)",
    "SNN.spike_count": "s(5, 3)", "SNN.firing_rate": "s(5, 3)", "SNN.first_spike": "s(5, 3)",
    "SNN.snn_softmax": "x(2, 5)", "SNN.snn_rmsnorm": "x(2, 5), x(5)",
    # ---- large sparse networks ----
    "parallel.average_gradients": "[nn.Parameter(x(3))], None", "parallel.broadcast": "[nn.Parameter(x(3))], None",
    "parallel.share_gradients": "sgd(), None", "parallel.use_device": "None", "parallel.rank": "None",
    "sim.analysis.firing_rates": "([1.0, 2.0], [0, 1]), 3, stop=9.0",
    "sim.analysis.interval_cvs": "([1.0, 2.0], [0, 1]), 3, stop=9.0",
    "sim.analysis.population_rate": "([1.0, 2.0], [0, 1]), 3, stop=9.0",
    "sim.analysis.binned_counts": "([1.0, 2.0], [0, 1]), 3, stop=20.0",
    "sim.analysis.fano_factors": "([1.0, 2.0], [0, 1]), 3, stop=200.0",
    "sim.analysis.correlations": "([1.0, 2.0, 7.0], [0, 1, 1]), 3, stop=20.0",
    "sim.equations": "'da/dt = -a', threshold='a > 1', reset='a = 0', parameters={}, receptors={'exc': 'a'}",
}  # fmt: skip

V = dict.fromkeys
NODE = ("", "x(2, 4)")
SEQUENCE = "x(5, 2, 4)"

# class: (what makes one, what a call takes; None: it is not called)
DIALECTS = "nn.dialects"
MADE = {
    **V([f"{DIALECTS}.norse.{n}" for n in ("LIFRecurrent", "LIFRecurrentCell", "LILinearCell")], ("4, 3", None)),
    **V([f"{DIALECTS}.snntorch.{n}" for n in ("Leaky", "StateLeaky")], ("0.9", None)),
    **V([f"{DIALECTS}.norse.{n}" for n in ("Izhikevich", "IzhikevichCell")], (f"{DIALECTS}.norse.tonic_spiking", None)),
    f"{DIALECTS}.norse.IzhikevichParameters": ("0.02, 0.2, -65.0, 6.0", None),
    f"{DIALECTS}.norse.IzhikevichState": ("-65.0, -13.0", None),
    f"{DIALECTS}.norse.IzhikevichSpikingBehavior": (f"*{DIALECTS}.norse.tonic_spiking", None),
    f"{DIALECTS}.norse.create_izhikevich_spiking_behavior": ("0.02, 0.2, -65.0, 6.0, -70.0, -70.0", None),
    f"{DIALECTS}.spikingjelly.LIAFNode": ("F.relu, False", None),
    f"{DIALECTS}.snntorch.RLeaky": ("0.9, linear_features=4", None),
    f"{DIALECTS}.snntorch.Alpha": ("0.9, 0.8", None), f"{DIALECTS}.snntorch.Synaptic": ("0.9, 0.8", None),
    f"{DIALECTS}.snntorch.RSynaptic": ("0.9, 0.8, linear_features=4", None),
    f"{DIALECTS}.snntorch.Lapicque": ("0.9", None),
    f"{DIALECTS}.spikingjelly.GatedLIFNode": ("5", None),
    "nn.AlphaNode": ("0.9, 0.8", "x(2, 4)"), "nn.LateResetNode": ("0.9", "x(2, 4)"),
    "data.events.EventFolder": ("event_file().parent.parent", None),
    "data.events.EventBatch": ("[recording()], (4, 4, 2)", None),
    "data.events.Frames": ("(4, 4, 2), n_time_bins=3", "recording()"),
    "optim.SequentialLR": ("*sequence()", None),
    **V([f"nn.{n}" for n in (
        "AdaptiveLIFNode", "CUBALIFNode", "EIFNode", "IFNode", "IzhikevichNode", "KLIFNode", "LIFNode",
        "ParametricLIFNode", "QIFNode", "SpikingNode", *(record.node for record in PUBLISHED),
    )], NODE),
    **V([f"nn.{n}" for n in (
        "ELU", "GELU", "Hardtanh", "LeakyReLU", "PReLU", "ReLU", "ReLU6", "SiLU", "SigmoidLayer", "Softplus", "Tanh",
        "Dropout", "DropoutOverTime", "Flatten", "Identity", "SynapseFilter", "DualTimescaleSynapse", "STPSynapse",
        "ActivityRegularization",
    )], NODE),
    **V([f"nn.{n}" for n in (
        "ATan", "Boxcar", "Erf", "FastSigmoid", "PiecewiseQuadratic", "Rect", "Sigmoid", "SuperSpike",
        "TanhSurrogate", "Triangular",
    )], NODE),
    "nn.NeuronModel": ("'mine', 'h = v * 0.5 + x'", None),
    "nn.CustomNode": ("nn.NeuronModel('mine', 'h = v * 0.5 + x')", "x(2, 4)"),
    "nn.CustomSurrogate": ("'exp(-x * x)'", "x(2, 4)"), "nn.SpikingNode": ("", None),
    **V(["nn.LogSoftmax", "nn.Softmax"], ("1", "x(2, 4)")),
    **V(["nn.NonSpikingIFNode", "nn.NonSpikingLIFNode"], ("", SEQUENCE)), "nn.NonSpikingNode": ("", None),
    "nn.GatedLIFNode": ("5", SEQUENCE),
    # ---- cores ----
    **V([f"nn.{n}" for n in ("IF", "LIF", "ALIF", "CuBaLIF", "RIF", "RLIF", "RCuBaLIF", "LI")], ("(4,)", None)),
    "nn.IF": ("(4,)", "x(2, 4), x(2, 4)"), "nn.LIF": ("(4,)", "x(2, 4), x(2, 4)"),
    "nn.ALIF": ("(4,)", "x(2, 4), x(2, 8)"),
    "nn.LI": ("(4,)", "x(2, 4), x(2, 4)"), "nn.RLIF": ("(4,)", "x(2, 4), x(2, 4)"),
    "nn.Core": ("(4,), 1.0, None, 'core'", None), "nn.RecurrentCore": ("(4,), 1.0, None, 'core'", None),
    "nn.RecurrentSNN": ("[4, 5, 2]", SEQUENCE),
    # ---- flat arrays ----
    "nn.LIFNeuron": ("4", "x(2, 4)"), "nn.GIFNeuron": ("4", "x(2, 4)"), "nn.SNNLayer": ("4, 3", "x(2, 4)"),
    "nn.HebbianLayer": ("4, 3", "x(2, 4)"), "nn.STDPLayer": ("4, 3", "x(2, 4)"),
    # ---- layers ----
    "nn.Linear": ("4, 3", "x(2, 4)"), "nn.Embedding": ("5, 3", "i(4)"),
    "nn.Conv1d": ("4, 3, 2", "x(2, 4, 8)"), "nn.Conv2d": ("4, 3, 2", "x(2, 4, 6, 8)"),
    "nn.Conv3d": ("4, 3, 2", "x(2, 4, 3, 6, 8)"), "nn.ConvTranspose1d": ("4, 3, 2", "x(2, 4, 8)"),
    "nn.ConvTranspose2d": ("4, 3, 2", "x(2, 4, 6, 8)"),
    "nn.MaxPool1d": ("2", "x(2, 4, 8)"), "nn.AvgPool1d": ("2", "x(2, 4, 8)"),
    "nn.AdaptiveAvgPool1d": ("2", "x(2, 4, 8)"),
    **V([f"nn.{n}" for n in ("MaxPool2d", "AvgPool2d", "SumPool2d", "AdaptiveAvgPool2d")], ("2", "x(2, 4, 6, 8)")),
    "nn.SumPool": ("(2, 2), (2, 2), 'VALID'", "x(2, 6, 8, 3)"), "nn.Upsample": ("scale_factor=2.0", "x(2, 3, 4, 6)"),
    "nn.ZeroPad2d": ("1", "x(2, 3, 4, 6)"),
    "nn.BatchNorm1d": ("4", "x(6, 4)"), "nn.BatchNorm2d": ("4", "x(2, 4, 6, 8)"),
    "nn.TokenBatchNorm1d": ("4", "x(2, 5, 4)"), "nn.LayerNorm": ("4", "x(2, 4)"), "nn.RMSNorm": ("4", "x(2, 4)"),
    "nn.GroupNorm": ("2, 4", "x(2, 4, 6)"), "nn.InstanceNorm1d": ("4", "x(2, 4, 6)"),
    "nn.InstanceNorm2d": ("4", "x(2, 4, 6, 8)"), "nn.NeuNorm": ("4, 6, 8", "s(2, 4, 6, 8)"),
    "nn.BatchNormThroughTime1d": ("4, 5, step_mode='m'", "x(5, 3, 4)"),
    "nn.BatchNormThroughTime2d": ("4, 5, step_mode='m'", "x(5, 3, 4, 6, 8)"),
    "nn.ThresholdDependentBatchNorm1d": ("4", "x(5, 3, 4)"),
    "nn.ThresholdDependentBatchNorm2d": ("4", "x(5, 2, 4, 6, 8)"),
    "nn.TemporalEffectiveBatchNorm1d": ("5, 4", "x(5, 3, 4)"),
    "nn.TemporalEffectiveBatchNorm2d": ("5, 4", "x(5, 3, 4, 6, 8)"),
    "nn.Dropout1d": ("", "x(2, 4, 6)"), "nn.Dropout2d": ("", "x(2, 4, 6, 8)"),
    "nn.DropoutOverTime1d": ("", "x(2, 4, 6)"), "nn.DropoutOverTime2d": ("", "x(2, 4, 6, 8)"),
    "nn.MultiheadAttention": ("4, 2", "x(5, 2, 4), x(3, 2, 4), x(3, 2, 4)"),
    **V(["nn.RNN", "nn.LSTM", "nn.GRU"], ("4, 3, 1", SEQUENCE)),
    **V(["nn.SpikingVanillaRNN", "nn.SpikingLSTM", "nn.SpikingGRU"], ("4, 3, 1", SEQUENCE)),
    **V(["nn.SpikingVanillaRNNCell", "nn.SpikingLSTMCell", "nn.SpikingGRUCell"], ("4, 3", "x(2, 4)")),
    "nn.SpikingRNNCell": ("4, 3", None),
    "nn.Delay": ("1", "x(2, 4)"), "nn.DelaySynapse": ("4, 3, max_delay=2", "x(2, 4)"),
    "nn.Synapse": ("nn.Linear(4, 3), nn.SynapseFilter()", "x(2, 4)"),
    "nn.RecurrentSynapse": ("nn.LIFNode(), nn.Linear(4, 4), nn.SynapseFilter()", "x(2, 4)"),
    **V(["nn.SpikingSelfAttention", "nn.QKAttention", "nn.TokenQKAttention", "nn.ChannelQKAttention",
         "nn.SpikingTransformerBlock"], ("4, 2", "x(2, 5, 4)")),
    "nn.SpikingLinear": ("4, 3", "x(2, 5, 4)"), "nn.SpikingMLP": ("4, 8", "x(2, 5, 4)"),
    "nn.TemporalWiseAttention": ("5, 2", "x(5, 2, 4)"),
    "nn.MultiDimensionalAttention": ("5, 4, reduction_t=2, reduction_c=2", "x(5, 2, 4, 6, 8)"),
    "nn.PopulationCode": ("2", "x(2, 4)"), "nn.VotingLayer": ("2", "x(2, 4)"),
    "nn.LinearRecurrentContainer": ("nn.LIFNode(), 4, 4", "x(2, 4)"),
    "nn.ElementWiseRecurrentContainer": ("nn.LIFNode(), lambda a, b: a + b", "x(2, 4)"),
    "nn.MultiStepContainer": ("nn.LIFNode()", SEQUENCE), "nn.SeqToANNContainer": ("nn.Linear(4, 3)", SEQUENCE),
    "nn.Sequential": ("nn.Linear(4, 3), nn.LIFNode()", "x(2, 4)"),
    "nn.ModuleList": ("[nn.ReLU()]", None), "nn.ModuleDict": ("{'a': nn.ReLU()}", None),
    "nn.ParameterList": ("[nn.Parameter(x(3))]", None), "nn.Parameter": ("x(3)", None), "nn.Buffer": ("x(3)", None),
    "nn.Module": ("", None), "nn.StatefulModule": ("", None), "nn.Surrogate": ("", None),
    # ---- losses ----
    **{f"nn.{n}": ("", "u(2, 4), u(2, 4, seed=1)") for n in LAYERS},
    **V(["nn.CrossEntropyLoss", "nn.NLLLoss"], ("", "x(2, 4), i(2)")),
    **{f"nn.{n}": ("", "s(5, 2, 4), i(2)") for n, layer in LAYERS.items() if of_steps(layer)},
    "nn.RateRegularization": ("target=0.2", "s(5, 2, 4)"),
    # ---- conversion ----
    "nn.Converter": ("'max_norm', 4", "ann(), x(6, 4)"), "nn.VoltageScaler": ("converted()", None),
    "conversion.RateNode": ("", "x(2, 4)"), "conversion.ChannelAffine": ("x(4), x(4)", "x(2, 4)"),
    "conversion.MaxPoolGate": ("nn.MaxPool2d(2)", None), "conversion.Places": ("[nn.ReLU()]", None),
    # ---- traces ----
    "traced.Input": ("(2, 4), 1.0, 1.0, 0.9", "s(2, 4) > 0"), "traced.Linear": ("4, 3, 2", None),
    "traced.IFNeuron": ("(2, 4), 0.8, 0.0, 0.5, 1.0, 1.0, 1.0, 0.9", "x(2, 4)"),
    "traced.LIFNeuron": ("(2, 4), 0.8, 0.0, 0.5, 1.0, 1.0, 1.0, 0.9, 0.9", "x(2, 4)"),
    "traced.FedeNeuron": ("(2, 4), 0.8, 0.0, 0.5, 1.0, 1.0, 1.0, 2.0, 3.0", "x(2, 4), x(2, 4)"),
    "traced.AdaptiveLIFNeuron": ("(2, 4), 0.8, 0.0, 0.5, 1.0, 1.0, 1.0, 0.9, 0.9, 0.3, 0.6", "x(2, 4)"),
    "traced.BaseNeuron": ("(2, 4), 0.8, 0.0, 0.5, 1.0, 1.0, 1.0", None), "traced.BaseInput": ("(2, 4), 1.0", None),
    "traced.BaseConnection": ("(2, 3, 4), 1.0, 0.0", None),
    "traced.Network": ("traced.Input((2, 4), 1.0, 1.0, 0.9), (traced.Linear(4, 3, 2), traced.LIFNeuron((2, 3), 0.8, "
                       "0.0, 0.5, 1.0, 1.0, 1.0, 0.9, 0.9))", "s(2, 4) > 0"),
    **V(["traced.OnlineSTDP", "traced.STDP", "traced.MSTDPET", "traced.FedeSTDP"], ("network()", None)),
    "traced.LearningRule": ("network(), 0.1", None),
    # ---- the rest ----
    "encode.PoissonEncoder": ("", "u(2, 4)"), "encode.LatencyEncoder": ("5", "u(2, 4)"),
    "encode.PeriodicEncoder": ("s(5, 4)", None), "encode.WeightedPhaseEncoder": ("5", "u(2, 4)"),
    **V(["optim.SGD", "optim.Adam", "optim.AdamW", "optim.RMSprop"], ("parameters()", None)),
    "optim.StepLR": ("sgd(), 2", None), "optim.CosineAnnealingLR": ("sgd(), 5", None),
    "optim.LinearWarmup": ("sgd()", None),
    "optim.OneCycleLR": ("sgd(), 0.5, 9, cycle_momentum=False", None), "optim.ExponentialLR": ("sgd(), 0.8", None),
    "optim.MultiStepLR": ("sgd(), [2, 4]", None), "optim.LambdaLR": ("sgd(), lambda t: 0.5**t", None),
    "optim.ReduceLROnPlateau": ("sgd()", None),
    **V(["monitor.InputMonitor", "monitor.OutputMonitor", "monitor.PotentialMonitor", "monitor.RateMonitor",
         "monitor.SpikeMonitor"], ("spiking()", None)),
    "monitor.AttributeMonitor": ("spiking(), 'v'", None), "data.DataLoader": ("x(6, 3), i(6)", None),
    "models.SNN": ("[4, 6], 2, 6, 2.0, 0.3, 5.0", "x(2, 4)"), "models.DiehlCook": ("9, 4, 5", None),
    "models.PatchEmbedding": ("4, 2, 1, 8", "x(2, 1, 4, 4)"),
    "models.Spikformer": ("4, 2, 1, 3, embed_dim=8, depth=1, num_heads=2", None),
    "g.SNNCompute": ("4, 10", None), "g.VulkanCompute": ("", None),
    # ---- large sparse networks ----
    "sim.Network": ("0.5, 3", None), "sim.Population": ("3, 'iaf_psc_delta'", None),
    "sim.Projection": ("cells(), cells(), sim.AllToAll(), weight=1.0, delay=1.0", None),
    "sim.DCCurrent": ("1.0", None), "sim.ACCurrent": ("1.0, 5.0, 0.5, 0.5", None),
    "sim.StepCurrent": ("[1.0, 2.0], [0.5, 0.25]", None), "sim.NoisyCurrent": ("0.5, 1.0, 2.0", None),
    "sim.PoissonSource": ("3, 10.0", None), "sim.GammaSource": ("3, 10.0, 2", None),
    "sim.SteppedPoissonSource": ("3, [0.0, 5.0], [10.0, 20.0]", None), "sim.RegularSource": ("3, 10.0", None),
    "sim.SpikeSource": ("3, [1.0, 2.0]", None),
    "sim.PoissonInput": ("cells(), 100.0, 0.5", None), "sim.Normal": ("1.0, 0.5", None),
    "sim.Lognormal": ("1.0, 0.5", None),
    "sim.Uniform": ("1.0, 2.0", None), "sim.AllToAll": ("", None), "sim.OneToOne": ("", None),
    "sim.FixedProbability": ("0.5", None), "sim.FixedInDegree": ("2", None), "sim.FixedOutDegree": ("2", None),
    "sim.FixedTotalNumber": ("2", None), "sim.FromList": ("[(0, 1), (1, 2)]", None),
    "sim.FromSparse": ("sparse.eye(3)", None),
    **V(["sim.STDP", "sim.TripletSTDP", "sim.DopamineSTDP", "sim.TsodyksMarkram"], ("", None)),
    "sim.Model": ("'own', states={'a': 0.5}, parameters={}, step='a = a + dt', fires='a > 1', reset='a = 0'", None),
}  # fmt: skip

MATRIX = "g.tensor(x(2, 3))"
# method: (an object, what a call takes)
METHODS = {
    **{f"Tensor.{k}": (MATRIX, v) for k, v in {
        "as_spikes": "True", "assign": "x(2, 3, seed=1)", "astype": "g.int32", "type": "g.int32", "to": "g.int32",
        "copy_": "x(2, 3, seed=1)", "cuda": "None", "xpu": "None", "divide": "u(2, 3)", "expand": "4, 2, 3",
        "expand_as": "g.tensor(x(4, 2, 3))", "fill_": "0.5",
        "pad": "[(1, 2), (0, 1)]", "repeat": "2, 1", "requires_grad_": "True", "subtract": "u(2, 3)",
        "swapaxes": "0, 1", "true_divide": "u(2, 3)", "type_as": "g.tensor(i(2))", "view": "3, 2",
        "uniform_": "0.0, 1.0", "normal_": "0.0, 1.0", "bernoulli_": "0.5", "add_": "u(2, 3)", "clamp_": "-0.5, 0.5",
        "masked_fill_": "x(2, 3) > 0, 0.5", "squeeze_": "0", "unsqueeze_": "0",
    }.items()},
    "Tensor.backward": ("leaf(3) * 2.0", "g.tensor(x(3))"), "Tensor.register_hook": ("leaf(3)", "lambda grad: grad"),
    # ---- modules ----
    "nn.Module.load_state_dict": ("nn.Linear(3, 2)", "{'weight': x(2, 3), 'bias': x(2)}"),
    "nn.Module.register_forward_hook": ("nn.ReLU()", "lambda *given: None"),
    "nn.Module.add_module": ("nn.Sequential()", "'first', nn.ReLU()"), "nn.Module.train": ("nn.ReLU()", "True"),
    "nn.Module.to": ("nn.ReLU()", "g.float32"), "nn.Module.apply": ("ann()", "lambda module: None"),
    "nn.Module.requires_grad_": ("ann()", "False"), "nn.Sequential.append": ("ann()", "nn.ReLU()"),
    "nn.LIFNeuron.run": ("nn.LIFNeuron(4)", "x(5, 2, 4)"), "nn.GIFNeuron.run": ("nn.GIFNeuron(4)", "x(5, 2, 4)"),
    "nn.SNNLayer.run": ("nn.SNNLayer(4, 3)", "x(5, 2, 4)"),
    "nn.HebbianLayer.update_weights": ("nn.HebbianLayer(4, 3)", "s(5, 2, 4), s(5, 2, 3)"),
    "nn.STDPLayer.update_weights": ("nn.STDPLayer(4, 3)", "s(5, 2, 4), s(5, 2, 3)"),
    "nn.LIF.unroll": ("nn.LIF((4,))", "x(5, 2, 4), x(2, 4)"), "nn.LIF.initial_state": ("nn.LIF((4,))", "2"),
    "nn.RecurrentSNN.initial_state": ("nn.RecurrentSNN([4, 5, 2])", "2"),
    "nn.ATan.derivative": ("nn.ATan()", "x(2, 3)"), "nn.ATan.primitive": ("nn.ATan()", "x(2, 3)"),
    "nn.VoltageScaler.scale_thresholds": ("nn.VoltageScaler(converted())", "x(6, 4)"),
    # ---- trace layers ----
    "traced.LIFNeuron.run": (f"traced.LIFNeuron({MADE['traced.LIFNeuron'][0]})", "x(5, 2, 4)"),
    "traced.FedeNeuron.run": (f"traced.FedeNeuron({MADE['traced.FedeNeuron'][0]})", "x(5, 2, 4), x(5, 2, 4)"),
    "traced.Input.run": (f"traced.Input({MADE['traced.Input'][0]})", "s(5, 2, 4) > 0"),
    "traced.Network.run": ("network()", "s(5, 2, 4) > 0"),
    # ---- the rest ----
    "g.SNNCompute.process": ("g.SNNCompute(4, 10)", "x(2, 4)"),
    "g.VulkanCompute.random_words": ("g.VulkanCompute()", "np.zeros((2, 4), np.uint32), (1, 2)"),
    "models.SNN.rate_decode": ("models.SNN", "s(2, 5, 3)"),
    "models.SNN.lif_neuron": ("models.SNN", "x(2, 3), x(2, 3), 0.5, 1.0"),
    "models.SNN.surrogate_gradient": ("models.SNN", "x(2, 3)"),
    "models.DiehlCook.present": ("models.DiehlCook(9, 4, 5)", "u(2, 9)"),
    "models.DiehlCook.present_spikes": ("models.DiehlCook(9, 4, 5)", "s(5, 9)"),
    "optim.ReduceLROnPlateau.step": ("optim.ReduceLROnPlateau(sgd())", "0.5"),
    "optim.SGD.load_state_dict": ("sgd()", "sgd().state_dict()"),
    "optim.SGD.register_step_pre_hook": ("sgd()", "lambda own, args, kwargs: None"),
    "optim.SGD.add_param_group": ("sgd()", "{'params': [nn.Parameter(x(3))]}"),
    "data.DataLoader.load_state_dict": ("data.DataLoader(x(6, 3))", "{'epoch': 2}"),
}  # fmt: skip
