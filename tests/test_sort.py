"""Sorting against numpy's stable sort: NaN last, equal elements in order, any axis, and its gradients."""

import numpy as np
import pytest

import grilly_vk as g

SHAPES = [((5,), 0), ((3, 100), 1), ((100, 3), 0), ((2, 1000), -1), ((1, 16), 1), ((2, 17), 1), ((4, 33, 2), 1)]
SHAPES += [((3, 0), 1)]


def numbers(shape, seed=0):
    """Normal numbers with many equal ones, NaN, infinities and both zeros."""
    x = np.random.default_rng([seed, *shape]).standard_normal(shape).round(1).astype(np.float32)
    special = [np.nan, -0.0, 0.0, np.inf, -np.inf]
    x.reshape(-1)[: min(x.size, 5)] = special[: min(x.size, 5)]
    return x


@pytest.mark.parametrize("shape, axis", SHAPES)
def test_argsort(shape, axis):
    x = numbers(shape)
    np.testing.assert_array_equal(g.argsort(x, axis).numpy(), np.argsort(x, axis, kind="stable"))
    down = np.argsort(np.where(np.isnan(x), -2e38, np.where(x == np.inf, -1e38, -x)), axis, kind="stable")
    np.testing.assert_array_equal(g.argsort(x, axis, descending=True).numpy(), down)
    whole = np.random.default_rng(1).integers(-(2**31), 2**31, shape).astype(np.int32)
    np.testing.assert_array_equal(g.argsort(whole, axis).numpy(), np.argsort(whole, axis, kind="stable"))
    truth = whole > 0
    np.testing.assert_array_equal(g.argsort(truth, axis).numpy(), np.argsort(truth, axis, kind="stable"))


def test_many_rows_and_long_ones():
    for shape in ((5000, 7), (2, 70001)):
        x = np.random.default_rng(3).standard_normal(shape).astype(np.float32)
        values, where = g.tensor(x).sort(dim=1)
        np.testing.assert_array_equal(values.numpy(), np.sort(x, 1))
        np.testing.assert_array_equal(where.numpy(), np.argsort(x, 1, kind="stable"))


@pytest.mark.parametrize("largest", [True, False])
def test_topk_and_its_gradient(largest):
    x = np.random.default_rng(4).standard_normal((6, 20)).astype(np.float32)
    t = g.tensor(x, requires_grad=True)
    values, where = t.topk(3, dim=1, largest=largest)
    order = np.argsort(-x if largest else x, 1, kind="stable")[:, :3]
    np.testing.assert_array_equal(where.numpy(), order)
    weight = np.random.default_rng(5).standard_normal((6, 3)).astype(np.float32)
    (values * g.tensor(weight)).sum().backward()
    wanted = np.zeros_like(x)
    np.put_along_axis(wanted, order, weight, 1)
    np.testing.assert_array_equal(t.grad.numpy(), wanted)


def test_median_and_unique():
    x = np.float32([[3, 1, 2, 2], [1, np.nan, 0, 5]])
    value, where = g.tensor(x).median(dim=1)
    np.testing.assert_array_equal(value.numpy(), np.float32([2, np.nan]))
    np.testing.assert_array_equal(where.numpy(), [2, 1])
    assert g.tensor([4.0, 1.0, 3.0]).median().item() == 3.0
    y = np.random.default_rng(6).integers(-5, 5, 200)
    np.testing.assert_array_equal(g.tensor(y).unique().numpy(), np.unique(y))
    np.testing.assert_array_equal(g.tensor(y > 0).unique().numpy(), [False, True])
    np.testing.assert_array_equal(g.bincount(g.tensor(np.abs(y)), minlength=9).numpy(), np.bincount(np.abs(y), None, 9))


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: x.sort(2), ValueError, "axis 2 is out of range for 2 axes"),
        (lambda x: x.topk(5, dim=1), ValueError, "k must be at most 4, the size of axis 1, got 5"),
        (lambda x: x.sort(descending=1), TypeError, "descending must be True or False"),
        (lambda x: x[:0].median(dim=0), ValueError, r"median of an empty axis: x has shape \(0, 4\)"),
        (lambda x: g.bincount(g.tensor([1, -2])), ValueError, "x must not be negative, got -2"),
        (lambda x: g.bincount(x), ValueError, "x must hold whole numbers along one axis"),
    ],
)
def test_bad_arguments(call, error, text):
    with pytest.raises(error, match=text):
        call(g.zeros(3, 4))
