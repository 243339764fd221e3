"""Sums and products of int32: exact, and cut to int32 where they do not fit."""

import numpy as np
import pytest

import grilly_vk as g

MOST, LEAST = 2**31 - 1, -(2**31)


def cut(values):
    return np.clip(values, LEAST, MOST).astype(np.int32)


@pytest.mark.parametrize("n", [1, 2, 3, 7, 1024, 1025, 5000, 70001])
@pytest.mark.parametrize("kind", ["far", "cancelling", "up", "down"])
def test_sums_of_large_numbers(n, kind):
    rng = np.random.default_rng(n)
    x = rng.integers(LEAST, MOST, n, dtype=np.int64)
    if kind == "cancelling":  # far outside on the way, and back
        x = np.concatenate([np.full(n, MOST), np.full(n, -MOST), [5]])
    elif kind != "far":
        x = abs(x) if kind == "up" else -abs(x)
    t = g.tensor(x.astype(np.int32))
    assert t.sum().item() == cut(x.sum())
    np.testing.assert_array_equal(t.cumsum(0).numpy(), cut(x.cumsum()))


@pytest.mark.parametrize("axis", [None, 0, 1, 2, 3, (0, 2), (1, 3), (0, 3), (0, 1, 3)])
def test_sums_over_several_axes(axis):
    x = np.random.default_rng(0).integers(LEAST, MOST, (3, 40, 2, 33), dtype=np.int64)
    x[0, :3] = MOST
    t = g.tensor(x.astype(np.int32))
    np.testing.assert_array_equal(t.sum(axis).numpy(), cut(x.sum(axis)))
    np.testing.assert_array_equal(t.sum(axis, keepdims=True).numpy(), cut(x.sum(axis, keepdims=True)))
    if isinstance(axis, int):
        np.testing.assert_array_equal(t.cumsum(axis).numpy(), cut(x.cumsum(axis)))


def test_the_result_at_the_limits():
    for values in (
        [MOST],
        [LEAST],
        [MOST, 1],
        [LEAST, -1],
        [MOST, 1, -1],
        [LEAST, -1, 1],
        [2**30, 2**30],
        [-(2**30)] * 2,
    ):
        t = g.tensor(np.array(values, np.int32))
        assert t.sum().item() == cut(np.sum(values, dtype=np.int64))
        np.testing.assert_array_equal(t.cumsum(0).numpy(), cut(np.cumsum(values, dtype=np.int64)))


def test_bools_count_and_nothing_is_zero():
    t = g.tensor(np.random.default_rng(0).random((300, 17)) < 0.3)
    np.testing.assert_array_equal(t.sum(0).numpy(), t.numpy().sum(0))
    np.testing.assert_array_equal(t.cumsum(0).numpy(), t.numpy().cumsum(0))
    none = g.tensor(np.zeros((0, 3), np.int32))
    np.testing.assert_array_equal(none.sum(0).numpy(), [0, 0, 0])
    assert none.sum().item() == 0 and none.cumsum(0).shape == (0, 3)


@pytest.mark.parametrize("n", [1, 5, 40, 3000])
def test_products(n):
    rng = np.random.default_rng(n)
    for values in (
        rng.integers(-3, 4, n),
        rng.choice([-2, -1, 1, 2], n),
        rng.choice([1, -1], n),
        rng.integers(2, 90000, n),
    ):
        products, product = [], 1
        for v in values:
            product *= int(v)
            products.append(product)
        wide = [min(max(p, LEAST), MOST) for p in products]
        t = g.tensor(np.repeat(values.astype(np.int32)[:, None], 3, 1))
        found = t.cumprod(0).numpy()
        for i in range(3):
            np.testing.assert_allclose(found[:, i], wide, atol=1)  # a cut product may change its sign: 1 apart
        np.testing.assert_allclose(t.prod(0).numpy(), [wide[-1]] * 3, atol=1)
        assert found.dtype == np.int32
