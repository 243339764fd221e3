"""Exponential filters by the host's pass, against scipy in float64, with the gradients that go on from them."""

import numpy as np
import pytest
import scipy.signal
from op_table import normal
from steps import engine
from tuned import tune

import grilly_vk
from grilly_vk.ops.synapses import synapse_filter

pytestmark = pytest.mark.skipif(engine().blas is None, reason="the device's memory is its own, or there is no OpenBLAS")


@pytest.mark.parametrize("started", [False, True])
@pytest.mark.parametrize("steps, n", [(1, 5), (20, 64), (9, 4131)])
def test_runs_match_float64(steps, n, started, monkeypatch):
    monkeypatch.setattr(engine(), "host_products", True)
    tune(monkeypatch, host_stream=1)
    values, first, cotangent = normal(steps, n, seed=1), normal(n, seed=2) * started, normal(steps, n, seed=3)
    x = grilly_vk.tensor(values, requires_grad=True)
    start = grilly_vk.tensor(first) if started else None
    with grilly_vk.profile() as seen:
        y, end = synapse_filter(x, start, 0.8, steps=steps)
        y.backward(grilly_vk.tensor(cotangent))
        grilly_vk.synchronize()
    assert {"host-filter", "host-filter-grad"} <= {row.kernel for row in seen.kernels}
    one, back = ([1.0], [1.0, -0.8]), cotangent[::-1].astype(float)
    want, _ = scipy.signal.lfilter(*one, values.astype(float), axis=0, zi=0.8 * first[None].astype(float))
    np.testing.assert_allclose(y.numpy(), want, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(end.numpy(), y.numpy()[-1])
    np.testing.assert_allclose(x.grad.numpy(), scipy.signal.lfilter(*one, back, axis=0)[::-1], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("of", ["y", "end", "both"])
def test_gradients_of_the_first_state_and_from_the_last(of, monkeypatch):
    """Whatever of the two results the loss reads."""
    monkeypatch.setattr(engine(), "host_products", True)
    tune(monkeypatch, host_stream=1)
    steps, n, decay = 5, 37, 0.7
    gy, gend = normal(steps, n, seed=1) * (of != "end"), normal(n, seed=2) * (of != "y")
    x, start = (grilly_vk.tensor(normal(*s, seed=3), requires_grad=True) for s in ((steps, n), (n,)))
    y, end = synapse_filter(x, start, decay, steps=steps)
    losses = {"y": (y * gy).sum(), "end": (end * gend).sum()}
    (losses["y"] + losses["end"] if of == "both" else losses[of]).backward()
    later, want = gend.astype(float), np.empty((steps, n))
    for t in reversed(range(steps)):
        want[t] = later + gy[t]
        later = want[t] * decay
    np.testing.assert_allclose(x.grad.numpy(), want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(start.grad.numpy(), later, rtol=1e-5, atol=1e-6)
