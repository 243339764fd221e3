"""Layers and losses against golden vectors of PyTorch and SpikingJelly, made by tools/make_golden.py."""

import numpy as np
import pytest
from golden import load

import grilly_vk
from grilly_vk import nn
from grilly_vk.tensor import from_numpy

DATA, HEADER = load("layers")
IDS = [f"{c['layer']}-{i}" for i, c in enumerate(HEADER["cases"])]
TOLERANCE = 3e-5  # of the largest value: float32 sums in another order


def arrays(i):
    """The arrays of a case by name."""
    flat, out, at = DATA[str(i)], {}, 0
    for name, shape in HEADER["cases"][i]["arrays"]:
        size = int(np.prod(shape))
        out[name], at = flat[at : at + size].reshape(shape), at + size
    assert at == flat.size
    return out


def several(out):
    """A module's result as a flat list of tensors."""
    if isinstance(out, (tuple, list)):
        return [t for part in out for t in several(part)]
    return [] if out is None else [out]


def close(got, want, what):
    assert got.shape == want.shape, what
    largest = np.abs(want).max(initial=0.0)
    np.testing.assert_allclose(got.numpy(), want, rtol=TOLERANCE, atol=TOLERANCE * max(largest, 1e-3), err_msg=what)


@pytest.mark.parametrize("i", range(len(IDS)), ids=IDS)
def test_the_peers_results(i):
    """Forward and all gradients, of inputs and parameters."""
    spec, own = HEADER["cases"][i], arrays(i)
    module = getattr(nn, spec["layer"])(**spec["arguments"])
    parameters = dict(module.named_parameters())
    assert {n for n in own if f"grad_{n}" in own and not n.startswith("x")} <= set(parameters)
    for name, parameter in parameters.items():
        assert parameter.shape == own[name].shape, name
        parameter.detach().assign(own[name])
    inputs = [from_numpy(own[f"x{k}"].copy()).requires_grad_() for k in range(len(spec["shapes"]))]
    given = inputs
    if spec.get("state"):  # the first state is one argument, or a pair
        given = [inputs[0], inputs[1] if len(inputs) == 2 else tuple(inputs[1:])]
    call = {k: v if isinstance(v, bool) else np.array(v) for k, v in spec.get("call", {}).items()}
    out = module(*given, **call)
    outputs = list(out) if spec.get("unstack") else several(out)  # the peer gives a list of all steps
    assert len(outputs) == sum(n.startswith("y") for n in own)
    total = 0.0
    for k, y in enumerate(outputs):
        close(y, own[f"y{k}"], f"y{k}")
        total = total + (y * from_numpy(own[f"c{k}"].copy())).sum()
    total.backward()
    for name, tensor in [*((f"x{k}", x) for k, x in enumerate(inputs)), *parameters.items()]:
        if f"grad_{name}" in own:
            close(tensor.grad, own[f"grad_{name}"], f"grad_{name}")
    for name, buffer in module.named_buffers():
        close(grilly_vk.tensor(buffer.numpy().astype(np.float32)), own[f"after_{name}"], name)
