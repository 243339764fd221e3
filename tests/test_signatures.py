"""What users type: names, order and defaults of every public call of nn, VulkanCompute().snn and SNNCompute."""

import inspect

import numpy as np
import pytest

from grilly_vk import SNNCompute, VulkanCompute, nn
from grilly_vk.nn.flat.base import FlatLayer

PHYSICAL = "dt=0.001, tau_mem=20.0, v_thresh=1.0, v_rest=0.0, v_reset=0.0, r_mem=1.0, t_refrac=2.0"
ADAPTIVE = (
    "dt=0.001, tau_mem=20.0, tau_adapt=100.0, v_thresh=1.0, adaptation_strength=0.1, v_rest=0.0, v_reset=0.0, "
    "r_mem=1.0, t_refrac=2.0"
)
PAIR = "tau_plus=20.0, tau_minus=20.0, a_plus=0.01, a_minus=0.01, w_min=0.0, w_max=1.0, dt=0.001, bound='hard', "
PAIR += "pairing='all'"

LAYERS = {
    # Its two forms share one constructor, so the defaults are tested by what they make, below.
    "LIFNeuron": {
        "__init__": "n_neurons=None, dt=None, tau_mem=None, v_thresh=None, v_rest=None, v_reset=None, r_mem=None, "
        "t_refrac=None, *, threshold=None, decay=None",
        "forward": "current, *, steps=None",
        "run": "currents, *, record_membrane=False",
        "reset": "",
    },
    "GIFNeuron": {
        "__init__": f"n_neurons=256, {ADAPTIVE}",
        "forward": "current, *, steps=None",
        "run": "currents, *, record_membrane=False",
        "reset": "",
    },
    "SNNLayer": {
        "__init__": f"in_features, out_features, {PHYSICAL}, *, seed=None",
        "forward": "x, *, steps=None",
        "run": "x",
        "reset": "",
    },
    "HebbianLayer": {
        "__init__": "in_features=256, out_features=128, rule='hebb', *, tau_theta=100.0, seed=None",
        "forward": "x, *, steps=None",
        "update_weights": "pre, post, learning_rate=0.01, weight_decay=0.0",
    },
    "STDPLayer": {
        "__init__": f"in_features=256, out_features=128, {PAIR}, *, tau_eligibility=None, seed=None, mask=None",
        "forward": "x, *, steps=None",
        "reset": "",
        "update_weights": "pre_spikes, post_spikes, *, reward=None, learning_rate=1.0",
    },
}

KERNELS = {
    "lif_step": f"current, membrane, refractory=None, *, {PHYSICAL}",
    "lif_run": f"currents, membrane, refractory=None, *, {PHYSICAL}",
    "gif_step": f"current, membrane, refractory=None, adaptation=None, *, {ADAPTIVE}",
    "gif_run": f"currents, membrane, refractory=None, adaptation=None, *, {ADAPTIVE}",
    "snn_node_forward": "x, v=None, *, tau=2.0, decay_input=True, v_threshold=1.0, v_reset=0.0",
    "snn_node_backward": "grad_spikes, h, v=None, *, tau=2.0, decay_input=True, v_threshold=1.0, v_reset=0.0, "
    "surrogate='atan', alpha=2.0, detach_reset=False",
    "hebbian_learning": "pre, post, weights, learning_rate=0.01, weight_decay=0.0, rule='hebb', *, theta=None, "
    "tau_theta=100.0",
    "stdp_learning": f"pre_spikes, post_spikes, weights, pre_trace=None, post_trace=None, *, {PAIR}, learning_rate=1.0",
    "stdp_reward_learning": "pre_spikes, post_spikes, weights, reward, eligibility=None, pre_trace=None, "
    f"post_trace=None, *, tau_eligibility=1000.0, {PAIR}, learning_rate=1.0",
    "stdp_traces": "spikes, trace=None, tau=20.0, dt=0.001, *, pairing='all'",
    "synapse_filter": "x, state=None, *, tau_syn=5.0",
    "dual_timescale": "x, fast=None, slow=None, *, tau_fast=5.0, tau_slow=50.0, w_fast=0.7, w_slow=0.3",
    "stp_step": "spikes, u=None, r=None, *, tau_d=200.0, tau_f=20.0, U=0.2",
    "stp_run": "spikes, u=None, r=None, *, tau_d=200.0, tau_f=20.0, U=0.2",
    "spiking_attention": "q, k, v, *, num_heads=1, scale=0.125",
    "encode_poisson": "x, timesteps",
    "encode_latency": "x, timesteps, *, mode='linear', floor=0.01",
    "time_expand": "x, timesteps",
    "snn_matmul": "x, weight, bias=None",
    "snn_readout": "spikes, weight, bias=None, decay=1.0",
    "spike_count": "spikes",
    "firing_rate": "spikes",
    "first_spike": "spikes",
    "snn_softmax": "x",
    "snn_rmsnorm": "x, weight=None, eps=1e-06",
}

PIPELINE = {
    "__init__": f"n_neurons=1000, timesteps=50, encoding='current', *, {PHYSICAL}, gain=1.0, bias=1.5, pulse=10.0, "
    "normalize=True, seed=0",
    "process": "embedding",
}


def signature(function):
    """Parameters as a user reads them, without self and annotations."""
    found = [p.replace(annotation=p.empty) for p in inspect.signature(function).parameters.values()]
    return str(inspect.Signature([p for p in found if p.name != "self"]))[1:-1]


def public(kind):
    """Public methods of a class, with the constructor and the call where it has them."""
    named = inspect.getmembers(kind, inspect.isfunction)
    own = [(n, f) for n, f in named if n in ("__init__", "forward") or f is not getattr(nn.Module, n, None)]
    return {n: f for n, f in own if n != "extra_repr" and (not n.startswith("_") or n in ("__init__", "__call__"))}


def check(kind, table):
    assert {name: signature(f) for name, f in public(kind).items()} == table


def test_no_layer_is_left_out():
    kinds = {n: getattr(nn, n) for n in nn.__all__ if isinstance(getattr(nn, n), type)}
    assert {n for n, kind in kinds.items() if issubclass(kind, FlatLayer)} == set(LAYERS)
    others = {n for n, kind in kinds.items() if not issubclass(kind, (nn.Module, nn.Surrogate))}
    assert others == {"Parameter", "Buffer", "Summary", "Converter", "VoltageScaler", "NeuronModel"}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name):
    check(getattr(nn, name), LAYERS[name])


def test_kernels():
    check(type(VulkanCompute().snn), {"__init__": "", **KERNELS})


def test_pipeline():
    check(SNNCompute, PIPELINE)


def test_forms_of_the_lif_neuron():
    assert repr(nn.LIFNeuron()) == f"LIFNeuron(n_neurons=256, {PHYSICAL})"
    explicit = nn.LIFNeuron(256, 0.001, 20.0, 1.0, 0.0, 0.0, 1.0, 2.0)
    assert nn.LIFNeuron().constants == explicit.constants and nn.LIFNeuron().n_neurons == 256
    each = nn.LIFNeuron(2, 0.002, 10.0, 3.0, 0.1, 0.2, 4.0, 8.0)
    text = "n_neurons=2, dt=0.002, tau_mem=10.0, v_thresh=3.0, v_rest=0.1, v_reset=0.2, r_mem=4.0, t_refrac=8.0"
    assert repr(each) == f"LIFNeuron({text})"
    c = each.constants
    assert (c.decay, c.rest, c.threshold, c.reset, c.hold_steps) == (pytest.approx(np.exp(-0.2)), 0.1, 3.0, 0.2, 4)
    assert c.gain == pytest.approx(4 * (1 - np.exp(-0.2)))
    for made, threshold, decay in (
        (nn.LIFNeuron(threshold=2.0), 2.0, 0.9),
        (nn.LIFNeuron(decay=0.5), 1.0, 0.5),
    ):
        assert repr(made) == f"LIFNeuron(threshold={threshold}, decay={decay})"
        assert (made.constants.threshold, made.constants.decay) == (threshold, decay)


# --- what the defaults do ------------------------------------------------------------


def test_default_adaptation_is_that_of_100_ms():
    x = np.full((40, 3), 5.0)
    want = nn.GIFNeuron(3, tau_adapt=100.0, adaptation_strength=0.1)
    for made in (nn.GIFNeuron(3), nn.GIFNeuron()):
        assert made.adapt_decay == want.adapt_decay == pytest.approx(np.exp(-1 / 100))
    want.run(x)
    kernels = VulkanCompute().snn
    np.testing.assert_array_equal(kernels.gif_run(x, np.zeros(3))[3], want.adaptation)
    np.testing.assert_array_equal(
        kernels.gif_step(x[0], np.zeros(3), None, np.ones(3))[3], np.full(3, np.float32(np.exp(-0.01)))
    )


def test_default_learning_rates():
    pre, post, w = np.ones(3), np.full(2, 2.0), np.zeros((2, 3))
    kernels = VulkanCompute().snn
    np.testing.assert_allclose(kernels.hebbian_learning(pre, post, w), np.full((2, 3), 0.02), rtol=1e-6)
    layer = nn.HebbianLayer(3, 2)
    layer.weight = w
    layer.update_weights(pre, post)
    np.testing.assert_allclose(layer.weight, np.full((2, 3), 0.02), rtol=1e-6)


def test_default_eligibility_lasts_1000_ms():
    _, e, _, _ = VulkanCompute().snn.stdp_reward_learning(np.zeros(3), np.zeros(2), np.zeros((2, 3)), 0.0, 1.0)
    np.testing.assert_allclose(e, np.full((2, 3), np.exp(-1 / 1000)), rtol=1e-7)


def test_default_eps_of_the_rms_norm():
    y = VulkanCompute().snn.snn_rmsnorm(np.full((2, 4), 1e-3))
    np.testing.assert_allclose(y, np.full((2, 4), np.sqrt(0.5)), rtol=1e-6)


@pytest.mark.parametrize("t_refrac, steps", [(0.49, 0), (0.5, 1), (1.0, 1), (1.5, 2), (2.4, 2), (2.5, 3), (3.5, 4)])
def test_refractory_time_rounds_to_steps(t_refrac, steps):
    """Halves go up."""
    x = np.full((9, 1), 1e6)
    x[0] = 0
    fires = (np.arange(8) % (steps + 1) == 0).astype(np.float32)
    for made in (nn.LIFNeuron(1, t_refrac=t_refrac), nn.GIFNeuron(1, t_refrac=t_refrac)):
        np.testing.assert_array_equal(made.run(x)[1:, 0], fires)
        made.reset()
        made(x[1])
        assert made.refractory[0] == steps
    kernels = VulkanCompute().snn
    assert kernels.lif_step(x[1], np.zeros(1), t_refrac=t_refrac)[2][0] == steps
    assert kernels.gif_step(x[1], np.zeros(1), t_refrac=t_refrac)[2][0] == steps
    assert SNNCompute(4, t_refrac=t_refrac).constants.hold_steps == steps
    assert nn.LIFNeuron(1, dt=0.002, t_refrac=2 * t_refrac).constants.hold_steps == steps


def test_saturated_is_at_90_percent_of_the_highest_rate():
    """Neurons whose spikes are Poisson pulses of probability 0.9: counts on both sides of 90 in 100."""
    snn = SNNCompute(
        4000, 100, "poisson", tau_mem=1e-3, t_refrac=0.0, v_thresh=5.0, pulse=10.0, bias=9.0, normalize=False
    )
    result = snn.process(np.full(4000, 1e-6))
    counts = result["spike_train"].sum(axis=0)
    assert {88, 89, 90, 91, 92} <= set(counts.astype(int))
    assert result["saturated_fraction"] == (counts >= 90).mean()
