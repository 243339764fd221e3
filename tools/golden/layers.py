"""Make tests/data/golden_layers.npz: what PyTorch's layers and losses compute, with all gradients.

Every case is one module of torch.nn, or of SpikingJelly where the case says so, with its parameters drawn at random.
With fixed cotangents c0, c1, ... of its outputs, sum((y * c).sum()) is differentiated with respect to the inputs and
the parameters.  In the file: per case one array, its numbers end to end in the order of `arrays` in the header:
inputs x0, x1, ..., cotangents, parameters by name, outputs y0, y1, ..., grad_NAME of inputs and parameters, and
after_NAME: buffers after the call.

`header` is JSON with the versions and, for each case, the class, its arguments and what `arrays` holds.
"""

from __future__ import annotations

import importlib

import numpy as np
import torch

from golden import apart, versions

TOLERANCE = 2e-5  # float32 sums in another order


def case(layer, arguments=None, *shapes, low=None, high=None, of="torch.nn", **more):
    """One case as it goes into the header; low, high: inputs are uniform instead of normal."""
    return {
        "layer": layer, "arguments": arguments or {}, "shapes": [list(s) for s in shapes], "of": of, **more,
        **({} if low is None else {"low": low, "high": high}),
    }  # fmt: skip


def cases():
    """All of them, by family."""
    yield from activations()
    yield from windows()
    yield from norms()
    yield from convolutions()
    yield from recurrent()
    yield from attention()
    yield from spiking()


def activations():
    """Activations, softmax and losses."""
    for shape in ((3, 5), (2, 3, 4)):
        yield case("ELU", {}, shape)
        yield case("PReLU", {}, shape)
        yield case("PReLU", {"num_parameters": shape[1], "init": 0.1}, shape)
        for dim in (0, 1, -1):
            yield case("Softmax", {"dim": dim}, shape)
            yield case("LogSoftmax", {"dim": dim}, shape)
    yield case("ELU", {"alpha": 0.3}, (7,))
    for reduction in ("mean", "sum", "none"):
        yield case("BCELoss", {"reduction": reduction}, (3, 5), (3, 5), low=0.05, high=0.95)


def windows():
    """Pools, and other sizes."""
    for kind in ("MaxPool1d", "AvgPool1d"):
        yield case(kind, {"kernel_size": 2}, (2, 3, 7))
        yield case(kind, {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}, (2, 2, 8))
    yield case("AvgPool1d", {"kernel_size": 3, "padding": 1, "count_include_pad": False}, (4, 6))
    yield case("MaxPool1d", {"kernel_size": 2, "dilation": 2, "stride": 1}, (4, 6))
    yield case("AdaptiveAvgPool1d", {"output_size": 3}, (2, 2, 7))
    yield case("AdaptiveAvgPool1d", {"output_size": 5}, (2, 3))
    line, image = (2, 2, 5), (1, 2, 4, 3)
    for mode, shape in (("nearest", line), ("linear", line), ("nearest", image), ("bilinear", image)):
        for size in ({"scale_factor": 2}, {"scale_factor": 1.7}, {"scale_factor": 0.6}, {"size": 7}, {"size": 2}):
            yield case("Upsample", {**size, "mode": mode}, shape)
    yield case("Upsample", {"size": [7, 2], "mode": "nearest-exact"}, (1, 2, 4, 3))
    yield case("Upsample", {"size": [7, 2], "mode": "bilinear", "align_corners": True}, (1, 2, 4, 3))
    yield case("Upsample", {"scale_factor": 2.5, "mode": "linear", "align_corners": True}, (1, 2, 4))
    more = {"scale_factor": 1.3, "mode": "bilinear", "recompute_scale_factor": True}
    yield case("Upsample", more, (1, 1, 5, 7))
    for padding in (1, [1, 2, 0, 3], [-1, 1, 2, -1]):
        yield case("ZeroPad2d", {"padding": padding}, (1, 2, 3, 4))


def norms():
    """Norms of each sample by itself."""
    for shape, groups in (((2, 6, 5), 3), ((2, 6, 3, 2), 6), ((3, 6), 1)):
        yield case("GroupNorm", {"num_groups": groups, "num_channels": 6}, shape)
        yield case("GroupNorm", {"num_groups": 1, "num_channels": 6, "eps": 0.1, "affine": False}, shape)
    for name, shape in (("InstanceNorm1d", (2, 3, 5)), ("InstanceNorm2d", (2, 3, 3, 2)), ("InstanceNorm1d", (3, 5))):
        yield case(name, {"num_features": 3}, shape)
        yield case(name, {"num_features": 3, "affine": True, "eps": 0.01}, shape)
        yield case(name, {"num_features": 3, "affine": True, "track_running_stats": True, "momentum": 0.3}, shape)


def convolutions():
    """Transposed ones, and those over three axes."""
    both = {"in_channels": 4, "out_channels": 6}
    for more in ({}, {"stride": 2, "padding": 1, "output_padding": 1}, {"groups": 2, "dilation": 2, "bias": False}):
        yield case("ConvTranspose1d", {**both, "kernel_size": 3, **more}, (2, 4, 5))
        yield case("ConvTranspose2d", {**both, "kernel_size": [3, 2], **more}, (1, 4, 3, 4))
    yield case("ConvTranspose2d", {**both, "kernel_size": 3, "stride": 2}, (4, 3, 3))
    for more in ({}, {"stride": [1, 2, 1], "padding": [1, 0, 2]}, {"groups": 2, "dilation": [2, 1, 1], "bias": False}):
        yield case("Conv3d", {**both, "kernel_size": [2, 3, 2], **more}, (1, 4, 4, 3, 4))
    yield case("Conv3d", {**both, "kernel_size": 2, "padding": "same"}, (4, 3, 2, 3))


def recurrent():
    """Recurrent layers, with and without a first state."""
    for name, states in (("RNN", 1), ("LSTM", 2), ("GRU", 1)):
        sizes = {"input_size": 3, "hidden_size": 4}
        yield case(name, sizes, (4, 2, 3))
        yield case(name, {**sizes, "hidden_size": 5, "bias": False}, (1, 3, 3))
        yield case(name, {**sizes, "num_layers": 2, "bidirectional": True}, (3, 2, 3))
        yield case(name, {**sizes, "batch_first": True}, (2, 4, 3), *[(1, 2, 4)] * states, state=True)
        yield case(name, {**sizes, "num_layers": 2}, (3, 3), *[(2, 4)] * states, state=True)
    yield case("RNN", {**sizes, "nonlinearity": "relu"}, (4, 2, 3), (1, 2, 4), state=True)


def attention():
    """MultiheadAttention of queries, keys and values of their own, with masks as the case says."""
    sizes = {"embed_dim": 4, "num_heads": 2}
    three = (3, 2, 4), (5, 2, 4), (5, 2, 4)
    yield case("MultiheadAttention", sizes, *three)
    yield case("MultiheadAttention", {**sizes, "bias": False, "batch_first": True}, (2, 3, 4), (2, 5, 4), (2, 5, 4))
    yield case("MultiheadAttention", {**sizes, "kdim": 3, "vdim": 2}, (3, 2, 4), (5, 2, 3), (5, 2, 2))
    more = {"add_bias_kv": True, "add_zero_attn": True}
    yield case("MultiheadAttention", {**sizes, **more}, *three, call={"average_attn_weights": False})
    late = np.triu(np.ones((3, 5), bool), 3).tolist()
    gone = [[False] * 4 + [True], [True] + [False] * 4]
    yield case("MultiheadAttention", sizes, *three, call={"attn_mask": late, "key_padding_mask": gone})
    yield case("MultiheadAttention", {**sizes, **more}, *three, call={"attn_mask": late, "key_padding_mask": gone})
    numbers = [[0.5 * i - j / 4 for i in range(5)] for j in range(3)]
    yield case("MultiheadAttention", sizes, (3, 4), (5, 4), (5, 4), call={"attn_mask": numbers})
    yield case("MultiheadAttention", sizes, *three, call={"attn_mask": [numbers] * 4, "need_weights": False})


def spiking():
    """SpikingJelly's readouts, voting, gated LIF and spiking recurrent layers, with their default surrogates."""
    home = "spikingjelly.activation_based."
    for name, own in (("NonSpikingIFNode", {}), ("NonSpikingLIFNode", {"tau": 3.0})):
        for decode in (None, "max-mem", "max-abs-mem", "mean-mem", "last_mem"):
            yield case(name, {**own, "decode": decode}, (4, 2, 3), of=home + "neuron", unstack=decode is None)
    yield case("VotingLayer", {"voting_size": 3}, (2, 12), of=home + "layer")
    yield case("VotingLayer", {"voting_size": 2, "step_mode": "m"}, (3, 2, 4), of=home + "layer")
    yield case("GatedLIFNode", {"T": 5}, (5, 2, 2, 2, 3), of=home + "neuron")
    yield case("GatedLIFNode", {"T": 4, "inplane": 3}, (4, 2, 3, 2, 2), of=home + "neuron")
    sizes = {"input_size": 3, "hidden_size": 4}
    for name, states in (("SpikingVanillaRNN", 1), ("SpikingLSTM", 2), ("SpikingGRU", 1)):
        cell = [(2, 4)] * states
        yield case(name + "Cell", sizes, (2, 3), *cell, of=home + "rnn", state=True)
        yield case(name + "Cell", {**sizes, "bias": False}, (2, 3), of=home + "rnn")
        yield case(name, {**sizes, "num_layers": 1}, (5, 2, 3), of=home + "rnn")
        more = {"num_layers": 2, "bidirectional": True}
        yield case(name, {**sizes, **more}, (4, 2, 3), *[(4, 2, 4)] * states, of=home + "rnn", state=True)


def coarse(values):
    """As multiples of 1/32, which take less room in the file."""
    return np.asarray(np.round(values * 32) / 32, np.float32)


def several(out):
    """A module's result as a flat list of tensors."""
    if isinstance(out, (tuple, list)):
        return [t for part in out for t in several(part)]
    return [] if out is None else [out]


def run(spec, rng, dtype=torch.float32):
    """One case: its arrays by name."""
    module = getattr(importlib.import_module(spec["of"]), spec["layer"])(**spec["arguments"])
    found, inputs = {}, []
    for i, shape in enumerate(spec["shapes"]):
        drawn = rng.uniform(spec["low"], spec["high"], shape) if "low" in spec else rng.normal(0.1, 1.3, shape)
        found[f"x{i}"] = coarse(drawn)
        inputs.append(torch.from_numpy(found[f"x{i}"]).to(dtype).requires_grad_())
    parameters = dict(module.named_parameters())
    for name, parameter in parameters.items():
        found[name] = coarse(rng.normal(0.2, 0.6, parameter.shape))
        parameter.data = torch.from_numpy(found[name].copy())
    module.to(dtype)
    given = inputs
    if spec.get("state"):  # the first state is one argument, or a pair
        given = [inputs[0], inputs[1] if len(inputs) == 2 else tuple(inputs[1:])]
    call = {k: v if isinstance(v, bool) else torch.tensor(v) for k, v in spec.get("call", {}).items()}
    call = {k: v.to(dtype) if torch.is_tensor(v) and v.is_floating_point() else v for k, v in call.items()}
    outputs = several(module(*given, **call))
    total = 0.0
    for i, y in enumerate(outputs):
        cotangent = coarse(np.asarray(rng.normal(size=y.shape)))
        found |= {f"c{i}": cotangent, f"y{i}": y.detach().numpy()}
        total = total + (y * torch.from_numpy(cotangent).to(dtype)).sum()
    total.backward()
    for name, buffer in module.named_buffers():
        found[f"after_{name}"] = buffer.numpy()
    for name, tensor in [*((f"x{i}", x) for i, x in enumerate(inputs)), *parameters.items()]:
        if tensor.grad is not None:
            found[f"grad_{name}"] = tensor.grad.numpy()
    return found


def collect(written=None):
    """The content of the file: one array a case, and the header."""
    torch.set_num_threads(1)
    arrays, specs, drift = {}, list(cases()), 0.0
    for i, spec in enumerate(specs):
        seed = [0, *map(ord, spec["layer"] + str(spec["arguments"]) + str(spec["shapes"]))]  # not of the other cases
        found, double = (run(spec, np.random.default_rng(seed), dtype) for dtype in (torch.float32, torch.float64))
        here = max(apart(found[k], double[k]) for k in found if found[k].size)
        assert here < TOLERANCE, f"float32 and float64 of {spec} are {here:.1e} apart"
        drift = max(drift, here)
        spec["arrays"] = [[name, list(np.shape(v))] for name, v in found.items()]
        arrays[str(i)] = np.concatenate([np.asarray(v, np.float32).reshape(-1) for v in found.values()])
    header = {
        "versions": versions("torch", "spikingjelly", "numpy", "python"),
        "loss": "sum over outputs of (y * c).sum()",
        "float64_apart": drift,
        "cases": specs,
    }
    return arrays, header
