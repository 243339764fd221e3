"""SynapseFilter against golden vectors of SpikingJelly, made by tools/make_golden.py."""

import math

import numpy as np
import pytest
from golden import load

import grilly_vk
from grilly_vk import nn

DATA, HEADER = load("synapses")
CASES = HEADER["cases"]


def equal_tau(tau):
    """Ours with the same decay."""
    return -1 / math.log(1 - 1 / tau)


def close(got, want, rtol=2e-5):
    np.testing.assert_allclose(got, want, rtol, rtol * np.abs(want).max())


def test_single_spikes_equal_spikingjelly():
    """Where y is 0 when a spike comes, both filters are the same."""
    chosen = [i for i, c in enumerate(CASES) if c["input"] == "single"]
    assert len(chosen) == 6
    for i in chosen:
        module = nn.SynapseFilter(equal_tau(CASES[i]["tau"]), step_mode="m")
        close(module(DATA["single"]).numpy(), DATA["y"][i])


@pytest.mark.parametrize("i", range(12))
def test_any_input_equals_spikingjelly(i):
    """Theirs is ours of x * (1 + y / tau), y of the step before; with all gradients through the state."""
    case = CASES[i]
    x = grilly_vk.tensor(DATA[case["input"]], requires_grad=True)
    module = nn.SynapseFilter(equal_tau(case["tau"]), learnable=True)
    rate = 1.0 - module.tau_syn_logit.sigmoid()
    ys = []
    for t in range(x.shape[0]):
        ys.append(module(x[t] * (1.0 + module.y * rate)))
    y = grilly_vk.stack(ys)
    (y * grilly_vk.tensor(DATA["cotangent"])).sum().backward()
    close(y.numpy(), DATA["y"][i])
    close(x.grad.numpy(), DATA["grad_x"][i])
    if case["learnable"]:
        close(-module.tau_syn_logit.grad.numpy(), DATA["grad_w"][i], 1e-4)
