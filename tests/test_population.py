"""Population codes, counts of activity and sum pooling."""

import itertools

import numpy as np
import pytest

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn


def pooled(x, window, strides, padding):
    """Sums over windows in float64, one output at a time."""
    x = x.astype(np.float64)
    if padding == "SAME":
        outs = [-(-n // s) for n, s in zip(x.shape, strides)]
        totals = [max(0, (o - 1) * s + k - n) for o, s, k, n in zip(outs, strides, window, x.shape)]
        x = np.pad(x, [(t // 2, t - t // 2) for t in totals])
    else:
        outs = [(n - k) // s + 1 for n, k, s in zip(x.shape, window, strides)]
    y = np.empty(outs)
    for at in itertools.product(*map(range, outs)):
        y[at] = x[tuple(slice(i * s, i * s + k) for i, s, k in zip(at, strides, window))].sum()
    return y


# value's shape, window_shape, strides, channel_axis, and both for each axis
POOLS = [
    ((2, 7, 6, 3), 2, 2, -1, (1, 2, 2, 1), (1, 2, 2, 1)),
    ((2, 3, 7, 6), 3, 2, 1, (1, 1, 3, 3), (1, 1, 2, 2)),
    ((2, 7, 6, 3), (3, 2), (1, 2), -1, (1, 3, 2, 1), (1, 1, 2, 1)),
    ((2, 7, 6, 3), (1, 2, 3, 2), (1, 2, 1, 3), -1, (1, 2, 3, 2), (1, 2, 1, 3)),
    ((3, 8), 2, 3, None, (1, 2), (1, 3)),
    ((5, 4), (3, 2), (2, 2), -1, (3, 2), (2, 2)),
    ((2, 3, 4, 5, 2), 2, 1, -1, (1, 2, 2, 2, 1), (1, 1, 1, 1, 1)),
    ((2, 3, 5, 4), (2,), (2,), -1, (1, 1, 1, 2), (1, 1, 1, 2)),
]


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
@pytest.mark.parametrize(("shape", "window", "strides", "channel", "full", "steps"), POOLS)
def test_sum_pool_and_its_gradient(shape, window, strides, channel, full, steps, padding):
    """Pooling is linear, so its gradient is the transpose: <g, pool(d)> = <gx, d>."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal(shape).astype(np.float32)
    x = grilly_vk.tensor(values, requires_grad=True)
    y = F.sum_pool(x, window, strides, padding, channel)
    wanted = pooled(values, full, steps, padding)
    np.testing.assert_allclose(y.numpy(), wanted, 1e-5, 1e-5)
    g, d = rng.standard_normal(wanted.shape), rng.standard_normal(shape)
    y.backward(grilly_vk.tensor(g.astype(np.float32)))
    gradient = x.grad.numpy()
    np.testing.assert_allclose((gradient * d).sum(), (g * pooled(d, full, steps, padding)).sum(), 1e-4, 1e-4)
    layer = nn.SumPool(window, strides, padding, channel)
    np.testing.assert_array_equal(layer(values).numpy(), y.numpy())


def test_gradient_of_every_element():
    """Each input counts in the windows that hold it."""
    x = grilly_vk.tensor(np.zeros((1, 5, 1), np.float32), requires_grad=True)
    F.sum_pool(x, 3, 2, "SAME").sum().backward()
    np.testing.assert_array_equal(x.grad.numpy().ravel(), [1, 2, 1, 2, 1])


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((2, 2, "valid"), ValueError, "padding must be one of 'VALID', 'SAME'"),
        ((9, 2, "VALID"), ValueError, "a window of 9 does not fit into axis 1"),
        ((0, 2, "VALID"), ValueError, "window_shape must be at least 1"),
        ((2, 1.5, "VALID"), TypeError, "strides must be a whole number"),
        (((1, 1, 1, 1, 2), 1, "SAME"), ValueError, "window_shape has 5 sizes"),
        ((2, 2, "SAME", 4), ValueError, "channel_axis 4 is out of range"),
    ],
)
def test_sum_pool_refuses(arguments, error, text):
    with pytest.raises(error, match=text):
        F.sum_pool(np.zeros((2, 4, 4, 3), np.float32), *arguments)


def test_sum_pool_layer_refuses_at_once():
    for arguments, error in (((0, 1, "SAME"), ValueError), ((1, 1, "FULL"), ValueError), ((1, "a", "SAME"), TypeError)):
        with pytest.raises(error):
            nn.SumPool(*arguments)
    with pytest.raises(TypeError, match="name must be a string"):
        nn.SumPool(1, 1, "SAME", name=3)
    with pytest.raises(TypeError, match="value must be float32"):
        F.sum_pool(np.zeros((2, 4, 4), np.int32), 2, 2, "SAME")


def test_population_code():
    """Neighbours stand for one class, in any shape of batch, with their gradient."""
    x = np.random.default_rng(1).standard_normal((3, 2, 12)).astype(np.float32)
    t = grilly_vk.tensor(x, requires_grad=True)
    y = nn.PopulationCode(4)(t)
    np.testing.assert_allclose(y.numpy(), x.reshape(3, 2, 4, 3).sum(-1), 1e-5, 1e-6)
    (y * grilly_vk.tensor(np.arange(4, dtype=np.float32))).sum().backward()
    np.testing.assert_array_equal(t.grad.numpy(), np.broadcast_to(np.repeat(np.arange(4), 3), x.shape))
    np.testing.assert_array_equal(nn.PopulationCode(12)(x).numpy(), x)


@pytest.mark.parametrize("bad", [0, -1])
def test_population_code_refuses(bad):
    with pytest.raises(ValueError, match="num_classes must be at least 1"):
        nn.PopulationCode(bad)
    with pytest.raises(TypeError, match="num_classes must be a whole number"):
        nn.PopulationCode(2.0)
    for shape in ((2, 7), (2, 0), ()):
        with pytest.raises(ValueError, match="multiple of num_classes=3"):
            nn.PopulationCode(3)(np.zeros(shape, np.float32))


def test_activity_is_counted_in_every_mode():
    spikes = (np.random.default_rng(2).random((6, 2, 5)) < 0.4).astype(np.float32)
    one, many, container = nn.ActivityRegularization(), nn.ActivityRegularization(), nn.ActivityRegularization()
    many.step_mode = "m"
    for row in spikes:
        one(row)
    np.testing.assert_array_equal(many(spikes).numpy(), spikes)
    nn.MultiStepContainer(nn.Sequential(container))(spikes)
    for layer in (one, many, container):
        np.testing.assert_array_equal(layer.spike_count.numpy(), spikes.sum(0))
    many(spikes)
    np.testing.assert_array_equal(many.spike_count.numpy(), 2 * spikes.sum(0))
    F.reset_net(many)
    assert many.spike_count == 0.0


def test_a_penalty_on_activity_trains():
    """The count is on the tape: too many spikes grow fewer."""
    grilly_vk.manual_seed(0)
    linear, core, count = nn.Linear(4, 8), nn.LIF((8,), beta=0.9), nn.ActivityRegularization()
    optimizer = grilly_vk.optim.SGD([*linear.parameters(), *core.parameters()], lr=0.05)
    x, rates = np.ones((20, 3, 4), np.float32), []

    @grilly_vk.compile
    def step(x):
        F.reset_net(count)
        optimizer.zero_grad()
        spikes, _ = F.unroll(core, linear(x) + 0.5)
        count.step_mode = "m"
        count(spikes)
        loss = (count.spike_count / 20.0).mean()
        loss.backward()
        optimizer.step()
        F.reset_net(count)
        return loss

    rates = [step(x).item() for _ in range(30)]
    assert rates[-1] < 0.5 * rates[0]


def test_activity_refuses():
    with pytest.raises(TypeError, match="name must be a string"):
        nn.ActivityRegularization(3)
    layer = nn.ActivityRegularization()
    layer(np.zeros((2, 3), np.float32))
    with pytest.raises(ValueError, match="reset_net"):
        layer(np.zeros((4, 3), np.float32))
