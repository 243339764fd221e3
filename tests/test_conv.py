"""Convolutions and pooling beyond what the op table covers: work in pieces, large sums, what is not finite."""

from __future__ import annotations

import numpy as np
import pytest
from op_table import normal
from records_conv import conv2d as conv2d_reference
from tuned import kernels_only, tune

import grilly_vk
import grilly_vk.functional as F
from grilly_vk import nn
from grilly_vk.ops import conv
from grilly_vk.tensor import from_numpy

pytestmark = pytest.mark.usefixtures(kernels_only.__name__)


def run(*arrays, **options):
    """Result and gradients of conv2d for a fixed cotangent."""
    inputs = [from_numpy(a).requires_grad_() for a in arrays]
    y = F.conv2d(*inputs, **options)
    (y * from_numpy(normal(*y.shape, seed=9))).sum().backward()
    return [y.numpy(), *[t.grad.numpy() for t in inputs]]


@pytest.mark.parametrize(
    ("x", "w", "options"),
    [
        ((7, 5, 9, 8), (6, 5, 3, 3), {"padding": 1}),
        ((6, 2, 9, 8), (3, 1, 3, 2), {"groups": 1, "stride": 2, "padding": 1}),
        ((5, 8, 6, 6), (8, 4, 3, 3), {"groups": 2, "stride": 2}),
    ],
    ids=str,
)
def test_pieces_give_the_same(monkeypatch, x, w, options):
    """Little scratch memory and short submits cut the batch and the tiles; results stay, weight sums regroup.

    Images too large to be packed go through the scalar kernels.
    """
    arrays = normal(*x), normal(w[0], x[1] // options.get("groups", 1), *w[2:], seed=1), normal(w[0], seed=2)
    whole = run(*arrays, **options)
    monkeypatch.setattr(conv, "_SCRATCH", 2 * 16 * 9 * 8 * 2)
    monkeypatch.setattr(from_numpy(normal(1)).engine.stream, "budget", 1 << 10)
    pieces = run(*arrays, **options)
    monkeypatch.setattr(conv, "_LARGEST", 0)
    conv.plan_of.cache_clear()
    scalar = run(*arrays, **options)
    conv.plan_of.cache_clear()
    for a, b in zip(whole, scalar):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-4)
    for i, (a, b) in enumerate(zip(whole, pieces)):
        if i == 2:
            np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-4)
        else:
            np.testing.assert_array_equal(b, a)


def test_a_result_does_not_depend_on_its_batch():
    x, w = normal(9, 6, 7, 5), normal(5, 6, 3, 3, seed=1)
    together = F.conv2d(from_numpy(x), from_numpy(w), padding=1).numpy()
    for i in range(9):
        alone = F.conv2d(from_numpy(x[i : i + 1]), from_numpy(w), padding=1).numpy()
        np.testing.assert_array_equal(alone[0], together[i])


def test_long_sums():
    """A weight gradient over 48 * 24 * 24 products stays within float32's rounding of parts."""
    x, w = normal(48, 3, 26, 26), normal(4, 3, 3, 3, seed=1)
    y, _, gw = run(x, w)
    np.testing.assert_allclose(y, conv2d_reference(x.astype(np.float64), w.astype(np.float64)), rtol=1e-5, atol=1e-5)
    g = normal(*y.shape, seed=9).astype(np.float64)
    want = np.array(
        [[[[np.vdot(x[:, i, a : a + 24, b : b + 24], g[:, o]) for b in range(3)] for a in range(3)] for i in range(3)]
         for o in range(4)]
    )  # fmt: skip
    np.testing.assert_allclose(gw, want, rtol=1e-5, atol=2e-3)


@pytest.mark.parametrize("channels", [1, 4])
def test_non_finite_values_reach_only_what_sees_them(channels):
    """Padding is a zero, not the image's edge times zero."""
    x = normal(1, channels, 6, 6)
    x[0, 0, 0, 0] = np.nan
    x[0, 0, 5, 5] = np.inf
    w = np.abs(normal(2, channels, 3, 3, seed=1))
    y = F.conv2d(from_numpy(x), from_numpy(w), padding=1).numpy()
    seen = np.zeros((6, 6), bool)
    seen[:2, :2] = seen[4:, 4:] = True
    np.testing.assert_array_equal(np.isfinite(y[0]), np.broadcast_to(~seen, (2, 6, 6)))
    assert np.isnan(y[0, :, :2, :2]).all() and np.isposinf(y[0, :, 4:, 4:]).all()


def test_only_wanted_gradients_are_made():
    x, w = from_numpy(normal(1, 3, 5, 5)), from_numpy(normal(2, 3, 3, 3)).requires_grad_()
    F.conv2d(x, w).sum().backward()
    assert x.grad is None and w.grad is not None


def test_numpy_input_and_all_gradients_of_an_empty_batch():
    x, w, b = normal(0, 3, 5, 5), normal(2, 3, 3, 3), normal(2)
    y, gx, gw, gb = run(x, w, b)
    assert y.shape == (0, 2, 3, 3) and gx.shape == x.shape
    assert not gw.any() and not gb.any() and gw.shape == w.shape
    assert F.conv2d(normal(2, 3, 5, 5), w).shape == (2, 2, 3, 3)


def test_the_first_of_equal_maxima_gets_the_gradient():
    x = from_numpy(np.ones((1, 1, 4, 4), np.float32)).requires_grad_()
    F.max_pool2d(x, 3, stride=1).sum().backward()
    want = np.zeros((4, 4))
    want[:2, :2] = 1
    np.testing.assert_array_equal(x.grad.numpy()[0, 0], want)


def test_max_pool_takes_minus_infinity_over_padding():
    x = np.full((1, 1, 3, 3), -np.inf, np.float32)
    y, at = F.max_pool2d(from_numpy(x), 3, stride=2, padding=1, return_indices=True)
    assert np.isneginf(y.numpy()).all()
    np.testing.assert_array_equal(at.numpy()[0, 0], [[0, 1], [3, 4]])


def test_pooling_in_pieces_gives_the_same(monkeypatch):
    def both():
        results = []
        for f in (lambda t: F.max_pool2d(t, 3, 2, 1), lambda t: F.adaptive_avg_pool2d(t, (3, 2))):
            x = from_numpy(normal(5, 3, 8, 7)).requires_grad_()
            y = f(x)
            (y * y).sum().backward()
            results += [y.numpy(), x.grad.numpy()]
        return results

    whole = both()
    monkeypatch.setattr(from_numpy(normal(1)).engine.stream, "budget", 1 << 8)
    for a, b in zip(whole, both()):
        np.testing.assert_array_equal(b, a)


# ---- layers ----


def test_layers_are_their_functions():
    x = normal(2, 4, 7, 6)
    layer = nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2), groups=2)
    assert layer.weight.shape == (6, 2, 3, 2) and layer.bias.shape == (6,)
    want = F.conv2d(x, layer.weight, layer.bias, (2, 1), (1, 0), (1, 2), 2)
    np.testing.assert_array_equal(layer(x).numpy(), want.numpy())
    same, line = nn.Conv1d(4, 3, 4, padding="same", bias=False), x[:, :, 0]
    np.testing.assert_array_equal(same(line).numpy(), F.conv1d(line, same.weight, padding="same").numpy())
    assert same.bias is None and [n for n, _ in same.named_parameters()] == ["weight"]
    pairs = [
        (nn.MaxPool2d(3, 2, 1, ceil_mode=True), F.max_pool2d(x, 3, 2, 1, ceil_mode=True)),
        (nn.MaxPool2d(2, dilation=2), F.max_pool2d(x, 2, dilation=2)),
        (nn.AvgPool2d((3, 2), 2, 1, count_include_pad=False), F.avg_pool2d(x, (3, 2), 2, 1, False, False)),
        (nn.SumPool2d(2), F.sum_pool2d(x, 2)),
        (nn.AdaptiveAvgPool2d((None, 2)), F.adaptive_avg_pool2d(x, (None, 2))),
    ]
    for layer, want in pairs:
        np.testing.assert_array_equal(layer(x).numpy(), want.numpy())
    y, at = nn.MaxPool2d(2, return_indices=True)(x)
    assert y.shape == at.shape == (2, 4, 3, 3)


def test_layers_start_as_in_pytorch_and_get_gradients():
    layer = nn.Conv2d(3, 16, 5)
    bound = 1 / np.sqrt(3 * 25)
    for p in layer.parameters():
        values = p.numpy()
        assert np.abs(values).max() <= bound and values.std() == pytest.approx(bound / np.sqrt(3), rel=0.3)
    layer(normal(2, 3, 6, 6)).sum().backward()
    np.testing.assert_allclose(layer.bias.grad.numpy(), np.full(16, 8), rtol=1e-6)
    assert layer.weight.grad.shape == layer.weight.shape


def test_layers_say_what_they_are():
    assert repr(nn.Conv2d(1, 2, 3)) == "Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1))"
    assert repr(nn.Conv1d(4, 2, 3, 2, "valid", 2, 2, False)) == (
        "Conv1d(4, 2, kernel_size=(3,), stride=(2,), dilation=(2,), groups=2, bias=False)"
    )
    assert repr(nn.Conv2d(1, 2, 3, padding="same")).endswith("padding='same')")
    assert repr(nn.MaxPool2d(2, ceil_mode=True, dilation=2)) == (
        "MaxPool2d(kernel_size=(2, 2), stride=(2, 2), padding=(0, 0), ceil_mode=True, dilation=(2, 2))"
    )
    assert repr(nn.AdaptiveAvgPool2d(3)) == "AdaptiveAvgPool2d(output_size=(3, 3))"


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: nn.Conv2d(3, 4, 3, groups=2), ValueError, "in_channels 3 is not divisible by groups=2"),
        (lambda: nn.Conv2d(4, 3, 3, groups=2), ValueError, "out_channels 3 is not divisible by groups=2"),
        (lambda: nn.Conv1d(1, 1, 0), ValueError, "kernel_size must be at least 1"),
        (lambda: nn.Conv2d(1, 1, (3, 3, 3)), ValueError, "kernel_size must be a whole number or 2 of them"),
        (lambda: nn.Conv2d(1, 1, 3, stride=2, padding="same"), ValueError, "padding='same' needs stride 1"),
        (lambda: nn.MaxPool2d(2.5), TypeError, "kernel_size must be a whole number"),
        (lambda: nn.AvgPool2d(2, divisor_override=0), ValueError, "divisor_override must be at least 1"),
        (lambda: nn.AdaptiveAvgPool2d((1, 2, 3)), ValueError, "output_size must be a whole number or 2"),
        (lambda: nn.Conv2d(2, 1, 3)(normal(1, 3, 5, 5)), ValueError, "x has 3 channels"),
    ],
)
def test_layers_refuse(make, error, text):
    with pytest.raises(error, match=text):
        make()


@pytest.mark.parametrize(("ins", "outs", "stride"), [(1, 12, 1), (5, 33, 2), (8, 8, 1)])
def test_every_kernel_gives_the_same_bits(monkeypatch, ins, outs, stride):
    """The kernel whose lanes share weights, and the general one: forward and back."""
    rng = np.random.default_rng(0)
    x, w = (rng.standard_normal(s).astype(np.float32) for s in ((3, ins, 9, 7), (outs, ins, 3, 3)))
    results = []
    for lanes in (grilly_vk.device().lanes, False):
        tune(monkeypatch, lanes=lanes)
        a = grilly_vk.tensor(x, requires_grad=True)
        y = F.conv2d(a, w, stride=stride, padding=1)
        y.sum().backward()
        results.append((y.numpy(), a.grad.numpy()))
    if grilly_vk.device().type == "cpu":  # elsewhere compilers may contract one kernel's sums and not another's
        for one, other in zip(*results):
            np.testing.assert_array_equal(one, other)
