"""Products with a delay for each connection by the host, against the float64 references of the kernels' own tests."""

import numpy as np
import pytest
import test_delays
from steps import engine
from tuned import tune

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn

pytestmark = pytest.mark.skipif(engine().blas is None, reason="the device's memory is its own, or there is no OpenBLAS")
LARGER = [(3, 300, 5, 300, 9), (40, 70, 18, 19, 2), (3, 2, 3, 1100, 2)]


@pytest.fixture(autouse=True)
def host(monkeypatch):
    """Every product goes to the host, however small."""
    monkeypatch.setattr(engine(), "host_products", True)
    tune(monkeypatch, host_delays=1)


@pytest.mark.parametrize("learnable", [False, True])
@pytest.mark.parametrize("size", [*test_delays.SIZES, *LARGER], ids=str)
def test_against_brute_force(size, learnable):
    """Odd sizes, one lag, lags beyond T, a batch equal to T; several tiles, strips, blocks of units for each thread."""
    test_delays.test_against_brute_force(size, learnable)


@pytest.mark.parametrize("run", ["all", "single", "two"])
@pytest.mark.parametrize("learnable", [False, True])
def test_all_gradients(learnable, run):
    test_delays.test_all_gradients(learnable, run)


@pytest.mark.parametrize(("T", "B", "ins", "outs"), [(40, 5, 33, 17), (64, 1, 9, 70), (50, 90, 7, 6)])
def test_larger_sizes(T, B, ins, outs, monkeypatch):
    """More units than a visit takes, and more columns than a tile."""
    test_delays.test_larger_sizes_and_stretches(T, B, ins, outs, monkeypatch)


def test_a_delay_outside_is_the_nearest_inside_and_comes_back():
    test_delays.test_a_delay_outside_is_the_nearest_inside_and_comes_back()


def test_it_is_the_host_that_runs_without_copies_between_layouts():
    """By the profile: two calls forward and back, and nothing that lays x out; below the limit the kernel."""
    module, x = test_delays.built(6, 5, 3), grilly_vk.tensor(test_delays.inputs(7, 4, 6), requires_grad=True)
    with grilly_vk.profile() as report:
        module(x).sum().backward()
    calls = {row.kernel: row.calls for row in report.kernels}
    assert calls["host-delay"] == 2 and calls["host-delay-grad"] == 1
    assert not [name for name in calls if name.startswith("snn-delay")]


def test_small_products_stay_with_the_kernel(monkeypatch):
    tune(monkeypatch, host_delays=1 << 19)
    module = test_delays.built(6, 5, 3)
    with grilly_vk.profile() as report:
        module(test_delays.inputs(7, 4, 6))
    assert not [row for row in report.kernels if row.kernel.startswith("host-delay")]


def test_inputs_changed_before_the_backward_pass_are_an_error():
    """The gradient of the weight reads x itself, of which no copy was made."""
    module, x = test_delays.built(4, 3, 2), grilly_vk.tensor(test_delays.inputs(5, 2, 4))
    y = module(x)
    x.assign(np.zeros((5, 2, 4), np.float32))
    with pytest.raises(RuntimeError):
        y.sum().backward()


def test_graphs_replay_it():
    """With what x holds then; the state begins inside."""
    module, x = nn.DelaySynapse(6, 5, 3, 3, step_mode="m"), grilly_vk.tensor(test_delays.inputs(7, 4, 6))
    F.reset_net(module)
    with grilly_vk.capture() as graph:
        F.reset_net(module)
        y = module(x)
    other = test_delays.inputs(7, 4, 6, seed=5)
    x.assign(other)
    graph.replay()
    np.testing.assert_allclose(y.numpy(), test_delays.brute_force(module, other)[0], rtol=1e-5, atol=1e-5)
