"""Attention modules against golden vectors of SpikingJelly, made by tools/make_golden.py: outputs and all gradients."""

import numpy as np
import pytest
from golden import load, of_case

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn

DATA, HEADER = load("attention")
RTOL = 2e-5  # of the largest value: gradients are sums over hundreds of terms of both signs


def close(name, got, expected):
    """Within RTOL of the value, or of the largest one."""
    np.testing.assert_allclose(got, expected, RTOL, RTOL * np.abs(expected).max() + 1e-7, err_msg=name)


def build(i):
    """Our module of a case with the file's parameters, and the case's arrays without the number in front."""
    case = HEADER["cases"][i]
    arrays = of_case(DATA, i)
    module = getattr(nn, case["class"])(**case["arguments"])
    parameters = {k[2:]: v for k, v in arrays.items() if k.startswith("p.")}
    assert set(parameters) == {name for name, _ in module.named_parameters()}
    found = module.load_state_dict(parameters, strict=False)
    assert not found.unexpected_keys
    return module, arrays, case


@pytest.mark.parametrize("i", range(len(HEADER["cases"])))
def test_equals_spikingjelly(i):
    module, arrays, case = build(i)
    if hasattr(module, "step_mode"):
        F.set_step_mode(module, "m")
    x = grilly_vk.tensor(arrays["x"], requires_grad=True)
    y = module(x)
    if "embed_dim" in case["arguments"]:
        np.testing.assert_array_equal(y.numpy(), arrays["out"], case["peer_call"])
    else:
        close("output", y.numpy(), arrays["out"])
    (y * grilly_vk.tensor(arrays["cotangent"])).sum().backward()
    close("gradient of x", x.grad.numpy(), arrays["grad_x"])
    for name, p in module.named_parameters():
        close(f"gradient of {name}", p.grad.numpy(), arrays[f"g.{name}"])
    running = {k[2:]: v for k, v in arrays.items() if k.startswith("r.")}
    buffers = dict(module.named_buffers())
    for name, expected in running.items():
        close(name, buffers[name].numpy(), expected)


def test_the_file_covers_what_it_should():
    cases = HEADER["cases"]
    assert {c["class"] for c in cases} == {
        "TemporalWiseAttention", "MultiDimensionalAttention", "SpikingSelfAttention", "QKAttention", "TokenQKAttention",
        "ChannelQKAttention",
    }  # fmt: skip
    assert all(0.02 < rate < 0.97 for c in cases for rate in c["rates"])
