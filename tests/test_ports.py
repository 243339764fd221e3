"""The programs of examples/ports train as their originals do, from the same weights; see tools/golden/ports.py."""

import re
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from golden import load
from ported_weights import weights

PORTS = Path(__file__).parents[1] / "examples" / "ports"


@pytest.fixture
def port(monkeypatch):
    """Runs a port as a program in this process: its variables at the end."""

    def run(name, *arguments):
        monkeypatch.setenv("MPLBACKEND", "Agg")
        monkeypatch.syspath_prepend(PORTS)
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        return runpy.run_path(str(PORTS / f"{name}.py"), run_name="__main__")

    return run


# Adam's first step is as large for a gradient that is rounding alone.  At tutorial 6's high rate snnTorch's own second
# loss moves by 1e-3 when the weights change by 3e-7 of themselves.
@pytest.mark.parametrize("name, tolerance", [("csnn", 1e-4), ("tutorial5", 1e-4), ("tutorial6", 1e-2)])
def test_a_port_trains_as_its_original(name, tolerance, port, tmp_path):
    arrays, header = load("ports")
    np.savez(tmp_path / "weights.npz", **weights(header["ports"][name]["weights"]))
    numbers = [part for key, value in header["ports"][name]["numbers"].items() for part in (f"--{key}", value)]
    ran = port(name, "--small", "--weights", tmp_path / "weights.npz", *numbers)
    losses = arrays[f"{name}.losses"]
    np.testing.assert_allclose(ran["losses"], losses, rtol=tolerance)
    assert ran["losses"][0] == pytest.approx(losses[0], rel=1e-6)
    assert losses.max() > 1.01 * losses.min()  # it does train
    right = arrays[f"{name}.scores"].argmax(1) == ran["y_test"]
    assert ran["accuracy"] == pytest.approx(right.mean(), abs=max(0.03, 10 * tolerance))  # of 128 digits
    assert ran["train"].captures == 1


def leaky(x, beta):
    """Spikes and potentials of snnTorch's Leaky, in float64: what a spike takes away is taken in the step after it."""
    v = spike = np.zeros(x.shape[1:])
    spikes, potentials = np.empty(x.shape), np.empty(x.shape)
    for t, current in enumerate(x.astype(np.float64)):
        v = beta * v + current - spike
        spikes[t], potentials[t] = spike, v = (v > 1).astype(float), v
    return spikes, potentials


def test_the_untrained_network_of_tutorial_3(port, tmp_path, capsys):
    ran = port("tutorial3", "--steps", 100, "--picture", tmp_path / "picture.png")
    spikes, potentials = leaky(ran["current"], 0.8)
    assert spikes.sum() > 3
    np.testing.assert_allclose(ran["neuron"].v_seq.numpy(), potentials, atol=1e-5)
    assert f"one neuron: {spikes.sum():.0f} spikes, potentials up to {potentials.max():.4f}" in capsys.readouterr().out
    values = {k: v.numpy().astype(np.float64) for k, v in ran["net"].state_dict().items()}
    inputs, hidden, output = (ran[k].numpy() for k in ("inputs", "hidden", "output"))
    inside, _ = leaky(inputs @ values["fc1.weight"].T + values["fc1.bias"], 0.99)
    assert (inside != hidden).mean() < 1e-4 and hidden.mean() > 0.05
    out, potentials = leaky(hidden @ values["fc2.weight"].T + values["fc2.bias"], 0.99)
    np.testing.assert_array_equal(output, out)
    np.testing.assert_allclose(ran["potentials"].numpy(), potentials, atol=1e-4)
    assert output.sum() > 20 and (tmp_path / "picture.png").stat().st_size > 10_000


def test_ports_are_short_and_need_no_other_framework():
    for path in PORTS.glob("*.py"):
        text = path.read_text()
        assert len(text.splitlines()) < 60, path
        assert not re.search(r"^\s*(import|from) (torch|snntorch|spikingjelly)", text, re.M), path
