"""Norms over time against golden vectors of SpikingJelly, made by tools/make_golden.py."""

import numpy as np
import pytest
from golden import load

import grilly_vk
from grilly_vk import nn
from grilly_vk.tensor import from_numpy

DATA, HEADER = load("norm")
NORMS = {f"{name}{d}" for name in ("BatchNormThroughTime", "TemporalEffectiveBatchNorm") for d in ("1d", "2d")}
NORMS |= {"ThresholdDependentBatchNorm1d", "ThresholdDependentBatchNorm2d", "NeuNorm"}


def close(got, want, rtol=2e-5, what=""):
    """rtol of the largest value too: gradients are sums with terms of both signs."""
    got = got.numpy() if hasattr(got, "numpy") else got
    np.testing.assert_allclose(got, want, rtol=rtol, atol=rtol * np.abs(want).max(), err_msg=what)


def set_to(tensor, values):
    tensor.detach().assign(np.asarray(values, np.float32))


@pytest.mark.parametrize("i", range(len(HEADER["cases"])))
def test_spikingjellys_results(i):
    """Forward, gradients and running statistics of three batches in training, then evaluation."""
    spec = HEADER["cases"][i]
    own = {k.split("/")[1]: v for k, v in DATA.items() if k.startswith(f"{i}/")}
    module = getattr(nn, spec["layer"])(**spec["arguments"], step_mode="m")
    parameters = dict(module.named_parameters())
    for name, parameter in parameters.items():
        set_to(parameter, own[name])
    for batch in range(HEADER["shapes"]["batches"]):
        x = from_numpy(own[f"x{batch}"]).requires_grad_()
        module.zero_grad()
        module.reset() if hasattr(module, "reset") else None
        y = module(x)
        y.backward(from_numpy(own[f"c{batch}"]))
        close(y, own[f"y{batch}"], what="y")
        close(x.grad, own[f"grad_x{batch}"], what="x")
        for name, parameter in parameters.items():
            close(parameter.grad, own[f"grad_{name}{batch}"], what=name)
    for name, buffer in module.named_buffers():
        close(buffer.numpy().astype(np.float32), own[name], what=name)
    module.eval()
    module.reset() if hasattr(module, "reset") else None
    with grilly_vk.no_grad():
        close(module(x.detach()), own["eval"], what="eval")


def test_the_golden_file_covers_every_class():
    assert {c["layer"] for c in HEADER["cases"]} == NORMS
    assert "spikingjelly" in HEADER["versions"]
