"""Conversion against golden vectors of SpikingJelly's ann2snn, by tools/make_golden.py: scales, spikes, outputs."""

import numpy as np
import pytest
from golden import load

from grilly.nn import Converter
from grilly_vk import nn
from grilly_vk.autograd import no_grad

DATA, HEADER = load("conversion")


def network(name):
    """Ours, with the file's weights."""
    if name == "cnn":
        ann = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2),
            nn.Conv2d(4, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(), nn.Flatten(), nn.Linear(6 * 2 * 2, 5),
        )  # fmt: skip
    else:
        ann = nn.Sequential(nn.Linear(7, 12), nn.ReLU(), nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 4))
    start = f"{name}/weights/"
    weights = {k.removeprefix(start): v for k, v in DATA.items() if k.startswith(start)}
    ann.load_state_dict({k: v.astype(np.int32) if "num_batches" in k else v for k, v in weights.items()})
    return ann.eval()


@pytest.mark.parametrize("mode", ["max_norm", "99.9%", "0.5"])
@pytest.mark.parametrize("name", ["cnn", "mlp"])
def test_equals_spikingjelly(name, mode):
    """Thresholds are its scales, spikes are the same at every step, and so is the output."""
    key, x = f"{name}/{mode}", DATA[f"{name}/x"]
    converter = Converter(float(mode) if mode == "0.5" else mode, T=HEADER["T"], v_init=0.0)
    snn = converter(network(name), DATA[f"{name}/data"])
    np.testing.assert_allclose(list(snn.thresholds().values()), DATA[f"{key}/scales"], 1e-5)
    np.testing.assert_allclose(snn.analog(x).numpy(), DATA[f"{name}/ann"], 1e-5, 1e-6)
    spikes = []
    with no_grad():
        parts = snn.pieces(x, watch=lambda node, out: spikes.append(out.numpy() > 0))
        outputs = np.concatenate([out.numpy() for _, out in parts])
    for i, found in enumerate(spikes):
        shape = HEADER["shapes"][f"{key}/spikes/{i}"]
        expected = np.unpackbits(DATA[f"{key}/spikes/{i}"], count=int(np.prod(shape))).reshape(shape).astype(bool)
        assert 0.02 < expected.mean() < 0.9
        np.testing.assert_array_equal(found.reshape(shape), expected, f"layer {i}")
    assert len(spikes) == 2
    np.testing.assert_allclose(outputs, DATA[f"{key}/outputs"], 1e-4, 1e-5)


def test_the_file_says_what_made_it():
    assert HEADER["versions"]["spikingjelly"] == "2.0.0" and HEADER["modes"] == ["max_norm", "99.9%", "0.5"]
