"""Pooling by windows that lie side by side, which has kernels of its own, in every form of them."""

from __future__ import annotations

import numpy as np
import pytest
from norms_by_eights import placed
from op_table import normal
from tuned import KINDS, tune

import grilly_vk
import grilly_vk.functional as F
from grilly_vk.tensor import from_numpy, full

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
        y = F.adaptive_avg_pool2d(x, (2, 4))
        grilly_vk.synchronize()
    assert [row.kernel for row in run.kernels if row.kernel.startswith("pool")] == ["pool-tiles.vec4"]
    np.testing.assert_allclose(y.numpy(), x.numpy().reshape(2, 3, 2, 3, 4, 2).mean((3, 5)), rtol=1e-5, atol=1e-6)


OFFSETS = [0, 1, 2, 4, 8, 12, 20]  # elements before it: no multiple of 4, of 8, of 16


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("shape", [(3, 8, 12), (2, 6, 6), (2, 5, 7)], ids=str)
def test_parts_that_begin_anywhere(kind, shape):
    """Windows and incoming gradients inside larger buffers that hold NaN around them."""
    data = np.round(normal(*shape), 1)
    for before in OFFSETS:
        x = placed(data, before).requires_grad_()
        y = CALLS[kind](x, 2)
        g = normal(*y.shape, seed=1)
        y.backward(placed(g, OFFSETS[-1] - before))
        wanted, _, gx = reference(data, g, 2, False, kind)
        np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(x.grad.numpy(), gx, rtol=1e-6, atol=1e-6)


def sliding(x, g, spans, kind):
    """Result and gradient for g of windows between these (begin, end) of each axis, which may overlap."""
    y, gx = np.zeros(g.shape), np.zeros(x.shape)
    for at in np.ndindex(y.shape):
        *plane, i, j = at
        box = (*plane, slice(*spans[0][i]), slice(*spans[1][j]))
        part = x[box].astype(np.float64)
        if kind == "max":
            y[at] = part.max()
            r, c = np.unravel_index(part.argmax(), part.shape)  # the first of equal ones
            gx[(*plane, spans[0][i][0] + r, spans[1][j][0] + c)] += g[at]
        else:
            y[at] = part.mean()
            gx[box] += g[at] / part.size
    return y, gx


@pytest.mark.parametrize(
    ("size", "out"), [((7, 8), (2, 4)), ((6, 9), (2, 4)), ((6, 9), (4, 9)), ((7, 11), (3, 5))], ids=str
)
def test_adaptive_windows_of_several_sizes(size, out):
    """Windows from floor(i * n / out) to ceil((i + 1) * n / out), which differ in size and may overlap."""
    data = normal(2, 3, *size)
    x = from_numpy(data).requires_grad_()
    y = F.adaptive_avg_pool2d(x, out)
    g = normal(*y.shape, seed=1)
    y.backward(from_numpy(g))
    spans = [[(i * n // o, -(-(i + 1) * n // o)) for i in range(o)] for n, o in zip(size, out)]
    wanted, gx = sliding(data, g, spans, "mean")
    np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), gx, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rules", KINDS)
@pytest.mark.parametrize("kind", ["max", "mean"])
@pytest.mark.parametrize("width", [130, 67])
@pytest.mark.parametrize("step", [1, 2])
def test_windows_that_overlap_in_long_rows(monkeypatch, rules, kind, width, step):
    """Rows longer than what an invocation takes: an input gets gradients of windows that begin in another's stretch."""
    tune(monkeypatch, KINDS[rules])
    data = np.round(normal(1, 2, 6, width), 1)  # with equal maxima
    x = from_numpy(data).requires_grad_()
    y = CALLS[kind](x, 3, step)
    g = normal(*y.shape, seed=1)
    full(x.shape, np.nan)  # no gradient of another test is left in the memory that it gets
    y.backward(from_numpy(g))
    spans = [[(i * step, i * step + 3) for i in range(n)] for n in y.shape[-2:]]
    assert y.shape[-1] == (width - 3) // step + 1
    wanted, gx = sliding(data, g, spans, kind)
    np.testing.assert_allclose(y.numpy(), wanted, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(x.grad.numpy(), gx, rtol=1e-5, atol=2e-6)


PIECES = {  # kernels, and what calls them: side by side by ones and by fours, and overlapping
    "pool-tiles pool-tiles-grad": ((5, 3, 8, 6), {}),
    "pool-tiles.vec4 pool-tiles-grad.vec4": ((5, 3, 8, 8), {}),
    "pool pool-grad": ((5, 3, 8, 8), {"stride": 1}),
}


@pytest.mark.parametrize("kernels", PIECES)
def test_runs_in_pieces_give_the_same(monkeypatch, kernels):
    shape, options = PIECES[kernels]

    def both():
        x = from_numpy(normal(*shape)).requires_grad_()
        with grilly_vk.profile() as run:
            y, at = F.max_pool2d(x, 2, **options, return_indices=True)
            (y * y).sum().backward()
            results = [y.numpy(), at.numpy(), x.grad.numpy()]
        return results, [row.calls for row in run.kernels if row.kernel in kernels.split()]

    whole, once = both()
    assert once == [1, 1]
    monkeypatch.setattr(from_numpy(normal(1)).engine.stream, "budget", 1 << 8)
    parts, often = both()
    assert len(often) == 2
    assert min(often) > 1
    for a, b in zip(whole, parts):
        np.testing.assert_array_equal(b, a)
