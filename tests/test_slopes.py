"""Slopes where functions have none: at kinks, at NaN and for infinite gradients.  The values are PyTorch 2.9's."""

import numpy as np
import pytest

import grilly_vk as g
import grilly_vk.functional as F
from grilly_vk import nn

NAN, INF = np.nan, np.inf


def slopes(function, *arrays, gradient=None):
    """The gradients of each array, for a gradient of ones or another one."""
    leaves = [g.tensor(np.asarray(a, np.float32), requires_grad=True) for a in arrays]
    out = function(*leaves)
    given = np.ones(out.shape) if gradient is None else np.broadcast_to(gradient, out.shape)
    out.backward(g.tensor(np.asarray(given, np.float32)))
    return [leaf.grad.numpy() for leaf in leaves]


@pytest.mark.parametrize("size", [1, 4])  # each kernel has a variant for four elements
@pytest.mark.parametrize(
    ("function", "points", "wanted"),
    [
        (nn.ReLU(), [-1, 0, 1, NAN, INF, -INF], [0, 0, 1, 1, 1, 0]),
        (nn.ReLU6(), [-1, 0, 1, 6, 7, NAN, INF, -INF], [0, 0, 1, 0, 0, 1, 0, 0]),
        (nn.Hardtanh(), [-2, -1, 0, 1, 2, NAN, INF, -INF], [0, 0, 1, 0, 0, 1, 0, 0]),
        (nn.Hardtanh(0.5, 2), [0.5, 0.75, 2], [0, 1, 0]),
        (nn.Softplus(), [NAN, INF, -INF, 21], [NAN, 1, 0, 1]),
        (nn.Softplus(2.0, 1.0), [NAN, 0.625, 0.75], [NAN, 1, 1]),
        (nn.LeakyReLU(0.25), [-1, 0, 1, NAN], [0.25, 0.25, 1, 0.25]),
        (lambda x: x.clamp(-1, 1), [-2, -1, 0, 1, 2, NAN], [0, 1, 1, 1, 0, 0]),
        (lambda x: x.abs(), [-2, 0, 2], [-1, 0, 1]),
    ],
)
def test_slopes_at_kinks_and_nan(function, points, wanted, size):
    x = np.repeat(np.asarray(points, np.float32), size)
    np.testing.assert_array_equal(slopes(function, x)[0], np.repeat(np.asarray(wanted, np.float32), size))


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_slopes_of_smooth_l1(beta):
    x = [NAN, -5, 0, 0.25, 5, INF]
    inside = 0.25 / beta if beta else 1.0
    gx, gt = slopes(lambda a, t: F.smooth_l1_loss(a, t, "sum", beta), x, np.zeros(6))
    wanted = np.array([NAN, -1, 0, inside, 1, 1])
    np.testing.assert_array_equal(gx, wanted)
    np.testing.assert_array_equal(gt, -wanted)
    gx, gt = slopes(lambda a, t: F.smooth_l1_loss(a, t, "sum", beta), [1.0], [NAN])
    assert np.isnan([gx, gt]).all()


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_slopes_of_extremes(name):
    from grilly_vk.ops.elementwise import binary

    a, b = [1, 2, 3, NAN, 1, NAN], [2, 2, 1, 1, NAN, NAN]
    ga, gb = slopes(lambda x, y: binary(name, x, y), a, b)
    low = np.array([0, 0.5, 1, 1, 1, 1], np.float32)
    high = np.array([1, 0.5, 0, 1, 1, 1], np.float32)
    np.testing.assert_array_equal(ga, low if name == "maximum" else high)
    np.testing.assert_array_equal(gb, high if name == "maximum" else low)


@pytest.mark.parametrize("gradient", [INF, -INF, NAN])
def test_flat_parts_stop_any_gradient(gradient):
    """sqrt(relu(x)) below 0 has slope 0, though sqrt's own is infinite there."""
    for function, flat in ((nn.ReLU(), -1.0), (nn.ReLU6(), 7.0), (lambda x: x.clamp(0, 1), 2.0)):
        (found,) = slopes(function, [flat, flat, flat, 0.5], gradient=gradient)
        np.testing.assert_array_equal(found, np.array([0, 0, 0, gradient], np.float32))
    (found,) = slopes(lambda x: x.relu().sqrt().sum(), [-1.0, 4.0])
    np.testing.assert_array_equal(found, [0, 0.25])


def test_clamp_with_bounds_that_cross_gives_the_upper_one():
    x = np.array([-2, -1, 0, 1, 2, NAN], np.float32)
    for low, high in ((1, -1), (5, 3), (-3, -4)):
        wanted = np.where(np.isnan(x), x, np.float32(high))
        np.testing.assert_array_equal(g.tensor(x).clamp(low, high).numpy(), wanted)
        np.testing.assert_array_equal(np.clip(x, low, high), wanted)  # numpy's meaning
        assert not slopes(lambda t, low=low, high=high: t.clamp(low, high), x[:5])[0].any()
