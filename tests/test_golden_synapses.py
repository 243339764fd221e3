"""SynapseFilter against golden vectors of SpikingJelly, made by tools/make_golden.py."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import grilly_vk
from grilly_vk import nn

DATA = Path(__file__).parent / "data" / "golden_synapses.npz"


def golden():
    with np.load(DATA, allow_pickle=False) as file:
        data = dict(file)
    return data, json.loads(str(data["header"]))["cases"]


def equal_tau(tau):
    """Ours with the same decay."""
    return -1 / math.log(1 - 1 / tau)


def close(got, want, rtol=2e-5):
    np.testing.assert_allclose(got, want, rtol, rtol * np.abs(want).max())


def test_single_spikes_equal_spikingjelly():
    """Where y is 0 when a spike comes, both filters are the same."""
    data, cases = golden()
    chosen = [i for i, c in enumerate(cases) if c["input"] == "single"]
    assert len(chosen) == 6
    for i in chosen:
        module = nn.SynapseFilter(equal_tau(cases[i]["tau"]), step_mode="m")
        close(module(data["single"]).numpy(), data["y"][i])


@pytest.mark.parametrize("i", range(12))
def test_any_input_equals_spikingjelly(i):
    """Theirs is ours of x * (1 + y / tau), y of the step before; with all gradients through the state."""
    data, cases = golden()
    case = cases[i]
    x = grilly_vk.tensor(data[case["input"]], requires_grad=True)
    module = nn.SynapseFilter(equal_tau(case["tau"]), learnable=True)
    rate = 1.0 - module.tau_syn_logit.sigmoid()
    ys = []
    for t in range(x.shape[0]):
        ys.append(module(x[t] * (1.0 + module.y * rate)))
    y = grilly_vk.stack(ys)
    (y * grilly_vk.tensor(data["cotangent"])).sum().backward()
    close(y.numpy(), data["y"][i])
    close(x.grad.numpy(), data["grad_x"][i])
    if case["learnable"]:
        close(-module.tau_syn_logit.grad.numpy(), data["grad_w"][i], 1e-4)
