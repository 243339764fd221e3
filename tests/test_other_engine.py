"""Work on tensors of one engine while another is in use: results, gradients and all between stay with the inputs."""

import dataclasses

import numpy as np
import pytest
from test_ops import OPS, Op, several, wanted

import grilly_vk
from grilly_vk import functional as F
from grilly_vk.ops import linear as dense
from grilly_vk.ops.neurons import LIFConstants, lif
from grilly_vk.ops.plasticity import PairRule, hebbian, learn, spike_traces
from grilly_vk.runtime import current
from grilly_vk.runtime.config import Config
from grilly_vk.runtime.engine import Engine
from grilly_vk.tensor import Tensor, from_numpy, full


@pytest.fixture(scope="module")
def other():
    """A second engine on the same device."""
    return Engine(current.engine().info, Config.from_environment())


@pytest.fixture(params=["kernels", "host"])
def elsewhere(other, monkeypatch, request):
    """The first engine, for kernels or the host's products, with the second in use, on which nothing may be made."""
    first = current.engine()
    if request.param == "host":
        if first.blas is None:
            pytest.skip("the host's BLAS is not used on this device")
        tuning = dataclasses.replace(first.tuning, host_product=1, host_heads=1)
        monkeypatch.setattr(first, "tuning", tuning)
    monkeypatch.setattr(first, "host_products", request.param == "host")
    monkeypatch.setattr(current, "_current", other)
    before = other.memory_stats()["allocations"]
    yield first
    assert other.memory_stats()["allocations"] == before, "something was made on the engine in use"


def run(op: Op, on: Engine) -> None:
    """Forward and gradient of the record's first sample with the most elements."""
    sample = max(op.samples, key=lambda s: sum(a.size for a in s.arrays))
    inputs = [from_numpy(np.array(a, order="C"), on=on) for a in sample.arrays]
    for i in wanted(sample) if op.differentiable else ():
        inputs[i].requires_grad_()
    outputs = several(op.run(*inputs, **sample.options))
    live = [o for o in outputs if o.requires_grad]
    leaves = [t for t in inputs if t.requires_grad]
    given = [full(o.shape, 1.0, on=on) for o in live]
    gradients = grilly_vk.grad(live, leaves, given) if live else ()
    assert all(t.engine is on for t in (*outputs, *gradients) if t is not None)


@pytest.mark.parametrize("op", [pytest.param(o, id=o.name) for o in OPS])
def test_operation(op, elsewhere):
    run(op, elsewhere)


def ones(on, *shape) -> Tensor:
    return full(shape, 1.0, on=on)


def test_learning_rules(elsewhere):
    """Runs of the host go to the weights' engine too."""
    w, pre, post = ones(elsewhere, 3, 4), np.ones((5, 2, 4), np.float32), ones(elsewhere, 5, 2, 3)
    hebbian(w, pre, post, rule="sanger", learning_rate=0.1, weight_decay=0.0)
    hebbian(w, pre, post, rule="bcm", learning_rate=0.1, weight_decay=0.0, theta=ones(elsewhere, 3), blend=0.1)
    numbers = {"tau_plus": 20.0, "tau_minus": 20.0, "a_plus": 0.1, "a_minus": 0.1, "w_min": 0.0, "w_max": 1.0}
    rule = PairRule.checked(**numbers, dt=1e-3, bound="hard", pairing="all")
    traces = ones(elsewhere, 2, 4), ones(elsewhere, 2, 3)
    learn(w, pre, post, traces, rule, 1.0, False, None, None, None)
    learn(w, pre, post, traces, rule, 1.0, False, np.ones(5, np.float32), ones(elsewhere, 3, 4), 0.5)
    assert spike_traces(post, traces[1], 0.5).engine is elsewhere


def test_dense_products_and_neurons(elsewhere):
    assert dense.matmul(ones(elsewhere, 2, 4), ones(elsewhere, 3, 4)).engine is elsewhere
    half = {f.name: 1 if f.name == "hold_steps" else 0.5 for f in dataclasses.fields(LIFConstants)}
    hold = full((4,), 0, np.uint32, elsewhere)
    spikes, trace = lif(ones(elsewhere, 3, 4), ones(elsewhere, 4), hold, LIFConstants(**half), record=True)
    assert spikes.engine is trace.engine is elsewhere


def test_arrays_of_the_host_go_to_the_tensor(elsewhere):
    """Indices, masks, weights and targets beside a tensor."""
    x, host = ones(elsewhere, 4, 4), np.ones((4, 4), np.float32)
    results = [
        x + host, x @ host, F.linear(x, host, host[0]), F.layer_norm(x, (4,), host[0], host[0]), x[[0, 2]],
        x[np.eye(4, dtype=bool)], grilly_vk.where(x > 0.5, 1.0, 2.0), F.cross_entropy(x, [0, 1, 2, 3], host[0]),
        F.conv2d(x.reshape((1, 1, 4, 4)), host[None, None]),
        F.scaled_dot_product_attention(x, x, x, attn_mask=np.ones((4, 4), bool)),
        F.scaled_dot_product_attention(x, x, x, is_causal=True),
    ]  # fmt: skip
    assert all(t.engine is elsewhere for t in results)
    x[host > 0] = 2.0
    x[[1, 2]] = host[:2]
    assert x.numpy().sum() == 24.0
