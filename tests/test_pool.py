"""Pooling by windows that lie side by side, which has kernels of its own, in every form of them."""

from __future__ import annotations

import numpy as np
import pytest
from op_table import normal
from tuned import KINDS, tune

import grilly_vk
import grilly_vk.functional as F
from grilly_vk.tensor import from_numpy

WINDOWS = [  # shape of x, window, ceil_mode, the kernel's variant
    ((3, 5, 8, 12), 2, False, ".vec4"),
    ((2, 3, 6, 8), (3, 2), False, ".vec4"),
    ((2, 3, 7, 8), 2, False, ".vec4"),  # a row that no window holds
    ((2, 3, 7, 8), 2, True, ".vec4"),  # windows that lack a row
    ((2, 3, 6, 6), 2, False, ""),  # three windows in a row
    ((2, 3, 6, 9), 2, False, ""),
    ((2, 3, 5, 7), 2, True, ""),
    ((2, 2, 7, 11), (2, 4), True, ""),
    ((2, 2, 9, 11), (4, 3), False, ""),
    ((1, 2, 30, 150), 2, False, ""),  # more windows in a row than an invocation takes
    ((1, 2, 30, 152), 2, True, ".vec4"),
]
FIELDS = "shape,window,ceil_mode,variant"


def reference(x, g, window, ceil_mode, kind):
    """Result, places, and the gradient for g, window by window."""
    h, w = x.shape[-2:]
    kh, kw = (window, window) if isinstance(window, int) else window
    oh, ow = (-(-h // kh), -(-w // kw)) if ceil_mode else (h // kh, w // kw)
    y, places = np.zeros((*x.shape[:-2], oh, ow)), np.zeros((*x.shape[:-2], oh, ow), np.int64)
    gx = np.zeros(x.shape)
    for at in np.ndindex(y.shape):
        *plane, i, j = at
        top, left = i * kh, j * kw
        box = (*plane, slice(top, top + kh), slice(left, left + kw))
        part = x[box].astype(np.float64)
        if kind == "max":
            r, c = np.unravel_index(part.argmax(), part.shape)  # the first, and NaN before numbers
            y[at], places[at] = part[r, c], (top + r) * w + left + c
            gx[(*plane, top + r, left + c)] = g[at]
        else:
            y[at] = part.mean() if kind == "mean" else part.sum()
            gx[box] = g[at] / (part.size if kind == "mean" else 1)
    return y, places, gx


CALLS = {"max": F.max_pool2d, "mean": F.avg_pool2d, "sum": F.sum_pool2d}


@pytest.mark.parametrize("rules", KINDS)
@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize(FIELDS, WINDOWS, ids=str)
def test_windows_side_by_side(monkeypatch, rules, kind, shape, window, ceil_mode, variant):
    tune(monkeypatch, KINDS[rules])
    data = np.round(normal(*shape), 1)  # with equal maxima
    x = from_numpy(data).requires_grad_()
    with grilly_vk.profile() as run:
        y = CALLS[kind](x, window, ceil_mode=ceil_mode)
        g = normal(*y.shape, seed=1)
        y.backward(from_numpy(g))
        grilly_vk.synchronize()
    assert {row.kernel for row in run.kernels} >= {f"pool-tiles{variant}", f"pool-tiles-grad{variant}"}
    wanted, places, gx = reference(data, g, window, ceil_mode, kind)
    np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), gx, rtol=1e-6, atol=1e-6)
    if kind == "max":
        found = F.max_pool2d(x, window, ceil_mode=ceil_mode, return_indices=True)[1]
        np.testing.assert_array_equal(found.numpy(), places)


@pytest.mark.parametrize("width", [6, 8])
def test_maxima_that_are_not_finite(width):
    x = normal(1, 2, 4, width)
    x[0, 0, :2, :2] = -np.inf
    x[0, 0, :2, 2:4] = [[1, np.nan], [np.nan, np.inf]]
    x[0, 1, 2:, 4:6] = [[-np.inf, 1], [np.inf, np.inf]]
    y, at = F.max_pool2d(x, 2, return_indices=True)
    wanted, places, _ = reference(x, np.zeros(y.shape), 2, False, "max")
    np.testing.assert_array_equal(y.numpy(), wanted)
    np.testing.assert_array_equal(at.numpy(), places)


def test_parts_of_tensors_that_begin_anywhere():
    """One that does not begin at four elements, or whose gradient does not, goes through the kernel of single ones."""
    whole = from_numpy(normal(3 * 64 + 1)).requires_grad_()
    x = whole[1:].reshape(3, 8, 8)
    F.max_pool2d(x, 2).sum().backward()
    data = whole.numpy()[1:].reshape(3, 8, 8)
    wanted = reference(data, np.ones((3, 4, 4)), 2, False, "max")[2]
    np.testing.assert_array_equal(whole.grad.numpy(), np.r_[0, wanted.ravel()])


def test_large_windows_go_the_other_way():
    x = from_numpy(normal(2, 3, 12, 10)).requires_grad_()
    with grilly_vk.profile() as run:
        y = F.adaptive_avg_pool2d(x, 2)
        y.backward(from_numpy(np.ones(y.shape, np.float32)))
        grilly_vk.synchronize()
    assert {row.kernel for row in run.kernels} >= {"pool", "pool-grad"}
    np.testing.assert_allclose(y.numpy(), x.numpy().reshape(2, 3, 2, 6, 2, 5).mean((3, 5)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), 1 / 30, rtol=1e-6)


def test_adaptive_windows_of_one_size_are_side_by_side():
    x = from_numpy(normal(2, 3, 6, 8))
    with grilly_vk.profile() as run:
        y = F.adaptive_avg_pool2d(x, (2, 4)).numpy()
    assert [row.kernel for row in run.kernels] == ["pool-tiles.vec4"]
    np.testing.assert_allclose(y, x.numpy().reshape(2, 3, 2, 3, 4, 2).mean((3, 5)), rtol=1e-5, atol=1e-6)


def test_runs_in_pieces_give_the_same(monkeypatch):
    def both():
        results = []
        for width in (6, 8):
            x = from_numpy(normal(5, 3, 8, width)).requires_grad_()
            y = F.max_pool2d(x, 2)
            (y * y).sum().backward()
            results += [y.numpy(), x.grad.numpy()]
        return results

    whole = both()
    monkeypatch.setattr(from_numpy(normal(1)).engine.stream, "budget", 1 << 8)
    for a, b in zip(whole, both()):
        np.testing.assert_array_equal(b, a)
