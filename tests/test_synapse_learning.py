"""Synapses: closed forms of their responses, and constants recovered from data."""

import math

import numpy as np
import pytest
import synapse_models as model
from learning import training_step

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn, optim


def spikes(shape, seed=0, p=0.4):
    rng = np.random.default_rng(seed)
    return ((rng.random(shape) < p) * rng.uniform(0.5, 1.5, shape)).astype(np.float32)


# ---- closed forms ----


@pytest.mark.parametrize("hertz", [1, 2, 5, 10, 20, 50, 100])
@pytest.mark.parametrize(
    ("tau_d", "tau_f", "U"), [(200.0, 20.0, 0.2), (130.0, 530.0, 0.15), (800.0, 5.0, 0.5)],
    ids=["default", "facilitating", "depressing"],
)  # fmt: skip
@pytest.mark.parametrize("learnable", [False, True])
def test_steady_state_of_short_term_plasticity(hertz, tau_d, tau_f, U, learnable):
    """Regular trains, 1 ms steps: the fixed point of the map from spike to spike, u and r after Tsodyks et al."""
    gap = 1000 // hertz
    count = max(8, 6 * 800 // gap)
    train = np.zeros((gap * count, 1), np.float32)
    train[::gap] = 1
    synapse = nn.STPSynapse(tau_d, tau_f, U, learnable=learnable, step_mode="m")
    with grilly_vk.no_grad():
        out = synapse(train).numpy()[::gap, 0]
    f, d = math.exp(-gap / tau_f), math.exp(-gap / tau_d)
    u = (U + U * (1 - U) * (1 - f)) / (1 - (1 - U) * f)
    r = (1 - d) / (1 - (1 - u) * d)
    assert out[0] == pytest.approx(U + U * (1 - U), rel=1e-6)
    assert out[-1] == pytest.approx(u * r, rel=1e-4)


def test_filter_sums_up_to_its_gain():
    """Constant input: 1 / (1 - exp(-1 / tau)); an impulse decays to 1 / e after tau steps."""
    tau = 20.0
    module = nn.SynapseFilter(tau, step_mode="m")
    y = module(np.ones((600, 1), np.float32)).numpy()[-1, 0]
    assert y == pytest.approx(1 / -math.expm1(-1 / tau), rel=1e-5)
    F.reset_net(module)
    impulse = np.zeros((21, 1), np.float32)
    impulse[0] = 1
    assert module(impulse).numpy()[20, 0] == pytest.approx(math.exp(-1), rel=1e-5)


# ---- learning ----


@pytest.mark.parametrize("compiled", [False, True])
def test_a_time_constant_is_recovered_from_data(compiled):
    x = spikes((60, 8, 4), seed=9, p=0.1)
    wanted = grilly_vk.tensor(model.synapse_filter(x, 0.0, 12.0)[0].astype(np.float32))
    module = nn.SynapseFilter(3.0, learnable=True, step_mode="m")
    optimizer = optim.Adam(module.parameters(), lr=0.1)

    step = training_step(module, optimizer, F.mse_loss)

    run, first = grilly_vk.compile(step) if compiled else step, None
    for _ in range(120):
        loss = run(grilly_vk.tensor(x), wanted).item()
        first = first or loss
    assert module.tau_syn == pytest.approx(12.0, rel=0.01)
    assert loss < 1e-3 * first


def test_short_term_plasticity_is_recovered_from_data():
    """All three constants of a depressing synapse, from its responses to random trains."""
    x = (np.random.default_rng(1).random((80, 16)) < 0.15).astype(np.float32)
    wanted = grilly_vk.tensor(model.stp(x, 0.45, 1.0, 40.0, 8.0, 0.45)[0].astype(np.float32))
    module = nn.STPSynapse(15.0, 15.0, 0.2, learnable=True, step_mode="m")
    optimizer = optim.Adam(module.parameters(), lr=0.05)

    step = grilly_vk.compile(training_step(module, optimizer, F.mse_loss))

    for _ in range(400):
        step(grilly_vk.tensor(x), wanted)
    found = (module.tau_d, module.tau_f, module.U)
    np.testing.assert_allclose(found, (40.0, 8.0, 0.45), rtol=0.05)
