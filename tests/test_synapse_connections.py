"""Connections with synapses, and recurrence through them, against float64."""

import math

import numpy as np
import pytest
import synapse_models as model

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn

T, B, N = 9, 2, 4


def spikes(shape=(T, B, N), seed=0, p=0.4):
    rng = np.random.default_rng(seed)
    return ((rng.random(shape) < p) * rng.uniform(0.5, 1.5, shape)).astype(np.float32)


def run_single(module, x):
    return grilly_vk.stack([module(x[t]) for t in range(x.shape[0])])


@pytest.mark.parametrize("mode", ["s", "m"])
def test_synapse_is_its_parts(mode):
    """Delay, connection and dynamics in order, in both step modes."""
    x = spikes()
    grilly_vk.manual_seed(0)
    synapse = nn.Synapse(nn.Linear(N, 3), nn.SynapseFilter(4.0), delay=2, step_mode=mode)
    t = grilly_vk.tensor(x, requires_grad=True)
    y = synapse(t) if mode == "m" else run_single(synapse, t)
    late = np.concatenate([np.zeros((2, B, N)), x[:-2]])
    w, b = synapse.connection.weight.numpy(), synapse.connection.bias.numpy()
    np.testing.assert_allclose(y.numpy(), model.synapse_filter(late @ w.T + b, 0.0, 4.0)[0], rtol=1e-5, atol=1e-5)
    y.sum().backward()
    d = math.exp(-1 / 4)
    gain = [(1 - d ** (T - 2 - t)) / (1 - d) if t < T - 2 else 0 for t in range(T)]
    want = np.multiply.outer(gain, np.broadcast_to(w.sum(0), (B, N)))
    np.testing.assert_allclose(t.grad.numpy(), want, rtol=1e-4, atol=1e-5)
    assert set(synapse.state_dict()) == {"connection.weight", "connection.bias"}


def test_synapse_of_images():
    synapse = nn.Synapse(nn.Conv2d(2, 3, 3, padding=1), nn.DualTimescaleSynapse(), step_mode="m")
    assert synapse(np.ones((4, 2, 2, 5, 5), np.float32)).shape == (4, 2, 3, 5, 5)
    assert nn.Synapse(nn.Linear(3, 2))(np.ones((4, 3), np.float32)).shape == (4, 2)


def test_synapse_takes_one_dispatch_for_all_steps():
    synapse = nn.Synapse(nn.Linear(N, 3, event_driven=False), nn.SynapseFilter(), step_mode="m")
    grilly_vk.synchronize()
    with grilly_vk.no_grad(), grilly_vk.profile() as p:
        synapse(spikes((30, B, N))).numpy()
    assert sum(k.calls for k in p.kernels if not k.kernel.startswith("copy")) <= 3  # copies: of staging memory


@pytest.mark.parametrize("dynamics", [False, True])
@pytest.mark.parametrize("mode", ["s", "m", "container"])
def test_recurrent_synapse(dynamics, mode):
    """Against float64: a leaky node with feedback of its own spikes."""
    rng = np.random.default_rng(4)
    x = rng.normal(1.2, 1.0, (T, B, N)).astype(np.float32)
    grilly_vk.manual_seed(2)
    net = nn.RecurrentSynapse(
        nn.LIFNode(tau=2.0), nn.Linear(N, N), nn.SynapseFilter(3.0) if dynamics else None, "m" if mode == "m" else "s"
    )
    w, b = (p.numpy().astype(np.float64) for p in (net.connection.weight, net.connection.bias))
    v = s = y = np.zeros((B, N))
    want = []
    for t in range(T):
        current = s @ w.T + b
        y = y * math.exp(-1 / 3) + current
        h = v + (x[t] + (y if dynamics else current) - v) / 2
        assert np.abs(h - 1).min() > 1e-5
        s = (h >= 1) * 1.0
        v = h * (1 - s)
        want.append(s)
    given = grilly_vk.tensor(x, requires_grad=True)
    got = {"s": run_single, "m": lambda m, x: m(x), "container": lambda m, x: nn.MultiStepContainer(m)(x)}[mode]
    out = got(net, given)
    np.testing.assert_array_equal(out.numpy(), want)
    assert 0.1 < np.mean(want) < 0.9
    out.sum().backward()
    assert np.abs(net.connection.weight.grad.numpy()).max() > 0 and np.abs(given.grad.numpy()[0]).max() > 0
    F.reset_net(net)
    assert net.y is None and (not dynamics or net.dynamics.y == 0.0)
