"""More axes than the strided kernels take, indices that only the device knows, and ~."""

import numpy as np
import pytest

import grilly_vk as g
import grilly_vk.functional as F

SHAPE = (2, 3, 2, 1, 2, 2, 3, 2, 2, 2)
EVEN, ODD = tuple(range(0, 10, 2)), tuple(range(1, 10, 2))


def values(*shape):
    return np.random.default_rng(len(shape)).permutation(int(np.prod(shape))).reshape(shape).astype(np.float32) / 64


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axes", [EVEN, ODD, (0, 3, 6, 9)])
@pytest.mark.parametrize("name", ["sum", "mean", "var", "max", "min"])
def test_reductions_over_alternating_axes(name, axes, keepdims):
    array = values(*SHAPE)
    x = g.tensor(array, requires_grad=True)
    y = getattr(x, name)(axes, keepdims=keepdims)
    exact = array.astype(np.float64)
    more = {"ddof": 1} if name == "var" else {}
    want = getattr(exact, name)(axes, keepdims=True, **more)
    np.testing.assert_allclose(y.numpy(), want.reshape(y.shape), rtol=1e-5)
    pull = values(*y.shape)
    y.backward(g.tensor(pull))
    n = np.prod([SHAPE[a] for a in axes])
    slope = {
        "sum": np.ones(SHAPE), "mean": np.full(SHAPE, 1 / n),
        "var": 2 * (exact - exact.mean(axes, keepdims=True)) / max(1, n - 1),
        "max": exact == want, "min": exact == want,
    }[name]  # fmt: skip
    np.testing.assert_allclose(x.grad.numpy(), slope * pull.reshape(want.shape), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["add", "sub", "mul", "truediv"])
def test_operators_broadcast_along_alternating_axes(name):
    a = values(*[1 if i % 2 else n for i, n in enumerate(SHAPE)]) + 1
    b = values(*[n if i % 2 else 1 for i, n in enumerate(SHAPE)]) + 1
    x, y = g.tensor(a, requires_grad=True), g.tensor(b, requires_grad=True)
    z = getattr(x, f"__{name}__")(y)
    wide = np.broadcast_shapes(a.shape, b.shape)
    p, q = (np.broadcast_to(v, wide).astype(np.float64) for v in (a, b))
    np.testing.assert_allclose(z.numpy(), getattr(p, f"__{name}__")(q), rtol=1e-6)
    pull = values(*wide)
    z.backward(g.tensor(pull))
    dp, dq = {"add": (1, 1), "sub": (1, -1), "mul": (q, p), "truediv": (1 / q, -p / q**2)}[name]
    np.testing.assert_allclose(x.grad.numpy(), (dp * pull).sum(ODD, keepdims=True), rtol=1e-4)
    np.testing.assert_allclose(y.grad.numpy(), (dq * pull).sum(EVEN, keepdims=True), rtol=1e-4)
    np.testing.assert_array_equal((x > y).numpy(), np.broadcast_to(a, wide) > b)
    np.testing.assert_array_equal(g.where(x > y, x, y).numpy(), np.maximum(*np.broadcast_arrays(a, b)))


def test_repeats_along_alternating_axes():
    a = values(*[1 if i % 2 else n for i, n in enumerate(SHAPE)])
    x = g.tensor(a, requires_grad=True)
    wide = (2, *[3 if i % 2 else n for i, n in enumerate(SHAPE)])
    y = x.broadcast_to(wide)
    np.testing.assert_array_equal(y.numpy(), np.broadcast_to(a, wide))
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.full(a.shape, 2 * 3**5, np.float32))


@pytest.mark.parametrize(("dtype", "outside"), [("float32", np.nan), ("int32", -(2**31)), ("bool", False)])
def test_indices_out_of_range_on_the_device(dtype, outside):
    array = np.array([[5, 6], [7, 8], [9, 1]]).astype(dtype)
    picks = np.array([2, 3, -1, -4, 2**31 - 1, -(2**31), 0], np.int32)
    fits = (picks >= -3) & (picks < 3)
    wanted = np.where(fits[:, None], array[np.where(fits, picks, 0)], np.array(outside, dtype))
    x, index = g.tensor(array), g.tensor(picks)
    for found in (x[index], F.embedding(index, x)):
        assert found.dtype == dtype
        np.testing.assert_array_equal(found.numpy(), wanted)
    if dtype == "bool":
        found = x[index]
        assert found.sum().item() == wanted.sum() and (~found).sum().item() == (~wanted).sum()
    if dtype == "float32":
        leaf = g.tensor(array, requires_grad=True)
        leaf[index].sum().backward()
        np.testing.assert_array_equal(leaf.grad.numpy(), [[1, 1], [0, 0], [2, 2]])


def test_invert():
    ints = np.array([7, 0, -1, 1, 2**31 - 1, -(2**31)], np.int32)
    np.testing.assert_array_equal((~g.tensor(ints)).numpy(), ~ints)
    bools = np.array([True, False, True])
    np.testing.assert_array_equal((~g.tensor(bools)).numpy(), ~bools)
    for dtype in (np.float32, np.uint32):
        with pytest.raises(TypeError, match=f"~ needs a bool or int32 tensor, not {np.dtype(dtype)}"):
            ~g.tensor(np.ones(3, dtype))
