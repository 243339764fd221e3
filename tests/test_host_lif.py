"""LIF neurons by the host's pass: the bits of the kernel, which has float64 references of its own."""

import numpy as np
import pytest
from op_table import normal
from steps import engine
from tuned import tune

import grilly_vk
from grilly_vk.ops.lif_constants import LIFConstants
from grilly_vk.ops.neurons import lif
from grilly_vk.tensor import from_numpy

pytestmark = pytest.mark.skipif(engine().blas is None, reason="the device's memory is its own, or there is no OpenBLAS")


def run(x, v, hold, c, held, monkeypatch, by_host):
    """Spikes, and the states after them."""
    monkeypatch.setattr(engine(), "host_products", by_host)
    tune(monkeypatch, host_stream=1)
    v, hold = from_numpy(v.copy()), from_numpy(hold.copy())
    with grilly_vk.profile() as seen:
        spikes, _ = lif(from_numpy(x), v, hold, c, held=held)
        grilly_vk.synchronize()
    assert [row.kernel == "host-lif" for row in seen.kernels] == [by_host]
    return spikes.numpy(), v.numpy(), hold.numpy()


@pytest.mark.parametrize("hold_steps, held", [(0, False), (0, True), (3, False)])
@pytest.mark.parametrize("steps, n", [(7, 5), (20, 64), (9, 4131), (1, 2048)])
def test_same_bits_as_the_kernel(steps, n, hold_steps, held, monkeypatch):
    x = 2 * normal(steps, n, seed=1) + 1.5
    x[0, :3] = np.nan, np.inf, -np.inf
    v = normal(n, seed=2)
    hold = (np.arange(n) % 4 * (held or hold_steps > 0)).astype(np.uint32)
    c = LIFConstants(decay=0.9, gain=0.3, rest=-0.1, threshold=0.8, reset=-0.2, hold_steps=hold_steps)
    kernel, host = (run(x, v, hold, c, held, monkeypatch, by_host) for by_host in (False, True))
    assert n < 64 or 0.01 < host[0].mean() < 0.9
    for got, want in zip(host, kernel):
        np.testing.assert_array_equal(got, want)
