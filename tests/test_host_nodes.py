"""Spiking nodes by the host's passes: the bits of the kernels, which have float64 references of their own."""

import numpy as np
import pytest
from op_table import normal
from steps import engine
from test_norm_node import made
from tuned import tune

import grilly_vk
from grilly_vk import nn, surrogate
from grilly_vk.ops import batch_norm

pytestmark = pytest.mark.skipif(engine().blas is None, reason="the device's memory is its own, or there is no OpenBLAS")
NODES = {
    "if": lambda **more: nn.IFNode(**more),
    "if, soft reset": lambda **more: nn.IFNode(v_threshold=0.6, v_reset=None, **more),
    "lif": lambda **more: nn.LIFNode(tau=1.7, v_reset=-0.3, **more),
    "lif, soft reset": lambda **more: nn.LIFNode(v_reset=None, **more),
    "lif, input whole, no gradient of the reset": lambda **more: nn.LIFNode(
        tau=3.0, decay_input=False, detach_reset=True, **more
    ),
}
HOST = {"host-node", "host-node-grad"}
KERNELS = {"snn-node-forward", "snn-node-backward"}


def both_ways(monkeypatch, run, host=HOST, kernels=KERNELS):
    """What `run` gives by the host, and by kernels; and whether each was asked."""
    tune(monkeypatch, host_stream=1)
    found = []
    for by_host in (True, False):
        monkeypatch.setattr(engine(), "host_products", by_host)
        with grilly_vk.profile() as seen:
            found.append(run())
        names = {row.kernel.split(".")[0] for row in seen.kernels} & (HOST | KERNELS)
        assert names == (host if by_host else kernels)
    for got, want in zip(*found):
        np.testing.assert_array_equal(got, want)
    return found[0]


def there_and_back(node, values, **more):
    """Spikes of two runs, the second from where the first ended, the last potential, and gradients of all inputs."""
    inputs = [grilly_vk.tensor(values[i::2].copy(), requires_grad=True) for i in range(2)]
    outputs = [node(x, **more) for x in inputs]
    loss = sum((y * grilly_vk.tensor(normal(*y.shape, seed=3))).sum() for y in outputs) + (node.v * node.v).sum()
    loss.backward()
    results = [*outputs, node.v, *(x.grad for x in inputs)]
    node.reset()
    return [t.numpy() for t in results]


@pytest.mark.parametrize("kind", NODES)
@pytest.mark.parametrize("shape", [(2, 5), (14, 3, 21), (6, 1024), (10, 2099)], ids=str)
def test_same_bits_as_the_kernels(kind, shape, monkeypatch):
    node = NODES[kind](step_mode="m")
    values = 2 * normal(*shape, seed=1) + 0.5
    values[0].flat[:3] = np.nan, np.inf, -np.inf
    spikes = both_ways(monkeypatch, lambda: there_and_back(node, values))[0]
    assert 0.01 < spikes.mean() < 0.9


SLOPES = [surrogate.ATan(3.3), surrogate.FastSigmoid(), surrogate.SuperSpike(), surrogate.PiecewiseQuadratic()]


@pytest.mark.parametrize(
    "slope", [*SLOPES, surrogate.Rect(), surrogate.Boxcar(), surrogate.Triangular()], ids=lambda s: type(s).__name__
)
def test_surrogates(slope, monkeypatch):
    node = nn.LIFNode(step_mode="m", surrogate_function=slope)
    values = 2 * normal(8, 70, seed=2) + 0.5
    *_, gradient = both_ways(monkeypatch, lambda: there_and_back(node, values))
    assert np.abs(gradient).max() > 0


def test_what_is_left_to_the_kernels(monkeypatch):
    """Surrogates with an exponential on the way back; kept potentials; other models."""
    values = 2 * normal(6, 40, seed=2) + 0.5
    sigmoid = nn.LIFNode(step_mode="m", surrogate_function=surrogate.Sigmoid())
    both_ways(monkeypatch, lambda: there_and_back(sigmoid, values), {"host-node", "snn-node-backward"})
    watched = nn.LIFNode(step_mode="m", store_v_seq=True)
    both_ways(monkeypatch, lambda: there_and_back(watched, values), {"snn-node-forward", "host-node-grad"})
    for node in (nn.ParametricLIFNode(step_mode="m"), nn.QIFNode(step_mode="m")):
        both_ways(monkeypatch, lambda node=node: there_and_back(node, values), KERNELS)


@pytest.mark.parametrize("memory", ["fast", "low"])
def test_a_run_without_gradients_and_one_that_keeps_the_input_only(memory, monkeypatch):
    node = nn.LIFNode(step_mode="m", memory=memory)
    values = 2 * normal(8, 90, seed=4) + 0.5
    both_ways(monkeypatch, lambda: there_and_back(node, values))

    def alone():
        with grilly_vk.no_grad():
            y = node(values)
        node.reset()
        return [y.numpy()]

    both_ways(monkeypatch, alone, {"host-node"}, {"snn-node-forward"})


@pytest.mark.parametrize(
    "kind", ["BatchNorm", "ThresholdDependentBatchNorm", "TemporalEffectiveBatchNorm", "BatchNormThroughTime"]
)
@pytest.mark.parametrize("shape", [(4, 3, 5, 7, 7), (4, 6, 37), (4, 3, 2, 20, 30)], ids=str)
def test_a_norm_on_the_way(shape, kind, monkeypatch):
    """In evaluation, where the norm's numbers are the same bits by whoever."""
    monkeypatch.setattr(batch_norm.Norm, "on_the_way", True)
    norm, node = made(kind, shape).eval(), nn.LIFNode(step_mode="m")
    values = 2 * normal(*shape, seed=1) + 0.5

    def run():
        with grilly_vk.no_grad():
            spikes = node(values, norm=norm)
        node.reset()
        return [spikes.numpy()]

    (spikes,) = both_ways(monkeypatch, run, {"host-node"}, {"snn-node-forward"})
    assert 0.01 < spikes.mean() < 0.9
