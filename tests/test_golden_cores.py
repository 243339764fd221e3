"""Recurrent cores against golden vectors of spyx 1.0, made by tools/golden/cores.py: states, outputs, all gradients."""

import numpy as np
import pytest
from golden import FOLDER, load

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn

DATA, HEADER = load("cores")
RTOL = 3e-4  # of the largest: 200 steps in float32, which the file's own values are off float64 by 7e-5
CASES = HEADER["cases"]
SURROGATES = {
    "superspike": lambda k: nn.superspike(k),
    "triangular": lambda k: nn.Triangular(k),
    "boxcar": lambda width, height: nn.Boxcar(width, height),
    "tanh": lambda k: nn.TanhSurrogate(k),
}


def close(name, got, expected, rtol=RTOL):
    np.testing.assert_allclose(got, expected, rtol, rtol * np.abs(expected).max(), err_msg=name)


@pytest.mark.parametrize("i", range(len(CASES)), ids=[f"{c['core']}-{i}" for i, c in enumerate(CASES)])
def test_equals_spyx(i):
    case, shapes = CASES[i], HEADER["shapes"]
    n, every = shapes["N"], shapes["every"]
    name, arguments = case["surrogate"]
    options = {} if case["core"] == "LI" else {"activation": SURROGATES[name](**arguments)}
    options |= {} if case["core"] == "LI" else {"threshold": case["threshold"]}
    core = getattr(nn, case["core"])((n,), **case["constants"], **options)
    for key, value in case["constants"].items():
        if value is None:
            getattr(core, key).detach().assign(DATA[key])
    if hasattr(core, "recurrent_w"):
        core.recurrent_w.detach().assign(DATA["W"])
    width = core.state_shape[-1]
    xs, first = (grilly_vk.tensor(a, requires_grad=True) for a in (DATA["xs"], DATA["first"][:, :width].copy()))
    outs, last = F.unroll(core, xs, first)
    loss = (outs * grilly_vk.tensor(DATA["cy"])).sum() + (last * grilly_vk.tensor(DATA["cs"][:, :width].copy())).sum()
    loss.backward()

    expected = DATA[f"{i}.outs"]
    if case["core"] != "LI":
        expected = np.unpackbits(expected, count=outs.size).reshape(outs.shape)
        np.testing.assert_array_equal(outs.numpy(), expected, "spikes")
    else:
        close("outputs", outs.numpy(), expected, 1e-5)
    with grilly_vk.no_grad():
        state, seen = first.detach(), []
        for start in range(0, shapes["T"], every):
            state = F.unroll(core, xs[start : start + every], state)[1]
            seen.append(state.numpy())
    close("states", np.stack(seen), DATA[f"{i}.states"], 1e-4)
    np.testing.assert_array_equal(seen[-1], last.numpy())
    close("gradient of xs", xs.grad.numpy(), DATA[f"{i}.grad_xs"])
    close("gradient of the first state", first.grad.numpy(), DATA[f"{i}.grad_first"], 1e-3)
    for key, parameter in core.named_parameters():
        got, wanted = parameter.grad.numpy(), DATA[f"{i}.grad_{key}"]
        if case["edge"] and key == "beta":
            wanted = 2 * wanted  # jnp.clip passes half of the gradient at its ends
        close(f"gradient of {key}", got, wanted, 1e-3)


def test_the_file_covers_what_it_should():
    assert {c["core"] for c in CASES} == {"IF", "LIF", "LI", "ALIF", "CuBaLIF", "RIF", "RLIF", "RCuBaLIF"}
    assert HEADER["shapes"]["T"] == 200 and "spyx" in HEADER["versions"]
    assert any(c["edge"] for c in CASES) and (FOLDER / "golden_cores.npz").stat().st_size < 300_000
    assert 0.1 < HEADER["rates"][0] < HEADER["rates"][1] < 0.9
