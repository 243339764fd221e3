"""Kernels that find places from axes, by ones and by fours: copies between layouts, broadcasting, rows by index."""

import itertools

import numpy as np
import pytest

import grilly_vk as g
from grilly_vk.ops.conv import _pack_images
from grilly_vk.ops.copying import copy_box
from grilly_vk.ops.layout import sizes_of
from grilly_vk.tensor import from_numpy


def values(*shape):
    return np.random.default_rng(sum(shape)).permutation(int(np.prod(shape))).reshape(shape).astype(np.float32)


def kernels(act):
    """What act() gives, and the kernels that it ran, without those that bring values in and out or fill memory."""
    with g.profile() as p:
        result = act().numpy()
    return result, {row.kernel for row in p.kernels} - {"copy", "fill"}


@pytest.mark.parametrize("d", [1, 2, 3, 5, 7, 64, 641, 65535, 65537, 2**30 - 1, 2**30, 2**30 + 1, 2**31 - 1])
def test_the_product_that_divides_by_a_size_is_exact(d):
    numbers = sizes_of([1, 1, 1, 1, d])
    assert numbers["f5"] < 1 << 32 and numbers["shifts"] < 1 << 32
    top = (1 << 31) - 1
    near = {k * d + e for k in (0, 1, 2, 3, top // d // 2, top // d - 1, top // d) for e in (-1, 0, 1)}
    some = np.random.default_rng(d).integers(0, top, 2000).tolist()
    for i in [*(n for n in near if 0 <= n <= top), top, *some]:
        assert (2 * i * numbers["f5"] >> 32) >> (numbers["shifts"] >> 20 & 31) == i // d


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_rows_are_picked_and_added_up(axis):
    for shape in ((3, 5, 8), (3, 5, 7), (6, 4, 4)):
        array, index = values(*shape), np.array([2, 0, -1, 2], np.int32)
        x = g.tensor(array, requires_grad=True)
        with g.profile() as p:
            y = g.index_select(x, axis, index)
            pull = values(*y.shape)
            y.backward(from_numpy(pull))
            slope = x.grad.numpy()
        np.testing.assert_array_equal(y.numpy(), array.take(index, axis))
        want = np.zeros(shape)
        np.add.at(np.moveaxis(want, axis, 0), index, np.moveaxis(pull, axis, 0))
        np.testing.assert_array_equal(slope, want)
        fours = axis < 2 and shape[2] % 4 == 0
        ran = {row.kernel for row in p.kernels if row.kernel.startswith(("gather", "scatter"))}
        assert ran == ({"gather.vec4", "scatter-add.vec4"} if fours else {"gather", "scatter-add"})


@pytest.mark.parametrize(("pixels", "fours"), [(12, True), (9, False), (4, True)])
@pytest.mark.parametrize("channels", [1, 4, 6])
def test_channels_are_packed_with_zeros_behind_them(channels, pixels, fours):
    array = values(3, 2 * channels, pixels) + 1
    result, ran = kernels(lambda: _pack_images(from_numpy(array), 2, channels, pixels))
    want = np.zeros((6, -(-channels // 4) * 4, pixels), np.float32)
    want[:, :channels] = array.reshape(6, channels, pixels)
    want = want.reshape(6, -1, 4, pixels).transpose(0, 1, 3, 2).reshape(-1, 4)
    np.testing.assert_array_equal(result, [*want, np.zeros(4)])
    assert ran == {"conv-pack.vec4" if fours else "conv-pack"}


# A shape, its copy in the engine and in numpy, and whether that goes by fours.
COPIES = [
    ((6, 5, 8), lambda x: x.permute(1, 0, 2), lambda a: a.transpose(1, 0, 2), True),  # side by side
    ((6, 5, 8), lambda x: x[:, 1:4], lambda a: a[:, 1:4], True),
    ((6, 5, 12), lambda x: x[:, :, 4:12], lambda a: a[:, :, 4:12], True),
    ((6, 5, 12), lambda x: x[:, :, 3:11], lambda a: a[:, :, 3:11], False),  # begins between two fours
    ((6, 5, 12), lambda x: x[:, :, 4:11], lambda a: a[:, :, 4:11], False),  # ends there
    ((6, 5, 9), lambda x: x[:, :, :8], lambda a: a[:, :, :8], False),  # every second row begins there
    ((8, 6), lambda x: x.permute(1, 0), lambda a: a.T, True),  # apart
    ((5, 6), lambda x: x.permute(1, 0), lambda a: a.T, False),
    ((4, 7, 6, 5), lambda x: x.permute(3, 1, 2, 0), lambda a: a.transpose(3, 1, 2, 0), True),
    ((5, 8), lambda x: g.flip(x, 1), lambda a: a[:, ::-1], True),  # apart, backwards
    ((5, 7), lambda x: g.flip(x, 1), lambda a: a[:, ::-1], False),
    ((5, 24), lambda x: x[:, 1::3], lambda a: a[:, 1::3], True),
    (
        (5, 1),
        lambda x: g.where(g.tensor(np.ones((5, 4), bool)), x, 0.0),
        lambda a: a.repeat(4, 1),
        True,
    ),  # all the same
    ((2, 3, 2, 3, 2, 4), lambda x: x.permute(4, 3, 2, 1, 0, 5), lambda a: a.transpose(4, 3, 2, 1, 0, 5), True),
    ((2, 3, 2, 3, 2, 3), lambda x: x.permute(5, 3, 1, 4, 2, 0), lambda a: a.transpose(5, 3, 1, 4, 2, 0), False),
]


@pytest.mark.parametrize(("shape", "copy", "want", "fours"), COPIES)
def test_copies(shape, copy, want, fours):
    array = values(*shape)
    result, ran = kernels(lambda: copy(from_numpy(array)))
    np.testing.assert_array_equal(result, want(array))
    assert ran & {"strided-copy", "strided-copy.vec4"} == {"strided-copy.vec4" if fours else "strided-copy"}


@pytest.mark.parametrize(("src_start", "dst_start"), [*itertools.product((0, 1, 4), (0, 3, 8))])
@pytest.mark.parametrize("columns", [8, 6])
def test_sums_of_boxes_begin_anywhere(columns, src_start, dst_start):
    box, src_steps, dst_steps = (5, columns), (16, 1), (12, 1)
    a, b = values(120), values(90)
    x, y = from_numpy(a), from_numpy(b)
    copy_box(x, y, box, src_steps, dst_steps, src_start, dst_start, accumulate=True)
    want = b.copy()
    for i, j in itertools.product(range(5), range(columns)):
        want[dst_start + 12 * i + j] += a[src_start + 16 * i + j]
    np.testing.assert_array_equal(y.numpy(), want)


@pytest.mark.parametrize("part", [slice(None), slice(1, 5), slice(4, 8)])
def test_a_part_of_a_tensor_is_copied_from_where_it_begins(part):
    array = values(8, 7, 4)
    for a in (array, array[:, :5, :3].copy()):
        x = from_numpy(a)[part].permute(1, 0, 2)
        np.testing.assert_array_equal(x.numpy(), a[part].transpose(1, 0, 2))


# Two shapes, and whether they go by fours.
TOGETHER = [
    ((6, 8), (8,), True),
    ((6, 8), (6, 1), True),
    ((6, 1), (6, 8), True),
    ((6, 8), (), True),
    ((1,), (7, 4), True),
    ((6, 1), (1, 8), True),
    ((6, 7), (7,), False),
    ((6, 7), (6, 1), False),
    ((4, 7), (), True),  # one axis of 28
    ((3, 5, 4, 2), (5, 1, 1), True),
    ((3, 1, 5, 1, 4), (2, 1, 3, 1), True),
    ((3, 1, 5, 1, 4, 1), (1, 2, 1, 3, 1, 4), True),
    ((3, 1, 5, 1, 4, 1), (1, 2, 1, 3, 1, 5), False),
]


@pytest.mark.parametrize(("a", "b", "fours"), TOGETHER)
def test_operands_that_broadcast(a, b, fours):
    p, q = values(*a) + 1, values(*b) + 2
    x, y = from_numpy(p), from_numpy(q)
    for act in (lambda u, v: u - v, lambda u, v: u / v, lambda u, v: u < v):
        result, ran = kernels(lambda act=act: act(x, y))
        np.testing.assert_allclose(result, act(p.astype(np.float64), q), rtol=1e-6)
        assert ran == {"broadcast-binary.vec4" if fours else "broadcast-binary"}
    whole = (x.astype(np.int32) * y.astype(np.int32)).numpy()
    np.testing.assert_array_equal(whole, p.astype(np.int32) * q.astype(np.int32))


@pytest.mark.parametrize("n", [1, 7, 8, 1000])
def test_where_takes_either_bit_for_bit(n):
    a, b = values(n), -values(n)
    a[::3], b[::2] = np.nan, np.inf
    c = np.random.default_rng(n).random(n) < 0.5
    result, ran = kernels(lambda: g.where(g.tensor(c), from_numpy(a), from_numpy(b)))
    np.testing.assert_array_equal(result.view(np.uint32), np.where(c, a, b).view(np.uint32))
    assert ran == {"where" if n % 4 else "where.vec4"}


def test_nothing_is_copied_from_nothing():
    empty = from_numpy(np.zeros((0, 8), np.float32))
    assert (empty + from_numpy(values(8))).shape == (0, 8)
    assert empty.permute(1, 0).numpy().shape == (8, 0)
